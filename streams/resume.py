"""From a runner's progress to a checkpoint, and back where the topics still are what they were."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple, Protocol

from streams.checkpoint import DamagedError, Mark, Snapshot, packed, seam_digest, unpacked
from streams.frozen import ThawError, freeze, thaw
from streams.ledger import Ledger
from streams.progress import Progress, Seam
from streams.reader import Bounds, Delivery, End, Place

NO_SEAM = -1


class Source(Protocol):
    """Where records are read again."""

    def read(self, starts: Mapping[Place, int]) -> Iterator[Delivery | End]: ...

    def bounds(self, places: Collection[Place]) -> dict[Place, Bounds]: ...

    def identities(self, topics: Collection[str]) -> dict[str, str]: ...


def snapshot_of(progress: Progress, *, fingerprint: str, made_s: float, topics: dict[str, str]) -> Snapshot:
    """Everything that going on from here needs. Only right where all that is ``written`` has been acknowledged.

    Raises:
        FreezeError: a state cannot be kept.
    """
    return Snapshot(
        fingerprint=fingerprint,
        made_s=made_s,
        topics=topics,
        reads=_marks(progress, progress.complete_to),
        writes=_marks(progress, progress.outputs_to),
        applied=progress.applied.entries(),
        emitted=progress.emitted.entries(),
        written=progress.written.entries(),
        told=progress.told,
        states={workspace: packed(freeze(state)) for workspace, state in progress.states.items()},
    )


def _marks(progress: Progress, places: Mapping[Place, int]) -> dict[str, Mark]:
    marks: dict[str, Mark] = {}
    for place, to in places.items():
        seam = progress.seams.get(place, Seam(NO_SEAM, b""))
        marks[place.topic] = Mark(to, seam.offset, seam_digest(seam.value))
    return marks


class Unfit(NamedTuple):
    """Why a snapshot cannot be used."""

    why: str


def resumed(
    snapshot: Snapshot,
    fresh: Progress,
    source: Source,
    *,
    bounds: Mapping[Place, Bounds],
    topics: Mapping[str, str],
    modules: Collection[str],
) -> Progress | Unfit | None:
    """The progress that the snapshot holds, why it is of no use, or nothing if reading was interrupted.

    Args:
        snapshot: Made under the same fingerprint.
        fresh: Progress from the beginning, which says which places there are; it is filled.
        source: Where the records before the snapshot's places are looked up.
        bounds: What those places hold now.
        topics: The topics' identities now.
        modules: Further modules of the states' classes.

    Raises:
        RetryableError: the broker does not answer.
    """
    other = [name for name, one in snapshot.topics.items() if one and topics.get(name, "") not in ("", one)]
    if other:
        return Unfit(f"{min(other)} is another topic than it was, or on another cluster")
    marks = {place: snapshot.reads[place.topic] for place in fresh.complete_to}
    outputs = {place: snapshot.writes[place.topic] for place in fresh.outputs_to}
    for place, mark in (marks | outputs).items():
        if mark.to > bounds[place].high:
            return Unfit(f"it is ahead of {place.topic}, which ends at {bounds[place].high}, not at {mark.to}")
    for place, mark in marks.items():
        if bounds[place].low > mark.to:
            return Unfit(f"{place.topic} begins at {bounds[place].low}, after what it had read to ({mark.to})")
    seams = _seams(source, marks | outputs, bounds)
    if not isinstance(seams, dict):
        return seams
    gone = {place.topic for place, mark in marks.items() if 0 < mark.to == bounds[place].low}
    return _adopted(snapshot, fresh, seams, modules, gone)


def _seams(
    source: Source, marks: Mapping[Place, Mark], bounds: Mapping[Place, Bounds]
) -> dict[Place, Seam] | Unfit | None:
    """The last records before the marks, as they lie on the topics now; those that retention has taken are left out."""
    asked = {place: mark.seam for place, mark in marks.items() if mark.seam >= bounds[place].low}
    found: dict[Place, Seam] = {}
    for item in source.read(asked) if asked else ():
        place = Place(item.topic, item.partition)
        if place in found:
            continue
        if not isinstance(item, Delivery) or item.offset != asked[place] or _differs(item, marks[place]):
            return Unfit(f"{place.topic}/{place.partition}/{asked[place]} is another record than it was")
        found[place] = Seam(item.offset, item.value or b"")
        if len(found) == len(asked):
            break
    return found if len(found) == len(asked) else None


def _differs(item: Delivery, mark: Mark) -> bool:
    return seam_digest(item.value or b"") != mark.digest


def _adopted(
    snapshot: Snapshot, fresh: Progress, seams: Mapping[Place, Seam], modules: Collection[str], gone: Collection[str]
) -> Progress | Unfit:
    """``gone``: topics on which nothing is left of what was applied. Their writers may have begun to count anew."""
    try:
        fresh.states = {name: thaw(unpacked(one), modules=modules) for name, one in snapshot.states.items()}
    except (ThawError, DamagedError) as error:
        return Unfit(f"of a state in it: {error}")
    fresh.applied = Ledger((series, seq) for series, seq in snapshot.applied if series.topic not in gone)
    fresh.emitted = Ledger(snapshot.emitted)
    fresh.written, fresh.told = Ledger(snapshot.written), snapshot.told
    fresh.complete_to = {place: snapshot.reads[place.topic].to for place in fresh.complete_to}
    fresh.outputs_to = {place: snapshot.writes[place.topic].to for place in fresh.outputs_to}
    fresh.seams.update(seams)
    return fresh
