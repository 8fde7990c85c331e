"""Closed buckets from rows of counts, as admit and merge would hand them to detect: for benchmarks, and for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from schemas.frame import Signs
from schemas.workspace import Dimension
from streams.merge import Bucket


def buckets_of(
    counts: NDArray[np.int64],
    leaves: Sequence[tuple[str, ...]],
    *,
    dimensions: tuple[Dimension, ...],
    start: datetime,
    bucket_s: int,
    signs: Sequence[Signs] = (),
) -> Iterator[Bucket]:
    """A bucket of contacts per row of ``counts``, a column per leaf; with the row's ``signs``, or none at all."""
    width = timedelta(seconds=bucket_s)
    for step, row in enumerate(counts):
        yield Bucket(
            stream="contacts",
            start=start + step * width,
            end=start + (step + 1) * width,
            dimensions=dimensions,
            counts={leaves[leaf]: int(row[leaf]) for leaf in np.flatnonzero(row).tolist()},
            samples=(),
            signs=signs[step] if signs else Signs(),
        )
