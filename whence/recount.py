"""Counts again, from stored rows, what an attribution's evidence says."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from clickhouse_connect.driver.client import Client

from schemas.attribution import Candidate, Evidence
from streams.attribute.case import says

WEEK = timedelta(weeks=1)
WEEKS = 8
MOST_TEXTS = 50_000
_DIMENSIONS = ("channel", "product", "platform", "version", "region", "language", "segment", "topic", "team")
_SCOPED = {
    "product": "products",
    "platform": "platforms",
    "version": "versions",
    "region": "regions",
    "segment": "segments",
}
_UNDER = re.compile(r"filed under topic=(.+) \(of all \d")
"""Where the sentence about a record's words names the topic."""
_SIGNS = ("repeats", "backfilled", "late", "top_customer", "same_text")


class Window(NamedTuple):
    """Where and when."""

    workspace: str
    stream: str
    slice: Mapping[str, str]
    start: datetime
    end: datetime


class Share(NamedTuple):
    """A share of contacts, within a window and before it."""

    now: float | None
    before: float | None


class Again(NamedTuple):
    """A number counted again, or why not."""

    value: float | None
    source: str


class Recount:
    """Counts of one spike's window."""

    def __init__(self, client: Client, window: Window) -> None:
        self._client = client
        self._window = window
        self._texts: tuple[list[str], list[str]] | None = None
        self._by_topic: tuple[dict[str, float], dict[str, float]] | None = None

    def contacts(
        self, pairs: Mapping[str, str | tuple[str, ...]] | None = None, *, back: timedelta = timedelta(0)
    ) -> float:
        """Contacts of a slice (the spike's own) in the window, or so long before it."""
        own: Mapping[str, Any] = self._window.slice if pairs is None else pairs
        named = {
            name: (value,) if isinstance(value, str) else value for name, value in own.items() if name in _DIMENSIONS
        }
        where = "".join(f" AND {name} IN {{{name}:Array(String)}}" for name in named)
        sql = f"""SELECT sum(contacts) FROM counts_now WHERE workspace = {{workspace:String}} AND stream = {{stream:String}}
            AND bucket_start >= {{start:DateTime64(3)}} AND bucket_start < {{end:DateTime64(3)}}{where}"""  # noqa: S608 (names of our own columns)
        asked = {
            "workspace": self._window.workspace,
            "stream": self._window.stream,
            "start": self._window.start - back,
            "end": self._window.end - back,
            **{name: list(values) for name, values in named.items()},
        }
        return float(self._client.query(sql, parameters=asked).result_rows[0][0] or 0)

    def usual(self) -> tuple[int, float | None]:
        """Mean of the same hours of the weeks before that have any contact, and how many those are."""
        weeks = max(1, -(-(self._window.end - self._window.start) // WEEK))
        seen = [self.contacts(back=WEEK * back) for back in range(weeks, weeks + WEEKS)]
        while seen and seen[-1] == 0:
            seen.pop()
        return len(seen), sum(seen) / len(seen) if seen else None

    def said_share(self, term: str) -> Share:
        """Share of the texts of the slice's contacts that say a term."""
        if self._texts is None:
            start, end = self._window.start, self._window.end
            self._texts = (self._read(start, end), self._read(start - WEEKS * WEEK, start))
        shares = [sum(says(text, term) for text in texts) / len(texts) if texts else None for texts in self._texts]
        return Share(shares[0], shares[1])

    def _read(self, start: datetime, end: datetime) -> list[str]:
        if self._window.stream != "contacts":
            return []
        named = {name: value for name, value in self._window.slice.items() if name in _DIMENSIONS and value != "other"}
        where = "".join(f" AND {name} = {{{name}:String}}" for name in named)
        sql = f"""SELECT concat(subject, ' ', text) FROM contacts_now WHERE workspace = {{workspace:String}} AND counted
            AND occurred_at >= {{start:DateTime64(3)}} AND occurred_at < {{end:DateTime64(3)}}{where}
            ORDER BY cityHash64(event_id) LIMIT {MOST_TEXTS}"""  # noqa: S608 (names of our own columns)
        asked = {"workspace": self._window.workspace, "start": start, "end": end, **named}
        return [str(row[0]) for row in self._client.query(sql, parameters=asked).result_rows]

    def number(self, candidate: Candidate, evidence: Evidence, name: str) -> Again:
        """One number of an evidence line."""
        change = self._change(candidate.key) if candidate.key else {}
        match evidence.line, name:
            case "time", "lag_h" if change:
                starts = change["starts_at"].replace(tzinfo=self._window.start.tzinfo)
                return Again(
                    (self._window.start - starts) / timedelta(hours=1), "attributions.onset less changes.starts_at"
                )
            case ("scope", "inside") | ("exposure", "active") if change:
                return self._inside(change) if name == "inside" else self._active(change)
            case "words", "filed_usual" | "filed_now":
                return self._filed(evidence, name)
            case "quality", "seen":
                return self._sign(evidence)
            case "prior", "changes":
                return Again(self._known(), "changes known by then (the final revision: all)")
            case _:
                return Again(None, _KEPT.get(evidence.line, "kept as computed"))

    def _change(self, key: str) -> dict[str, Any]:
        sql = "SELECT * FROM changes_now WHERE workspace = {workspace:String} AND change = {key:String}"
        asked = {"workspace": self._window.workspace, "key": key}
        return next(iter(self._client.query(sql, parameters=asked).named_results()), {})

    def _inside(self, change: Mapping[str, Any]) -> Again:
        versioned = change["kind"] != "release"
        scope = {
            name: tuple(change[field])
            for name, field in _SCOPED.items()
            if change[field] and (versioned or name != "version")
        }
        parent = {name: value for name, value in self._window.slice.items() if name not in scope}
        return Again(self.contacts({**parent, **scope}), "counts within the change's scope")

    def _active(self, change: Mapping[str, Any]) -> Again:
        sql = """SELECT sum(last) FROM (SELECT slice, argMax(customers, at) AS last FROM populations_now
            WHERE workspace = {workspace:String} AND at < {end:DateTime64(3)} AND position(slice, {version:String}) > 0
            GROUP BY slice)"""
        version = change["versions"][0] if change["versions"] else ""
        asked = {"workspace": self._window.workspace, "end": self._window.end, "version": f"version={version}"}
        found = self._client.query(sql, parameters=asked).result_rows[0][0]
        return Again(float(found or 0), "populations of the version (all its slices)")

    def _filed(self, evidence: Evidence, name: str) -> Again:
        """Share of the topic that the sentence names, among all contacts before or in the excess."""
        named = _UNDER.search(evidence.sentence)
        if named is None:
            return Again(None, _KEPT["words"])
        if self._by_topic is None:
            self._by_topic = self._topics()
        before, gained = self._by_topic
        counts = before if name == "filed_usual" else gained
        whole = sum(counts.values())
        source = (
            "counts by topic, eight weeks before"
            if name == "filed_usual"
            else "counts by topic, above the weeks before"
        )
        return Again(counts.get(named[1], 0.0) / whole if whole else None, source)

    def _topics(self) -> tuple[dict[str, float], dict[str, float]]:
        """Contacts by topic: of everything in the weeks before, and of the slice in the window above the same hours' mean."""
        start, end = self._window.start, self._window.end
        before = self._counts_by_topic({}, start - WEEKS * WEEK, start)
        weeks, _ = self.usual()
        now = self._counts_by_topic(self._window.slice, start, end)
        first = max(1, -(-(end - start) // WEEK))
        gained = dict(now)
        for back in range(first, first + weeks):
            for topic, count in self._counts_by_topic(
                self._window.slice, start - back * WEEK, end - back * WEEK
            ).items():
                gained[topic] = gained.get(topic, 0.0) - count / weeks
        return before, {topic: count for topic, count in gained.items() if count > 0}

    def _counts_by_topic(self, pairs: Mapping[str, str], start: datetime, end: datetime) -> dict[str, float]:
        named = {name: value for name, value in pairs.items() if name in _DIMENSIONS}
        where = "".join(f" AND {name} = {{{name}:String}}" for name in named)
        sql = f"""SELECT topic, sum(contacts) FROM counts_now WHERE workspace = {{workspace:String}} AND stream = {{stream:String}}
            AND bucket_start >= {{start:DateTime64(3)}} AND bucket_start < {{end:DateTime64(3)}}{where} GROUP BY topic"""  # noqa: S608 (names of our own columns)
        asked = {
            "workspace": self._window.workspace,
            "stream": self._window.stream,
            "start": start,
            "end": end,
            **named,
        }
        return {str(topic): float(count) for topic, count in self._client.query(sql, parameters=asked).result_rows}

    def _sign(self, evidence: Evidence) -> Again:
        said = {"repeated events": "repeats", "old date": "backfilled", "came late": "late"}
        name = next((sign for words, sign in said.items() if words in evidence.sentence), "")
        if name not in _SIGNS:
            return Again(None, "frames: as counted in the window")
        sql = f"""SELECT sum({name}) FROM frames_now WHERE workspace = {{workspace:String}} AND stream = {{stream:String}}
            AND bucket_start >= {{start:DateTime64(3)}} AND bucket_start < {{end:DateTime64(3)}}"""  # noqa: S608 (names of our own columns)
        asked = {
            "workspace": self._window.workspace,
            "stream": self._window.stream,
            "start": self._window.start,
            "end": self._window.end,
        }
        return Again(float(self._client.query(sql, parameters=asked).result_rows[0][0] or 0), f"frames.{name}")

    def _known(self) -> float:
        sql = "SELECT count() FROM changes_now WHERE workspace = {workspace:String}"
        return float(self._client.query(sql, parameters={"workspace": self._window.workspace}).result_rows[0][0])


_KEPT = {
    "prior": "stated share, moved by earlier changes and attributions",
    "time": "lag shape of the kind at that lag",
    "scope": "counts, less the usual ones scaled to the spike's expectation",
    "exposure": "counts and populations; earlier versions' counts",
    "words": "samples of the frames, against all other changes' words",
    "dose": "counts around the change's steps and end",
    "quality": "samples of the frames",
    "joint": "attributions of spikes within a day",
    "parts": "mixture over the sampled contacts",
    "feedback": "feedback",
    "hunch": "hunches",
}
