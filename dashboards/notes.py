"""Annotations for changes and spikes, for whatever else a company draws in its Grafana."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

from msgspec import Struct

from dashboards.query import Query, Row

TAG = "whence"
_MOST = 2_000

_SPIKES = f"""
SELECT s.workspace AS workspace, s.spike_id AS id, s.onset AS begins, coalesce(s.end, s.as_of) AS ends, s.slice AS slice, a.cause_kind AS kind,
    if(a.sentence = '', concat('More contacts than usual: ', if(s.slice = '', 'everywhere', s.slice)), a.sentence) AS text
FROM (SELECT * FROM spikes_now WHERE state != 'merged') AS s
LEFT JOIN attributions_now AS a ON a.workspace = s.workspace AND a.spike_id = s.spike_id
ORDER BY begins DESC, id
LIMIT {_MOST}
"""
_CHANGES = f"""
SELECT workspace, change AS id, starts_at AS begins, starts_at AS ends, kind, concat(kind, ': ', if(title = '', change, title), if(owner = '', '', concat(' (', owner, ')'))) AS text
FROM changes_now
ORDER BY begins DESC, id
LIMIT {_MOST}
"""


class Note(Struct, frozen=True, kw_only=True):
    """One annotation; times are epoch milliseconds, ``key`` is the tag by which it is found again."""

    workspace: str
    key: str
    kind: str
    time: int
    time_end: int
    text: str

    @property
    def tags(self) -> tuple[str, ...]:
        """Everything that a query of annotations can be narrowed by."""
        what = self.key.partition(":")[0]
        return (TAG, what, f"workspace:{self.workspace}", self.key, *((f"kind:{self.kind}",) if self.kind else ()))


def notes(query: Query) -> list[Note]:
    """One for every spike and change that the store knows, the latest 2,000 of each."""
    return [_note("spike", row) for row in query(_SPIKES, {})] + [_note("change", row) for row in query(_CHANGES, {})]


def _note(what: str, row: Row) -> Note:
    begins, ends = (_millis(cast("datetime", row[name])) for name in ("begins", "ends"))
    return Note(workspace=str(row["workspace"]), key=f"{what}:{row['id']}", kind=str(row["kind"]), time=begins, time_end=max(begins, ends), text=str(row["text"]))  # fmt: skip


def _millis(moment: datetime) -> int:
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
