"""The plot: what the company changes and when, what each change causes, and what only looks like a cause."""

from __future__ import annotations

from functools import partial
from typing import Literal

import numpy as np
from msgspec import Struct, convert

from schemas.attribution import CauseKind
from sources.stories.problems import (
    FAINT_RELEASES,
    INCIDENTS,
    PAST_INCIDENTS,
    PRICES,
    PROMOTIONS,
    QUIET_NOTES,
    QUIET_PROMOTIONS,
    RELEASES,
    UNLOGGED,
    Problem,
)
from sources.stories.world import DAY_S, Company, Seconds, VersionRelease

Strength = Literal["loud", "faint"]
HOUR_S = 3_600.0
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


class _Writer:
    """Collects the plot while it is written; holds the version counters and the dice."""

    def __init__(self, rng: np.random.Generator, company: Company, live: Seconds, scale: float) -> None:
        self.rng = rng
        self.company = company
        self.live = live
        self.scale = scale
        self.steps: list[Step] = []
        self.effects: list[Effect] = []
        self.releases: list[list[VersionRelease]] = [[], [], []]
        self._minor = [1, 1, 10]
        self._patch = [0, 0, 0]
        for track in range(3):
            self.publish(track, -30 * DAY_S)

    def pick(self, problems: tuple[Problem, ...]) -> Problem:
        return problems[int(self.rng.integers(len(problems)))]

    def moment(self, day: float, hour: float, *, jitter_h: float = 0.6) -> Seconds:
        """Seconds of a live day's hour, moved a little; negative days lie in the history. Whole minutes."""
        at = self.live + day * DAY_S + (hour + self.rng.uniform(-jitter_h, jitter_h)) * HOUR_S
        return float(round(at / 60.0) * 60.0)

    def publish(self, track: int, at: Seconds, *, patch: bool = False) -> VersionRelease:
        """The next version on a track, rolled out over hours on mobile, at once on the web."""
        self._patch[track] = self._patch[track] + 1 if patch else 0
        self._minor[track] += 0 if patch else 1
        mobile = track < 2
        major = (5, 7)[track] if mobile else 2026
        version = f"{major}.{self._minor[track]}" + (f".{self._patch[track]}" if mobile or patch else "")
        steps = ((at, 0.2), (at + 3 * HOUR_S, 0.6), (at + 8 * HOUR_S, 1.0)) if mobile and not patch else ((at, 1.0),)
        release = VersionRelease(track, version, at, steps)
        self.releases[track].append(release)
        return release

    def key_of(self, release: VersionRelease) -> str:
        track = self.company.tracks[release.track]
        return f"{track.product} {track.platform} {release.version}"

    def release(
        self, track: int, at: Seconds, title: str, notes: str, *, fixes: tuple[str, ...] = (), owner: str = ""
    ) -> VersionRelease:
        made = self.publish(track, at, patch=bool(fixes))
        self.steps.append(
            Step(
                key=self.key_of(made),
                kind="release",
                at=at,
                track=track,
                release=made,
                fixes=fixes,
                title=title,
                text=notes,
                owner=owner or f"{self.company.tracks[track].platform} team",
            )
        )
        return made

    def quiet_release(self, track: int, at: Seconds) -> VersionRelease:
        title, notes = QUIET_NOTES[int(self.rng.integers(len(QUIET_NOTES)))]
        return self.release(track, at, title, notes)

    def quiet_promotion(self, number: int, at: Seconds, hours: float) -> str:
        title, text, code, claims = QUIET_PROMOTIONS[number % len(QUIET_PROMOTIONS)]
        key = f"promo-quiet-{number}"
        self.steps.append(
            Step(
                key=key,
                kind="promotion",
                at=at,
                ends=at + hours * HOUR_S,
                title=title,
                text=text,
                code=code,
                claims=claims,
                owner="marketing",
            )
        )
        return key


def write_plot(rng: np.random.Generator, company: Company, *, history_days: int, live_days: int, scale: float) -> Plot:
    """The plot of a story: quiet weeks with a little past trouble, then live days with a cause of each kind.

    ``scale`` multiplies every effect (1 suits 2,800 contacts a day).
    """
    writer = _Writer(rng, company, history_days * DAY_S, scale)
    _history(writer, history_days)
    promotion = writer.pick(PROMOTIONS)
    code = promotion.codes[int(rng.integers(len(promotion.codes)))]
    blanks = {
        "company": company.name,
        "app": "app",
        "code": code,
        "percent": "".join(filter(str.isdigit, code)) or "20",
    }
    days = (_first_day, partial(_second_day, promotion=promotion, blanks=blanks), _third_day)
    for day, tell in enumerate(days[:live_days]):
        tell(writer, day)
    return Plot(
        steps=tuple(sorted(writer.steps, key=lambda step: step.at)),
        effects=tuple(sorted(writer.effects, key=lambda effect: effect.onset)),
        releases=tuple(tuple(sorted(made, key=lambda release: release.at)) for made in writer.releases),
        blanks=blanks,
    )


def _history(writer: _Writer, days: int) -> None:
    """Weekly quiet releases and promotions; a past incident that was loud, where there is room for it."""
    for week in range(days // 7):
        for track, weekday in ((0, 1), (1, 2), (2, 3)):
            writer.quiet_release(track, writer.moment(-days + 7 * week + weekday, 10.5))
        writer.quiet_promotion(week, writer.moment(-days + 7 * week + 4, 9.0), 48)
    if days >= 10:
        _incident(writer, writer.moment(-8, 15.0), PAST_INCIDENTS, hours=2.5, mean=210.0, decoys=())


def _incident(
    writer: _Writer, at: Seconds, problems: tuple[Problem, ...], *, hours: float, mean: float, decoys: tuple[str, ...]
) -> None:
    problem = writer.pick(problems)
    key = f"inc-{problem.key}"
    writer.steps.append(
        Step(
            key=key,
            kind="incident",
            at=at,
            ends=at + hours * HOUR_S,
            title=problem.title,
            text=problem.notes,
            owner="site reliability",
        )
    )
    writer.effects.append(
        Effect(
            name=problem.key,
            cause_kind="incident",
            cause_key=key,
            problem=problem,
            onset=at + 120.0,
            until=at + hours * HOUR_S,
            fades_s=900.0,
            mean=mean * writer.scale,
            must_not_blame=decoys,
        )
    )


def _first_day(writer: _Writer, day: int) -> None:
    """A release that breaks something and its fix the next morning; an incident with a quiet release beside it;
    a release whose harm is small and steady."""
    track = int(writer.rng.integers(2))
    problem = writer.pick(RELEASES)
    at = writer.moment(day, 9.0)
    made = writer.release(
        track, at, problem.title, problem.notes, owner="payments team" if problem.key == "card-form" else ""
    )
    other = writer.quiet_release(1 - track, at + 25 * 60.0)
    faint = writer.pick(FAINT_RELEASES)
    faint_at = writer.moment(day, 12.5)
    faint_made = writer.release(2, faint_at, faint.title, faint.notes)
    incident_at = writer.moment(day, 18.0)
    decoy = writer.release(2, incident_at - 35 * 60.0, *QUIET_NOTES[0])
    _incident(writer, incident_at, INCIDENTS, hours=1.7, mean=190.0, decoys=(writer.key_of(decoy),))
    fix_at = writer.moment(day + 1, 9.0)
    fix = writer.release(
        track,
        fix_at,
        f"Fixes for {problem.title.lower()}",
        f"Fixed: problems with {problem.title.lower()}.",
        fixes=(writer.key_of(made),),
    )
    writer.effects.append(
        Effect(
            name=problem.key,
            cause_kind="release",
            cause_key=writer.key_of(made),
            problem=problem,
            onset=at,
            until=fix_at,
            fades_s=5 * HOUR_S,
            mean=460.0 * writer.scale,
            release=made,
            track=track,
            must_not_blame=(writer.key_of(fix), writer.key_of(other)),
        )
    )
    writer.effects.append(
        Effect(
            name=faint.key,
            cause_kind="release",
            cause_key=writer.key_of(faint_made),
            problem=faint,
            onset=faint_at,
            until=faint_at + 30 * HOUR_S,
            fades_s=6 * HOUR_S,
            mean=70.0 * writer.scale,
            track=2,
            must_not_blame=(writer.key_of(decoy),),
            strength="faint",
        )
    )


def _second_day(writer: _Writer, day: int, *, promotion: Problem, blanks: dict[str, str]) -> None:
    """A promotion that support was not told of, beside one that causes nothing; in the evening, trouble nobody logged."""
    at = writer.moment(day, 10.0)
    quiet = writer.quiet_promotion(90, at - 40 * 60.0, 30)
    key = f"promo-{promotion.key}"
    title, notes = (_filled(text, blanks) for text in (promotion.title, promotion.notes))
    writer.steps.append(
        Step(
            key=key,
            kind="promotion",
            at=at,
            ends=at + 12 * HOUR_S,
            title=title,
            text=notes,
            code=blanks["code"],
            claims=tuple(_filled(claim, blanks) for claim in promotion.claims),
            owner="marketing",
            briefed=False,
        )
    )
    writer.effects.append(
        Effect(
            name=promotion.key,
            cause_kind="promotion",
            cause_key=key,
            problem=promotion,
            onset=at + 300.0,
            until=at + 7 * HOUR_S,
            fades_s=2 * HOUR_S,
            mean=330.0 * writer.scale,
            must_not_blame=(quiet,),
        )
    )
    problem = writer.pick(UNLOGGED)
    start = writer.moment(day, 18.5)
    region = writer.company.regions[int(writer.rng.integers(2))][0]
    writer.effects.append(
        Effect(
            name=problem.key,
            cause_kind="unknown",
            problem=problem,
            onset=start,
            until=start + 2.5 * HOUR_S,
            fades_s=1_200.0,
            mean=140.0 * writer.scale,
            region=region,
        )
    )


def _third_day(writer: _Writer, day: int) -> None:
    """A new price or rule; a feed that comes twice; one customer who sends hundreds."""
    problem = writer.pick(PRICES)
    at = writer.moment(day, 6.0)
    key = f"{problem.kind}-{problem.key}"
    writer.steps.append(
        Step(
            key=key,
            kind=str(problem.kind),
            at=at,
            title=problem.title,
            text=problem.notes,
            owner="pricing" if problem.kind == "price" else "legal",
            announced=at - 6 * DAY_S,
        )
    )
    writer.effects.append(
        Effect(
            name=problem.key,
            cause_kind=convert(problem.kind, CauseKind),
            cause_key=key,
            problem=problem,
            onset=at + 900.0,
            until=at + 9 * HOUR_S,
            fades_s=4 * HOUR_S,
            mean=300.0 * writer.scale,
        )
    )
    decoy = writer.quiet_release(int(writer.rng.integers(2)), writer.moment(day, 12.4, jitter_h=0.2))
    twice = writer.moment(day, 13.2, jitter_h=0.3)
    writer.effects.append(
        Effect(
            name="doubled-feed",
            cause_kind="measurement",
            onset=twice,
            until=twice + 2 * HOUR_S,
            mean=0.0,
            must_not_blame=(writer.key_of(decoy),),
            fault="doubled",
        )
    )
    start = writer.moment(day, 19.0)
    writer.effects.append(
        Effect(
            name="one-customer",
            cause_kind="measurement",
            onset=start,
            until=start + 50 * 60.0,
            mean=200.0 * writer.scale,
            fault="one-customer",
        )
    )


def _filled(text: str, blanks: dict[str, str]) -> str:
    for name, value in blanks.items():
        text = text.replace(f"<{name}>", value)
    return text
