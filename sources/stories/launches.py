"""What marketing asks of a story, for looking at: who was exposed, what agents knew of an offer, and the launches to come.

Only the demo shows it. The stories that detection and attribution are judged on stay as they are.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

from msgspec.structs import replace

from schemas.catalog import PROMOTIONS, RELEASES, Topic
from schemas.raw import Chat, Promotion, RawEvent, Release, RollOutStep, Ticket, Turn
from sources.stories.story import Story

Told = tuple[Topic, RawEvent]
CONTROL_SHARE, REACHED_SHARE = 0.1, 0.66
UNAWARE = "I am sorry, I have no information about this offer. I will ask and come back to you."
AWARE = "Thank you for telling us. I have passed it on and will write to you once the code works."


def with_launches(story: Story) -> Story:
    """The same story with the groups of the offers that support was not told of, agents' answers, and two launches still ahead."""
    live = [event for _, event in story.events if isinstance(event, Promotion) and event.starts_at >= story.live_from]
    offers = [event for event in live if event.code and event.support_briefed_at is None]
    told = [(topic, _told(event, offers)) for topic, event in story.events]
    at = next((place for place, (_, event) in enumerate(told) if event.occurred_at >= story.live_from), len(told))
    return replace(story, events=(*told[:at], *_ahead(story), *told[at:]))


def _told(event: RawEvent, offers: list[Promotion]) -> RawEvent:
    if isinstance(event, Promotion):
        return replace(event, control_share=CONTROL_SHARE) if event in offers else event
    if isinstance(event, Ticket | Chat) and event.event == "opened":
        offer = next((one for one in offers if event.occurred_at >= one.starts_at), None)
        return event if offer is None else _spoken(event, offer)
    return event


def _spoken(event: Ticket | Chat, offer: Promotion) -> Ticket | Chat:
    """Who names the code has seen the offer; of everybody else two in three were reached, one in ten of them held back."""
    names = offer.code.lower() in event.text.lower()
    luck = _luck(event.customer)
    group: Any = "exposed" if names or luck >= CONTROL_SHARE * REACHED_SHARE else "control"
    exposed = {offer.change: group} if names or luck < REACHED_SHARE else {}
    if not names:
        return replace(event, exposed=exposed)
    answer = UNAWARE if _luck(event.event_id) < 0.4 else AWARE
    return replace(event, exposed=exposed, turns=(*event.turns, Turn(who="agent", text=answer)))


def _luck(text: str) -> float:
    """A number from nought to one that is always the same for a text."""
    return int.from_bytes(blake2b(text.encode(), digest_size=4).digest(), "big") / 2**32


def _ahead(story: Story) -> tuple[Told, ...]:
    """One launch that support is ready for, and one that it was not told of; known as the live days begin."""
    heard, day = story.live_from, timedelta(days=1)
    said: dict[str, Any] = {"workspace": story.workspace.name, "occurred_at": heard, "known_at": heard}
    ready = Promotion(
        **said, event_id="ch-ahead-1", source="marketing-tool", change="promo-picnic", planned_at=heard, starts_at=_noon(story.ends_at + 2 * day),
        ends_at=_noon(story.ends_at + 4 * day), claims=("picnic basket for 20", "delivered on the same day"), audience_size=25_000, owner="marketing",
        title="Picnic baskets", support_briefed_at=heard, expected_contacts=60, macro="picnic-basket", article="help/picnic",
    )  # fmt: skip
    untold = Release(
        **said, event_id="ch-ahead-2", source="ci", change="go ios 6.0.0", product="go", platforms=("ios",), version="6.0.0", planned_at=heard,
        released_at=_noon(story.ends_at + 5 * day), rollout=(RollOutStep(at=_noon(story.ends_at + 5 * day), share=0.1),), owner="ios team", title="New checkout",
        notes="A new checkout in three steps.",
    )  # fmt: skip
    return ((PROMOTIONS, ready), (RELEASES, untold))


def _noon(moment: datetime) -> datetime:
    return moment.replace(hour=10, minute=0, second=0, microsecond=0)
