"""Admit's Prometheus metrics."""

from __future__ import annotations

from schemas import metrics
from schemas.meters import counter, gauge, histogram

ADMITTED = counter(metrics.ADMITTED)
DEAD_LETTERED = counter(metrics.DEAD_LETTERED)
LATE = counter(metrics.LATE)
REPEATS = counter(metrics.REPEATS)
BATCH_S = histogram(metrics.ADMIT_BATCH_S)
LAG = gauge(metrics.LAG)
