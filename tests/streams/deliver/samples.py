"""Alerts and a routing file to deliver them by."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from schemas.alert import Alert
from schemas.attribution import Quote
from schemas.workspace import Workspace
from streams.alert.routing import Routing, read_routing

AT = datetime(2026, 3, 2, 10, tzinfo=UTC)
SHOP = Workspace(name="shop")
QUOTE = Quote(event_id="e1", occurred_at=AT, text="My card is declined since the update")


def alert(revision: int = 1, **more: Any) -> Alert:
    given: dict[str, Any] = {
        "workspace": "shop", "origin": "alert", "seq": revision, "alert_id": "a1", "revision": revision, "at": AT,
        "event": "opened" if revision == 1 else "updated", "audience": "product", "kind": "release", "key": "app 5.2.0",
        "title": "Card form", "owner": "payments", "probability": 0.95, "contacts": 50.0, "contacts_low": 40.0,
        "contacts_high": 60.0, "first": AT, "last": AT, "spikes": ("s1",), "by_slice": {"platform=ios, product=app": 50.0},
        "sentence": "Release app 5.2.0: +50 contacts.", "text": "New: Release app 5.2.0: +50 contacts.",
        "explanation": "41% say 'card declined' (usually 2%).", "quotes": (QUOTE,), "hours": 4.0,
    }  # fmt: skip
    return Alert(**{**given, **more})


def routing(text: str = "") -> Routing:
    """Payments by a webhook ``hook``, everybody else by ``ops``; more TOML may be added."""
    return read_routing(BASE + text, place="alerts.toml")


BASE = """
unowned = "operations"

[channels.hook]
kind = "webhook"
url = "http://127.0.0.1:9/hook"

[channels.ops]
kind = "webhook"
url = "http://127.0.0.1:9/ops"

[teams.payments]
channels = ["hook"]
owners = ["checkout"]
escalation = [{after_minutes = 30, teams = ["operations"]}]

[teams.operations]
channels = ["ops"]

[audiences.product]
teams = ["owner"]
kinds = ["release", "incident", "unknown"]
"""
