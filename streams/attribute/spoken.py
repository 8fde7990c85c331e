"""Which of some contacts use which words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streams.attribute.memory import Document

Bools = NDArray[np.bool_]
Ids = NDArray[np.int64]


class Spoken:
    """The words of some contacts, laid out once so that many questions can be asked of them. There must be one contact."""

    def __init__(self, docs: Sequence[Document]) -> None:
        self._slots = np.concatenate([doc.slots for doc in docs])
        self._owner = np.repeat(np.arange(len(docs)), [len(doc.slots) for doc in docs])
        self._weights = np.array([doc.weight for doc in docs])

    def by(self, places: Ids) -> Bools:
        """Per contact, whether it uses one of the words."""
        hit = np.zeros(len(self._weights), dtype=bool)
        hit[self._owner[np.isin(self._slots, places)]] = True
        return hit

    def share(self, places: Ids) -> float:
        """Share of the contacts, by weight, that use one of the words."""
        return float(self._weights[self.by(places)].sum() / self._weights.sum())
