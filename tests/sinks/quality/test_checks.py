"""Every check passes on a clean window and fails on the fault that is planted for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from clickhouse_connect.driver.client import Client
from msgspec.structs import replace

from schemas.contact import Contact
from schemas.frame import Signs
from sinks.quality import run_checks
from sinks.quality.checkpoint import Checkpoint, Outcome
from sinks.quality.landed import read
from sinks.quality.settings import QualitySettings
from sinks.quality.suites import Check, suite
from sinks.store import StoreSettings
from tests.sinks.quality.conftest import HOUR, NOW, Company

Plant = Callable[[Company], None]


def on_contacts(change: Callable[[Contact, int], Contact | None]) -> Plant:
    return lambda company: company.change_window(change)


def every(step: int, **changed: object) -> Plant:
    """Change fields of every so manieth contact of the window."""
    return on_contacts(lambda one, number: replace(one, **changed) if number % step == 0 else one)


def frame_signs(**signs: int) -> Plant:
    def plant(company: Company) -> None:
        company.signs = Signs(**signs)  # type: ignore[arg-type]

    return plant


def counted(count: Callable[[Company, Contact], int]) -> Plant:
    def plant(company: Company) -> None:
        usual = company.counted
        company.counted = lambda one: count(company, one) if company.in_window(one) else usual(one)

    return plant


def concluded(name: str, change: Callable[[Company], object]) -> Plant:
    return lambda company: setattr(company, name, change(company))


def survey(one: Contact, **changed: object) -> Contact:
    return replace(one, **changed) if one.channel == "survey" else one


FAULTS: dict[str, dict[str, Plant]] = {
    "counts.volume": {
        "nothing arrives": counted(lambda *_: 0),
        "a back-fill": counted(lambda *_: 12),
    },
    "contacts.freshness": {
        "silence for a day": on_contacts(lambda one, _: one if one.occurred_at < NOW - 24 * HOUR else None)
    },
    "contacts.missing.platform": {"half without": every(2, platform="")},
    "contacts.new.topic": {"a taxonomy change": every(4, topic="Konto & Login")},
    "contacts.repeats": {"one customer, one text": every(2, customer="c", text="again and again and again")},
    "contacts.text_length": {"texts cut off": on_contacts(lambda one, _: replace(one, text=one.text[:9]))},
    "contacts.language_mix": {"another market": every(1, language="pt")},
    "contacts.score_range": {"eleven of ten": on_contacts(lambda one, _: survey(one, score=11.0))},
    "contacts.about": {"about nothing known": on_contacts(lambda one, _: survey(one, about=f"lost-{one.event_id}"))},
    "contacts.delay": {
        "dated ahead": on_contacts(
            lambda one, n: replace(one, ingested_at=one.occurred_at - timedelta(days=2)) if n == 5 else one
        )
    },
    "frames.repeats": {"sent again and again": frame_signs(repeats=20)},
    "frames.late": {"a stuck queue": frame_signs(late=9)},
    "counts.agree": {"counts lost on the way": counted(lambda _, one: int(one.event_id.endswith("0")))},
    "changes.length": {
        "ends before it starts": concluded(
            "entry", lambda c: replace(c.entry, change=replace(c.change, ends_at=NOW - 99 * HOUR))
        )
    },
    "spikes.length": {"over before it began": concluded("spike", lambda c: replace(c.spike, end=NOW - 9 * HOUR))},
    "spikes.expected": {"negative": concluded("spike", lambda c: replace(c.spike, expected=-1.0))},
    "spikes.interval": {
        "upside down": concluded("spike", lambda c: replace(c.spike, excess_low=99.0, excess_high=1.0))
    },
    "attributions.spike": {"of no spike": concluded("attribution", lambda c: replace(c.attribution, spike_id="s0"))},
    "candidates.sum": {
        "more than certain": concluded(
            "attribution",
            lambda c: replace(
                c.attribution,
                candidates=tuple(replace(one, probability=1.0) for one in (c.attribution.candidates * 2)),
            ),
        )
    },
    "candidates.change": {
        "of no change": concluded(
            "attribution",
            lambda c: replace(
                c.attribution, candidates=tuple(replace(one, key="r0") for one in c.attribution.candidates)
            ),
        )
    },
    "impacts.spikes": {"of no spike": concluded("impact", lambda c: replace(c.impact, spikes=("s1", "s0")))},
    "impacts.length": {"over before it began": concluded("impact", lambda c: replace(c.impact, last=NOW - 99 * HOUR))},
}
CASES = [(check_id, name, plant) for check_id, faults in FAULTS.items() for name, plant in faults.items()]


def judged(company: Company, client: Client, checkpoint: Checkpoint, wanted: Callable[[Check], bool]) -> list[Outcome]:
    landed = read(client, company.window, QualitySettings())
    return checkpoint.run(landed, [check for check in suite(landed, company.window) if wanted(check)])


def kind(check_id: str) -> str:
    """A check without its dimension: one planted fault serves for all of them."""
    return re.sub(r"^(contacts\.(?:missing|new))\.\w+$", r"\1", check_id)


def test_a_clean_window_passes_every_check_and_every_check_has_a_planted_fault(
    company: Company, embedded: Client, embedded_store: StoreSettings, checkpoint: Checkpoint
) -> None:
    company.land(embedded, embedded_store)
    outcomes = judged(company, embedded, checkpoint, lambda _: True)
    assert [(one.check.check_id, one.observed) for one in outcomes if not one.success] == []
    assert {kind(one.check.check_id) for one in outcomes} == {kind(check_id) for check_id in FAULTS}


@pytest.mark.parametrize(
    "fault", [(one, plant) for one, _, plant in CASES], ids=[f"{check}: {name}" for check, name, _ in CASES]
)
def test_a_planted_fault_fails_its_check(
    company: Company,
    embedded: Client,
    embedded_store: StoreSettings,
    checkpoint: Checkpoint,
    fault: tuple[str, Plant],
) -> None:
    check_id, plant = fault
    plant(company)
    company.land(embedded, embedded_store)
    (outcome,) = judged(company, embedded, checkpoint, lambda check: check.check_id == check_id)
    assert not outcome.success, outcome
    assert outcome.observed
    assert not outcome.observed.startswith("not judged")


def test_results_are_numbered_on_and_say_window_and_limits(
    company: Company, client: Client, store: StoreSettings, checkpoint: Checkpoint
) -> None:
    company.change_window(lambda one, number: replace(one, topic="Konto") if number % 4 == 0 else one)
    company.land(client, store)
    results = run_checks(client, company.workspace, now=NOW + timedelta(minutes=5), seq=7, checkpoint=checkpoint)
    assert [one.seq for one in results] == list(range(8, 8 + len(results)))
    assert {(one.window_start, one.window_end, one.at) for one in results} == {(NOW - 60 * HOUR, NOW, NOW)}
    (failed,) = [one for one in results if not one.success]
    assert (failed.check_id, failed.table, failed.column) == ("contacts.new.topic", "contacts", "topic")
    assert failed.expectation == "expect_column_values_to_be_in_set"
    assert failed.allowed == "at most 2% with a topic never seen before"
    assert re.fullmatch(r"\d+ of \d+ \(\d+(\.\d)?%\), such as Konto", failed.observed)


def test_an_empty_store_has_nothing_to_judge(company: Company, embedded: Client) -> None:
    assert run_checks(embedded, company.workspace, now=NOW) == []


def test_a_young_workspace_is_not_judged_by_what_is_not_yet_usual(
    company: Company, embedded: Client, embedded_store: StoreSettings, checkpoint: Checkpoint
) -> None:
    company.contacts = [one for one in company.contacts if company.in_window(one)]
    company.land(embedded, embedded_store)
    ids = {one.check.check_id for one in judged(company, embedded, checkpoint, lambda _: True)}
    assert not any(
        name.startswith(("counts.volume", "contacts.missing", "contacts.new", "contacts.text")) for name in ids
    )
    assert "contacts.score_range" in ids
