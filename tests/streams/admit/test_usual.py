"""Events opened by the fields they usually have are the events, whatever fields came before."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from schemas.codec import decode, encode
from schemas.contact import Contact
from schemas.raw import Ticket, Turn
from streams.admit.opening import Usual
from tests.streams.admit.making import admit_all, log, ticket

PLAIN = [ticket(number, number) for number in range(30)]
RICH = ticket(99, 31, turns=(Turn(who="customer", text="hello"),), tags=("a",), handle_s=7.5, platform="iPhone OS")


def test_an_event_with_other_fields_is_not_opened_until_they_are_usual() -> None:
    usual, values = Usual(Ticket), [encode(event) for event in PLAIN]
    assert usual.open(values) is None
    usual.learn(values)
    opened = usual.open(values)
    assert opened is not None
    assert [event.contact for event in opened] == [event.contact for event in PLAIN]
    assert not hasattr(opened[0], "turns")
    assert usual.open([*values, encode(RICH)]) is None
    usual.learn([encode(RICH)])
    opened = usual.open([*values, encode(RICH)])
    assert opened is not None
    assert [event.handle_s for event in opened[-2:]] == [None, 7.5]


@pytest.mark.parametrize("value", [b"{", b'{"event_id": 3}', None, b'{"event_id": "\xff"}', b"[" * 100_000])
def test_what_is_not_right_is_left_to_the_exact_way(value: bytes | None) -> None:
    usual = Usual(Ticket)
    usual.learn([encode(PLAIN[0]), value])
    assert usual.open([encode(PLAIN[0])]) is not None
    assert usual.open([encode(PLAIN[0]), value]) is None


@pytest.mark.parametrize("before", [[], [RICH], PLAIN])
def test_contacts_are_the_same_whatever_came_before(before: Sequence[Ticket]) -> None:
    cuts = [len(before)] if before else []
    out = admit_all(log([*before, *PLAIN[:3], RICH, ticket(98, 40, region="usa")]), cuts=cuts)
    assert len(out.contacts) == len({event.event_id for event in [*before, *PLAIN[:3], RICH]}) + 1
    found = {contact.event_id: contact for contact in (decode(Contact, value) for _, value in out.contacts)}
    assert (found["e99"].turns, found["e99"].tags, found["e99"].platform) == (RICH.turns, ("a",), "ios")
    assert (found["e98"].region, found["e98"].turns) == ("US", ())
