"""The plot: what the company changes and when, what each change causes, and what only looks like a cause."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.attribution import CauseKind
from sources.stories.problems import Problem
from sources.stories.world import Seconds, VersionRelease

Strength = Literal["loud", "faint"]
Fault = Literal["doubled", "one-customer"]


class Step(Struct, frozen=True, kw_only=True):
    """One change that the company makes, at seconds since the story's start. ``track`` is for releases."""

    key: str
    kind: str
    at: Seconds
    ends: Seconds | None = None
    track: int | None = None
    release: VersionRelease | None = None
    fixes: tuple[str, ...] = ()
    title: str = ""
    text: str = ""
    owner: str = ""
    claims: tuple[str, ...] = ()
    code: str = ""
    briefed: bool = True
    announced: Seconds | None = None


class Effect(Struct, frozen=True, kw_only=True):
    """What a cause makes of contacts. ``mean``: contacts beyond the usual. ``until`` ends its full strength,
    ``fades_s`` is the time constant after it. ``release`` limits it to that version's customers."""

    name: str
    cause_kind: CauseKind
    cause_key: str = ""
    problem: Problem | None = None
    onset: Seconds
    until: Seconds
    fades_s: Seconds = 600.0
    mean: float
    release: VersionRelease | None = None
    track: int | None = None
    region: str = ""
    must_not_blame: tuple[str, ...] = ()
    strength: Strength = "loud"
    fault: Fault | None = None


class Plot(Struct, frozen=True, kw_only=True):
    """Everything that happens, apart from the usual contacts."""

    steps: tuple[Step, ...]
    effects: tuple[Effect, ...]
    releases: tuple[tuple[VersionRelease, ...], ...]
    blanks: dict[str, str]
