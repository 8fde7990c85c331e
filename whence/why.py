"""``whence why SPIKE``: every number of an attribution beside where it comes from, counted again from stored rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client
from msgspec import Struct

from schemas.attribution import Candidate, Evidence
from sinks.migrate import require_current
from streams.attribute.explain import probabilities_of
from whence.errors import DataRefused, SettingsError
from whence.recount import Recount, Window
from whence.settings import Settings
from whence.show import OUT, print_json, print_table
from whence.store import store_client

Pairs = dict[str, str]
CLOSE = 0.02


class Figure(Struct, frozen=True):
    """One number: of which cause and line, what was said, what counting again gives (``None``: it cannot be), from where."""

    cause: str
    line: str
    name: str
    said: float
    again: float | None
    source: str


class Why(Struct, frozen=True, kw_only=True):
    """An attribution taken apart."""

    workspace: str
    spike: str
    revision: int
    final: bool
    slice: str
    onset: datetime
    end: datetime
    sentence: str
    candidates: tuple[Candidate, ...]
    figures: tuple[Figure, ...]


class Row(NamedTuple):
    """What the store has of a spike: its last attribution and the spike's last revision."""

    attribution: dict[str, Any]
    spike: dict[str, Any]


def run_why(settings: Settings, spike: str, *, workspace: str | None, as_json: bool) -> None:
    """Take a spike's last attribution apart, and count again.

    Raises:
        DataRefused: no spike, or several, go by that name.
        FatalError: the store is away.
    """
    with store_client(settings.store) as client:
        require_current(client)
        why = why_of(client, spike, workspace=workspace)
    if as_json:
        print_json(why)
    else:
        _show(why)


def why_of(client: Client, spike: str, *, workspace: str | None = None) -> Why:
    """The last attribution of the spike whose id begins so, with every number that can be counted again."""
    row = _row(client, spike, workspace)
    said = row.attribution
    asked = {"workspace": said["workspace"], "spike": said["spike_id"]}
    stored = client.query(_CANDIDATES, parameters=asked).named_results()
    candidates = tuple(_candidate(one) for one in stored)
    window = Window(
        said["workspace"], said["stream"], dict(said["slice_pairs"]), _zoned(said["onset"]), _zoned(said["end"])
    )
    recount = Recount(client, window)
    return Why(
        workspace=said["workspace"],
        spike=said["spike_id"],
        revision=said["revision"],
        final=said["final"],
        slice=said["slice"],
        onset=window.start,
        end=window.end,
        sentence=said["sentence"],
        candidates=candidates,
        figures=(*_of_the_spike(row, recount), *_of_the_words(said, recount), *_of_the_causes(candidates, recount)),
    )


_LAST = """SELECT * FROM attributions_now WHERE startsWith(spike_id, {spike:String})
AND ({workspace:String} = '' OR workspace = {workspace:String}) ORDER BY workspace, spike_id LIMIT 6"""
_SPIKE = "SELECT * FROM spikes_now WHERE workspace = {workspace:String} AND spike_id = {spike:String}"
_CANDIDATES = """SELECT * FROM candidates_now WHERE workspace = {workspace:String} AND spike_id = {spike:String}
ORDER BY rank"""


def _row(client: Client, spike: str, workspace: str | None) -> Row:
    if not spike:
        raise SettingsError("SPIKE is empty; allowed is a spike's id or its beginning")
    asked = {"spike": spike, "workspace": workspace or ""}
    found = list(client.query(_LAST, parameters=asked).named_results())
    if not found:
        raise DataRefused(f"No attributed spike's id begins with {spike!r}")
    if len(found) > 1:
        raise DataRefused(f"{spike!r} may be {', '.join(one['spike_id'] for one in found[:5])}. Give more of the id")
    asked = {"spike": found[0]["spike_id"], "workspace": found[0]["workspace"]}
    spikes = list(client.query(_SPIKE, parameters=asked).named_results())
    return Row(found[0], spikes[0] if spikes else {})


def _candidate(row: dict[str, Any]) -> Candidate:
    parts = zip(
        row["evidence_line"], row["evidence_weight"], row["evidence_sentence"], row["evidence_numbers"], strict=True
    )
    return Candidate(
        kind=row["kind"],
        key=row["change"],
        title=row["title"],
        owner=row["owner"],
        probability=row["probability"],
        excess=row["excess"],
        excess_low=row["excess_low"],
        excess_high=row["excess_high"],
        evidence=tuple(Evidence(line=n, weight=w, sentence=s, numbers=dict(x)) for n, w, s, x in parts),
    )


def _zoned(moment: datetime) -> datetime:
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _of_the_spike(row: Row, recount: Recount) -> Iterator[Figure]:
    said = row.attribution
    weeks, usual = recount.usual()
    yield Figure("", "spike", "contacts", said["observed"], recount.contacts(), "counts of the slice from onset to end")
    yield Figure("", "spike", "expected", said["expected"], None, "spikes: detection's forecast")
    yield Figure("", "spike", "usual", said["expected"], usual, f"counts of the same hours in {weeks} weeks before")
    for name in ("excess", "excess_low", "excess_high", "surprise"):
        if name in row.spike:
            yield Figure("", "spike", name, row.spike[name], None, "spikes: detection's own")


def _of_the_words(said: dict[str, Any], recount: Recount) -> Iterator[Figure]:
    for term, now, usually in zip(said["term"], said["term_share_now"], said["term_share_usual"], strict=True):
        again = recount.said_share(term)
        yield Figure("", "words", f"say '{term}'", now, again.now, "contacts of the slice, all (said: of the samples)")
        yield Figure(
            "", "words", f"usually say '{term}'", usually, again.before, "contacts of the slice, eight weeks before"
        )


def _of_the_causes(candidates: Sequence[Candidate], recount: Recount) -> Iterator[Figure]:
    again = probabilities_of(candidates)
    for candidate, probability in zip(candidates, again, strict=True):
        name = candidate.key or candidate.kind
        parted = any(one.line == "parts" for one in candidate.evidence)
        source = "weights: softmax, then shared by parts" if parted else "weights: softmax of their sum"
        yield Figure(name, "all", "probability", candidate.probability, None if parted else probability, source)
        for evidence in candidate.evidence:
            yield Figure(name, evidence.line, "weight", evidence.weight, None, evidence.sentence)
            for number, value in evidence.numbers.items():
                found = recount.number(candidate, evidence, number)
                yield Figure(name, evidence.line, number, value, found.value, found.source)


def _show(why: Why) -> None:
    OUT.print(why.sentence, markup=False, highlight=False)
    rows = [
        (one.cause, one.line, one.name, _told(one.said), _told(one.again), _mark(one), one.source)
        for one in why.figures
    ]
    state = "final" if why.final else f"revision {why.revision}"
    title = f"Spike {why.spike} of {why.workspace} ({why.slice or 'everywhere'}), {state}"
    print_table(title, ("cause", "line", "number", "said", "counted again", "", "from"), rows)


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:,.4g}"


def _mark(one: Figure) -> str:
    """Whether counting again gives the same; samples and forecasts may differ."""
    if one.again is None:
        return ""
    return "same" if abs(one.again - one.said) <= CLOSE * max(abs(one.said), 1.0) else "differs"


__all__ = ["Figure", "Why", "run_why", "why_of"]
