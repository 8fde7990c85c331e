"""The agents' Prometheus metrics."""

from __future__ import annotations

from schemas import metrics
from schemas.meters import counter, gauge

APPLIED = counter(metrics.APPLIED)
SKIPPED = counter(metrics.SKIPPED)
REREAD = counter(metrics.REREAD)
CUT = counter(metrics.CUT)
CHECKPOINT = gauge(metrics.CHECKPOINT)
LAG = gauge(metrics.LAG)
WATERMARK = gauge(metrics.WATERMARK)
DELIVERIES = counter(metrics.DELIVERIES)
UNDELIVERED = gauge(metrics.UNDELIVERED)
