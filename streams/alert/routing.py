"""Who hears what: the user's file of channels, teams, audiences and maintenance windows, as frozen values.

The file holds no secret: a channel's Apprise URL or signing key comes from the environment.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from datetime import timedelta
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from schemas.attribution import CauseKind
from schemas.base import Moment, Share
from schemas.errors import WhenceError

OWNER = "owner"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]*")
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$", re.DOTALL)
_HTTP = re.compile(r"https?://[^\s@/]+(/\S*)?")
Amount = Annotated[float, Meta(ge=0.0)]


class RoutingError(WhenceError):
    """The routing file cannot be used; ``problems`` holds one sentence each."""

    def __init__(self, *problems: str) -> None:
        self.problems = problems
        super().__init__("\n".join(problems))


class Channel(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``apprise``: its whole URL is the channel's secret. ``webhook``: ``url`` stands here, the key that it is signed
    with is the secret. ``timeout_s``: how long one answer may take."""

    kind: Literal["apprise", "webhook"]
    url: str = ""
    timeout_s: Annotated[float, Meta(gt=0.0, le=60.0)] = 10.0


class Escalation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """If nobody owns a spike ``after_minutes`` after the team was told, ``teams`` are told too."""

    after_minutes: Annotated[float, Meta(gt=0.0)]
    teams: tuple[str, ...]


class Team(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``owners``: what changes call this team, beside its own name. ``escalation``: in order of time."""

    channels: tuple[str, ...]
    owners: tuple[str, ...] = ()
    escalation: tuple[Escalation, ...] = ()


class Audience(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who is told (``owner`` is the team that owns the cause), about which causes, and from which size on.

    ``kinds``, ``products`` and ``owners`` restrict where they are not empty. An alert opens for them when it is as sure as
    ``probability`` and has ``contacts``, and where it is set, ``cost_per_hour``. ``growth``: contacts times (or divided
    by) this are told again; 0: growth never is.
    """

    teams: tuple[str, ...]
    kinds: tuple[CauseKind, ...] = ()
    products: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()
    probability: Share = 0.8
    contacts: Amount = 10.0
    cost_per_hour: Amount = 0.0
    growth: Amount = 2.0


class Maintenance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From ``start`` to ``end`` nothing is sent that fits; what is still open then is told as it stands. With ``repeat``
    the window comes again every day or week, at the same times of its zone's offset."""

    name: str
    start: Moment
    end: Moment
    repeat: Literal["", "daily", "weekly"] = ""
    teams: tuple[str, ...] = ()
    kinds: tuple[CauseKind, ...] = ()
    products: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()

    @property
    def period(self) -> timedelta | None:
        """How often it comes again."""
        return {"daily": timedelta(days=1), "weekly": timedelta(days=7)}.get(self.repeat)


class Cost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a contact costs, beside what an hour of handling costs; both may be given, and count together."""

    per_contact: Amount = 0.0
    per_handling_hour: Amount = 0.0
    currency: str = "EUR"

    @property
    def known(self) -> bool:
        """Whether bills can be priced."""
        return self.per_contact > 0 or self.per_handling_hour > 0


class Routing(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file. ``unowned`` is the team told where a cause has no owner, or one that no team goes by."""

    channels: dict[str, Channel] = {}
    teams: dict[str, Team] = {}
    audiences: dict[str, Audience] = {}
    maintenance: tuple[Maintenance, ...] = ()
    cost: Cost = Cost()
    unowned: str = ""


def team_of(routing: Routing, owner: str) -> str:
    """The team that an owner's alerts go to, empty if nobody's."""
    named = next((name for name, team in routing.teams.items() if owner and owner in (name, *team.owners)), "")
    return named or routing.unowned


def read_routing(text: str, *, place: str) -> Routing:
    """The routing file.

    Args:
        text: TOML.
        place: The file's name, for messages.

    Raises:
        RoutingError: one sentence for each problem found.
    """
    try:
        plain = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RoutingError(f"the routing file {place} is not TOML: {error}") from None
    found = list(_misshapen(plain))
    if not found:
        try:
            routing = msgspec.convert(plain, Routing)
        except msgspec.ValidationError as error:
            found = [_sentence(str(error))]
        else:
            found = list(_problems(routing))
    if found:
        raise RoutingError(*(f"{place}: {problem}" for problem in found))
    return routing


def _misshapen(plain: dict[str, Any]) -> Iterator[str]:
    """Problems within the named entries, each with its name, which an error about the whole would not tell."""
    for section, kind in (("channels", Channel), ("teams", Team), ("audiences", Audience)):
        named = plain.get(section, {})
        for name, one in named.items() if isinstance(named, dict) else ():
            try:
                msgspec.convert(one, kind)
            except msgspec.ValidationError as error:
                yield _sentence(str(error), f"{section}.{name}")


def _sentence(text: str, within: str = "") -> str:
    match = _PLACE.match(text)
    what, path = (match["what"], match["path"] or "") if match else (text, "")
    path = ".".join(part for part in (within, path) if part)
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", what):
        return f"{path + '.' if path else ''}{unknown[1]} is not a setting of the routing file"
    return f"{path + ': ' if path else ''}{what[:1].lower()}{what[1:]}"


def _problems(routing: Routing) -> Iterator[str]:
    for kind, names in (("channels", routing.channels), ("teams", routing.teams), ("audiences", routing.audiences)):
        for name in names:
            if not _NAME.fullmatch(name) or name == OWNER:
                yield f"{kind}.{name}: allowed in a name are a-z, 0-9 and -, and not the word {OWNER}"
    for name, channel in routing.channels.items():
        yield from _channel_problems(f"channels.{name}", channel)
    for name, team in routing.teams.items():
        yield from _team_problems(f"teams.{name}", team, routing)
    yield from _owner_problems(routing)
    for name, audience in routing.audiences.items():
        yield from _unknown(f"audiences.{name}.teams", audience.teams, {*routing.teams, OWNER}, "team")
        if not audience.teams:
            yield f'audiences.{name}.teams is empty; allowed are teams, or "{OWNER}"'
        if audience.cost_per_hour > 0 and not routing.cost.known:
            yield f"audiences.{name}.cost_per_hour needs [cost] per_contact or per_handling_hour"
        if 0 < audience.growth <= 1:
            yield f"audiences.{name}.growth is {audience.growth:g}; allowed is more than 1, or 0 for never"
    for at, window in enumerate(routing.maintenance):
        yield from _window_problems(f"maintenance[{at}]", window, routing)
    if routing.unowned:
        yield from _unknown("unowned", (routing.unowned,), routing.teams, "team")


def _channel_problems(place: str, channel: Channel) -> Iterator[str]:
    if channel.kind == "webhook" and not _HTTP.fullmatch(channel.url):
        yield f"{place}.url must be http(s)://host[:port]/path without user or password in it"
    if channel.kind == "apprise" and channel.url:
        yield f"{place}.url stands in the file; an Apprise URL is a secret and comes from the environment"


def _team_problems(place: str, team: Team, routing: Routing) -> Iterator[str]:
    yield from _unknown(f"{place}.channels", team.channels, routing.channels, "channel")
    if not team.channels:
        yield f"{place}.channels is empty; allowed is at least one channel"
    times = [level.after_minutes for level in team.escalation]
    if times != sorted(set(times)):
        yield f"{place}.escalation must come in order of after_minutes, each later than the one before"
    for level in team.escalation:
        yield from _unknown(f"{place}.escalation", level.teams, routing.teams, "team")


def _owner_problems(routing: Routing) -> Iterator[str]:
    seen: dict[str, str] = {}
    for name, team in routing.teams.items():
        for owner in dict.fromkeys((name, *team.owners)):
            if owner in seen:
                yield f"teams.{name}.owners: {owner!r} is already team {seen[owner]}'s; allowed is one team for an owner"
            seen.setdefault(owner, name)


def _window_problems(place: str, window: Maintenance, routing: Routing) -> Iterator[str]:
    yield from _unknown(f"{place}.teams", window.teams, routing.teams, "team")
    if window.end <= window.start:
        yield f"{place} ({window.name}) ends before it starts"
    elif window.period is not None and window.end - window.start >= window.period:
        yield f"{place} ({window.name}) is as long as its repetition, so nothing would ever be sent"


def _unknown(place: str, names: Collection[str], known: Collection[str], what: str) -> Iterator[str]:
    for name in names:
        if name not in known:
            yield f"{place}: there is no {what} {name!r}; there are {', '.join(sorted(known)) or 'none'}"
