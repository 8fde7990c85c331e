"""What is refused, and the exact reason that its dead letter gives; nothing else is held up by it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from schemas.catalog import CHANGES, RELEASES, SURVEYS, TICKETS, Topic
from schemas.codec import decode, encode
from schemas.contact import Contact
from schemas.dead_letter import DeadLetter
from streams.admit.step import Admitted
from tests.streams.admit.making import ARRIVED_MS, SETTINGS, T0, admit_all, change, log, mark, ticket

PLAIN = json.loads(encode(ticket(1, 10)))
SURVEY = {
    "event_id": "s1",
    "workspace": "acme",
    "occurred_at": "2026-05-01T00:00:10Z",
    "source": "poll",
    "kind": "csat",
    "score": 2,
    "scale_max": 5,
}


def raw(**fields: object) -> bytes:
    return json.dumps({**PLAIN, **fields}).encode()


def without(name: str) -> bytes:
    return json.dumps({key: value for key, value in PLAIN.items() if key != name}).encode()


ARRIVED = datetime.fromtimestamp(ARRIVED_MS / 1000, T0.tzinfo)
TICKETS_REFUSED = [
    (b"", "not_json", "", "an empty message", "a JSON object"),
    (b"{", "not_json", "", "{ (Input data was truncated)", "a JSON object"),
    (b"[1, 2]", "wrong_type", "", "[1, 2]", "a JSON object"),
    (raw() + b"x", "not_json", "", None, "a JSON object"),
    (raw(product="a").replace(b'"a"', b'"\xff"'), "not_utf8", "", None, "UTF-8"),
    (raw(subject=5), "wrong_type", "subject", "5", "text"),
    (raw(turns=[{"who": "customer", "text": 7}]), "wrong_type", "turns[0].text", "7", "text"),
    (without("contact"), "missing_field", "contact", "missing", "a value"),
    (raw(turns=[{"text": "x"}]), "missing_field", "turns[0].who", "missing", "a value"),
    (raw(event="closed"), "unknown_value", "event", "closed", "opened, updated"),
    (raw(turns=[{"who": "ghost"}]), "unknown_value", "turns[0].who", "ghost", "customer, agent, bot, system"),
    (raw(exposed={"x": "maybe"}), "unknown_value", "exposed[...]", None, "exposed, control"),
    (raw(event_id=""), "bad_value", "event_id", "", "text of length >= 1"),
    (raw(occurred_at="yesterday"), "bad_time", "occurred_at", "yesterday", "a time as RFC 3339 has it, with a zone"),
    (raw(occurred_at="2026-05-01T10:00:00"), "bad_time", "occurred_at", None, "datetime with a timezone component"),
    (raw(occurred_at="1999-12-31T23:59:59Z"), "bad_time", "occurred_at", "1999-12-31T23:59:59+00:00", None),
    (
        raw(occurred_at=(ARRIVED + timedelta(days=1, seconds=1)).isoformat()),
        "bad_time",
        "occurred_at",
        "2026-05-02T12:00:01+00:00",
        "2000-01-01 to 2026-05-02T12:00:00+00:00",
    ),
    (raw(handle_s=-1), "bad_number", "handle_s", "-1", "a number >= 0.0"),
    (raw(handle_s=float("nan")), "bad_number", "handle_s", "nan", "a finite number"),
    (raw(extra={"deep": [1, float("inf")]}), "bad_number", "extra.deep[1]", "inf", "a finite number"),
    (raw(text="x" * 10_000_000), "too_large", "", None, "at most 1000000 bytes"),
    (b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "too_deep", "", "nested 5000 deep", "at most 20 levels"),
    (raw(extra={"x": json.loads("[" * 30 + "]" * 30)}), "too_deep", "", "nested 32 deep", "at most 20 levels"),
    (raw(schema_version=2), "schema_version", "schema_version", "2", "1"),
    (raw(schema_version=2, subject=5), "schema_version", "schema_version", "2", "1"),
    (raw(workspace="nobody's"), "unknown_workspace", "workspace", "nobody's", "acme"),
]


def only_letter(topic: Topic, value: bytes, good: bytes) -> DeadLetter:
    """The letter of one bad message between two good ones, which must both get through."""
    other = good.replace(b'"e1"', b'"e2"').replace(b'"s1"', b'"s2"').replace(b'"x1"', b'"x2"')
    out = admit_all(log([good, value, other]), topic=topic)
    assert out.counters.admitted == 2
    (letter,) = out.letters
    assert decode(DeadLetter, encode(letter)) == letter
    return letter


@pytest.mark.parametrize(("value", "reason", "field", "shown", "allowed"), TICKETS_REFUSED)
def test_a_bad_ticket_gets_a_letter_that_says_what_where_and_which(
    value: bytes, reason: str, field: str, shown: str | None, allowed: str | None
) -> None:
    letter = only_letter(TICKETS, value, raw())
    assert (letter.reason, letter.field, letter.letter_id) == (reason, field, "tickets/0/2")
    assert shown is None or letter.value == shown
    assert allowed is None or letter.allowed == allowed
    assert letter.original == value[: SETTINGS.letter_bytes]
    assert len(letter.value) < 300


def test_an_event_one_day_ahead_is_admitted_and_moves_nothing() -> None:
    ahead = raw(event_id="future", occurred_at=(ARRIVED + timedelta(days=1)).isoformat())
    out = admit_all(log([ahead, raw(), mark(60)]))
    assert out.letters == []
    assert [frame.counts for frame in out.frames] == [(1,)]


def test_a_very_large_message_is_kept_in_part_and_says_so() -> None:
    letter = only_letter(TICKETS, raw(text="x" * 2_000_000), raw())
    assert letter.value.endswith("(first 600000 of 2000161 bytes kept)")
    assert len(encode(letter)) < 1_000_000


@pytest.mark.parametrize("score", [-1, 5.1])
def test_a_score_off_its_scale_is_refused(score: float) -> None:
    letter = only_letter(
        SURVEYS, json.dumps({**SURVEY, "event_id": "s3", "score": score}).encode(), json.dumps(SURVEY).encode()
    )
    assert (letter.reason, letter.field, letter.value, letter.allowed) == (
        "bad_number",
        "score",
        f"{score:g}",
        "0 to 5",
    )


def test_a_change_that_ends_before_it_starts_is_refused() -> None:
    bad = change(3, 100, ends_at=T0)
    letter = only_letter(CHANGES, encode(bad), encode(change(1, 100)))
    assert (letter.reason, letter.field, letter.workspace) == ("bad_value", "ends_at", "acme")
    assert letter.allowed == "not before starts_at, 2026-05-01T00:01:40+00:00"


def test_a_roll_out_out_of_order_is_refused() -> None:
    release = {
        "event_id": "r",
        "workspace": "acme",
        "occurred_at": "2026-05-01T00:00:00Z",
        "source": "ci",
        "change": "5.2.0",
        "released_at": "2026-05-01T00:00:00Z",
        "rollout": [{"at": "2026-05-02T00:00:00Z", "share": 0.5}, {"at": "2026-05-01T00:00:00Z", "share": 1}],
    }
    (letter,) = admit_all(log([json.dumps(release).encode()]), topic=RELEASES).letters
    assert (letter.reason, letter.field, letter.allowed) == ("bad_value", "rollout", "steps in order of time")


def test_the_same_id_with_other_content_is_refused_and_the_first_stays() -> None:
    out = admit_all(log([raw(), raw(subject="else"), raw(), mark(60)]))
    (letter,) = out.letters
    assert (letter.reason, letter.field, letter.value) == ("conflicting_repeat", "event_id", "e1")
    assert (out.counters.repeats, [frame.counts for frame in out.frames]) == (1, [(1,)])


def test_the_same_content_written_otherwise_is_a_repeat() -> None:
    otherwise = json.dumps(dict(reversed(PLAIN.items())), indent=2).encode()
    out = admit_all(log([raw(), otherwise, raw(schema_version=1, event="opened")]))
    assert (out.letters, out.counters.repeats) == ([], 2)


def test_beyond_the_horizon_an_id_is_forgotten() -> None:
    out = admit_all(log([raw(), mark(60 + 600), raw(subject="else")]))
    assert (out.letters, out.counters.late) == ([], {"acme": 1})


def test_what_a_letter_shows_is_redacted() -> None:
    letter = only_letter(TICKETS, raw(event="jo@example.org"), raw())
    assert letter.value == "<email>"


def test_unknown_fields_travel_in_extra_redacted() -> None:
    out: Admitted = admit_all(
        log([raw(mood="bad", more={"mail jo@example.org": ["+49 171 1234567", 3]}, extra={"a": None})])
    )
    contact = decode(Contact, out.contacts[0][1])
    assert contact.extra == {"a": None, "mood": "bad", "more": {"mail <email>": ["<phone>", 3]}}


def test_marks_that_are_none_are_refused() -> None:
    nobody = replace(mark(60), workspace="nobody's")
    assert [letter.reason for letter in admit_all(log([nobody])).letters] == ["unknown_workspace"]
    bad = log([mark(60)])[0]._replace(value=b"{}")
    assert [letter.reason for letter in admit_all([bad]).letters] == ["bad_value"]


def test_no_message_at_all_is_refused() -> None:
    (letter,) = admit_all([log([raw()])[0]._replace(value=None)]).letters
    assert (letter.reason, letter.value) == ("not_json", "an empty message")
