"""Which contacts count, where, and what the frames say of them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from schemas.catalog import CHATS, SURVEYS
from schemas.codec import decode, encode
from schemas.contact import Contact
from schemas.frame import Frame
from schemas.raw import Chat, Survey, Turn
from streams.admit.step import Admitted
from tests.streams.admit.making import ACME, SETTINGS, T0, admit_all, log, mark, merged, ticket


def contacts(out: Admitted) -> list[Contact]:
    return [decode(Contact, value) for _, value in out.contacts]


def survey(number: int, score: float, **fields: object) -> Survey:
    given: dict[str, object] = {
        "event_id": f"s{number}",
        "workspace": "acme",
        "occurred_at": T0 + timedelta(seconds=number),
        "source": "poll",
        "customer": "jo@example.org",
        "kind": "csat",
        "score": score,
        "scale_max": 5,
        **fields,
    }
    return Survey(**given)  # type: ignore[arg-type]


def test_only_openings_count_and_updates_bring_handle_times() -> None:
    update = ticket(2, 30, contact="c1", event="updated", handle_s=90.5, status="solved")
    out = admit_all(log([ticket(1, 10), update, mark(60)]))
    (frame,) = out.frames
    assert (frame.counts, frame.handle_s, frame.handled) == ((1,), 90.5, 1)
    assert [contact.counted for contact in contacts(out)] == [True, False]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_contact_opened_twice_counts_once_where_it_opened_first(order: tuple[int, int]) -> None:
    twice = [ticket(1, 10, contact="c", product="one"), ticket(2, 70, contact="c", product="two")]
    out = admit_all(log([*(twice[i] for i in order), mark(120)]))
    first, second = out.frames
    assert (first.counts, [leaf[1] for leaf in first.leaves]) == ((1,), ["one"])
    assert (second.counts, second.signs.repeats) == ((), 1)


def test_low_scores_count_and_others_do_not() -> None:
    out = admit_all(log([survey(1, 3), survey(2, 3.1), survey(3, 0, about="c1"), mark(60)]), topic=SURVEYS)
    (frame,) = out.frames
    assert (frame.stream, frame.inputs, frame.counts) == ("low_scores", ("surveys/0",), (2,))
    found = contacts(out)
    assert [(one.contact, one.channel, one.counted, one.score) for one in found] == [
        ("s1", "survey", True, 3.0),
        ("s2", "survey", False, 3.1),
        ("s3", "survey", True, 0.0),
    ]
    assert found[2].about == "c1"
    assert "example.org" not in str(found)


def test_customers_become_keyed_hashes_and_are_missed_by_nobody() -> None:
    one, two = contacts(admit_all(log([ticket(1, 1, customer="jo"), ticket(2, 2, customer="")])))
    assert (len(one.customer), two.customer) == (24, "")
    other_key = replace(SETTINGS, customer_key=b"another test's key")
    assert contacts(admit_all(log([ticket(1, 1, customer="jo")]), settings=other_key))[0].customer != one.customer


def test_everything_that_people_wrote_is_redacted() -> None:
    personal = "jo@example.org"
    event = Chat(
        event_id="jo@example.org/1",
        workspace="acme",
        occurred_at=T0,
        source=f"import by {personal}",
        contact=f"{personal}:7",
        customer=personal,
        subject=personal,
        text=f"{personal} ünïcödé \x00 end",
        turns=(Turn(who="customer", text=personal), Turn(who="agent", text="no")),
        tags=(personal,),
        agent=personal,
        team=personal,
        topic=personal,
        exposed={personal: "exposed"},
        extra={personal: {"x": [personal]}},
    )
    out = admit_all(log([event, mark(60)]), topic=CHATS)
    (contact,) = contacts(out)
    written = encode(contact) + encode(out.frames[0]) + out.contacts[0][0]
    assert b"example.org" not in written
    assert (contact.channel, contact.text, contact.turns[0].text) == ("chat", "<email> ünïcödé   end", "<email>")
    assert contact.event_id.startswith("<email>/1#")
    assert out.frames[0].samples[0].text == "<email> <email> ünïcödé   end <email>"


def test_times_are_kept_in_utc_with_milliseconds() -> None:
    event = json.loads(encode(ticket(1, 0)))
    event["occurred_at"] = "2026-05-01T02:00:10.123987+02:00"
    (contact,) = contacts(admit_all(log([json.dumps(event).encode()])))
    assert contact.occurred_at.isoformat() == "2026-05-01T00:00:10.123000+00:00"
    assert contact.ingested_at.isoformat() == "2026-05-01T12:00:00+00:00"


def test_samples_are_the_smallest_hashes_whatever_the_number() -> None:
    events = [ticket(i, 10, text=f"text {i}") for i in range(500)]
    (frame,) = admit_all(log([*events, mark(60)])).frames
    (few,) = admit_all(log([*events, mark(60)]), workspace=replace(ACME, sample_k=500)).frames
    assert frame.counts == (500,)
    assert frame.samples == few.samples[:3]
    assert [sample.rank for sample in few.samples] == sorted(sample.rank for sample in few.samples)


def test_signs_tell_of_late_top_customers_and_missing_values() -> None:
    late = ticket(9, 10)
    very_late = ticket(8, -3_600)
    events = [ticket(i, 70, customer="one", platform="ios" if i else "") for i in range(3)]
    out = admit_all(log([mark(60), late, very_late, *events, mark(120)]))
    signs = out.frames[1].signs
    assert (signs.late, signs.backfilled, signs.top_customer) == (2, 1, 3)
    assert signs.missing == {"platform": 1, "topic": 3, "version": 3}
    assert [contact.late for contact in contacts(out)] == [True, True, False, False, False]


def test_values_that_are_not_kept_fold_into_other() -> None:
    workspace = replace(ACME, dimensions=("platform", "channel"), keep={"platform": ("iOS",)})
    events = [ticket(1, 1, platform="ios"), ticket(2, 2, platform="web"), ticket(3, 3)]
    (frame,) = admit_all(log([*events, mark(60)]), workspace=workspace).frames
    assert dict(zip(frame.leaves, frame.counts, strict=True)) == {
        ("", "ticket"): 1,
        ("ios", "ticket"): 1,
        ("other", "ticket"): 1,
    }


@pytest.mark.parametrize("letter", ["x", "ü", "\x01", '"'])
def test_large_buckets_are_split_and_merge_to_the_same(letter: str) -> None:
    events = [ticket(i, 10, product=f"p{i % 40}", text=letter * 400) for i in range(800)]
    whole = admit_all(log([*events, mark(60), mark(120, final=True)]))
    small = replace(SETTINGS, frame_bytes=60_000)
    split = admit_all(log([*events, mark(60), mark(120, final=True)]), settings=small)
    assert len(split.frames) > len(whole.frames)
    assert max(len(encode(frame)) for frame in split.frames) < 60_000
    assert merged(split.frames) == merged(whole.frames)
    assert [(frame.seq, frame.until > frame.bucket_start) for frame in split.frames][:2] == [(1, False), (2, False)]
    assert {frame.parts for frame in split.frames[:-1]} == {len(split.frames) - 1}


def test_one_leaf_too_large_for_a_frame_is_split_too() -> None:
    workspace = replace(ACME, sample_k=1_000)
    events = [ticket(i, 10, text="y" * 400) for i in range(500)]
    small = replace(SETTINGS, frame_bytes=60_000)
    out = admit_all(log([*events, mark(60)]), settings=small, workspace=workspace)
    assert sum(sum(frame.counts) for frame in out.frames) == 500
    assert sum(len(frame.samples) for frame in out.frames) == 500
    assert max(len(encode(frame)) for frame in out.frames) < 60_000


def test_marks_close_buckets_and_only_they() -> None:
    out = admit_all(
        log([ticket(1, 10), ticket(2, 5_000), mark(59), mark(30), mark(61), mark(61), mark(60, final=True)])
    )
    assert [(frame.bucket_start, frame.until, frame.final) for frame in out.frames] == [
        (T0, T0, False),
        (T0, T0 + timedelta(seconds=60), False),
        (T0 + timedelta(seconds=60), T0 + timedelta(seconds=60), True),
    ]
    assert [frame.seq for frame in out.frames] == [1, 2, 3]
    assert all(decode(Frame, encode(frame)) == frame for frame in out.frames)
