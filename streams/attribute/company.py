"""Spikes of the same time, as far as they bear on each other."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from schemas.attribution import Attribution
from schemas.spike import Spike
from streams.attribute.case import Case, window

MOMENT = timedelta(hours=1)


def nested(case: Case, cases: Iterable[Case]) -> list[Spike]:
    """Other spikes of the case's stream and time on narrower slices, by id."""
    spike = case.spike
    start_s, end_s = window(spike)
    return sorted(
        (
            other
            for other in (one.spike for one in cases if one is not case)
            if other.stream == spike.stream
            and other.state != "merged"
            and len(other.slice) > len(spike.slice)
            and all(other.slice.get(name) == value for name, value in spike.slice.items())
            and window(other)[0] < end_s
            and window(other)[1] > start_s
        ),
        key=lambda other: other.spike_id,
    )


def leader(case: Case, cases: Iterable[Case]) -> Attribution | None:
    """What was last said of the largest spike, larger than this one, that began within an hour (or three buckets) of
    it on a slice that does not contradict its own."""
    spike = case.spike
    near = max(MOMENT, timedelta(seconds=3 * spike.bucket_s))
    larger = [
        one
        for one in cases
        if one is not case
        and one.last is not None
        and one.spike.state != "merged"
        and one.spike.excess > spike.excess
        and abs(one.spike.onset - spike.onset) <= near
        and all(one.spike.slice.get(name, value) == value for name, value in spike.slice.items())
    ]
    return max(larger, key=lambda one: (one.spike.excess, one.spike.spike_id)).last if larger else None
