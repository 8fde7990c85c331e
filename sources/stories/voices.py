"""From columns to events: every contact with its updates, and the surveys after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from schemas.catalog import CHATS, SURVEYS, TICKETS
from schemas.raw import Chat, Survey, Ticket, Turn
from sources.stories.crowd import PEST_TOPIC, USUAL, Crowd
from sources.stories.setting import Arrival, Setting
from sources.stories.texts import Teller
from sources.stories.world import DAY_S, TOPICS, Seconds

_LATE_SHARE = 0.003
_LATE_S = 3_600.0
_TWICE_SHARE = 0.008
_BLAME_SHARE = 0.06
_UPDATED_SHARE = 0.2
_SURVEYED_SHARE = 0.05


class _Voice(NamedTuple):
    """One row of the crowd with its luck: uniform numbers that decide what becomes of it."""

    row: int
    at: Seconds
    track: int
    release: int
    region: int
    topic: int
    customer: int
    effect: int
    ticket: int
    twin: int
    delay: Seconds
    handled: Seconds
    luck: tuple[float, ...]


def contact_events(setting: Setting, crowd: Crowd, teller: Teller, rng: np.random.Generator) -> Iterator[Arrival]:
    """Tickets and chats, their updates, and surveys, each with the second of its arrival.

    A few arrive an hour late, a few twice; a twin repeats the words of the row that it doubles, and nobody is asked about it again.
    """
    texts: list[str] = []
    pest = teller.usual(PEST_TOPIC, "en")
    for voice in _voices(crowd, rng):
        text = texts[voice.twin] if voice.twin >= 0 else _text(setting, voice, teller, pest)
        texts.append(text)
        contact = _chat(setting, voice, text) if voice.ticket == 0 else _ticket(setting, voice, text)
        topic = CHATS if voice.ticket == 0 else TICKETS
        yield voice.at + voice.delay, topic, contact
        if voice.luck[4] < _TWICE_SHARE:
            yield voice.at + voice.delay + 20.0, topic, contact
        if isinstance(contact, Ticket) and voice.luck[1] < _UPDATED_SHARE:
            yield from _solved(setting, contact, voice)
        if voice.luck[2] < _SURVEYED_SHARE and voice.twin < 0:
            yield _survey(setting, contact, voice)


def _voices(crowd: Crowd, rng: np.random.Generator) -> Iterator[_Voice]:
    size = crowd.at.size
    delay = np.minimum(rng.exponential(4.0, size), 60.0) + _LATE_S * (rng.random(size) < _LATE_SHARE)
    handled = np.round(np.exp(rng.normal(6.1, 0.6, size)))
    columns = (crowd.at, crowd.track, crowd.release, crowd.region, crowd.topic, crowd.customer, crowd.effect)
    lists = (column.tolist() for column in (*columns, crowd.ticket, crowd.twin, delay, handled))
    luck = map(tuple, rng.random((size, 8)).tolist())
    return map(_Voice, range(size), *lists, luck)


def _language(setting: Setting, voice: _Voice) -> str:
    return "en" if voice.luck[5] < 0.12 else setting.company.regions[voice.region][1]


def _text(setting: Setting, voice: _Voice, teller: Teller, pest: str) -> str:
    if voice.effect == USUAL:
        return teller.usual(TOPICS[voice.topic], _language(setting, voice))
    problem = setting.plot.effects[voice.effect].problem
    if problem is None:
        return pest
    return teller.about(problem.says, _language(setting, voice), blame=voice.luck[0] < _BLAME_SHARE)


def _version(setting: Setting, voice: _Voice) -> str:
    return "" if voice.luck[6] < 0.07 else setting.plot.releases[voice.track][voice.release].version


def _topic(voice: _Voice) -> str:
    return "" if voice.luck[7] < 0.02 else TOPICS[voice.topic]


def _ticket(setting: Setting, voice: _Voice, text: str) -> Ticket:
    track = setting.company.tracks[voice.track]
    return Ticket(
        event_id=f"t{voice.row:06d}",
        workspace=setting.workspace,
        occurred_at=setting.moment(voice.at),
        source="helpdesk",
        contact=f"T-{100_000 + voice.row}",
        customer=f"customer-{voice.customer:05d}",
        product=track.product,
        platform=track.platform,
        version=_version(setting, voice),
        region=setting.company.regions[voice.region][0],
        language=_language(setting, voice),
        topic=_topic(voice),
        text=text,
        tags=("web-form",) if voice.luck[3] < 0.5 else (),
    )


def _chat(setting: Setting, voice: _Voice, text: str) -> Chat:
    track = setting.company.tracks[voice.track]
    return Chat(
        event_id=f"c{voice.row:06d}",
        workspace=setting.workspace,
        occurred_at=setting.moment(voice.at),
        source="messenger",
        contact=f"C-{100_000 + voice.row}",
        customer=f"customer-{voice.customer:05d}",
        product=track.product,
        platform=track.platform,
        version=_version(setting, voice),
        region=setting.company.regions[voice.region][0],
        language=_language(setting, voice),
        topic=_topic(voice),
        text=text,
        turns=_turns(text) if voice.luck[3] < 0.3 else (),
        handle_s=voice.handled,
        ended="solved" if voice.luck[2] < 0.7 else "left",
    )


def _turns(text: str) -> tuple[Turn, ...]:
    answer = "Thanks for your message, an agent will be with you shortly."
    return (Turn(who="customer", text=text), Turn(who="bot", text=answer))


def _solved(setting: Setting, opened: Ticket, voice: _Voice) -> Iterator[Arrival]:
    """The ticket is solved hours later: an update of the same contact."""
    later = voice.at + 1_800.0 + voice.handled * 10.0
    if later < setting.days * DAY_S:
        update = Ticket(
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
            handle_s=voice.handled,
            wait_s=voice.handled * 3,
            transfers=int(voice.luck[2] < 0.1),
            reopens=0,
        )
        yield later, TICKETS, update


def _score(voice: _Voice) -> float:
    """One to five: low where there was trouble, mostly high elsewhere."""
    if voice.effect != USUAL:
        return 1.0 if voice.luck[3] < 0.6 else 2.0
    return float(np.searchsorted((0.06, 0.10, 0.20, 0.45), voice.luck[3], side="right") + 1)


def _survey(setting: Setting, about: Ticket | Chat, voice: _Voice) -> Arrival:
    """A satisfaction score some minutes after the contact."""
    later = min(voice.at + 300.0 + 3_000.0 * voice.luck[0], setting.days * DAY_S - 1.0)
    score = _score(voice)
    event = Survey(
        event_id=f"s{voice.row:06d}",
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
        about=about.contact if voice.luck[1] < 0.8 else "",
    )
    return later + 2.0, SURVEYS, event
