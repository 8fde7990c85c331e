"""What the company tells: its changes, how many customers it has where, and what its agents suspect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

import numpy as np
from msgspec import convert

from schemas.catalog import CHANGES, POPULATIONS, PROMOTIONS, RELEASES, SIGNALS
from schemas.raw import ChangeRecord, Population, Promotion, Release, RollOutStep, Signal
from sources.stories.plot import Step
from sources.stories.setting import Arrival, Setting
from sources.stories.world import DAY_S, Seconds, VersionRelease, adopted


def change_event(setting: Setting, step: Step) -> Arrival:
    """One change as the tool that knows it would send it: most when they start, some announced before."""
    heard = max(step.at if step.announced is None else step.announced, 0.0)
    if step.release is not None:
        return heard + 1.0, RELEASES, _release(setting, step, step.release)
    if step.kind == "promotion":
        return heard + 1.0, PROMOTIONS, _promotion(setting, step)
    heard += 600.0 if step.kind == "incident" else 0.0
    return heard + 1.0, CHANGES, _record(setting, step, heard)


def _id(step: Step) -> str:
    return f"ch-{step.key}".replace(" ", "-")


def _briefed(setting: Setting, step: Step) -> datetime | None:
    return setting.moment(max(step.at - DAY_S, 0.0)) if step.briefed else None


def _release(setting: Setting, step: Step, release: VersionRelease) -> Release:
    track = setting.company.tracks[release.track]
    return Release(
        event_id=_id(step),
        workspace=setting.workspace,
        occurred_at=setting.moment(step.at),
        source="ci",
        change=step.key,
        product=track.product,
        platforms=(track.platform,),
        version=release.version,
        released_at=setting.moment(step.at),
        rollout=tuple(RollOutStep(at=setting.moment(at), share=share) for at, share in release.steps),
        fixes=step.fixes,
        owner=step.owner,
        title=step.title,
        notes=step.text,
        support_briefed_at=_briefed(setting, step),
    )


def _promotion(setting: Setting, step: Step) -> Promotion:
    return Promotion(
        event_id=_id(step),
        workspace=setting.workspace,
        occurred_at=setting.moment(step.at),
        source="marketing-tool",
        change=step.key,
        starts_at=setting.moment(step.at),
        ends_at=None if step.ends is None else setting.moment(step.ends),
        audience_size=40_000,
        code=step.code,
        channels=("newsletter", "push"),
        claims=step.claims,
        owner=step.owner,
        title=step.title,
        text=step.text,
        support_briefed_at=_briefed(setting, step),
        expected_contacts=20 if step.briefed else None,
    )


def _record(setting: Setting, step: Step, heard: Seconds) -> ChangeRecord:
    return ChangeRecord(
        event_id=_id(step),
        workspace=setting.workspace,
        occurred_at=setting.moment(heard),
        source="status-page" if step.kind == "incident" else "policy-log",
        change=step.key,
        kind=convert(step.kind, Literal["incident", "policy", "price", "automation", "capacity"]),
        starts_at=setting.moment(step.at),
        ends_at=None if step.ends is None else setting.moment(step.ends),
        announced_at=None if step.announced is None else setting.moment(max(step.announced, 0.0)),
        owner=step.owner,
        title=step.title,
        text=step.text,
    )


def population_events(setting: Setting, *, every_s: Seconds = 21_600.0, active: int = 60_000) -> Iterator[Arrival]:
    """Customers per product, platform and version, some times a day."""
    for at in np.arange(0.0, setting.days * DAY_S, every_s).tolist():
        for track, made in zip(setting.company.tracks, setting.plot.releases, strict=True):
            left = active * track.weight
            for release in reversed(made):
                share = float(adopted(release, track, np.array([at]))[0]) if release is not made[0] else 1.0
                if left * share >= 50.0:
                    yield (
                        at,
                        POPULATIONS,
                        _population(setting, at, release, round(left * share)),
                    )
                left *= 1.0 - share


def _population(setting: Setting, at: Seconds, release: VersionRelease, customers: int) -> Population:
    track = setting.company.tracks[release.track]
    return Population(
        event_id=f"pop-{round(at)}-{track.platform}-{release.version}",
        workspace=setting.workspace,
        occurred_at=setting.moment(at),
        source="analytics",
        slice={"product": track.product, "platform": track.platform, "version": release.version},
        customers=customers,
    )


def signal_events(setting: Setting) -> Iterator[Arrival]:
    """Agents say that something is odd, half an hour into what is loud."""
    for index, effect in enumerate(setting.plot.effects):
        if effect.problem is not None and effect.strength == "loud":
            at = effect.onset + 1_800.0
            text = f"Many customers at once about {effect.problem.topics[0]}, something is broken."
            yield (
                at,
                SIGNALS,
                Signal(
                    event_id=f"sig-{index}",
                    workspace=setting.workspace,
                    occurred_at=setting.moment(at),
                    source="agents",
                    about=effect.problem.topics[0],
                    agent="agent-07",
                    text=text,
                ),
            )
