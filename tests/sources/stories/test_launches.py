from __future__ import annotations

from collections import Counter

import pytest
from msgspec.structs import asdict

from schemas.raw import Chat, Promotion, Release, Ticket
from sources.stories.launches import AWARE, CONTROL_SHARE, UNAWARE, with_launches
from sources.stories.story import Story, make_story

AHEAD = {"ch-ahead-1", "ch-ahead-2"}
ADDED = {"exposed", "turns", "control_share"}


@pytest.fixture(scope="module")
def plain() -> Story:
    return make_story(1, weeks_of_history=0, live_days=3, contacts_per_day=1_500.0)


@pytest.fixture(scope="module")
def shown(plain: Story) -> Story:
    return with_launches(plain)


def test_nothing_else_of_the_story_changes(plain: Story, shown: Story) -> None:
    rest = [event for _, event in shown.events if event.event_id not in AHEAD]
    assert len(rest) == len(plain.events)
    for (_, before), after in zip(plain.events, rest, strict=True):
        old, new = asdict(before), asdict(after)
        assert {name for name in old if old[name] != new[name]} <= ADDED


def test_it_is_the_same_every_time(plain: Story, shown: Story) -> None:
    assert with_launches(plain) == shown


def test_two_launches_lie_ahead_one_ready_and_one_that_support_was_not_told_of(shown: Story) -> None:
    ahead = [event for _, event in shown.events if event.event_id in AHEAD]
    assert [type(event) for event in ahead] == [Promotion, Release]
    assert all(event.occurred_at == shown.live_from for event in ahead)
    promotion, release = ahead
    assert isinstance(promotion, Promotion)
    assert isinstance(release, Release)
    assert promotion.starts_at > shown.ends_at
    assert promotion.support_briefed_at is not None
    assert release.support_briefed_at is None


def test_groups_and_agents_answers_are_told_from_the_launch_on(shown: Story) -> None:
    talks = [event for _, event in shown.events if isinstance(event, Ticket | Chat) and event.exposed]
    groups = Counter(group for event in talks for group in event.exposed.values())
    assert 0.3 * CONTROL_SHARE < groups["control"] / groups.total() < 1.5 * CONTROL_SHARE
    answers = Counter(turn.text for event in talks for turn in event.turns if turn.who == "agent")
    assert answers[UNAWARE] > 10
    assert answers[AWARE] > 10
    launch = {event.change: event.starts_at for _, event in shown.events if isinstance(event, Promotion)}
    assert all(event.occurred_at >= launch[change] for event in talks for change in event.exposed)
