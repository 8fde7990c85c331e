"""The routing file: what is refused, and with which words."""

from __future__ import annotations

import pytest

from streams.alert.routing import RoutingError, read_routing, team_of
from tests.streams.deliver.samples import BASE, routing

REFUSED = [
    ("channels = 3\n[", "the routing file alerts.toml is not TOML: Invalid initial character"),
    ('[channels.sms]\nkind = "sms"', "alerts.toml: channels.sms.kind: invalid enum value 'sms'"),
    ('[channels.s]\nkind = "apprise"\ntoken = "x"', "alerts.toml: channels.s.token is not a setting of the routing file"),
    ("colour = 1", "alerts.toml: colour is not a setting of the routing file"),
    ('[channels.s]\nkind = "webhook"', "alerts.toml: channels.s.url must be http(s)://host[:port]/path without user or password in it"),
    ('[channels.s]\nkind = "webhook"\nurl = "https://u:p@host/"', "alerts.toml: channels.s.url must be http(s)://host[:port]/path without user or password in it"),
    ('[channels.s]\nkind = "apprise"\nurl = "slack://x"', "alerts.toml: channels.s.url stands in the file; an Apprise URL is a secret and comes from the environment"),
    ('[channels."A b"]\nkind = "apprise"', "alerts.toml: channels.A b: allowed in a name are a-z, 0-9 and -, and not the word owner"),
    ('[channels.owner]\nkind = "apprise"', "alerts.toml: channels.owner: allowed in a name are a-z, 0-9 and -, and not the word owner"),
    ("[teams.t]\nchannels = []", "alerts.toml: teams.t.channels is empty; allowed is at least one channel"),
    ('[teams.t]\nchannels = ["x"]', "alerts.toml: teams.t.channels: there is no channel 'x'; there are none"),
    ('[audiences.a]\nteams = ["x"]', "alerts.toml: audiences.a.teams: there is no team 'x'; there are owner"),
    ("[audiences.a]\nteams = []", 'alerts.toml: audiences.a.teams is empty; allowed are teams, or "owner"'),
    ('[audiences.a]\nteams = ["owner"]\nprobability = 80', "alerts.toml: audiences.a.probability: expected `float` <= 1.0"),
    ('[audiences.a]\nteams = ["owner"]\nkinds = ["weather"]', "alerts.toml: audiences.a.kinds[0]: invalid enum value 'weather'"),
    ('[audiences.a]\nteams = ["owner"]\ngrowth = 0.5', "alerts.toml: audiences.a.growth is 0.5; allowed is more than 1, or 0 for never"),
    ('[audiences.a]\nteams = ["owner"]\ncost_per_hour = 9', "alerts.toml: audiences.a.cost_per_hour needs [cost] per_contact or per_handling_hour"),
    ('unowned = "x"', "alerts.toml: unowned: there is no team 'x'; there are none"),
    ('[[maintenance]]\nname = "m"\nstart = 2026-03-01T10:00:00Z\nend = 2026-03-01T09:00:00Z', "alerts.toml: maintenance[0] (m) ends before it starts"),
    ('[[maintenance]]\nname = "m"\nstart = 2026-03-01T10:00:00Z\nend = 2026-03-03T09:00:00Z\nrepeat = "daily"', "alerts.toml: maintenance[0] (m) is as long as its repetition, so nothing would ever be sent"),
    ('[[maintenance]]\nname = "m"\nstart = 2026-03-01T10:00:00\nend = 2026-03-03T09:00:00Z', "alerts.toml: maintenance[0].start: expected `datetime` with a timezone component"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sentence"), REFUSED)
def test_what_cannot_be_used_is_refused_in_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(RoutingError) as refused:
        read_routing(text, place="alerts.toml")
    assert refused.value.problems[0].startswith(sentence)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(RoutingError) as refused:
        read_routing('unowned = "x"\n[audiences.a]\nteams = ["y"]', place="f")
    assert len(refused.value.problems) == 2


def test_an_owner_belongs_to_one_team() -> None:
    with pytest.raises(RoutingError, match=r"teams\.other\.owners: 'checkout' is already team payments's"):
        routing('[teams.other]\nchannels = ["ops"]\nowners = ["checkout"]')


def test_escalation_comes_in_order_of_time() -> None:
    level = '{after_minutes = 10, teams = ["operations"]}'
    with pytest.raises(RoutingError, match=r"teams\.late\.escalation must come in order of after_minutes"):
        routing(f'[teams.late]\nchannels = ["ops"]\nescalation = [{level}, {level}]')


def test_owners_find_their_team_and_strangers_the_one_for_all_others() -> None:
    found = routing()
    assert [team_of(found, owner) for owner in ("payments", "checkout", "stranger", "")] == [
        "payments", "payments", "operations", "operations",
    ]  # fmt: skip
    silent = read_routing(BASE.replace('unowned = "operations"', ""), place="f")
    assert team_of(silent, "stranger") == ""
