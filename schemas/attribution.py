"""What attribute writes: for every spike its causes with their evidence, and what each cause has cost."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.base import Count, Moment, Sequenced, Share
from schemas.frame import WatchedStream

CauseKind = Literal[
    "release", "promotion", "policy", "price", "incident", "automation", "capacity", "unknown", "measurement"
]
EvidenceLine = Literal[
    "prior", "time", "scope", "exposure", "words", "dose", "quality", "feedback", "joint", "hunch", "parts"
]
NAMELESS = ("unknown", "measurement")


class Evidence(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of evidence: ``weight`` in nats of log-odds against ``unknown``, said to a person in ``sentence``."""

    line: EvidenceLine
    weight: float
    sentence: str
    numbers: dict[str, float] = {}


class Candidate(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One possible cause of a spike. ``key`` is the change's, empty for ``unknown`` and ``measurement``.
    ``excess`` is the contacts of the spike due to it, with its 90% interval."""

    kind: CauseKind
    key: str = ""
    title: str = ""
    owner: str = ""
    probability: Share
    excess: float
    excess_low: float
    excess_high: float
    evidence: tuple[Evidence, ...] = ()


class Term(Struct, frozen=True, kw_only=True):
    """A word or phrase of the excess contacts: share of them now, and usually."""

    term: str
    share_now: Share
    share_usual: Share


class Quote(Struct, frozen=True, kw_only=True):
    """A redacted contact of the spike, picked to represent."""

    event_id: str
    occurred_at: Moment
    text: str


class Attribution(Sequenced, frozen=True, kw_only=True, omit_defaults=True):
    """One revision of a spike's attribution. Probabilities sum to one, the likeliest candidate first.

    ``as_of`` is event time: nothing later was used. The last revision is ``final``.
    """

    spike_id: str
    revision: Count
    as_of: Moment
    final: bool
    stream: WatchedStream
    state: Literal["open", "closed", "merged"]
    slice: dict[str, str]
    onset: Moment
    end: Moment
    expected: float
    observed: Count
    candidates: tuple[Candidate, ...]
    sentence: str
    terms: tuple[Term, ...] = ()
    quotes: tuple[Quote, ...] = ()


class Impact(Sequenced, frozen=True, kw_only=True, omit_defaults=True):
    """One change and all it has cost so far; for a nameless cause, one spike. ``hours`` only where handle times
    are known, ``customers`` counted in the samples. ``by_slice`` holds excess contacts by slice text.
    ``explanation`` and ``quotes`` are those of its ``largest`` spike."""

    impact_id: str
    revision: Count
    as_of: Moment
    state: Literal["open", "closed", "withdrawn"]
    kind: CauseKind
    key: str = ""
    title: str = ""
    owner: str = ""
    probability: Share
    spikes: tuple[str, ...]
    first: Moment
    last: Moment
    contacts: float
    contacts_low: float
    contacts_high: float
    hours: float | None = None
    customers: Count | None = None
    by_slice: dict[str, float] = {}
    sentence: str = ""
    explanation: str = ""
    quotes: tuple[Quote, ...] = ()
    largest: str = ""
