"""What a person reads: the change of state, the bill, why, three quotes, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import quote as quoted

from msgspec import Struct

from schemas.alert import Alert
from schemas.links import Answer, Verdict
from streams.alert.routing import Routing
from streams.alert.tell import Notice, cost, cost_per_hour
from streams.alert.words import cause_name

_HEADS = {
    "opened": "New",
    "updated": "Update",
    "reattributed": "Another cause",
    "resolved": "Over",
    "withdrawn": "Taken back",
    "escalated": "Nobody owns this",
}
_ASKED = {"unknown": "It is nothing that we know of"}
_DENIED = {"unknown": "It is something that we know of"}
_QUOTE_CHARS = 280
Sign = Callable[[Answer], str]


class Message(Struct, frozen=True, kw_only=True):
    """One message, ready for any channel. ``facts`` is the same for machines."""

    key: str
    event: str
    title: str
    body: str
    links: dict[str, str]
    facts: dict[str, object]


class Letterhead(Struct, frozen=True, kw_only=True):
    """``page_url``: where the page is for people, without a last slash; empty: no links. ``sign``: makes an answer's
    link part; None: only the link to the spike."""

    page_url: str = ""
    sign: Sign | None = None


def compose(notice: Notice, routing: Routing, head: Letterhead) -> Message:
    """The message of a notice."""
    alert = notice.alert
    title = f"{_HEADS[notice.event]}: {cause_name(alert.kind, alert.key, alert.title)}"
    if notice.event != "withdrawn":
        title += f", {alert.contacts:+.0f} contacts, {alert.probability:.0%} sure"
    links = _links(notice, head)
    body = "\n\n".join(part for part in _parts(notice, routing, links) if part)
    return Message(
        key=notice.key, event=notice.event, title=title, body=body, links=links, facts=_facts(notice, routing, links)
    )


def _parts(notice: Notice, routing: Routing, links: dict[str, str]) -> Iterator[str]:
    alert = notice.alert
    yield _said(notice)
    if notice.event != "withdrawn":
        yield alert.explanation
        yield "\n".join(f"\u201c{_short(one.text)}\u201d" for one in alert.quotes[:3] if one.text.strip())
    if routing.cost.known and alert.contacts > 0:
        currency = routing.cost.currency
        yield f"Cost so far: {cost(routing, alert):,.0f} {currency} ({cost_per_hour(routing, alert):,.0f} {currency} an hour)."
    yield f"Owner: {alert.owner or 'none is known'}."
    yield "\n".join(f"{label}: {url}" for label, url in links.items())
    yield f"Reference {notice.key} (a repeat of this message carries the same)."


def _said(notice: Notice) -> str:
    alert = notice.alert
    if notice.event == "escalated":
        return f"Nobody has taken this yet, so you are told too. {alert.sentence}"
    if notice.event == alert.event:
        return alert.text
    return alert.text if alert.formerly else f"{_HEADS[notice.event]}: {alert.sentence}"


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _QUOTE_CHARS else flat[: _QUOTE_CHARS - 1] + "\u2026"


def _links(notice: Notice, head: Letterhead) -> dict[str, str]:
    """By what they are for. People are asked about the largest spike."""
    alert = notice.alert
    if not head.page_url or not alert.spikes:
        return {}
    spike = alert.largest or alert.spikes[0]
    links = {
        "The spike": f"{head.page_url}/spikes/{quoted(spike, safe='')}?workspace={quoted(alert.workspace, safe='')}"
    }
    if head.sign is None or notice.event in ("withdrawn", "resolved"):
        return links
    name, cause = cause_name(alert.kind, alert.key, alert.title), alert.key or alert.kind
    asked: tuple[tuple[str, Verdict], ...] = (
        (_ASKED.get(alert.kind, f"It is {name}"), "confirm"),
        (_DENIED.get(alert.kind, f"It is not {name}"), "reject"),
        ("I take it", "own"),
    )
    for label, verdict in asked:
        answer = Answer(
            workspace=alert.workspace, spike=spike, verdict=verdict, cause=notice.team if verdict == "own" else cause, said=name, to=notice.team
        )  # fmt: skip
        links[label] = f"{head.page_url}/feedback/{head.sign(answer)}"
    return links


def _facts(notice: Notice, routing: Routing, links: dict[str, str]) -> dict[str, object]:
    alert = notice.alert
    return {
        "key": notice.key,
        "event": notice.event,
        "workspace": alert.workspace,
        "alert": alert.alert_id,
        "revision": alert.revision,
        "at": alert.at,
        "team": notice.team,
        "audiences": list(notice.audiences),
        "text": _said(notice),
        "explanation": alert.explanation,
        "quotes": [one.text for one in alert.quotes[:3]],
        "cause": {"kind": alert.kind, "key": alert.key, "title": alert.title, "owner": alert.owner},
        "probability": alert.probability,
        "contacts": {"excess": alert.contacts, "low": alert.contacts_low, "high": alert.contacts_high},
        "hours": alert.hours,
        "customers": alert.customers,
        "first": alert.first,
        "last": alert.last,
        "by_slice": alert.by_slice,
        "cost": {"amount": round(cost(routing, alert), 2), "currency": routing.cost.currency}
        if routing.cost.known
        else None,
        "spikes": list(alert.spikes),
        "formerly": alert.formerly,
        "successor": alert.successor,
        "links": links,
    }


__all__ = ["Alert", "Letterhead", "Message", "Sign", "compose"]
