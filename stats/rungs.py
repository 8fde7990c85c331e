"""Windows of several lengths over many series: what each was expected to hold, how wrong that may be, how rare it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from stats.levels import FORECASTS, TREND
from stats.past_errors import PastErrors
from stats.spikes import by_factors, clump_rate, tail_chance
from stats.windows import Windows

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
DAY_S = 86_400
WEEK_S = 7 * DAY_S
LOOK_Z = 2.4
FEWEST = 4.0
LEAST_MEAN = 1e-6
FEW_PAST = 2.0
TINY = 1e-12
WIDE = 0.36
WIDE_D = 3.5
EARLY_D = 8.0
EARLY2 = 0.1
QUIET = 0.05
QUICK = (0, TREND + 1)
LASTING_S = 3 * DAY_S
LASTING = 8


class Looked(NamedTuple):
    """Windows worth a look: place of length, series, and the rate per step at which chance begins such clumps."""

    window: Ints
    number: Ints
    chance: Floats
    rate: Floats


class Rungs:
    """Windows of one step width, ``per_unit`` steps to a block. ``lags[i]`` is how many blocks ago the level for window ``i`` has to be known.

    ``mean`` and ``variance`` are of the windows that end now, ``spread2`` their relative forecast variance. ``nested``: series share contacts.
    """

    nested = False

    def __init__(
        self,
        step_s: int,
        lengths: tuple[int, ...],
        lags: tuple[int, ...],
        *,
        keep: int,
        series: int,
        per_unit: float = 1.0,
        forecasts: int = FORECASTS,
    ) -> None:
        self.step_s = step_s
        self.lengths = lengths
        self.lags = lags
        self.per_unit = per_unit
        shape = (len(lengths), series)
        self.windows = Windows(lengths, keep=keep, slices=series)
        self.errors = PastErrors(len(lengths), forecasts, series, nested=self.nested)
        self.sigma2 = np.full((len(lengths), forecasts, series), 0.01)
        self.wider = np.ones((len(lengths), forecasts))
        self.loose2 = np.full((len(lengths), forecasts, series), 0.01)
        self.shape2 = np.zeros(shape)
        self.wide = 0.0
        self.choice = np.full(shape, min(TREND, forecasts) - 1)
        self.known2 = np.ones(shape)
        self.spread2 = np.ones(shape)
        self.dispersion = np.ones(series)
        self.level = np.ones(shape)
        self.mean = np.zeros(shape)
        self.variance = np.zeros(shape)
        self.z = np.zeros(shape)

    def expect(self, before: dict[int, NDArray[np.float32]]) -> None:
        """Levels for the windows that end now, given the forecasts known ``lag`` blocks ago."""
        for place, lag in enumerate(self.lags):
            self.level[place] = self._chosen(before[lag], place)

    def _chosen(self, past: NDArray[np.float32], place: int) -> Floats:
        choice = self.choice[place]
        first = choice[0]
        level = past[first] if np.all(choice == first) else np.take_along_axis(past, choice[None], axis=0)[0]
        ahead = np.where(choice == TREND, np.exp(past[-1] * (self.lags[place] / 2)), 1.0)
        return np.asarray(level * ahead, dtype=np.float64)

    def push(self, count: Floats, unit: Floats) -> None:
        """Take a step in and compare every window with what was expected of it."""
        self.windows.push(count, unit)
        self.compare()

    def compare(self) -> None:
        """Means, variances and standardised excesses of the windows that end now."""
        np.multiply(self.windows.unit_sums, self.level, out=self.mean)
        np.maximum(self.mean, LEAST_MEAN, out=self.mean)
        np.multiply(self.mean, self.spread2, out=self.variance)
        self.variance += self.dispersion
        self.variance *= self.mean
        np.subtract(self.windows.count_sums, self.mean, out=self.z)
        self.z /= np.sqrt(self.variance)

    def learn(
        self, before: dict[int, NDArray[np.float32]] | None, use: Bools, forecast: Callable[[int], bool] | None = None
    ) -> None:
        """Teach the windows that end now to the forecasts' errors; ``use`` is False where a spike or gap is in them.

        ``forecast`` says whether levels of so many blocks ago were known then: what has seen the window forecasts none. Hours in which hardly
        anything is expected (shut ones, expected from what they were shrunk to) teach no dispersion: their errors are far below
        it, which reads as if those of open hours grew with the mean.
        """
        steps = self.windows.steps
        use = np.broadcast_to(use, self.mean.shape)
        day = max(DAY_S // self.step_s, 1)
        for place, length in enumerate(self.lengths):
            if steps % min(length, day) or steps <= length or (forecast and not forecast(self.lags[place])):
                continue
            count, unit = self.windows.count_sums[place], self.windows.unit_sums[place]
            heard = use[place] & (unit > 0) & (self.mean[place] > LEAST_MEAN)
            if place == 0:
                chance2 = np.take_along_axis(self.loose2[0], self.choice[:1], axis=0)[0] + self.shape2[0]
                self.errors.learn_dispersion(
                    count,
                    self.mean[0],
                    chance2,
                    variance=self.variance[0],
                    dispersion=self.dispersion,
                    use=heard & (self.nested | (unit > QUIET / self.per_unit)),
                )
            mean = self._forecasts(place, before)
            self.errors.learn_sigma(
                place,
                count,
                mean,
                self.loose2[place] + self.shape2[place],
                dispersion=self.dispersion,
                sigma2=self.sigma2[place] / self.wider[place][:, None],
                use=heard,
            )

    def _forecasts(self, place: int, before: dict[int, NDArray[np.float32]] | None) -> Floats:
        """What every forecast had expected of the window that ends now; only the one in use, if there is no other."""
        if before is None:
            return self.mean[place : place + 1].copy()
        past = before[self.lags[place]]
        mean: Floats = np.maximum(self.windows.unit_sums[place] * past[:-1].astype(np.float64), LEAST_MEAN)
        mean[TREND] *= np.exp(past[-1] * (self.lags[place] / 2))
        return mean

    def calibrate(self, loose: Floats, shape2: Floats, *, wide: float, days: float) -> None:
        """Dispersion, forecast errors and choice of forecast anew.

        ``loose``: relative variance of each forecast's level at dispersion 1 (windows, forecasts, series); ``shape2``: that of
        the shape (windows, series); ``wide`` is added while history is short. Series
        may err together, so that all of them in ``days`` say no more of a long window than one does.
        """
        if self.errors.young and days > EARLY_D:
            self.errors.outgrow()
        past = np.maximum(days * DAY_S / (self.windows.lengths * self.step_s), 1.0)
        every = np.minimum(self.windows.lengths, max(DAY_S // self.step_s, 1))
        apart = None if self.nested else every / self.windows.lengths
        self.sigma2 = self.errors.sigma2(apart) * (1.0 + FEW_PAST / past[:, None, None])
        if apart is not None:
            self.wider = self.errors.wider(apart)
        self.loose2 = self.dispersion * loose
        whole = self.sigma2 + self.loose2
        if whole.shape[1] > 1:  # a level of three hours may be a closed day's: no base for long windows
            for quick in QUICK:
                whole[self.windows.lengths * self.step_s >= LASTING_S, quick] = np.inf
        self.choice = np.argmin(whole, axis=1)
        self.known2 = np.take_along_axis(whole, self.choice[:, None], axis=1)[:, 0]
        self.shape2 = np.array(np.broadcast_to(shape2, self.known2.shape))
        self.widen(wide)

    def widen(self, wide: float) -> None:
        """From now on ``wide`` is added to the relative variance of every forecast."""
        self.wide = wide
        self._spread()

    def blur(self, shape2: Floats) -> None:
        """From now on the shape's relative variance in the shortest windows is this, (windows, series)."""
        self.shape2[: len(shape2)] = shape2
        self._spread()

    def _spread(self) -> None:
        self.spread2 = self.known2 + self.shape2
        self.spread2 += self.wide

    def usual_range(self, expected: Floats) -> tuple[Floats, Floats]:
        """Where 95% of counts of one step lie by chance (Cornish-Fisher)."""
        variance = self.dispersion * expected + self.spread2[0] * expected**2
        reach = 1.96 * np.sqrt(variance)
        bend = (1.96**2 - 1) / 6 * (2 * variance / np.maximum(expected, 1e-9) - 1)
        low = np.clip(np.floor(expected - reach + bend), 0.0, np.floor(expected))
        return low, np.ceil(expected + reach + bend)

    def lasting(self, window: int) -> int:
        """The window that says how a spike goes on: that which found it, or of eight steps where that was shorter."""
        last = len(self.lengths) - 1
        return max(window, next((place for place, length in enumerate(self.lengths) if length >= LASTING), last))

    def most(self) -> Floats:
        """Clumps per step that each window can show at all, given that it takes :data:`FEWEST` contacts."""
        mean = np.maximum(self.windows.lengths[:, None] * self.level / self.per_unit, LEAST_MEAN)
        variance = mean * (self.dispersion + self.spread2 * mean)
        most = np.ones(mean.shape)
        few = mean < FEWEST
        chance = tail_chance(np.full(int(few.sum()), FEWEST), mean=mean[few], variance=variance[few])
        most[few] = clump_rate(chance, np.broadcast_to(self.windows.lengths[:, None], mean.shape)[few])
        return most

    def look(self, ripe: Bools, among: Bools, stretch: Floats | None = None) -> Looked:
        """How rare the windows beyond :data:`LOOK_Z` are."""
        worth = (self.z > LOOK_Z) & (self.windows.count_sums >= FEWEST) & among & ripe[:, None]
        window, number = np.nonzero(worth)
        chance = tail_chance(
            self.windows.count_sums[window, number],
            mean=self.mean[window, number],
            variance=self.variance[window, number],
        )
        if not self.nested:
            chance = by_factors(
                chance,
                mean=self.mean[window, number],
                variance=self.variance[window, number],
                spread2=self.spread2[window, number],
            )
        if stretch is not None:
            chance = stretched(chance, stretch[window, number])
        return Looked(window, number, chance, clump_rate(chance, self.windows.lengths[window]))


def early_width(days: float) -> float:
    """Relative variance to add to every forecast while history is short: the first weekend is anybody's guess."""
    return (EARLY2 if days < EARLY_D else 0.0) + WIDE / days * float(np.exp(-days / WIDE_D))


def stretched(chance: Floats, by: Floats) -> Floats:
    """The tail chance when standard deviations are ``by`` times those assumed, by normal quantiles."""
    return np.asarray(ndtr(ndtri(np.clip(chance, 1e-300, 0.5)) / by))


def fair_share(most: Floats, whole: float, weight: Floats) -> Floats:
    """Shares of ``whole`` in proportion to ``weight`` as far as ``most`` allows: the smaller of it and of one level for all.

    >>> fair_share(np.array([0.1, 5.0, 5.0]), 1.1, np.ones(3))
    array([0.1, 0.5, 0.5])
    """
    many, weights = most.ravel(), weight.ravel()
    order = np.argsort(many / np.maximum(weights, TINY), kind="stable")
    many, weights = many[order], weights[order]
    below = np.concatenate([[0.0], np.cumsum(np.where(weights > 0, many, 0.0))[:-1]])
    above = np.cumsum(weights[::-1])[::-1]
    level = (whole - below) / np.maximum(above, TINY)
    fits = (level * weights <= many) & (weights > 0)
    return np.minimum(most, level[np.argmax(fits)] * weight) if fits.any() else np.where(weight > 0, most, 0.0)
