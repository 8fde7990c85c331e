"""A whole story for a seed: a workspace, its events in order of arrival, and what really happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import chain

import numpy as np
from msgspec import Struct

from schemas.catalog import Topic
from schemas.raw import RawEvent
from schemas.workspace import Workspace
from sources.stories.chapters import write_plot
from sources.stories.crowd import Cast, gather
from sources.stories.news import change_event, population_events, signal_events
from sources.stories.setting import Setting
from sources.stories.texts import Teller
from sources.stories.truth import TrueSpike, true_spikes
from sources.stories.voices import contact_events
from sources.stories.world import found_company

FIRST_DAY = datetime(2026, 3, 3, tzinfo=UTC)


class Story(Struct, frozen=True, kw_only=True):
    """``events`` come in order of arrival, a few late, a few twice. Everything before ``live_from`` is history.
    ``company`` is its made-up name."""

    seed: int
    company: str
    workspace: Workspace
    live_from: datetime
    ends_at: datetime
    events: tuple[tuple[Topic, RawEvent], ...]
    truth: tuple[TrueSpike, ...]


def make_story(
    seed: int,
    *,
    weeks_of_history: int = 4,
    live_days: int = 3,
    contacts_per_day: float = 2_800.0,
    bucket_s: int = 300,
    workspace: str = "demo",
    first_day: datetime = FIRST_DAY,
    pii_share: float = 0.12,
    loudness: float = 1.0,
) -> Story:
    """The story of a made-up company: quiet weeks, then live days in which things happen.

    Args:
        seed: The same seed and arguments give the same story, byte for byte.
        weeks_of_history: Whole weeks before the live days, with one past incident where there are two or more.
        live_days: 1 to 3; each day has its own causes.
        contacts_per_day: Usual contacts of a mean day; effects grow with it.
        bucket_s: Bucket width of the workspace, seconds.
        first_day: Midnight (with zone) of the first day.
        pii_share: Share of texts that hold something to redact.
        loudness: Multiplies every effect.

    Raises:
        ValueError: an argument is outside its range.
    """
    if not 1 <= live_days <= 3 or weeks_of_history < 0 or contacts_per_day <= 0.0 or first_day.tzinfo is None:
        raise ValueError(
            f"a story has 1 to 3 live days (got {live_days}), 0 or more weeks of history (got {weeks_of_history}), contacts (got {contacts_per_day}) and a first day with a zone (got {first_day})"
        )
    days = 7 * weeks_of_history + live_days
    rng = np.random.default_rng([seed, 1])
    company = found_company(rng, days=days, contacts_per_day=contacts_per_day, weekday0=first_day.weekday())
    plot = write_plot(
        rng,
        company,
        history_days=7 * weeks_of_history,
        live_days=live_days,
        scale=loudness * contacts_per_day / 2_800.0,
    )
    setting = Setting(workspace, first_day, company, plot, days)
    crowd = gather(Cast(rng, company, plot, round(6 * contacts_per_day)))
    teller = Teller(seed, pii_share=pii_share, typo_share=0.12, blanks=plot.blanks)
    ends = days * 86_400.0
    arrivals = chain(
        contact_events(setting, crowd, teller, np.random.default_rng([seed, 2])),
        (change_event(setting, step) for step in plot.steps if step.at < ends),
        population_events(setting),
        signal_events(setting),
    )
    in_order = sorted((arrival for arrival in arrivals if arrival[0] < ends), key=lambda arrival: arrival[0])
    return Story(
        seed=seed,
        company=company.name,
        workspace=_workspace(workspace, bucket_s),
        live_from=first_day + timedelta(weeks=weeks_of_history),
        ends_at=first_day + timedelta(days=days),
        events=tuple((topic, event) for _, topic, event in in_order),
        truth=true_spikes(setting, crowd),
    )


def _workspace(name: str, bucket_s: int) -> Workspace:
    return Workspace(
        name=name,
        bucket_s=bucket_s,
        lateness_s=120,
        progress="input",
        dimensions=("product", "platform", "version", "region", "topic"),
        budget_per_week=1.0,
    )


__all__ = ["Story", "TrueSpike", "make_story"]
