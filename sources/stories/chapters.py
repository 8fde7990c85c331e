"""The chapters of a story: quiet weeks with a little past trouble, then a live day for each family of causes."""

from __future__ import annotations

from functools import partial

import numpy as np
from msgspec import convert

from schemas.attribution import CauseKind
from sources.stories.author import HOUR_S, Author
from sources.stories.plot import Effect, Plot, Step
from sources.stories.problems import (
    FAINT_RELEASES,
    INCIDENTS,
    PAST_INCIDENTS,
    PRICES,
    PROMOTIONS,
    QUIET_NOTES,
    RELEASES,
    UNLOGGED,
    Problem,
)
from sources.stories.world import DAY_S, Company, Seconds


def write_plot(rng: np.random.Generator, company: Company, *, history_days: int, live_days: int, scale: float) -> Plot:
    """The plot of a story: quiet weeks with a little past trouble, then live days with a cause of each kind.

    ``scale`` multiplies every effect (1 suits 2,800 contacts a day).
    """
    author = Author(rng, company, history_days * DAY_S, scale)
    _history(author, history_days)
    promotion = author.pick(PROMOTIONS)
    code = promotion.codes[int(rng.integers(len(promotion.codes)))]
    blanks = {
        "company": company.name,
        "app": "app",
        "code": code,
        "percent": "".join(filter(str.isdigit, code)) or "20",
    }
    days = (_first_day, partial(_second_day, promotion=promotion, blanks=blanks), _third_day)
    for day, tell in enumerate(days[:live_days]):
        tell(author, day)
    return author.plot(blanks)


def _history(author: Author, days: int) -> None:
    """Weekly quiet releases and promotions; a past incident that was loud, where there is room for it."""
    for week in range(days // 7):
        for track, weekday in ((0, 1), (1, 2), (2, 3)):
            author.quiet_release(track, author.moment(-days + 7 * week + weekday, 10.5))
        author.quiet_promotion(week, author.moment(-days + 7 * week + 4, 9.0), 48)
    if days >= 10:
        _incident(author, author.moment(-8, 15.0), PAST_INCIDENTS, hours=2.5, mean=210.0, decoys=())


def _incident(
    author: Author, at: Seconds, problems: tuple[Problem, ...], *, hours: float, mean: float, decoys: tuple[str, ...]
) -> None:
    problem = author.pick(problems)
    key = f"inc-{problem.key}"
    author.steps.append(
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
    author.effects.append(
        Effect(
            name=problem.key,
            cause_kind="incident",
            cause_key=key,
            problem=problem,
            onset=at + 120.0,
            until=at + hours * HOUR_S,
            fades_s=900.0,
            mean=mean * author.scale,
            must_not_blame=decoys,
        )
    )


def _first_day(author: Author, day: int) -> None:
    """A release that breaks something and its fix the next morning; an incident with a quiet release beside it;
    a release whose harm is small and steady."""
    track = int(author.rng.integers(2))
    problem = author.pick(RELEASES)
    at = author.moment(day, 9.0)
    made = author.release(
        track, at, problem.title, problem.notes, owner="payments team" if problem.key == "card-form" else ""
    )
    other = author.quiet_release(1 - track, at + 25 * 60.0)
    faint = author.pick(FAINT_RELEASES)
    faint_at = author.moment(day, 12.5)
    faint_made = author.release(2, faint_at, faint.title, faint.notes)
    incident_at = author.moment(day, 18.0)
    decoy = author.release(2, incident_at - 35 * 60.0, *QUIET_NOTES[0])
    _incident(author, incident_at, INCIDENTS, hours=1.7, mean=190.0, decoys=(author.key_of(decoy),))
    fix_at = author.moment(day + 1, 9.0)
    fix = author.release(
        track,
        fix_at,
        f"Fixes for {problem.title.lower()}",
        f"Fixed: problems with {problem.title.lower()}.",
        fixes=(author.key_of(made),),
    )
    author.effects.append(
        Effect(
            name=problem.key,
            cause_kind="release",
            cause_key=author.key_of(made),
            problem=problem,
            onset=at,
            until=fix_at,
            fades_s=5 * HOUR_S,
            mean=460.0 * author.scale,
            release=made,
            track=track,
            must_not_blame=(author.key_of(fix), author.key_of(other)),
        )
    )
    author.effects.append(
        Effect(
            name=faint.key,
            cause_kind="release",
            cause_key=author.key_of(faint_made),
            problem=faint,
            onset=faint_at,
            until=faint_at + 30 * HOUR_S,
            fades_s=6 * HOUR_S,
            mean=70.0 * author.scale,
            track=2,
            must_not_blame=(author.key_of(decoy),),
            strength="faint",
        )
    )


def _second_day(author: Author, day: int, *, promotion: Problem, blanks: dict[str, str]) -> None:
    """A promotion that support was not told of, beside one that causes nothing; in the evening, trouble nobody logged."""
    at = author.moment(day, 10.0)
    quiet = author.quiet_promotion(90, at - 40 * 60.0, 30)
    key = f"promo-{promotion.key}"
    title, notes = (_filled(text, blanks) for text in (promotion.title, promotion.notes))
    author.steps.append(
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
    author.effects.append(
        Effect(
            name=promotion.key,
            cause_kind="promotion",
            cause_key=key,
            problem=promotion,
            onset=at + 300.0,
            until=at + 7 * HOUR_S,
            fades_s=2 * HOUR_S,
            mean=330.0 * author.scale,
            must_not_blame=(quiet,),
        )
    )
    problem = author.pick(UNLOGGED)
    start = author.moment(day, 18.5)
    region = author.company.regions[int(author.rng.integers(2))][0]
    author.effects.append(
        Effect(
            name=problem.key,
            cause_kind="unknown",
            problem=problem,
            onset=start,
            until=start + 2.5 * HOUR_S,
            fades_s=1_200.0,
            mean=140.0 * author.scale,
            region=region,
        )
    )


def _third_day(author: Author, day: int) -> None:
    """A new price or rule; a feed that comes twice; one customer who sends hundreds."""
    problem = author.pick(PRICES)
    at = author.moment(day, 6.0)
    key = f"{problem.kind}-{problem.key}"
    author.steps.append(
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
    author.effects.append(
        Effect(
            name=problem.key,
            cause_kind=convert(problem.kind, CauseKind),
            cause_key=key,
            problem=problem,
            onset=at + 900.0,
            until=at + 9 * HOUR_S,
            fades_s=4 * HOUR_S,
            mean=300.0 * author.scale,
        )
    )
    decoy = author.quiet_release(int(author.rng.integers(2)), author.moment(day, 12.4, jitter_h=0.2))
    twice = author.moment(day, 13.2, jitter_h=0.3)
    author.effects.append(
        Effect(
            name="doubled-feed",
            cause_kind="measurement",
            onset=twice,
            until=twice + 3 * HOUR_S,
            mean=0.0,
            must_not_blame=(author.key_of(decoy),),
            fault="doubled",
        )
    )
    start = author.moment(day, 19.0)
    author.effects.append(
        Effect(
            name="one-customer",
            cause_kind="measurement",
            onset=start,
            until=start + 50 * 60.0,
            mean=200.0 * author.scale,
            fault="one-customer",
        )
    )


def _filled(text: str, blanks: dict[str, str]) -> str:
    for name, value in blanks.items():
        text = text.replace(f"<{name}>", value)
    return text
