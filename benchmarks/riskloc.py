"""RiskLoc (Kalander 2022, arXiv:2205.10004), a baseline for ``benchmarks.localisation``: written anew from the paper and
the authors' repository (shaido987/riskloc), with their default settings, over arrays instead of data frames.

It takes the forecast as truth: leaves are parted by their relative deviation at a cut-off taken from the
extremes, and a slice is risky when most of its weight is on the deviating side and its leaves deviate alike. As all layers
above ``max_layer`` hold no true slice in our cases, it is not made to search them.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Slice = tuple[tuple[int, int], ...]
RISK_THRESHOLD = 0.5
PEP_THRESHOLD = 0.02
N_REMOVE = 5


def riskloc(
    codes: Ints, real: Floats, predict: Floats, *, max_layer: int = 3, told_rising: bool = False
) -> list[Slice]:
    """The root causes that RiskLoc names, in the order in which it finds them.

    With ``told_rising`` it is spared guessing whether leaves rose or fell, which noise makes it guess wrong.
    """
    total = float(real.sum() - predict.sum())
    power = (real - predict) / (total if total != 0.0 else 1.0)
    deviation = _relative(predict, real)
    cutoff = _cutoff(deviation, told_rising=told_rising)
    high = deviation > cutoff if cutoff >= 0 else deviation < cutoff
    weight = np.where(high, np.abs(deviation), np.abs(cutoff - deviation))
    weight[(real == 0) & (predict == 0) & ~high] = 0.0
    weight = np.minimum(weight, 1.0)
    if power[high].sum() < 0:
        power = -power
    least = float(power[high].sum()) * PEP_THRESHOLD
    left = np.ones(len(real), dtype=bool)
    pruned = [np.zeros(int(codes[:, dim].max()) + 1, dtype=bool) for dim in range(codes.shape[1])]
    columns = (codes, real, predict, power, deviation, high, weight)
    found: list[Slice] = []
    while float(power[left & high].sum()) >= least:
        cause = _search(columns, left, pruned, least, max_layer)
        if cause is None:
            break
        found.append(cause)
        left &= ~np.logical_and.reduce([codes[:, dim] == value for dim, value in cause])
    return found


Columns = tuple[Ints, Floats, Floats, Floats, Floats, Bools, Floats]


def _search(columns: Columns, left: Bools, pruned: list[Bools], least: float, max_layer: int) -> Slice | None:
    """The element with the most explanatory power of the first layer that holds a risky one."""
    codes = columns[0]
    for layer in range(1, max_layer + 1):
        best, best_power = None, least
        for dims in combinations(range(codes.shape[1]), layer):
            alive = left.copy()
            for dim in dims:
                alive &= ~pruned[dim][codes[:, dim]]
            some = tuple(column[alive] for column in columns)
            here = codes[alive]
            number, many = _numbered(here, dims, [len(one) for one in pruned])
            power = np.bincount(number, weights=some[3], minlength=many)
            highs = np.bincount(number, weights=some[5], minlength=many)
            if layer == 1:
                positive = np.bincount(number, weights=np.maximum(some[3], 0.0), minlength=many)
                pruned[dims[0]] |= (positive < least) | (highs == 0)
            able = (highs > 0) & (power > best_power)
            if not able.any():
                continue
            risky = np.flatnonzero(able & (_risk(some, number, many) >= RISK_THRESHOLD))
            if len(risky):
                top = int(risky[np.argmax(power[risky])])
                first = int(np.argmax(number == top))
                best, best_power = tuple((dim, int(here[first, dim])) for dim in dims), float(power[top])
        if best is not None:
            return best
    return None


def _numbered(codes: Ints, dims: tuple[int, ...], sizes: list[int]) -> tuple[Ints, int]:
    number, many = np.zeros(len(codes), dtype=np.int64), 1
    for dim in dims:
        number, many = number * sizes[dim] + codes[:, dim], many * sizes[dim]
    return number, many


def _risk(some: tuple[NDArray[np.generic], ...], number: Ints, many: int) -> Floats:
    """Every element's high risk less its low risk."""
    _, real, predict, _, deviation, high, weight = (np.asarray(column) for column in some)
    anomaly = np.bincount(number, weights=weight * high, minlength=many)
    normal = np.bincount(number, weights=weight * ~high, minlength=many) + 1.0
    able = (real != 0) & (predict != 0)
    here, real, predict, deviation = number[able], real[able], predict[able], deviation[able]
    sums = [np.bincount(here, weights=one, minlength=many) for one in (real, predict)]
    ripple = predict * (sums[0] / np.maximum(sums[1], 1e-12))[here]
    own = np.bincount(here, weights=np.abs(_relative(ripple, real)), minlength=many)
    all_ = np.bincount(here, weights=np.abs(deviation), minlength=many)
    return np.asarray(anomaly / (anomaly + normal) - np.where(all_ > 0, own / np.maximum(all_, 1e-12), 0.0))


def _relative(predict: Floats, real: Floats) -> Floats:
    both = predict + real
    return np.where(both > 0, 2 * (predict - real) / np.where(both > 0, both, 1.0), 0.0)


def _cutoff(deviation: Floats, *, told_rising: bool) -> float:
    ordered = np.unique(deviation)
    least = float(ordered[min(N_REMOVE, len(ordered) - 1)])
    most = float(ordered[max(len(ordered) - 1 - N_REMOVE, 0)])
    return -least if abs(least) < abs(most) and not told_rising else -most
