"""The compiled step gives what the Python way gives, for whatever comes; what it does not take is left alone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from random import Random
from typing import Any

import numpy as np
import pytest
import xxhash
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from schemas.catalog import CHATS, RAW_TOPICS, SURVEYS, TICKETS, Topic
from schemas.codec import encode
from schemas.raw import PROGRESS_KEY
from streams.admit import quick
from streams.admit.compiled import purely, step
from streams.admit.quick import Taken, Way
from streams.admit.settings import AdmitSettings
from streams.admit.state import Admitted, Batch, PartitionState, RawMessage, columns_of
from streams.admit.step import admit, start
from tests.streams.admit.making import ACME, ARRIVED_MS, SETTINGS, log, mark, ticket

pytestmark = pytest.mark.skipif(step() is None, reason="the compiled step was not built: no C compiler at installation")

OTHER = replace(ACME, name="other", dimensions=("source", "language", "team"), sample_k=2)
TIGHT = AdmitSettings(customer_key=SETTINGS.customer_key, max_message_bytes=900, sample_chars=25)
PLAIN: dict[str, Any] = json.loads(encode(ticket(1, 10, platform="iOS", text="it fails")))
STRINGS = [
    "",
    " ",
    "plain",
    "mail me at jo@example.org, please",
    "call +49 171 1234567",
    "  blank\u00a0\u2003",
    "\f\r\n edges \t\f",
    "\u3000ünï “cödé” \U0001f600",
    'a "quoted" \\ back/slash',
    "line\nand\tline",
    "\x0bodd\x1f\x00",
    "password: hunter22",
    "password is\nhunter22",
    "my PRIVATE key",
    "-----BEGIN PRIVATE KEY----- abc",
    "x" * 16,
    "1.2.3.4",
    "v5.2.0",
    "iPhone OS",
    "usa",
    "en_us",
    ",=",
    "updated",
    "opened",
    "closed",
    "acme",
    "other",
    "long " * 60,
]
MOMENTS = [
    "2026-05-01T00:00:10Z",
    "2026-05-01T00:00:10.5Z",
    "2026-05-01T00:00:10.123999Z",
    "2026-05-01T00:00:10.1234567Z",
    "2026-05-01T00:00:10.Z",
    "2026-05-01T00:00:10+00:00",
    "2026-05-01T02:00:10+02:00",
    "2026-05-01T00:00:10",
    "2026-05-01 00:00:10Z",
    "2026-05-01t00:00:10z",
    "2026-05-01T24:00:00Z",
    "2026-05-01T00:00:60Z",
    "2026-04-31T00:00:00Z",
    "2024-02-29T00:00:00Z",
    "2025-02-29T00:00:00Z",
    "2000-02-29T23:59:59.999Z",
    "1999-12-31T23:59:59Z",
    "2026-05-02T11:59:59.999Z",
    "2026-05-02T12:00:00Z",
    "2026-05-02T12:00:00.001Z",
    "2026-13-01T00:00:00Z",
    "2026-00-10T00:00:00Z",
    "-026-05-01T00:00:10Z",
]
VALUES = st.one_of(
    st.sampled_from(STRINGS),
    st.sampled_from(STRINGS),
    st.text(max_size=40),
    st.sampled_from([None, 1, 7.5, True, [], ["a"], {"a": "jo@example.org"}, float("nan")]),
)
FIELDS = st.sampled_from(
    [*PLAIN, "subject", "text", "event", "region", "language", "team", "agent", "status", "extra", "odd"]
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A ticket with some fields changed, written in one of the ways in which JSON can be, and at times damaged."""
    given = {**PLAIN, "event_id": f"e{draw(st.integers(0, 40))}", "contact": f"c{draw(st.integers(0, 40))}"}
    given |= draw(st.dictionaries(FIELDS, VALUES, max_size=3))
    if draw(st.integers(0, 3)) == 0:
        given["occurred_at"] = draw(st.sampled_from(MOMENTS))
    if draw(st.integers(0, 9)) == 0:
        given["schema_version"] = draw(st.sampled_from([1, 2, "1", 10, 1.0]))
    if draw(st.integers(0, 9)) == 0:
        del given[draw(st.sampled_from(sorted(given)))]
    names = draw(st.permutations(sorted(given))) if draw(st.booleans()) else list(given)
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,\n", "\t:\r")]))
    text = json.dumps({name: given[name] for name in names}, ensure_ascii=draw(st.booleans()), separators=separators)
    value = text.encode("utf-8", "surrogatepass")
    damage = draw(st.integers(0, 30))
    if damage == 0:
        at = draw(st.integers(0, len(value) - 1))
        value = value[:at] + draw(st.binary(max_size=3)) + value[at + draw(st.integers(0, 2)) :]
    elif damage == 1:
        value = value[: draw(st.integers(0, len(value)))]
    elif damage == 2:
        value = value[:-1] + b',"text":"twice"}' + draw(st.sampled_from([b"", b" ", b"x"]))
    return value


def states(topic: Topic = TICKETS, chosen: AdmitSettings = SETTINGS) -> tuple[PartitionState, PartitionState]:
    """The same state twice: with the compiled step and without."""
    given = (topic, 0, {t.name: 1 for t in RAW_TOPICS}, (ACME, OTHER), chosen)
    quickly = start(*given)
    with purely():
        plainly = start(*given)
        plainly.way = None
    return quickly, plainly


def assert_admit_the_same(quickly: PartitionState, plainly: PartitionState, batch: Sequence[RawMessage]) -> None:
    """One batch gives the same both ways."""
    _, one = admit(quickly, Batch(*zip(*batch, strict=True)) if batch else batch)
    with purely():
        _, other = admit(plainly, batch)
    assert told(one) == told(other)


def told(out: Admitted) -> tuple[Any, ...]:
    """Everything that a batch gives."""
    counters = (out.counters.admitted, out.counters.repeats, out.counters.late)
    return out.contacts, out.written_frames, out.letters, *counters


def assert_the_same(values: Sequence[bytes | None], cuts: Sequence[int], chosen: AdmitSettings = SETTINGS) -> None:
    """Both ways give the same, batch by batch and at the end."""
    raw = [RawMessage(i, ARRIVED_MS, b"k", value) for i, value in enumerate(values)]
    ends = [message._replace(offset=10**6 + i) for i, message in enumerate(log([mark(120), mark(900, final=True)]))]
    quickly, plainly = states(chosen=chosen)
    for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        for batch in (raw[begin:end], ends[:1] if begin else []):
            assert_admit_the_same(quickly, plainly, batch)
    assert_admit_the_same(quickly, plainly, ends[1:])


@settings(max_examples=120, deadline=None)
@given(st.lists(messages(), min_size=1, max_size=25), st.data())
def test_whatever_comes_both_ways_give_the_same(values: list[bytes], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, len(values)), max_size=3)))
    assert_the_same(values, cuts, data.draw(st.sampled_from([SETTINGS, TIGHT])))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.text(max_size=60), st.sampled_from(STRINGS)), min_size=2, max_size=12), st.integers(20, 60)
)
def test_words_are_redacted_cut_and_stripped_the_same(words: list[str], chars: int) -> None:
    values = [
        encode(ticket(i, i, subject=word, text=other, customer=other, version=word))
        for i, (word, other) in enumerate(zip(words, reversed(words), strict=True))
    ]
    assert_the_same(values, [], AdmitSettings(customer_key=SETTINGS.customer_key, sample_chars=chars))


def test_strange_bytes_are_the_same_both_ways() -> None:
    random, plain = Random(4), encode(ticket(1, 10, text="ünï"))
    values: list[bytes | None] = [None, b"", b"{", b"{}", b"[" * 50_000, b'{"a":' * 50_000, b"\xff\xfe", plain + b" \n"]
    values += [
        plain.replace("ü".encode(), some) for some in (b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf5\x80\x80\x80")
    ]
    values += [plain.replace(b"desk", name) for name in (b"", b"x" * 120, b"x" * 121, "ü".encode() * 61, b"\\u0064esk")]
    values += [plain.replace(b'"c1"', b'"%b"' % (b"c" * size)) for size in (0, 1, 200, 201)]
    values += [plain.replace(b'"e1"', b'"jo@example.org"'), plain.replace(b'"e1"', b'"e\\"1"')]
    values += [encode(ticket(5, 5, text="long" * 250_001)), encode(ticket(6, 5, text="x " * 400_000))]
    for _ in range(1_500):
        at = random.randrange(len(plain))
        values.append(plain[:at] + random.randbytes(random.randrange(3)) + plain[at + random.randrange(3) :])
    assert_the_same(values, [700])


def read(values: Sequence[bytes | None], *, keys: Sequence[bytes | None] = ()) -> Taken:
    """What the compiled step takes of some messages."""
    way = states()[0].way
    assert way is not None
    columns = zip(range(len(values)), keys or [b"k"] * len(values), values, strict=True)
    return way.read(columns_of([RawMessage(i, ARRIVED_MS, key, value) for i, key, value in columns]))


def test_usual_contacts_are_taken_once_their_values_are_known() -> None:
    state, _ = states()
    values = [encode(ticket(i, i, platform="iPhone OS", text='mail jo@example.org\n"now"')) for i in range(9)]
    admit(state, log(values))
    assert state.way is not None
    taken = state.way.read(columns_of(log(values)))
    assert taken.left() == []
    assert taken.ids == [f"e{i}".encode() for i in range(9)]
    assert taken.texts == [b'mail <email>\\n\\"now\\"'] * 9


def test_marks_and_what_came_without_a_time_are_left() -> None:
    values = [encode(ticket(i, i)) for i in range(3)]
    read(values)
    assert read(values, keys=[b"k", PROGRESS_KEY, None]).message.tolist() == [0, 2]
    way = states()[0].way
    assert way is not None
    assert way.read(columns_of([RawMessage(0, 0, b"k", values[0])])).left() == [0]


@pytest.mark.parametrize("moment", MOMENTS)
def test_moments_are_read_as_python_reads_them(moment: str) -> None:
    values = [encode(ticket(1, 1)), json.dumps({**PLAIN, "occurred_at": moment}).encode()]
    read(values)
    taken = read(values)
    if 1 in taken.message:
        at = datetime.fromisoformat(moment)
        assert taken.at_ms[1] == int(at.timestamp()) * 1000 + at.microsecond // 1000
    assert (1 in taken.message) == (MOMENTS.index(moment) in (0, 1, 2, 5, 13, 15, 17))


def test_hashes_are_those_of_xxhash_at_every_length() -> None:
    state, _ = states()
    values = [encode(ticket(1, 1, event_id="e" * size, contact="ab" * 100)) for size in range(1, 201)]
    values += [encode(ticket(1, 1, contact="x" * (1 + size % 200), text="w" * size)) for size in range(0, 2_500, 7)]
    admit(state, log(values))
    assert state.way is not None
    taken = state.way.read(columns_of(log(values)))
    assert taken.left() == []
    wanted = np.zeros(len(values), bool)
    records, _ = state.way.write(taken, [b"}"] * len(values), wanted, 400)
    assert taken.rank.tolist() == [xxhash.xxh3_64_intdigest(name) for name in taken.ids]
    assert taken.key.tolist() == [xxhash.xxh3_64_intdigest(name, 1) for name in taken.contacts]
    assert taken.content.tolist() == [xxhash.xxh3_64_intdigest(record) for record in records]


@pytest.mark.parametrize("column", ["spans", "message", "rows", "pieces"])
def test_places_outside_are_refused(column: str) -> None:
    state, _ = states()
    values = [encode(ticket(i, i, text="mail jo@example.org")) for i in range(3)]
    admit(state, log(values))
    assert state.way is not None
    taken = state.way.read(columns_of(log(values)))
    if column == "spans":
        taken.spans[1, :, 1] = 10**6
    elif column == "message":
        taken.message[2] = 3
    elif column == "rows":
        taken.spelt.rows[0] = -1
    else:
        taken.texts.clear()
    with pytest.raises(IndexError):
        state.way.write(taken, [b"}"] * 3, np.ones(3, bool), 400)


def test_buffers_that_are_too_small_are_refused() -> None:
    state, _ = states()
    values = [encode(ticket(i, i)) for i in range(3)]
    admit(state, log(values))
    assert state.way is not None
    taken = state.way.read(columns_of(log(values)))
    with pytest.raises(ValueError, match="a buffer is too small"):
        state.way.write(taken, [b"}"] * 3, np.ones(2, bool), 400)
    taken.cut(1)
    with pytest.raises(ValueError, match="a buffer is too small"):
        state.way.write(taken, [b"}"] * 3, np.ones(3, bool), 400)


def test_tables_and_spans_that_are_broken_are_refused() -> None:
    compiled = step()
    assert compiled is not None
    keys, rows = np.arange(4, dtype=np.uint64), np.empty(4, np.int64)
    with pytest.raises(ValueError, match="power of two"):
        compiled.find(np.full(3, -1, np.int32), keys, keys, rows)
    with pytest.raises(ValueError, match="full or broken"):
        compiled.find(np.full(4, 9, np.int32), keys, keys, rows)
    with pytest.raises(ValueError, match="full or broken"):
        compiled.place(np.full(4, -1, np.int32), keys, 0, 5)
    with pytest.raises(ValueError, match="full or broken"):
        compiled.place(np.full(2, -1, np.int32), keys, 0, 3)
    spans = [np.array([at], np.int64) for at in (0, 1, 4)]
    assert compiled.weave(b'"",x}', keys[3:], spans[0], *[np.array([at], np.int64) for at in (0, 2, 5)]) == (
        b'[{"rank":3,"event_id":"","leaf":0,x}]'
    )
    with pytest.raises(IndexError, match="no such bytes"):
        compiled.weave(b"abc", keys[:1], spans[0], *spans)
    with pytest.raises(ValueError, match="a buffer is too small"):
        compiled.weave(b"abcd", keys[:2], spans[0], *spans)


def test_more_values_than_are_remembered_are_learnt_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("quick", "spelling"):
        monkeypatch.setattr(f"streams.admit.{module}._REMEMBERED", 20)
    values = [encode(ticket(i, i, platform=f"p {i} ", team=f"Team, {i}", customer=f"k{i}")) for i in range(90)]
    assert_the_same([*values, *values[::-1], *values[:50]], [10, 25, 60, 61, 120, 180])


@pytest.mark.parametrize("topic", [CHATS, SURVEYS])
def test_other_contacts_go_the_way_that_their_kind_has(topic: Topic) -> None:
    state, _ = states(topic)
    assert (state.way is not None) == (topic is CHATS)


def test_without_the_step_the_python_way_takes_all() -> None:
    quick.way.cache_clear()
    with purely():
        assert start(TICKETS, 0, {t.name: 1 for t in RAW_TOPICS}, (ACME,), SETTINGS).way is None
    quick.way.cache_clear()
    assert isinstance(states()[0].way, Way)
