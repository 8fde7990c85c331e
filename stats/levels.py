"""How high every series runs: several ways to forecast its level side by side, so that past errors may choose.

Slow ones are best for a steady series, quick ones for one that wanders, the trend for one that grows, the common ones
where all series move together. Discounted gamma-Poisson after West and Harrison 1997, ch. 10; trend after Brown 1963.
Each forecast's own chance error is about dispersion / contacts it rests on (:attr:`Levels.loose`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
HALF_LIVES_H = (3.0, 24.0, 168.0, 672.0)
COMMON = (0, 1)
FORECASTS = len(HALF_LIVES_H) + 1 + len(COMMON)
TREND = len(HALF_LIVES_H)
WEEK, MONTH = 2, 3
ONE = 1.0
STEEPEST = 0.004
COMMON_SPREAD2 = 0.02


class Levels(NamedTuple):
    """Per forecast and series: contacts per block at shape one, its relative variance by chance (at dispersion 1).

    ``growth`` is the trend's, per block and series, in logs.
    """

    level: Floats
    loose: Floats
    growth: Floats


class LevelBank:
    """Discounted contacts and units of every series, one pair for each half-life."""

    def __init__(self, series: int, *, block_h: float) -> None:
        self.keep = 0.5 ** (block_h / np.array(HALF_LIVES_H))[:, None]
        self.contacts = np.zeros((len(HALF_LIVES_H), series))
        self.units = np.zeros((len(HALF_LIVES_H), series))
        self.weight = np.zeros((len(HALF_LIVES_H), 1))
        self.aged = np.zeros((len(HALF_LIVES_H), 1))
        self.common_seen = np.zeros((len(COMMON), 1))
        self.common_expected = np.zeros((len(COMMON), 1))
        self.prior = np.array([0.5, 50.0])

    def take(self, count: Floats, unit: Floats, usual: Floats) -> None:
        """One block: contacts and units (both 0 where it teaches nothing), and what the slowest level expected."""
        self.aged = self.keep * (self.aged + self.weight)
        self.weight = self.keep * self.weight + 1.0
        self.contacts *= self.keep
        self.contacts += count
        self.units *= self.keep
        self.units += unit
        speaks = ((unit > 0) & (self.contacts[MONTH] > 0)) / (1.0 + COMMON_SPREAD2 * usual)
        keep = self.keep[list(COMMON)]
        self.common_seen = keep * self.common_seen + float(speaks @ count)
        self.common_expected = keep * self.common_expected + float(speaks @ usual)

    def take_back(self, one: int, count: Floats, unit: Floats) -> None:
        """Undo for series ``one`` the contacts and units of its last blocks, oldest first."""
        age = np.arange(len(count) - 1, -1, -1.0)
        faded = self.keep**age
        self.contacts[:, one] = np.maximum(self.contacts[:, one] - faded @ count, 0.0)
        self.units[:, one] = np.maximum(self.units[:, one] - faded @ unit, 0.0)

    def renew(self, one: int, count: Floats, unit: Floats) -> None:
        """Series ``one`` has a new level: only its last blocks count, oldest first."""
        faded = self.keep ** np.arange(len(count) - 1, -1, -1.0)
        self.contacts[:, one], self.units[:, one] = faded @ count, faded @ unit

    def start_over(self, blocks: int) -> None:
        """Everything is to come anew from the last ``blocks`` blocks: :meth:`refill` every series from them."""
        faded = self.keep ** np.arange(blocks - 1, -1, -1.0)
        self.weight = faded.sum(axis=1, keepdims=True)
        self.aged = (faded @ np.arange(blocks - 1, -1, -1.0))[:, None]
        self.common_seen[:], self.common_expected[:] = 0.0, 0.0

    def refill(self, some: slice, count: Floats, unit: Floats) -> None:
        """Some series anew from blocks in rows, oldest first."""
        faded = self.keep ** np.arange(len(count) - 1, -1, -1.0)
        self.contacts[:, some], self.units[:, some] = faded @ count, faded @ unit
        usual = unit * self.usual()[some]
        speaks = ((unit > 0) & (self.contacts[MONTH, some] > 0)) / (1.0 + COMMON_SPREAD2 * usual)
        self.common_seen += faded[list(COMMON)] @ np.einsum("bn,bn->b", speaks, count)[:, None]
        self.common_expected += faded[list(COMMON)] @ np.einsum("bn,bn->b", speaks, usual)[:, None]

    def learn_prior(self) -> None:
        """How levels are spread over the series: a gamma's contacts and units, by moments."""
        alive = (self.units[MONTH] > 0) & (self.contacts[MONTH] > 0)
        contacts, units = self.contacts[MONTH, alive], self.units[MONTH, alive]
        if len(contacts) < 2:
            self.prior = np.array([0.5, 50.0 if not len(contacts) else 0.5 * float(units[0] / contacts[0])])
            return
        middle = float(contacts.sum() / units.sum())
        spread = float(np.mean((contacts / units - middle) ** 2 - middle / units))
        strength = float(np.clip(middle**2 / max(spread, 1e-9 * middle**2), 0.5, 200.0))
        self.prior = np.array([strength, strength / middle])

    def usual(self) -> Floats:
        """The slowest level."""
        strength, exposure = self.prior
        return np.asarray((self.contacts[MONTH] + strength) / (self.units[MONTH] + exposure))

    def forecast(self) -> Levels:
        """Every forecast of every series as of the last block."""
        level = np.empty((FORECASTS, self.contacts.shape[1]))
        loose = np.empty_like(level)
        slow = self.usual()
        level[:TREND] = (self.contacts + ONE) / (self.units + ONE / slow)
        loose[:TREND] = 1.0 / (self.contacts + ONE)
        level[MONTH] = slow
        loose[MONTH] = 1.0 / (self.contacts[MONTH] + self.prior[0])
        growth, arm = self._growth(level)
        age = float(self.aged[WEEK, 0] / max(self.weight[WEEK, 0], ONE))
        reach = age / arm
        level[TREND] = level[WEEK] * np.exp(growth * age)
        loose[TREND] = loose[WEEK] * (1 + reach) ** 2 + loose[MONTH] * reach**2
        moved = (self.common_seen + 10.0) / (self.common_expected + 10.0)
        level[TREND + 1 :] = slow * moved
        loose[TREND + 1 :] = loose[MONTH] + 1.0 / (self.common_seen + 10.0)
        return Levels(level, loose, growth)

    def looser(self, lags: tuple[int, ...], blocks: int) -> Floats:
        """How many times as uncertain every forecast was ``lags`` blocks ago, as (lags, forecasts, 1)."""
        before = np.maximum(blocks - np.array(lags, dtype=np.float64), 1.0)
        gained = (1.0 - self.keep.T**blocks) / (1.0 - self.keep.T ** before[:, None])
        slow = np.repeat(gained[:, MONTH : MONTH + 1], FORECASTS - TREND, axis=1)
        return np.concatenate([gained, slow], axis=1)[:, :, None]

    def _growth(self, level: Floats) -> tuple[Floats, float]:
        age = self.aged[:, 0] / np.maximum(self.weight[:, 0], ONE)
        arm = max(float(age[MONTH] - age[WEEK]), 24.0)
        return np.clip(np.log(level[WEEK] / level[MONTH]) / arm, -STEEPEST, STEEPEST), arm


class PastLevels:
    """Forecasts as they were: of every block lately, of every third or so further back."""

    NEAR = 12

    def __init__(self, series: int, *, longest: int) -> None:
        self.stride = max(longest // 56, 1)
        self.far_rows = longest // self.stride + 3
        self.near = np.zeros((self.NEAR, FORECASTS + 1, series), dtype=np.float32)
        self.far = np.zeros((self.far_rows, FORECASTS + 1, series), dtype=np.float32)
        self.near_loose = np.ones((self.NEAR, FORECASTS, series), dtype=np.float32)
        self.far_loose = np.ones((self.far_rows, FORECASTS, series), dtype=np.float32)
        self.blocks = 0
        self.filled = 0

    def keep(self, now: Levels) -> None:
        """Remember the forecasts made after a block."""
        near = self.blocks % self.NEAR
        rows = [(self.near[near], self.near_loose[near])]
        if self.blocks % self.stride == 0:
            far = self.blocks // self.stride % self.far_rows
            rows.append((self.far[far], self.far_loose[far]))
        for row, loose in rows:
            row[:-1], row[-1], loose[:] = now.level, now.growth, now.loose
        self.blocks += 1

    def fill(self, now: Levels) -> None:
        """All of the past is as now: what lies in it was not forecast."""
        self.filled = self.blocks
        for ring in (self.near, self.far):
            ring[:, :-1], ring[:, -1] = now.level, now.growth

    def renew(self, one: int, now: Levels) -> None:
        """All of series ``one``'s past is as now."""
        for ring, loose in ((self.near, self.near_loose), (self.far, self.far_loose)):
            ring[:, :-1, one], ring[:, -1, one], loose[:, :, one] = now.level[:, one], 0.0, now.loose[:, one]

    def forecast_before(self, lag: int) -> bool:
        """Whether the forecasts as of ``lag`` blocks before the last were made then, and not filled in later."""
        return self.blocks - lag > self.filled

    def before(self, lag: int) -> NDArray[np.float32]:
        """Forecasts (and growth, the last row) as of ``lag`` blocks before the last, or a little earlier."""
        return self._row(lag, self.near, self.far)

    def loosest(self, since: int, until: int) -> NDArray[np.float32]:
        """The largest relative variance by chance of forecasts from ``since`` to ``until`` blocks before the last.

        After a gap or a holiday quick ones rest on little.
        """
        lags = range(since, until, -self.stride) if since > until else (since,)
        return np.asarray(np.max([self._row(lag, self.near_loose, self.far_loose) for lag in lags], axis=0))

    def _row(self, lag: int, near: NDArray[np.float32], far: NDArray[np.float32]) -> NDArray[np.float32]:
        lag = min(lag, self.blocks - 1)
        if lag < self.NEAR:
            return np.asarray(near[(self.blocks - 1 - lag) % self.NEAR])
        return np.asarray(far[(self.blocks - 1 - lag) // self.stride % self.far_rows])
