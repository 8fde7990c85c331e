"""How wrong past forecasts were, per window length and way of forecasting: learnt, pooled over series, decaying.

Var(window count) = dispersion * M + (sigma_w**2 + chance) * M**2, ``chance`` being the error that counting noise leaves in
level and shape. Dispersion and sigma come from the squared errors of forecasts as they were made, weighted by how much
they say; series borrow from all where they say little themselves. Squared errors are cut, so spikes teach little.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
CUT = 20.0
CUT_COUNTS = 25.0
PRIOR_SIGMA = 0.1
SMALL_SIGMA = 0.05
PRIOR_WINDOWS = 10.0
SERIES_WINDOWS = 6.0
CALM_WINDOWS = 60.0
LEAST_SIGMA2 = 1e-8
PRIOR_DISPERSION = 1.1
PRIOR_STEPS = 50.0
LEAST_SPREAD2 = 1e-4
FLAT = 0.01
TAIL_Z = 4.5
ASSUMED = 0.5
FOLLOWS = 0.97
TINY = 1e-300
LEAST_FREEDOM = 0.5
MOST_WIDENED = 25.0
SURE_SD = 2.0
FEWEST = 1e-9
MOST_OFF = 4.0


class PastErrors:
    """Sums behind dispersion (per series) and sigma (per window, forecast and series). ``nested``: series share contacts.

    Nested series err together always, and a few of them stand for all: they keep the prior of a calm stream and are held to be
    calmer than all sooner. On streams of chance their budget holds with it (docs/detection.md).
    """

    def __init__(self, windows: int, forecasts: int, series: int, *, nested: bool = False) -> None:
        self.nested = nested
        self.error1, self.error2 = np.zeros(series), np.zeros(series)
        self.two, self.three, self.four = np.zeros(series), np.zeros(series), np.zeros(series)
        self.noise = np.zeros(series)
        self.over = np.zeros((windows, forecasts, series))
        self.information = np.zeros((windows, forecasts, series))
        self.common, self.times = np.zeros((windows, forecasts)), np.zeros((windows, 1))
        self.lagged, self.last = np.zeros((windows, forecasts)), np.zeros((windows, forecasts))
        self.young = True

    def learn_dispersion(
        self,
        count: Floats,
        mean: Floats,
        chance2: Floats,
        *,
        variance: Floats,
        dispersion: Floats,
        use: Bools,
    ) -> None:
        """Teach one step's counts, given the relative variance that chance leaves in their forecast.

        By what all the other series are off, a series' mean is corrected: a weekend that nobody knew of is no low dispersion.
        Not where they are nested.
        """
        if not self.nested:
            off = _others(count, mean, variance, use)
            mean, variance = mean * off, variance * off
        square = np.minimum((count - mean) ** 2, CUT * variance + CUT_COUNTS) - chance2 * mean**2
        weight = use * mean / (variance * (2 * variance + 6 * dispersion**2 - 6 * dispersion + 1))
        weight *= mean
        told = weight / mean * square
        self.noise += (told - weight * dispersion) ** 2
        self.error1 += told
        self.error2 += weight * square
        self.two += weight
        weight = weight * mean
        self.three += weight
        self.four += weight * mean

    def learn_sigma(
        self,
        place: int,
        count: Floats,
        mean: Floats,
        chance2: Floats,
        *,
        dispersion: Floats,
        sigma2: Floats,
        use: Bools,
    ) -> None:
        """Teach one window length's counts under every forecast (rows of ``mean`` and ``chance2``).

        ``sigma2`` is the best guess, not what it was widened to: that would make every error say little. A thin window says as little as
        squares of few counts do.
        """
        variance = mean * (dispersion + (chance2 + sigma2) * mean)
        off = count - mean
        square = np.minimum(off * off, CUT * variance + CUT_COUNTS)
        ratio = use * mean / variance
        self._learn_common(place, ratio, np.copysign(np.sqrt(square), off), mean)
        weight = ratio * (mean / (variance + (3 * dispersion**2 - 3 * dispersion + 0.5)))
        self.over[place] += weight * (square - mean * (dispersion + chance2 * mean))
        self.information[place] += weight * mean**2

    def _learn_common(self, place: int, ratio: Floats, off: Floats, mean: Floats) -> None:
        """The relative error that all series had at once: its square beyond what independent ones leave, and with the last."""
        sure = np.einsum("fn,fn->f", ratio, mean)
        if sure.min() > 0:
            error = np.einsum("fn,fn->f", ratio, off) / sure
            self.common[place] += error**2 - 1.0 / sure
            self.lagged[place] += error * self.last[place]
            self.last[place] = error
            self.times[place] += 1.0

    def forget(self, keep: float, keep_dispersion: float) -> None:
        """Let past errors count that much of what they did."""
        self.over *= keep
        self.information *= keep
        self.common *= keep
        self.lagged *= keep
        self.times *= keep
        for name in ("error1", "error2", "two", "three", "four", "noise"):
            setattr(self, name, getattr(self, name) * keep_dispersion)

    def outgrow(self) -> None:
        """The first days are over: what nobody could know then, as the first weekend, says little of later errors.

        Errors beyond :data:`SMALL_SIGMA` count as :data:`PRIOR_WINDOWS` from now on, so that a day of many series replaces them; smaller
        ones keep their weight.
        """
        self.young = False
        over, information = self._pooled()
        windows = np.maximum((over / information) ** 2 * self.information.sum(axis=2), TINY)
        keep = np.where(over > SMALL_SIGMA**2 * information, np.minimum(PRIOR_WINDOWS / windows, 1.0), 1.0)
        self.over *= keep[:, :, None]
        self.information *= keep[:, :, None]

    def _pooled(self) -> tuple[Floats, Floats]:
        """Sums over all series, with the prior: so many windows off by :data:`PRIOR_SIGMA`.

        Where series are not nested they say as little as windows as far off as was found do (up to 1).
        """
        over, information = self.over.sum(axis=2), self.information.sum(axis=2)
        found2 = over / np.maximum(information, TINY)
        off2 = PRIOR_SIGMA**2 if self.nested else np.clip(found2, PRIOR_SIGMA**2, 1.0)
        prior = PRIOR_WINDOWS / off2**2
        return over + prior * PRIOR_SIGMA**2, information + prior

    def move(self, places: NDArray[np.int64]) -> None:
        """Series anew: series ``i`` was ``places[i]``, or is new where that is negative."""
        for name in ("error1", "error2", "two", "three", "four", "noise", "over", "information"):
            setattr(self, name, np.where(places >= 0, getattr(self, name)[..., places], 0.0))

    def dispersion(self) -> Floats:
        """Per series, at least 1, shrunk to the pooled value by how much series differ.

        What is believed before counts as that many steps at what was found, where a step of dispersion d says 1 / d**2 of what one at 1
        does; where series are nested as that many at 1.
        """
        sure, own2 = self.two, self._own_sigma2()
        own = (self.error1 - own2 * self.three) / np.maximum(sure, 1e-9)
        known = float(sure @ own) / max(float(sure.sum()), 1e-9)
        steps = PRIOR_STEPS if self.nested else PRIOR_STEPS / max(known, 1.0) ** 2
        pooled = (float(sure @ own) + PRIOR_DISPERSION * steps) / (float(sure.sum()) + steps)
        pooled = max(pooled, 1.0)
        # heavy tails, and steps taught while dispersion was thought low, say less than their weights: how much less is seen
        blurred = 1.0 if self.nested else max(float(self.noise.sum()) / max(float(sure.sum()), 1e-9), 1.0)
        spread2 = float(np.sum(sure**2 * (own - pooled) ** 2 - blurred * sure) / max(float(np.sum(sure**2)), 1e-9))
        weight = blurred / max(spread2, LEAST_SPREAD2 * pooled**2)
        return np.asarray(np.maximum((sure * own + weight * pooled) / (sure + weight), 1.0))

    def _own_sigma2(self) -> Floats:
        """Relative variance of one step beyond chance: from how squared errors grow within a series, shrunk to all."""
        part = self.three / np.maximum(self.two, 1e-12)
        over = self.error2 - part * self.error1
        information = np.maximum(self.four - part * self.three, 0.0)
        whole = float(information.sum())
        if whole <= FLAT * float(self.four.sum()) or whole <= 0.0:
            return np.zeros_like(over)
        pooled = max(float(over.sum()) / whole, 1e-9)
        weight = SERIES_WINDOWS / pooled**2
        return np.asarray(np.maximum((over + weight * pooled) / (information + weight), 0.0))

    def sigma2(self, apart: Floats | None) -> Floats:
        """Relative forecast variance beyond chance, per window length, forecast and series; calmer than all (by half at most) only after
        long, nested ones at once.

        ``apart`` as in :meth:`widened`; None where series are nested, so that common errors say nothing about pasts.
        """
        pooled = self._together2(apart)[:, :, None]
        weight = SERIES_WINDOWS / pooled**2
        known = 1.0 if self.nested else self.information / (self.information + CALM_WINDOWS / SERIES_WINDOWS * weight)
        own = np.maximum((self.over + weight * pooled) / (self.information + weight), (1.0 - 0.5 * known) * pooled)
        return np.asarray(own if apart is None else own * self.widened(pooled[:, :, 0], apart)[:, :, None])

    def wider(self, apart: Floats) -> Floats:
        """By how much :meth:`sigma2` is above the best guess, (windows, forecasts): what is shrunk by it must not hang on a tail."""
        return self.widened(self._together2(apart), apart)

    def _together2(self, apart: Floats | None) -> Floats:
        """Pooled over all series, and never below the error that they have in common."""
        over, information = self._pooled()
        common = 0.0 if apart is None else self.common / np.maximum(self.times, 1.0)
        return np.asarray(np.maximum(np.maximum(over / information, common), LEAST_SIGMA2))

    def widened(self, pooled: Floats, apart: Floats) -> Floats:
        """By how much pooled variances have to be widened, as they rest on few pasts where series err together.

        Student's t against the normal at :data:`TAIL_Z`, with as many degrees of freedom as independent windows were
        seen, divided by the squared share of variance that is common: series add nothing to what is known of that. ``apart``:
        independent windows per window learnt from, fewer where common errors follow each other. After Satterthwaite 1946; the
        quantile by Wallace 1959.
        """
        common = np.maximum(self.common, 0.0)
        follows2 = np.clip(self.lagged / np.maximum(common, TINY), 0.0, FOLLOWS) ** 2
        apart = np.minimum(apart[:, None], (1.0 - follows2) / (1.0 + follows2))
        seen = self.times * apart
        share = (common * apart / pooled + ASSUMED) / (seen + ASSUMED)
        freedom = np.maximum(seen, LEAST_FREEDOM) / np.minimum(share, 1.0) ** 2
        wider = freedom * np.expm1(np.minimum(TAIL_Z**2 / freedom, 50.0)) / TAIL_Z**2
        return np.asarray(np.minimum(wider, MOST_WIDENED))


def _others(count: Floats, mean: Floats, variance: Floats, use: Bools) -> Floats:
    """By which factor all but one series' counts are off their means, for each series, as far as chance does not explain it."""
    weight = use / (1.0 + mean)
    seen, expected, noise = weight * count, weight * mean, weight**2 * variance
    expected = np.maximum(expected.sum() - expected, FEWEST)
    off = (seen.sum() - seen) / expected - 1.0
    chance2 = (noise.sum() - noise + weight) / expected**2
    sure = np.maximum(1.0 - SURE_SD**2 * chance2 / np.maximum(off**2, TINY), 0.0)
    return np.asarray(np.clip(1.0 + sure * off, 1 / MOST_OFF, MOST_OFF))
