"""Is an outbreak going on? A mixture of likelihood ratios over its course, when it began and how large it is.

The evidence is the logarithm of a weighted mean of likelihood ratios, so by Markov's inequality chance alone reaches
``s`` with probability at most ``exp(-s)`` where mean and variance are right. Steps of one outbreak add up: two middling
ones count together. Adding to the newest count never lowers it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stats.errors import DomainError
from stats.outbursts import LEAST_EXTRA, log_chance

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Course:
    """One kind of outbreak.

    ``share`` of its size in its first, second ... step; ``onset`` the weight of an onset that many steps ago (0: not
    tried); ``sizes`` in all, in standard deviations of a step's count at onset.
    """

    share: tuple[float, ...]
    onset: tuple[float, ...]
    sizes: tuple[float, ...]


WEEKLY = (Course((0.5, 0.45, 0.2), (4, 4, 3), (3.0, 5.0, 8.0, 12.0)),)
DAILY = (
    Course((1.0, 0.7, 0.3), (3, 2, 1), (3.0, 5.0, 8.0, 13.0)),
    Course(
        (0.01, 0.08, 0.2, 0.22, 0.17, 0.12, 0.08, 0.05, 0.03, 0.02, 0.01),
        (0, 0, 2, 2, 2, 2, 2, 1, 1, 1, 1),
        (8.0, 15.0, 30.0, 60.0),
    ),
    Course((0.07,) * 28, (0,) * 6 + (1,) + (0,) * 6 + (1,) + (0,) * 6 + (1,) + (0,) * 6 + (1,), (10.0, 20.0, 40.0)),
)


class Evidence:
    """Weighs counts by a mixture of courses, all equally likely.

    Raises:
        DomainError: a course has more onsets than steps.
    """

    def __init__(self, courses: tuple[Course, ...]) -> None:
        self.parts: list[tuple[Floats, int, float, float]] = []
        for course in courses:
            if len(course.onset) > len(course.share):
                raise DomainError("onset", len(course.onset), f"at most {len(course.share)} weights, one a step")
            total = sum(course.onset) * len(course.sizes) * len(courses)
            for lag, weight in enumerate(course.onset):
                share = np.array(course.share[: lag + 1])
                self.parts += [(share, lag, size, float(np.log(weight / total))) for size in course.sizes if weight > 0]
        self.steps = 1 + max(lag for _, lag, _, _ in self.parts)

    def weigh(self, count: Floats, mean: Floats, variance: Floats) -> Floats:
        """Evidence per series at the last of the steps given.

        Args:
            count: Series x steps, the newest last; NaN where not collected. Steps beyond ``self.steps`` are not used.
            mean: Expected counts, above 0.
            variance: Of a step's count around its expectation, at least the mean.
        """
        seen = np.isfinite(count)
        y = np.where(seen, count, 0.0)
        plain = log_chance(y, mean, variance)
        ratios = []
        for share, lag, size, weight in self.parts:
            first = count.shape[1] - 1 - lag
            if first < 0:
                continue
            m, v = mean[:, first:], variance[:, first:]
            excess = size * np.sqrt(v[:, :1]) * share
            told = np.minimum(y[:, first:], _turn(m, v, excess))
            beyond = told < y[:, first:]
            base = log_chance(told, m, v) if beyond.any() else plain[:, first:]
            gain = log_chance(told, m + excess, v + excess) - base
            ratios.append(weight + np.where(seen[:, first:], gain, 0.0).sum(axis=1))
        most = np.max(ratios, axis=0)
        return np.asarray(most + np.log(np.sum(np.exp(ratios - most), axis=0)))


def _turn(mean: Floats, variance: Floats, excess: Floats) -> Floats:
    """The count beyond which a ratio would fall again, as an outbreak's cases are less dispersed than the background."""
    extra = np.maximum(variance / mean - 1.0, LEAST_EXTRA)
    grown = np.maximum((variance + excess) / (mean + excess) - 1.0, LEAST_EXTRA)
    before, after = extra / (1.0 + extra), grown / (1.0 + grown)
    rise = (mean + excess) / (1.0 + grown) - mean / (1.0 + extra)
    apart = np.maximum(before - after, 0.0)
    return np.where(apart > 1e-12, rise / np.maximum(apart, 1e-12), np.inf)
