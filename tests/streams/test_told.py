"""What is told where history was cut: nothing again, and everything later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from schemas.alert import Alert
from schemas.catalog import ALERTS, EXPECTATIONS, SPIKES
from schemas.spike import Expectation, Spike
from streams.ledger import Series
from streams.told import Told, Word

AT = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
ALERTED = Series(ALERTS.name, "shop", "alert")
FOUND = Series(SPIKES.name, "shop", "contacts")
JUDGED = Series(EXPECTATIONS.name, "shop", "contacts")


def _alert(name: str, hour: int, revision: int, seq: int = 1) -> Alert:
    return Alert(
        workspace="shop",
        origin="alert",
        seq=seq,
        alert_id=name,
        revision=revision,
        at=AT + hour * HOUR,
        event="opened",
        audience="operations",
        kind="unknown",
        probability=1.0,
        contacts=1.0,
        contacts_low=0.0,
        contacts_high=0.0,
        text="",
    )


def _spike(name: str, hour: int, revision: int, *, opened: int) -> Spike:
    moments: dict[str, Any] = dict.fromkeys(("onset", "onset_low", "onset_high"), AT)
    numbers: dict[str, Any] = dict.fromkeys(("expected", "excess", "excess_low", "excess_high", "surprise"), 1.0)
    return Spike(
        workspace="shop",
        origin="contacts",
        seq=1,
        spike_id=name,
        revision=revision,
        stream="contacts",
        state="open",
        slice={},
        bucket_s=3_600,
        opened_at=AT + opened * HOUR,
        as_of=AT + hour * HOUR,
        observed=2,
        window_s=3_600,
        budget_per_week=1.0,
        **moments,
        **numbers,
    )


def _judged(hour: int, spikes: int, seq: int) -> Expectation:
    return Expectation(
        workspace="shop",
        origin="contacts",
        seq=seq,
        stream="contacts",
        bucket_start=AT + (hour - 1) * HOUR,
        bucket_s=3_600,
        until=AT + hour * HOUR,
        spike_seq=spikes,
    )


def _told() -> Told:
    """Alerts 40 and 41 of two names, at hours 1 and 3; spike 7 of hour 3; expectations to hour 5, the last of which counts
    a spike that never reached the topic."""
    told = Told()
    for seq, name, hour in ((40, "a", 1), (41, "b", 3)):
        told.hear(
            ALERTED, Word(workspace="shop", origin="alert", seq=seq, alert_id=name, at=AT + hour * HOUR, revision=2)
        )
    told.hear(FOUND, Word(workspace="shop", origin="contacts", seq=7, spike_id="s", as_of=AT + 3 * HOUR, revision=4))
    for hour, seq, spikes in ((3, 102, 7), (4, 103, 7), (5, 104, 8)):
        word = Word(workspace="shop", origin="contacts", seq=seq, until=AT + hour * HOUR, spike_seq=spikes)
        told.hear(JUDGED, word)
    assert told.begin_late("shop") == {ALERTED: 41, FOUND: 7, JUDGED: 104}
    return told


@pytest.mark.parametrize(
    ("name", "hour", "revision", "wanted"),
    [
        ("a", 0, 3, None),
        ("a", 2, 3, None),
        ("b", 3, 3, None),
        ("c", 3, 1, ("c", 42, 1)),
        ("a", 4, 9, ("a", 42, 3)),
        ("a", 4, 1, None),
        ("c", 4, 5, ("c", 42, 1)),
    ],
)
def test_a_name_is_told_on_from_its_last_word(name: str, hour: int, revision: int, wanted: object) -> None:
    found: Any = _told().retold(ALERTED, _alert(name, hour, revision))
    assert (found and (found.alert_id, found.seq, found.revision)) == wanted


@pytest.mark.parametrize(
    ("spike", "wanted"),
    [
        (_spike("s", 4, 5, opened=1), None),
        (_spike("s", 5, 2, opened=1), ("s", 8, 5)),
        (_spike("t", 5, 1, opened=5), ("t", 8, 1)),
        (_spike("t", 5, 2, opened=4), None),
        (_spike("s", 6, 1, opened=6), None),
    ],
)
def test_spikes_are_told_from_where_all_that_were_counted_lie_on_the_topic(spike: Spike, wanted: object) -> None:
    found: Any = _told().retold(FOUND, spike)
    assert (found and (found.spike_id, found.seq, found.revision)) == wanted


def test_expectations_go_on_and_count_the_spikes_that_were_told() -> None:
    told = _told()
    assert told.retold(JUDGED, _judged(5, 1, 3)) is None
    told.retold(FOUND, _spike("t", 6, 1, opened=6))
    found: Any = told.retold(JUDGED, _judged(6, 2, 4))
    assert (found.seq, found.spike_seq) == (105, 8)


def test_where_no_spike_is_left_the_expectations_say_how_many_there_were() -> None:
    told = Told()
    told.hear(JUDGED, Word(workspace="shop", origin="contacts", seq=9, until=AT, spike_seq=12))
    assert told.begin_late("shop")[FOUND] == 12
