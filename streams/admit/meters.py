"""Admit's Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from schemas import metrics

ADMITTED = Counter(metrics.ADMITTED.name, metrics.ADMITTED.help, metrics.ADMITTED.labels)
DEAD_LETTERED = Counter(metrics.DEAD_LETTERED.name, metrics.DEAD_LETTERED.help, metrics.DEAD_LETTERED.labels)
LATE = Counter(metrics.LATE.name, metrics.LATE.help, metrics.LATE.labels)
REPEATS = Counter(metrics.REPEATS.name, metrics.REPEATS.help, metrics.REPEATS.labels)
BATCH_S = Histogram(metrics.ADMIT_BATCH_S.name, metrics.ADMIT_BATCH_S.help)
LAG = Gauge(metrics.LAG.name, metrics.LAG.help, metrics.LAG.labels)
