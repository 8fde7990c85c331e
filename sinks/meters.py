"""The sink's metrics."""

from __future__ import annotations

from schemas import metrics
from schemas.meters import counter, gauge, histogram

ROWS = counter(metrics.ROWS)
INSERT_S = histogram(metrics.INSERT_S)
STORE_AWAY = gauge(metrics.STORE_AWAY)
LAG = gauge(metrics.LAG)
REFUSED = counter(metrics.DEAD_LETTERED)
CHECKS_FAILED = gauge(metrics.CHECKS_FAILED)
