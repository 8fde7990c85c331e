"""The courier from the settings, and ``whence alerts check``: who would be told what."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec.structs import replace

from schemas.broker import Broker
from schemas.workspace import Workspace
from streams.alert.message import Message
from streams.alert.routing import Audience, Channel, Routing, RoutingError, Team, read_routing
from streams.deliver.channels import NotDelivered, Sender, senders
from streams.deliver.courier import Courier
from streams.deliver.settings import CourierSettings
from whence.errors import CheckFailed, SettingsError
from whence.keys import own_key
from whence.settings import Settings
from whence.show import print_json, print_table, say

TRIAL = "This is a trial by whence alerts try. Nothing has happened; alerts for you will come this way."
KINDS = ("release", "promotion", "policy", "price", "incident", "automation", "capacity", "unknown", "measurement")


def routing_of(path: Path) -> Routing:
    """The routing file.

    Raises:
        SettingsError: it cannot be read or used, one sentence for each problem.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"alerts.routing names {path}, which cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"alerts.routing names {path}, which is not UTF-8; allowed is TOML in UTF-8") from None
    try:
        return read_routing(text, place=str(path))
    except RoutingError as error:
        raise SettingsError(*error.problems) from None


def senders_of(settings: Settings, routing: Routing) -> dict[str, Sender]:
    """A sender for every channel of the routing file.

    Raises:
        SettingsError: a secret is missing, of no use, or of no channel.
    """
    named = {name.replace("-", "_"): name for name in routing.channels}
    given = {name.removesuffix("_secret"): secret for name, secret in settings.channels.items()}
    strangers = [
        f"WHENCE_CHANNELS_{name.upper()}_SECRET belongs to no channel of the routing file; there are "
        f"{', '.join(sorted(routing.channels)) or 'none'}"
        for name in given
        if name not in named
    ]
    try:
        made = senders(routing, {named[n]: one.get_secret_value() for n, one in given.items() if n in named})
    except RoutingError as error:
        raise SettingsError(*error.problems, *strangers) from None
    if strangers:
        raise SettingsError(*strangers)
    return made


def courier_of(settings: Settings, broker: Broker, workspaces: Sequence[Workspace]) -> Courier:
    """The part that delivers alerts.

    Raises:
        SettingsError: the routing file or a channel's secret cannot be used, or there is no routing file.
    """
    if not settings.alerts.routing:
        raise SettingsError("alerts.routing is missing; allowed is the path of a routing file (see docs/alerts.md)")
    routing = routing_of(Path(settings.alerts.routing))
    return Courier(broker, workspaces, routing, senders_of(settings, routing), _whole(settings))


def _whole(settings: Settings) -> CourierSettings:
    """With the page's address and the links' secret, where one process is all there is and knows them itself."""
    given = settings.alerts
    if not settings.broker.embedded or given.page_url or not settings.web.port:
        return replace(given, link_secret=link_secret(settings))
    return replace(
        given, link_secret=link_secret(settings), page_url=f"http://{settings.web.address}:{settings.web.port}"
    )


def link_secret(settings: Settings) -> str:
    """What links in messages are signed with: the one that was set, or where the broker is embedded, one that is made
    once and kept in the data folder; empty: messages have no links that answer."""
    if settings.alerts.link_secret or not settings.broker.embedded:
        return settings.alerts.link_secret
    return own_key(settings.data.folder / "link.key").decode()


def run_alerts_check(settings: Settings, path: Path | None, *, as_json: bool) -> None:
    """Say who would be told what, and whether every channel has its secret.

    Raises:
        SettingsError: the file cannot be used, or there is none.
        CheckFailed: a channel lacks its secret, or causes reach nobody.
    """
    file = path if path is not None else Path(settings.alerts.routing) if settings.alerts.routing else None
    if file is None:
        raise SettingsError("there is no routing file; name one, or set alerts.routing")
    routing = routing_of(file)
    problems: list[str] = []
    try:
        senders_of(settings, routing)
    except SettingsError as error:
        problems += error.problems
    problems += [f"alerts about {kind} reach nobody" for kind in KINDS if not any(_rows_of(routing, kind))]
    if as_json:
        print_json({"routing": routing, "problems": problems})
    else:
        _show(routing)
    for problem in problems:
        say(f"{file}: {problem}.")
    if problems:
        raise CheckFailed(f"{len(problems)} thing(s) to mend in {file}")
    say(
        f"{file} is fine: {len(routing.channels)} channel(s), {len(routing.teams)} team(s), {len(routing.audiences)} audience(s)."
    )


def run_alerts_try(settings: Settings, channels: Sequence[str]) -> None:
    """Send one message to the channels named, or to all, to see that they arrive.

    Raises:
        SettingsError: there is no routing file, it cannot be used, or a channel is not in it.
        CheckFailed: a channel does not take it.
    """
    if not settings.alerts.routing:
        raise SettingsError("alerts.routing is missing; allowed is the path of a routing file (see docs/alerts.md)")
    routing = routing_of(Path(settings.alerts.routing))
    ready = senders_of(settings, routing)
    if strangers := [name for name in channels if name not in ready]:
        raise SettingsError(f"there is no channel {strangers[0]!r}; there are {', '.join(sorted(ready)) or 'none'}")
    failed = [name for name in (channels or sorted(ready)) if not _tried(name, ready[name])]
    if failed:
        raise CheckFailed(f"{len(failed)} channel(s) did not take it: {', '.join(failed)}")


def _tried(name: str, sender: Sender) -> bool:
    key = f"try-{secrets.token_hex(8)}"
    facts: dict[str, object] = {"key": key, "event": "try", "text": TRIAL}
    try:
        sender(Message(key=key, event="try", title="Whence can reach you here", body=TRIAL, links={}, facts=facts))
    except NotDelivered as error:
        say(f"{name}: {error}.")
        return False
    say(f"{name}: taken.")
    return True


def _rows_of(routing: Routing, kind: str) -> Iterator[tuple[str, ...]]:
    for name, audience in routing.audiences.items():
        if not audience.kinds or kind in audience.kinds:
            for team in audience.teams:
                found = routing.teams.get(team)
                channels = ", ".join(found.channels) if found is not None else "its owner's"
                yield kind, name, team, channels, _rule(routing, audience)


def _rule(routing: Routing, audience: Audience) -> str:
    parts = [f"{audience.probability:.0%} sure", f"{audience.contacts:g} contacts"]
    if audience.cost_per_hour:
        parts.append(f"{audience.cost_per_hour:g} {routing.cost.currency} an hour")
    parts += [
        f"only {what} {', '.join(names)}"
        for what, names in (("products", audience.products), ("owners", audience.owners))
        if names
    ]
    parts.append(f"again at {audience.growth:g} times" if audience.growth else "growth is not told")
    return "; ".join(parts)


def _show(routing: Routing) -> None:
    rows = [row for kind in KINDS for row in _rows_of(routing, kind)]
    print_table("Who is told of which cause", ("cause", "audience", "team", "channels", "from"), rows)
    teams = [
        (name, ", ".join((name, *team.owners)), ", ".join(team.channels), _levels(team))
        for name, team in routing.teams.items()
    ]
    print_table("Teams", ("team", "owner in changes", "channels", "if nobody owns it"), teams)
    print_table(
        "Channels",
        ("channel", "kind", "to"),
        [(name, one.kind, _target(one)) for name, one in routing.channels.items()],
    )
    say(f"Causes without an owner go to {routing.unowned or 'nobody'}.")


def _levels(team: Team) -> str:
    return "; ".join(f"{', '.join(one.teams)} after {one.after_minutes:g} min" for one in team.escalation) or "nobody"


def _target(channel: Channel) -> str:
    return channel.url if channel.kind == "webhook" else "its secret URL"
