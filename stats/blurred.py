"""How well a window's shape is known: the hours of a thin night far less than those at noon."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
DAY_S = 86_400
TINY = 1e-12


class Blurred:
    """Relative variance of the shape in windows below a day, for the last blocks.

    A window's is that of its blocks, weighted by what is expected in each (their errors are independent), on top of its day's.
    """

    def __init__(self, lengths_s: tuple[int, ...], *, block_s: int) -> None:
        self.blocks = tuple(-(-length // block_s) for length in lengths_s if length < DAY_S)
        self.unit: list[Floats] = []
        self.variance: list[Floats] = []

    def begin(self, unit: Floats, within2: Floats) -> None:
        """A block begins, expected to hold ``unit`` at level one, known within its day to ``within2``."""
        keep = max(self.blocks, default=1) - 1
        self.unit = [*self.unit[len(self.unit) - keep :], unit] if keep else [unit]
        self.variance = (
            [*self.variance[len(self.variance) - keep :], unit**2 * within2] if keep else [unit**2 * within2]
        )

    def shape2(self, across2: Floats) -> Floats:
        """Of every window that ends in this block, (windows below a day, series)."""
        rows = np.empty((len(self.blocks), len(across2)))
        for place, blocks in enumerate(self.blocks):
            whole = sum(self.unit[-blocks:], start=np.zeros(1))
            rows[place] = sum(self.variance[-blocks:], start=np.zeros(1)) / np.maximum(whole, TINY) ** 2
        return rows + across2
