"""Attribute: says of every spike which change caused it, and of every change what it has cost.

Records are held back until all inputs have passed a moment of event time; then buckets are remembered and
decisions taken in order of time. What is decided at a moment uses nothing later, whatever has already arrived.
"""

from __future__ import annotations

import heapq
from bisect import insort
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from schemas.attribution import Attribution, Impact
from schemas.base import Sequenced
from schemas.catalog import ATTRIBUTIONS, EXPECTATIONS, FEEDBACK, FRAMES, IMPACTS, QUALITY, SPIKES, TIMELINE, Topic
from schemas.frame import Frame
from schemas.quality import QualityResult
from schemas.raw import Feedback
from schemas.spike import Expectation, Spike
from schemas.timeline import Hunch, TimelineEntry
from schemas.workspace import Workspace
from streams.attribute import book as timeline_book
from streams.attribute import memory as past
from streams.attribute.book import Book
from streams.attribute.case import Case, window
from streams.attribute.census import KEPT as CENSUS_KEPT
from streams.attribute.census import Census, count, forget
from streams.attribute.explain import Known, could_touch, explain, reweighed
from streams.attribute.frontier import END, StreamProgress, TimelineProgress, covered, frontier, note_timeline
from streams.attribute.impacts import changed, impact_key, impact_of
from streams.attribute.learnt import Ledger, ledger_of, spikes_per_day
from streams.attribute.memory import Memory
from streams.merge import Bucket, Merger, merge
from streams.stage import Outputs, Record

SETTLE = timedelta(days=14)
KEPT = timedelta(days=400)
CHECKS_KEPT = 200
CHANGE, REVISION, WORD, FINAL = 1, 2, 3, 4
STREAMS = ("contacts", "low_scores")

Due = tuple[datetime, int, str, int, int]
Output = tuple[Topic, Sequenced]


@dataclass(slots=True)
class State:
    """Everything attribute knows of one workspace."""

    workspace: Workspace
    streams: dict[str, StreamProgress]
    memories: dict[str, Memory]
    buckets: dict[str, deque[Bucket]]
    timeline: TimelineProgress = field(default_factory=TimelineProgress)
    book: Book = field(default_factory=Book)
    census: Census = field(default_factory=Census)
    hunches: list[Hunch] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    ledger_of: tuple[int, int] = (0, 0)
    settled: int = 0
    checks: list[QualityResult] = field(default_factory=list)
    due: list[Due] = field(default_factory=list)
    revisions: dict[tuple[str, int], Spike] = field(default_factory=dict)
    words_said: dict[str, list[Feedback]] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    impacts: dict[str, Impact] = field(default_factory=dict)
    members: dict[str, set[str]] = field(default_factory=dict)
    seq: dict[str, int] = field(default_factory=dict)
    reached: datetime | None = None


class Attribute:
    """The stage; see :class:`streams.stage.Stage`."""

    name = "attribute"
    reads: tuple[Topic, ...] = (FRAMES, TIMELINE, SPIKES, EXPECTATIONS, QUALITY, FEEDBACK)
    writes: tuple[Topic, ...] = (ATTRIBUTIONS, IMPACTS)

    def start(self, workspace: Workspace) -> State:
        """The state before any record."""
        return State(
            workspace=workspace,
            streams={name: StreamProgress(_merger(workspace, name)) for name in STREAMS},
            memories={name: Memory() for name in STREAMS},
            buckets={name: deque() for name in STREAMS},
        )

    def step(self, state: State, event: Record) -> tuple[State, Outputs]:
        """Take one record in, and decide whatever all inputs now cover."""
        _take(state, event)
        return state, tuple(_advance(state))

    def let_go(self, state: State, cut: Collection[str]) -> tuple[State, Outputs]:
        """Wait no longer for spikes that are gone, which expectations still count."""
        for stream in state.streams.values() if SPIKES.name in cut else ():
            if stream.marks:
                stream.spike_seq = max(stream.spike_seq, stream.marks[-1].spike_seq)
                _schedule_spikes(state, stream)
        return state, tuple(_advance(state))


ATTRIBUTE = Attribute()


def _merger(workspace: Workspace, stream: str) -> Merger:
    return Merger(stream=stream, sample_k=workspace.sample_k, bucket_s=workspace.bucket_s)  # type: ignore[arg-type]


def _take(state: State, event: Record) -> None:
    match event:
        case Frame():
            _take_frame(state, event)
        case TimelineEntry():
            _take_entry(state, event)
        case Spike():
            stream = state.streams[event.stream]
            stream.spike_seq = max(stream.spike_seq, event.seq)
            stream.spikes.append(event)
            _schedule_spikes(state, stream)
        case Expectation():
            stream = state.streams[event.stream]
            if event.seq > 1 and stream.spike_seq == 0 and stream.judged is None and not stream.marks:
                # The first expectation that retention has left: the spikes that it counts may be gone too.
                stream.spike_seq = event.spike_seq
            stream.marks.append(event)
            _schedule_spikes(state, stream)
        case QualityResult():
            state.checks = sorted([*state.checks, event], key=lambda check: (check.at, check.check_id))[-CHECKS_KEPT:]
        case Feedback():
            said = state.words_said.setdefault(event.spike, [])
            said.append(event)
            said.sort(key=lambda one: (one.occurred_at, one.event_id))
            heapq.heappush(state.due, (event.occurred_at, WORD, event.spike, len(said), 0))
        case _:
            pass


def _take_frame(state: State, frame: Frame) -> None:
    stream = state.streams[frame.stream]
    stream.merger, advance = merge(stream.merger, frame)
    state.buckets[frame.stream].extend(advance.buckets)
    if advance.buckets:
        stream.closed = advance.buckets[-1].end
    if advance.until is not None:
        stream.first = stream.first if stream.first is not None else advance.until
        stream.until = advance.until
    stream.ended = stream.merger.ended.issuperset(frame.inputs)


def _take_entry(state: State, entry: TimelineEntry) -> None:
    before = note_timeline(state.timeline, entry)
    if entry.change is not None:
        arrived = timeline_book.add(state.book, entry.change, before=before)
        usable = max(arrived, entry.change.available_at) + timedelta(milliseconds=1)
        heapq.heappush(state.due, (usable, CHANGE, entry.change.key, 0, 0))
    if entry.population is not None:
        count(state.census, entry.population, before=before)
    if entry.hunch is not None:
        arrived = entry.hunch.at if before is None else max(entry.hunch.at, before)
        insort(state.hunches, replace(entry.hunch, at=arrived), key=lambda one: (one.at, one.about, one.text))


def _schedule_spikes(state: State, stream: StreamProgress) -> None:
    for at, spike in covered(stream):
        state.revisions[(spike.stream, spike.seq)] = spike
        heapq.heappush(state.due, (at, REVISION, spike.spike_id, STREAMS.index(spike.stream), spike.seq))


def _advance(state: State) -> list[Output]:
    """Remember buckets and take decisions in order of time, as far as every input has come."""
    contacts, surveys = (state.streams[name] for name in STREAMS)
    limit = frontier(contacts, surveys, state.timeline, by_clock=state.workspace.progress == "clock")
    outputs: list[Output] = []
    if limit is None:
        return outputs
    if limit == END:
        _schedule_rest(state)
    while True:
        name = min((n for n in STREAMS if state.buckets[n]), key=lambda n: state.buckets[n][0].end, default=None)
        bucket_at = state.buckets[name][0].end if name is not None else END
        due_at = state.due[0][0] if state.due else END
        if name is not None and bucket_at <= min(due_at, limit):
            past.remember(state.memories[name], state.buckets[name].popleft())
            state.reached = bucket_at
        elif state.due and due_at <= limit:
            outputs.extend(_decide(state, heapq.heappop(state.due)))
            if limit == END:
                _schedule_rest(state)
        else:
            return outputs


def _schedule_rest(state: State) -> None:
    """At the end of all input: what is still open is settled too, once nothing else is to be decided."""
    if any(due[1] != FINAL for due in state.due):
        return
    waiting = {due[2] for due in state.due}
    for spike_id, case in state.cases.items():
        if not case.done and spike_id not in waiting:
            heapq.heappush(state.due, (case.spike.as_of + SETTLE, FINAL, spike_id, case.spike.revision, 0))


def _decide(state: State, due: Due) -> list[Output]:
    at, what, name, number, seq = due
    if what == CHANGE:
        return _on_change(state, at, name)
    if what == REVISION:
        return _on_revision(state, state.revisions.pop((STREAMS[number], seq)))
    case = state.cases.get(name)
    if what == WORD:
        return _on_word(state, at, name)
    if case is None or case.done or case.spike.revision != number:
        return []
    return _settle(state, case, at)


def _on_revision(state: State, spike: Spike) -> list[Output]:
    case = state.cases.get(spike.spike_id)
    if case is None:
        case = state.cases[spike.spike_id] = Case(spike=spike, opened=spike.opened_at)
        case.verdicts = state.words_said.get(spike.spike_id, [])
    if case.done:
        return []
    case.spike = spike
    if spike.end is not None:
        heapq.heappush(state.due, (spike.end + SETTLE, FINAL, spike.spike_id, spike.revision, 0))
    return _say(state, case, spike.as_of, final=False)


def _on_change(state: State, at: datetime, key: str) -> list[Output]:
    """A change that became known: spikes it could touch and that are not settled are looked at again."""
    versions = state.book.versions[key]
    outputs: list[Output] = []
    for spike_id in sorted(state.cases):
        case = state.cases[spike_id]
        if not case.done and case.last is not None and any(could_touch(version.change, case) for version in versions):
            outputs.extend(_say(state, case, at, final=False))
    return outputs


def _on_word(state: State, at: datetime, spike_id: str) -> list[Output]:
    case = state.cases.get(spike_id)
    if case is None or case.last is None:
        return []
    case.verdicts = state.words_said[spike_id]
    as_of = max(at + timedelta(milliseconds=1), case.last.as_of)
    if not case.done:
        return _say(state, case, as_of, final=False)
    return _publish(state, case, reweighed(case, case.last, as_of), as_of)


def _settle(state: State, case: Case, at: datetime) -> list[Output]:
    last = state.reached if state.reached is not None else at
    as_of = max(min(at, last), case.spike.as_of)
    outputs = _say(state, case, as_of, final=True)
    case.done, case.words, case.usual_words, case.usually_filed = True, None, None, None
    state.settled += 1
    _forget(state, as_of)
    return outputs


def _say(state: State, case: Case, as_of: datetime, *, final: bool) -> list[Output]:
    """Write one revision of a spike's attribution, and the impacts that it changes."""
    spike = case.spike
    memory = state.memories[spike.stream]
    known_at = as_of if not final else max(as_of, (spike.end if spike.end is not None else spike.as_of) + SETTLE)
    versions = timeline_book.visible(state.book, known_at, final=final)
    attribution = explain(case, memory, _known(state, case, versions, as_of, final=final))
    if not final or case.hours is None:
        case.hours = _hours(case, memory)
    return _publish(state, case, attribution, as_of)


def _known(state: State, case: Case, versions: list[timeline_book.Version], as_of: datetime, *, final: bool) -> Known:
    watched = state.memories[case.spike.stream]
    days = (watched.last_s - watched.first_s) / past.DAY_S if watched.first_s is not None else 0.0
    unknown, events = spikes_per_day(state.cases, case.spike, min(days, KEPT / timedelta(days=1)))
    return Known(
        as_of=as_of,
        final=final,
        versions=versions,
        cases=[state.cases[spike_id] for spike_id in sorted(state.cases)],
        checks=state.checks,
        hunches=state.hunches,
        census=state.census,
        ledger=_ledger(state, versions, as_of),
        unknown_per_day=unknown,
        events_per_day=events,
        releases=[version.change for version in versions if version.change.kind == "release"],
    )


def _ledger(state: State, versions: list[timeline_book.Version], as_of: datetime) -> Ledger:
    """What was learnt until a day's first decision: from all that was settled by then."""
    key = (as_of.toordinal(), state.settled)
    if state.ledger_of != key:
        told = [case.last for _, case in sorted(state.cases.items()) if case.last is not None]
        memory = state.memories[STREAMS[0]]
        first_s = memory.first_s if memory.first_s is not None else as_of.timestamp()
        state.ledger = ledger_of(
            (version.change for version in versions),
            told,
            between=(datetime.fromtimestamp(first_s, UTC), as_of - SETTLE),
            seen={name: {leaf[at] for leaf in memory.leaves} for at, name in enumerate(memory.dimensions)},
        )
        state.ledger_of = key
    return state.ledger


def _publish(state: State, case: Case, attribution: Attribution, as_of: datetime) -> list[Output]:
    before = impact_key(case.last) if case.last is not None else None
    case.customers = case.words.customers if case.words is not None else case.customers
    case.revision, case.last = attribution.revision, attribution
    outputs: list[Output] = [(ATTRIBUTIONS, _numbered(state, attribution))]
    after = impact_key(attribution)
    state.members.setdefault(after, set()).add(case.spike.spike_id)
    for key in dict.fromkeys((after, before)):
        if key is not None:
            outputs.extend(_impact(state, key, as_of))
    return outputs


def _impact(state: State, key: str, as_of: datetime) -> list[Output]:
    cases = [state.cases[spike_id] for spike_id in sorted(state.members.get(key, ())) if spike_id in state.cases]
    earlier = state.impacts.get(key)
    impact = impact_of(key, cases, as_of, earlier)
    if impact is None or not changed(impact, earlier):
        return []
    state.impacts[key] = impact
    return [(IMPACTS, _numbered(state, impact))]


def _numbered(state: State, record: Attribution | Impact) -> Sequenced:
    state.seq[record.origin] = state.seq.get(record.origin, 0) + 1
    return replace(record, seq=state.seq[record.origin])


def _hours(case: Case, memory: Memory) -> float | None:
    """Handling hours of the spike's excess at the mean handle time of its window; ``None`` where none is known."""
    periods = past.periods_between(memory, *window(case.spike))
    handled = sum(period.handled for period in periods)
    if handled == 0:
        return None
    return case.spike.excess * sum(period.handle_s for period in periods) / handled / 3600


def _forget(state: State, now: datetime) -> None:
    """Drop the words of settled spikes, and after a year the spikes themselves."""
    forget(state.census, now - CENSUS_KEPT)
    state.hunches = [one for one in state.hunches if one.at >= now - CENSUS_KEPT]
    for spike_id in [s for s, case in state.cases.items() if case.done and case.spike.as_of < now - KEPT]:
        case = state.cases.pop(spike_id)
        if case.last is not None:
            state.members.get(impact_key(case.last), set()).discard(spike_id)
