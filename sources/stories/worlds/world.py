"""A whole world for a family and a seed: records for the stages after admit, raw events for admit, and the truth."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import numpy as np
from msgspec import Struct

from schemas.attribution import CauseKind
from schemas.base import Sequenced
from schemas.catalog import TICKETS, Topic
from schemas.raw import RawEvent, Ticket
from schemas.workspace import Workspace
from sources.stories.world import DAY_S, Ints
from sources.stories.worlds.crowd import USUAL, Cast, Crowd, ends_of, gather
from sources.stories.worlds.drama import Drama
from sources.stories.worlds.families import FAMILIES, Family
from sources.stories.worlds.frames import FrameMaker, Hide, Leaves, Spoken, customer_name, event_id
from sources.stories.worlds.market import Market, open_market
from sources.stories.worlds.phrasing import LANGUAGES, Lexicon
from sources.stories.worlds.playwright import Playwright
from sources.stories.worlds.records import Record, moment, raw_event, records

FIRST_DAY = datetime(2026, 3, 2, tzinfo=UTC)
MOST = 0.7


class WorldTruth(Struct, frozen=True, kw_only=True):
    """One true spike. ``slice``: the values that at least 70% of its contacts share; ``onset`` to ``end``: when 98% of
    them came; ``ratio``: contacts added over the usual ones of its place and time. Of ``must_not_blame`` nothing came."""

    name: str
    cause_kind: CauseKind
    cause_key: str = ""
    onset: datetime
    end: datetime
    slice: dict[str, str]
    excess: int
    ratio: float
    fault: str = ""
    must_not_blame: tuple[str, ...] = ()


class World:
    """One made-up company for some weeks. ``truth`` in order of onset; row ``i`` of ``crowd`` was added by the effect
    ``crowd.effect[i]``, of which ``effect_names`` has the name."""

    def __init__(self, family: Family, seed: int, parts: tuple[Market, Drama, Crowd], workspace: Workspace) -> None:
        self.family, self.seed, self.workspace = family, seed, workspace
        self.market, self.drama, self.crowd = parts
        self.start = FIRST_DAY
        self.ends_at = moment(self.start, self.market.ends)
        self.effect_names = tuple(effect.name for effect in self.drama.effects)
        self._lexicon = Lexicon(seed, family, self.market.topics, self.drama)
        self.leaves = self._leaves()
        self.truth = tuple(self._truths())

    @property
    def name(self) -> str:
        return f"{self.family.name}/{self.seed}"

    def records(self, hide: Hide | None = None) -> Iterator[Sequenced]:
        """Frames and timeline entries as admit writes them. ``hide`` hashes customers."""
        spoken = Spoken(self.text, LANGUAGES, hide or _hidden)
        maker = FrameMaker(self.workspace, self.start, self.crowd, self.leaves, spoken)
        return maker.records(self.told(), self.market.ends)

    def events(self) -> Iterator[tuple[float, Topic, RawEvent]]:
        """Raw events with the second of their arrival, in order."""
        crowd = self.crowd
        arrivals = crowd.at + crowd.delay
        tickets = (
            (float(arrivals[row]), TICKETS, self._ticket(row)) for row in np.argsort(arrivals, kind="stable").tolist()
        )
        told = ((one.at, one.topic, raw_event(one, self.workspace.name)) for one in self.told())
        return iter(sorted((*tickets, *told), key=lambda arrival: arrival[0]))

    def told(self) -> list[Record]:
        """The company's records, in order."""
        return records(self.market, self.drama, self.start, counts=self.family.counts)

    def text(self, row: int) -> str:
        """What a contact says."""
        crowd = self.crowd
        language = LANGUAGES[int(crowd.language[row])]
        voice = int(crowd.voice[row])
        pool = self._lexicon.usual[int(crowd.about[row])] if voice == USUAL else self._lexicon.effects[voice]
        edges = (
            self._lexicon.openers[language][int(crowd.opener[row])],
            self._lexicon.closers[language][int(crowd.closer[row])],
        )
        return (edges[0] + pool[language][int(crowd.core[row])] + edges[1]).strip()

    def _ticket(self, row: int) -> Ticket:
        leaf: dict[str, Any] = dict(
            zip(self.workspace.dimensions, self.leaves.values[int(self.leaves.place[row])], strict=True)
        )
        return Ticket(
            event_id=event_id(row),
            workspace=self.workspace.name,
            occurred_at=moment(self.start, float(self.crowd.at[row])),
            source="helpdesk",
            contact=f"T{row}",
            customer=customer_name(int(self.crowd.customer[row])),
            language=LANGUAGES[int(self.crowd.language[row])],
            text=self.text(row),
            **leaf,
        )

    def _topics(self) -> list[str]:
        """The market's topics, and after them the new names that categories get."""
        topics = self.market.topics
        renamed = [
            f"{topics[effect.topics[0]]} help" if effect.fault == "renamed" else "" for effect in self.drama.effects
        ]
        return [*topics, *renamed]

    def _leaves(self) -> Leaves:
        crowd, topics = self.crowd, self._topics()
        most = max((len(made) for made in self.drama.published), default=1) + 1
        code = ((crowd.track * most + crowd.held) * len(self.market.regions) + crowd.region) * len(topics) + crowd.topic
        found, inverse = np.unique(code, return_inverse=True)
        values = [self._leaf(int(one), most, topics) for one in found]
        order = sorted(range(len(values)), key=lambda place: values[place])
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return Leaves([values[place] for place in order], rank[inverse])

    def _leaf(self, code: int, most: int, topics: list[str]) -> tuple[str, ...]:
        code, topic = divmod(code, len(topics))
        code, region = divmod(code, len(self.market.regions))
        track, held = divmod(code, most)
        made = self.drama.published[track]
        where = self.market.tracks[track]
        version = made[held].version if made else ""
        return where.product, where.platform, version, self.market.regions[region][0], topics[topic]

    def _truths(self) -> Iterator[WorldTruth]:
        for index, effect in enumerate(self.drama.effects):
            rows = np.flatnonzero(self.crowd.effect == index)
            if rows.size < 5:
                continue
            at = self.crowd.at[rows]
            yield WorldTruth(
                name=effect.name,
                cause_kind=effect.cause_kind,
                cause_key=effect.cause_key,
                onset=moment(self.start, float(at.min()) if effect.fault else effect.onset),
                end=moment(self.start, ends_of(at)),
                slice=self._shared(rows),
                excess=int(rows.size),
                ratio=effect.ratio,
                fault=effect.fault or "",
                must_not_blame=effect.must_not_blame,
            )

    def _shared(self, rows: Ints) -> dict[str, str]:
        places, counts = np.unique(self.leaves.place[rows], return_counts=True)
        shared: dict[str, str] = {}
        for at, name in enumerate(self.workspace.dimensions):
            by_value: dict[str, int] = {}
            for place, count in zip(places.tolist(), counts.tolist(), strict=True):
                value = self.leaves.values[place][at]
                by_value[value] = by_value.get(value, 0) + count
            value, count = max(by_value.items(), key=lambda pair: pair[1])
            if value and count >= MOST * rows.size:
                shared[name] = value
        return shared


def make_world(
    family: str,
    seed: int,
    *,
    days: int = 21,
    history_days: int = 8,
    effects: int = 6,
    bucket_s: int = 3_600,
    per_hour: float | None = None,
    shares: tuple[float, float] | None = None,
    **more: Any,
) -> World:
    """The world of a family and a seed: quiet days, then days in which things happen.

    Args:
        family: One of :data:`FAMILIES`.
        seed: The same arguments give the same world, byte for byte.
        days: Its length; a Monday is the first day.
        history_days: Days before the first effect.
        effects: Causes written; a thin world has fewer, as what nobody could see is left out.
        bucket_s: Bucket width of the workspace, seconds.
        per_hour: Mean contacts an hour, if not the family's.
        shares: Effects last some hours and add between these shares of all contacts, if not sized to be just seen.
        more: Other settings of the workspace.

    Raises:
        ValueError: the family is unknown, or nothing is left of the time.
    """
    if family not in FAMILIES:
        raise ValueError(f"there is no family {family!r}; there are {', '.join(FAMILIES)}")
    if not 0 <= history_days < days - 2:
        raise ValueError(f"{days} days leave no time for effects after {history_days} days")
    chosen = FAMILIES[family]
    rng = np.random.default_rng([seed, *family.encode()])
    per_day = None if per_hour is None else 24.0 * per_hour
    market = open_market(rng, chosen, days=days, weekday0=FIRST_DAY.weekday(), per_day=per_day)
    drama = Playwright(rng, chosen, market, history_days=history_days, shares=shares).write(effects)
    customers = round(25 * float(market.levels.mean()) * 24.0)
    crowd = gather(Cast(rng, market, drama, customers))
    workspace = Workspace(
        name=family,
        bucket_s=bucket_s,
        lateness_s=120,
        progress="input",
        dimensions=("product", "platform", "version", "region", "topic"),
        **{"budget_per_week": 1.0, **more},
    )
    return World(chosen, seed, (market, drama, crowd), workspace)


def _hidden(customer: str) -> str:
    return blake2b(customer.encode(), digest_size=12).hexdigest()


__all__ = ["DAY_S", "World", "WorldTruth", "make_world"]
