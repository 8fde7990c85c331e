"""What was already told, where the records it came from are gone.

Usually a state is rebuilt from the first record on, and an output whose ``seq`` is already on its topic is withheld. Where
retention has cut the beginning of the inputs, the rebuilt state counts from another beginning, so numbers say nothing.
Then time and names decide: what was decided up to the last moment that the output topics tell of is withheld; what is
decided later is written, and goes on counting ``seq`` and revisions from what is there. No name is told twice.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from schemas.alert import Alert
from schemas.attribution import Attribution, Impact
from schemas.base import Sequenced
from schemas.catalog import EXPECTATIONS, SPIKES
from schemas.spike import Expectation, Spike
from streams.ledger import Head, Series

FIRST = 1
Named = Spike | Attribution | Impact | Alert


class Word(Head, frozen=True, kw_only=True):
    """What of an output says what was decided, and when."""

    spike_id: str = ""
    impact_id: str = ""
    alert_id: str = ""
    revision: int = 0
    spike_seq: int = 0
    until: datetime | None = None
    as_of: datetime | None = None
    at: datetime | None = None

    @property
    def name(self) -> str:
        """What it is about."""
        return self.alert_id or self.spike_id or self.impact_id

    @property
    def decided(self) -> datetime | None:
        """When it was decided, in event time."""
        return self.as_of or self.at or self.until


class Last(Struct):
    """The last word on one name."""

    at: datetime
    revision: int


class Heard(Struct):
    """What a series of outputs told before: its last ``seq``, its last moment, and the last word on every name.
    ``covered``: until when the expectations that count so many spikes reach."""

    seq: int = 0
    at: datetime | None = None
    names: dict[str, Last] = {}
    covered: dict[int, datetime] = {}


class Told(Struct):
    """The outputs of one runner, by series. ``late`` names the workspaces whose history begins after its beginning,
    ``issued`` the last ``seq`` given to their outputs, by series."""

    heard: dict[str, Heard] = {}
    late: set[str] = set()
    issued: dict[str, int] = {}

    def hear(self, series: Series, word: Word) -> None:
        """Take in an output that lies on its topic."""
        heard = self.heard.setdefault(_key(series), Heard())
        heard.seq = max(heard.seq, word.seq)
        at = word.decided
        if at is None:
            return
        heard.at = at if heard.at is None else max(at, heard.at)
        if word.name:
            heard.names[word.name] = Last(at, word.revision)
        if series.topic == EXPECTATIONS.name:
            heard.covered[word.spike_seq] = at

    def begin_late(self, workspace: str) -> dict[Series, int]:
        """From now on time and names decide for this workspace; the last ``seq`` of each of its outputs' series so far."""
        self.late.add(workspace)
        self._count_cut_spikes()
        mine = {_series(key): heard.seq for key, heard in self.heard.items() if _series(key).workspace == workspace}
        self.issued.update({_key(series): seq for series, seq in mine.items()})
        return mine

    def _count_cut_spikes(self) -> None:
        """Where no spike is left on the topic, the expectations still say how many there were."""
        for key, heard in list(self.heard.items()):
            if _series(key).topic == EXPECTATIONS.name:
                spikes = self.heard.setdefault(_key(_spikes(_series(key))), Heard())
                spikes.seq = spikes.seq if spikes.seq > 0 else max(heard.covered, default=0)

    def retold(self, series: Series, record: Sequenced) -> Sequenced | None:
        """The output as it goes on from what is there, or nothing if it was told."""
        heard = self.heard.setdefault(_key(series), Heard())
        going_on: Sequenced | None = record
        if isinstance(record, Expectation):
            counted = self.issued.get(_key(_spikes(series)), 0)
            going_on = replace(record, spike_seq=counted) if heard.at is None or record.until > heard.at else None
        elif isinstance(record, Spike | Attribution | Impact | Alert):
            going_on = self._revised(series, heard, record)
        if going_on is None:
            return None
        seq = self.issued[_key(series)] = self.issued.get(_key(series), 0) + 1
        return replace(going_on, seq=seq)

    def _revised(self, series: Series, heard: Heard, record: Named) -> Named | None:
        name, at = _name_and_moment(record)
        last = heard.names.get(name)
        if isinstance(record, Spike):
            limit = self._judged_to(series, heard)
            # A spike that was found in what was judged before, under a name nobody has heard of, is one that was told
            # under another name, or was none.
            before = limit is not None and (at <= limit or (last is None and record.opened_at <= limit))
        else:
            before = heard.at is not None and at < heard.at
        if before or (last is not None and (at <= last.at or record.revision == FIRST)):
            return None
        revision = last.revision + 1 if last is not None else FIRST
        heard.names[name] = Last(at, revision)
        return replace(record, revision=revision)

    def _judged_to(self, series: Series, heard: Heard) -> datetime | None:
        """Until when every spike has surely been told: as far as the last expectation that counts no more than there are."""
        judged = self.heard.get(_key(series._replace(topic=EXPECTATIONS.name)), Heard())
        return max((until for spikes, until in judged.covered.items() if spikes <= heard.seq), default=heard.at)


def _name_and_moment(record: Named) -> tuple[str, datetime]:
    match record:
        case Spike() | Attribution():
            return record.spike_id, record.as_of
        case Impact():
            return record.impact_id, record.as_of
        case Alert():
            return record.alert_id, record.at


def _key(series: Series) -> str:
    return "\n".join(series)


def _series(key: str) -> Series:
    return Series(*key.split("\n"))


def _spikes(series: Series) -> Series:
    return series._replace(topic=SPIKES.name)
