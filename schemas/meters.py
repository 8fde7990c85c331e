"""One Prometheus object per metric, whoever asks first: parts that share a process share its metrics."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from schemas.metrics import Metric


@cache
def counter(metric: Metric) -> Counter:
    """The process's counter of this name."""
    return Counter(metric.name, metric.help, metric.labels)


@cache
def gauge(metric: Metric) -> Gauge:
    """The process's gauge of this name."""
    return Gauge(metric.name, metric.help, metric.labels)


@cache
def histogram(metric: Metric) -> Histogram:
    """The process's histogram of this name, in seconds."""
    return Histogram(metric.name, metric.help, metric.labels)
