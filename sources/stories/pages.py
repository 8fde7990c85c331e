"""From columns to events: every contact, survey and change of the story as the contract's types."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import numpy as np
from msgspec import Struct, convert

from schemas.catalog import CHANGES, CHATS, POPULATIONS, PROMOTIONS, RELEASES, SIGNALS, SURVEYS, TICKETS, Topic
from schemas.raw import (
    ChangeRecord,
    Chat,
    Population,
    Promotion,
    RawEvent,
    Release,
    RollOutStep,
    Signal,
    Survey,
    Ticket,
    Turn,
)
from sources.stories.crowd import USUAL, Crowd
from sources.stories.plot import Plot, Step
from sources.stories.texts import Teller
from sources.stories.world import DAY_S, TOPICS, Company, Seconds, VersionRelease, adopted

Arrival = tuple[Seconds, Topic, RawEvent]


class Setting(Struct, frozen=True):
    """What every event of the story needs: who, from when on, for how long."""

    workspace: str
    start: datetime
    company: Company
    plot: Plot
    days: int

    def moment(self, at: Seconds) -> datetime:
        """Event time of a story second, to the millisecond."""
        return self.start + timedelta(milliseconds=round(at * 1000.0))


def contact_events(setting: Setting, crowd: Crowd, teller: Teller, rng: np.random.Generator) -> Iterator[Arrival]:
    """Tickets and chats with their updates, and surveys, each with the second of its arrival."""
    company, plot = setting.company, setting.plot
    size = crowd.at.size
    versions = [[release.version for release in made] for made in plot.releases]
    delay = np.minimum(rng.exponential(4.0, size), 60.0)
    delay[rng.random(size) < 0.003] += 3_600.0
    unknown_version, unknown_topic = rng.random(size) < 0.07, rng.random(size) < 0.02
    english, odds = rng.random(size) < 0.12, rng.random((size, 4))
    handled = np.exp(rng.normal(6.1, 0.6, size))
    texts: list[str] = []
    pest = teller.usual("billing", "en")
    columns = (
        crowd.at,
        crowd.track,
        crowd.release,
        crowd.region,
        crowd.topic,
        crowd.customer,
        crowd.effect,
        crowd.ticket,
        crowd.twin,
    )
    rows = zip(*(column.tolist() for column in columns), strict=True)
    for row, (at, track, release, region, topic, customer, effect, ticket, twin) in enumerate(rows):
        where, language = company.regions[region]
        language = "en" if english[row] else language
        problem = plot.effects[effect].problem if effect != USUAL else None
        if twin >= 0:
            text = texts[twin]
        elif problem is not None:
            text = teller.about(problem.says, language, blame=odds[row, 0] < 0.06)
        elif effect != USUAL:
            text = pest
        else:
            text = teller.usual(TOPICS[topic], language)
        texts.append(text)
        place = company.tracks[track]
        make = (
            partial(Ticket, tags=("web-form",) if odds[row, 3] < 0.5 else ())
            if ticket
            else partial(
                Chat,
                turns=_turns(text) if odds[row, 3] < 0.3 else (),
                handle_s=round(handled[row]),
                ended="solved" if odds[row, 2] < 0.7 else "left",
            )
        )
        event = make(
            event_id=f"{'t' if ticket else 'c'}{row:06d}",
            workspace=setting.workspace,
            occurred_at=setting.moment(at),
            source="helpdesk" if ticket else "messenger",
            contact=f"{'T' if ticket else 'C'}-{100_000 + row}",
            customer=f"customer-{customer:05d}",
            product=place.product,
            platform=place.platform,
            version="" if unknown_version[row] else versions[track][release],
            region=where,
            language=language,
            topic="" if unknown_topic[row] else TOPICS[topic],
            text=text,
        )
        yield at + delay[row], TICKETS if ticket else CHATS, event
        if ticket and odds[row, 1] < 0.2:
            yield from _solved(setting, event, at, handled[row], odds[row, 2])
        if odds[row, 2] < 0.05:
            yield _survey(setting, event, at, row, troubled=problem is not None, odds=odds[row])
        if odds[row, 1] > 0.992:
            yield at + delay[row] + 20.0, TICKETS if ticket else CHATS, event


def _turns(text: str) -> tuple[Turn, ...]:
    return (
        Turn(who="customer", text=text),
        Turn(who="bot", text="Thanks for your message, an agent will be with you shortly."),
    )


def _solved(setting: Setting, opened: Ticket | Chat, at: Seconds, handled: float, luck: float) -> Iterator[Arrival]:
    """The ticket is solved hours later: an update of the same contact."""
    later = at + 1_800.0 + handled * 10.0
    if later < setting.days * DAY_S:
        yield (
            later,
            TICKETS,
            Ticket(
                event_id=f"{opened.event_id}-2",
                workspace=opened.workspace,
                occurred_at=setting.moment(later),
                source=opened.source,
                contact=opened.contact,
                event="updated",
                customer=opened.customer,
                product=opened.product,
                platform=opened.platform,
                version=opened.version,
                region=opened.region,
                language=opened.language,
                topic=opened.topic,
                status="solved",
                handle_s=float(round(handled)),
                wait_s=float(round(handled * 3)),
                transfers=int(luck < 0.1),
                reopens=0,
            ),
        )


def _survey(
    setting: Setting, about: Ticket | Chat, at: Seconds, row: int, *, troubled: bool, odds: np.ndarray
) -> Arrival:
    """A satisfaction score some minutes after the contact, lower where there was trouble."""
    later = min(at + 300.0 + 3_000.0 * float(odds[0]), setting.days * DAY_S - 1.0)
    score = (
        1.0 + (odds[3] > 0.6)
        if troubled
        else (5.0 if odds[3] < 0.55 else 4.0 if odds[3] < 0.8 else 3.0 if odds[3] < 0.9 else 1.0)
    )
    event = Survey(
        event_id=f"s{row:06d}",
        workspace=setting.workspace,
        occurred_at=setting.moment(later),
        source="survey-tool",
        customer=about.customer,
        product=about.product,
        platform=about.platform,
        version=about.version,
        region=about.region,
        language=about.language,
        topic=about.topic,
        kind="csat",
        score=score,
        scale_max=5.0,
        text=about.text if score < 3.0 else "",
        about=about.contact if odds[1] < 0.8 else "",
    )
    return later + 2.0, SURVEYS, event


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
