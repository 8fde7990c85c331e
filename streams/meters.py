"""The agents' Prometheus metrics."""

from __future__ import annotations

from prometheus_client import Counter

from schemas import metrics

APPLIED = Counter(metrics.APPLIED.name, metrics.APPLIED.help, metrics.APPLIED.labels)
SKIPPED = Counter(metrics.SKIPPED.name, metrics.SKIPPED.help, metrics.SKIPPED.labels)
REREAD = Counter(metrics.REREAD.name, metrics.REREAD.help, metrics.REREAD.labels)
