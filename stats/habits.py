"""What series do every week: who is silent or raised at the same hour again has a habit, which its shape should learn."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
TIMES = 2


class Habits:
    """Last week's silences beyond chance and spikes, by slot of the week and series."""

    def __init__(self, series: int, *, per_week: int, near: int) -> None:
        self.near = np.arange(-near, near + 1)
        self.shut = np.zeros((per_week, series), dtype=bool)
        self.raised = np.zeros((per_week, series), dtype=bool)
        self.times = np.zeros(series, dtype=np.int64)

    def shut_again(self, slot: int, gap: Bools, silent: Bools) -> Bools:
        """Who was silent beyond chance (``gap``) at this hour of the last week as well: shut and not unheard, which shapes learn and levels do not."""
        then = self.shut[slot]
        again = gap & then
        then[:] = (then | gap) & silent
        return np.asarray(again)

    def raised_again(self, slot: int, raised: Bools) -> Bools:
        """Who has a spike at an hour at which the last week had one as well, which shapes learn and levels do not.

        Without it a shape that an outbreak of the first days has bent would be raised every week and never learn better.
        """
        again = raised & self.raised[slot]
        self.raised[slot] = raised
        return np.asarray(again)

    def bent(self, one: int, slot: int) -> bool:
        """A spike of series ``one`` opens; whether that is the third about where last week had one, so that its shape is to begin anew."""
        self.times[one] += bool(self.raised[(slot + self.near) % len(self.raised), one].any())
        if self.times[one] < TIMES:
            return False
        self.times[one] = 0
        return True
