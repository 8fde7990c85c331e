"""The agents' Prometheus metrics."""

from __future__ import annotations

from schemas import metrics
from schemas.meters import counter

APPLIED = counter(metrics.APPLIED)
SKIPPED = counter(metrics.SKIPPED)
REREAD = counter(metrics.REREAD)
