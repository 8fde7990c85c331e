"""``whence campaign``: is support ready for it, how does it go, and what was it in the end."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from dashboards.campaigns import CLAIMS, UNAWARE
from dashboards.panel import Panel, needed
from dashboards.query import Query, Row, from_client
from schemas.errors import FatalError, WhenceError
from schemas.raw import Promotion
from sinks.migrate import require_current
from streams.cost import cost_of
from whence.campaign_facts import Found, Plan, Promise, Report, Unaware
from whence.campaign_words import report
from whence.daily import from_store
from whence.errors import CheckFailed, DataRefused, SettingsError
from whence.settings import Settings
from whence.show import OUT, print_json, say
from whence.store import store_client

_MARKS = {True: "fine   ", False: "MISSING", None: "?      "}
_ENVELOPE = {"event_id": "file", "workspace": "file", "source": "file"}
_PLAN = """
SELECT workspace, change, kind, title, owner, starts_at, ends_at, expected_contacts, support_briefed_at, macro, article, claims
FROM changes_now WHERE change = {change:String} OR title = {change:String}"""
_JUDGED = """
SELECT max(progress_now.until) AS now FROM progress_now WHERE workspace = {workspace:String} AND topic = 'expectations'"""
_USUAL = """
SELECT avg(i.contacts) AS usual, count() AS earlier, sum(i.hours) / nullIf(sumIf(i.contacts, i.hours IS NOT NULL), 0) AS hours_each
FROM (SELECT change FROM changes_now WHERE workspace = {workspace:String} AND kind = 'promotion' AND change != {change:String}) AS c
INNER JOIN (SELECT * FROM impacts_now WHERE workspace = {workspace:String} AND state != 'withdrawn') AS i ON i.change = c.change"""
_HANDLED = """
SELECT avg(handle_s) / 3600 AS hours_each FROM contacts_all WHERE workspace = {workspace:String} AND handle_s > 0"""
_IMPACT = """
SELECT contacts, contacts_low, contacts_high FROM impacts_now
WHERE workspace = {workspace:String} AND change = {change:String} AND state != 'withdrawn'"""
_CONVERSATIONS = """
SELECT count() AS n FROM contacts_all
WHERE workspace = {workspace:String} AND occurred_at >= {since:DateTime64(3, 'UTC')}
    AND occurred_at < {until:DateTime64(3, 'UTC')} AND position(turns, '"agent"') > 0"""


def run_campaign(settings: Settings, what: str, *, workspace: str | None, as_json: bool) -> None:
    """Check one campaign of the store, or every one of a file.

    Raises:
        CheckFailed: something is missing or went wrong.
        DataRefused: the file cannot be read as promotions, or the store knows no such campaign.
    """
    path = Path(what)
    is_file = path.suffix.lower() in (".json", ".toml", ".jsonl") or path.is_file()
    reports = _of_file(settings, path, workspace) if is_file else [_of_store(settings, what, workspace)]
    if as_json:
        print_json(reports)
    else:
        for one in reports:
            _show(one)
    wrong = [one.key for one in reports if one.missing]
    if wrong:
        raise CheckFailed(f"{len(wrong)} of {len(reports)} campaign(s) need somebody's attention: {', '.join(wrong)}")


def _show(one: Report) -> None:
    OUT.print(one.verdict, markup=False, highlight=False, soft_wrap=True)
    for point in one.points:
        OUT.print(f"  {_MARKS[point.fine]}  {point.sentence}", markup=False, highlight=False, soft_wrap=True)


def plans_of(path: Path) -> list[Plan]:
    """The campaigns of a JSON, JSONL or TOML file: one promotion as the topic `promotions` takes it, a list of them, or in
    TOML ``[[promotions]]``. What only the topic needs may be left out.

    Raises:
        DataRefused: it cannot be read as that, with the place at fault.
    """
    try:
        text = path.read_text(encoding="utf-8")
        plain = _parsed(path, text)
    except OSError as error:
        raise DataRefused(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DataRefused(f"{path} is not UTF-8") from None
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise DataRefused(f"{path} cannot be read: {error}") from None
    return [_plan_of(path, number, one) for number, one in enumerate(plain, start=1)]


def _parsed(path: Path, text: str) -> list[Any]:
    if path.suffix.lower() == ".toml":
        found = tomllib.loads(text)
        return list(found["promotions"]) if isinstance(found.get("promotions"), list) else [found]
    if path.suffix.lower() == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    found = json.loads(text)
    return found if isinstance(found, list) else [found]


def _plan_of(path: Path, number: int, plain: object) -> Plan:
    if not isinstance(plain, Mapping):
        raise DataRefused(f"{path}, campaign {number}: it is no object with fields")
    if unknown := sorted(set(plain) - set(Promotion.__struct_fields__)):
        raise DataRefused(
            f"{path}, campaign {number}: {unknown[0]} is no field of a promotion; see docs/contracts/promotions.schema.json"
        )
    try:
        one = msgspec.convert({**_ENVELOPE, "occurred_at": datetime.now(UTC), **plain}, Promotion)
    except msgspec.ValidationError as error:
        raise DataRefused(f"{path}, campaign {number}: {error}") from None
    return Plan(
        key=one.change,
        title=one.title,
        owner=one.owner,
        starts_at=one.starts_at,
        ends_at=one.ends_at,
        planned=one.expected_contacts,
        briefed_at=one.support_briefed_at,
        macro=one.macro,
        article=one.article,
        claims=one.claims,
    )


def _of_file(settings: Settings, path: Path, workspace: str | None) -> list[Report]:
    plans = plans_of(path)
    name = workspace if workspace is not None else settings.workspaces[0].name
    now = datetime.now(UTC)
    return [report(plan, _usual_of(settings, plan, name), now) for plan in plans]


def _usual_of(settings: Settings, plan: Plan, workspace: str) -> Found:
    """What earlier campaigns were like, if there is a store to ask."""
    if settings.store.path and not Path(settings.store.path).exists():
        return Found(why_not="it is not in the store")
    try:
        with store_client(settings.store) as client:
            return _usual(from_client(client), workspace, plan.key)
    except FatalError as error:
        say(f"Earlier campaigns are not looked at: {error}")
        return Found(why_not="the store does not answer")


def _usual(query: Query, workspace: str, key: str) -> Found:
    asked = {"workspace": workspace, "change": key}
    earlier, handled = _one(query(_USUAL, asked)), _one(query(_HANDLED, asked))
    hours_each = _number(earlier.get("hours_each")) or _number(handled.get("hours_each"))
    return Found(
        usual=_number(earlier.get("usual")), earlier=int(_number(earlier.get("earlier")) or 0), hours_each=hours_each
    )


def _one(rows: Sequence[Row]) -> Row:
    return rows[0] if rows else {}


def _number(value: object) -> float | None:
    """A finite number, or None: an average of nothing is no number."""
    if not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - not a number is unlike itself
        return None
    return float(value)


def _of_store(settings: Settings, key: str, workspace: str | None) -> Report:
    with store_client(settings.store) as client:
        require_current(client)
        query = from_client(client)
        name, plan = _stored_plan(query, key, workspace)
        now = _zoned(_one(query(_JUDGED, {"workspace": name})).get("now")) or datetime.now(UTC)
        usual = _usual(query, name, plan.key)
        found = _since_launch(query, name, plan, now, usual) if now >= plan.starts_at else usual
    if found.contacts is None and now >= plan.starts_at:
        found = _counted(settings, name, plan, found)
    return report(plan, found, now)


def _stored_plan(query: Query, key: str, workspace: str | None) -> tuple[str, Plan]:
    rows = [row for row in query(_PLAN, {"change": key}) if workspace in (None, row["workspace"])]
    if not rows:
        raise DataRefused(
            f"The store knows no campaign {key!r}; name a file, or its key as it is in the marketing tool"
        )
    spaces = sorted({str(row["workspace"]) for row in rows})
    if len(spaces) > 1:
        raise SettingsError(f"Several workspaces know {key!r}: {', '.join(spaces)}. Name one with --workspace")
    row: Mapping[str, Any] = rows[0]
    if row["kind"] != "promotion":
        raise DataRefused(f"{key} is a {row['kind']}, not a promotion; see whence impact {key}")
    starts_at = _zoned(row["starts_at"])
    assert starts_at is not None
    return spaces[0], Plan(
        key=row["change"],
        title=row["title"],
        owner=row["owner"],
        starts_at=starts_at,
        ends_at=_zoned(row["ends_at"]),
        planned=row["expected_contacts"],
        briefed_at=_zoned(row["support_briefed_at"]),
        macro=row["macro"],
        article=row["article"],
        claims=tuple(row["claims"]),
    )


def _zoned(value: object) -> datetime | None:
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _since_launch(query: Query, workspace: str, plan: Plan, now: datetime, usual: Found) -> Found:
    parameters = {"workspace": workspace, "change": plan.key, "since": plan.starts_at, "until": now}
    impact = _one(query(_IMPACT, parameters))
    talked = _one(query(_CONVERSATIONS, parameters))
    return Found(
        contacts=_number(impact.get("contacts")),
        low=_number(impact.get("contacts_low")),
        high=_number(impact.get("contacts_high")),
        hours_each=usual.hours_each,
        usual=usual.usual,
        earlier=usual.earlier,
        conversations=int(_number(talked.get("n")) or 0),
        promises=tuple(
            Promise(claim=str(row["claim"]), mentions=_int(row["mentions"]), before=_int(row["before"]), sentence=str(row["sentence"] or ""))
            for row in _panel(query, CLAIMS, parameters)
        ),
        unaware=tuple(
            Unaware(team=str(row["team"]), unaware=_int(row["unaware"]), contacts=_int(row["contacts"]), sentence=str(row["sentence"] or ""))
            for row in _panel(query, UNAWARE, parameters)
        ),
    )  # fmt: skip


def _panel(query: Query, panel: Panel, parameters: Mapping[str, object]) -> Sequence[Row]:
    return query(panel.sql, needed(panel, parameters))


def _int(value: object) -> int:
    return int(_number(value) or 0)


def _counted(settings: Settings, workspace: str, plan: Plan, found: Found) -> Found:
    """What it brought by the counts alone, spike or not, where nothing was attributed to it."""
    try:
        cost = cost_of(from_store(settings, plan.key, workspace))
    except WhenceError as error:
        return msgspec.structs.replace(found, why_not=str(error))
    return msgspec.structs.replace(found, contacts=cost.contacts, low=cost.low, high=cost.high)
