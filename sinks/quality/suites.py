"""The suites: which expectations hold for what landed, with limits from what was usual. No engine, no clock."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from sinks.quality.landed import Landed, Window, only
from sinks.quality.usual import (
    divergence_limit,
    length_limits,
    longest_silence_s,
    share_limit,
    volume_limits,
    weights,
)


class Check(Struct, frozen=True, kw_only=True):
    """One expectation of Great Expectations by its name, on a frame of what landed; ``allowed`` is for a person."""

    check_id: str
    frame: str
    expectation: str
    allowed: str
    column: str = ""
    arguments: dict[str, Any] = {}

    @property
    def table(self) -> str:
        """The table that the check is about."""
        return self.frame.partition(".")[0]


def suite(landed: Landed, window: Window) -> tuple[Check, ...]:
    """All checks that can be judged: those without rows, or without anything usual to compare with, are left out."""
    return (
        *_arrival(landed, window),
        *_dimensions(landed, window),
        *_texts(landed),
        *_mix(landed),
        *_scores(landed),
        *_frames(landed),
        *_sense(landed),
    )


def _arrival(landed: Landed, window: Window) -> Iterator[Check]:
    """Volume and freshness for the weekday and hour."""
    limits = volume_limits(landed.volumes)
    if limits is not None:
        yield _between("counts.volume", "counts", "total", *limits, f"{limits[0]:.0f} to {limits[1]:.0f} contacts")
    silence_s = longest_silence_s(landed.volumes, window.length_s)
    if silence_s is not None and landed.frames["contacts.newest"]:
        allowed = f"at most {silence_s:,.0f} s since the last contact, at this weekday and hour"
        yield _between("contacts.freshness", "contacts.newest", "silence_s", None, silence_s, allowed)


def _dimensions(landed: Landed, window: Window) -> Iterator[Check]:
    """Missing values, and categories never seen before (a new version is no news)."""
    contacts = landed.frames["contacts"]
    if len(contacts) < 5:
        return
    for name in window.workspace.dimensions:
        if name in landed.missing:
            limit = share_limit(landed.missing[name], len(contacts))
            if limit < 1.0:
                yield Check(
                    check_id=f"contacts.missing.{name}",
                    frame="contacts",
                    column=name,
                    expectation="expect_column_values_to_not_be_null",
                    arguments={"mostly": 1.0 - limit},
                    allowed=f"at most {limit:.0%} without {name}",
                )
        if landed.seen.get(name) and name != "version" and only(contacts, name):
            limit = min(0.5, 0.01 + 3.0 / len(contacts))
            yield Check(
                check_id=f"contacts.new.{name}",
                frame="contacts",
                column=name,
                expectation="expect_column_values_to_be_in_set",
                arguments={"value_set": list(landed.seen[name]), "mostly": 1.0 - limit},
                allowed=f"at most {limit:.0%} with a {name} never seen before",
            )


def _texts(landed: Landed) -> Iterator[Check]:
    """Repeats and text length."""
    contacts = landed.frames["contacts"]
    said = only(contacts, "said")
    if landed.repeats is not None and len(said) >= 20:
        limit = share_limit(landed.repeats, len(said))
        yield Check(
            check_id="contacts.repeats",
            frame="contacts",
            column="said",
            expectation="expect_column_proportion_of_unique_values_to_be_between",
            arguments={"min_value": 1.0 - limit},
            allowed=f"at least {1.0 - limit:.0%} different texts of customers",
        )
    if landed.length is not None and len(only(contacts, "length")) >= 20:
        low, high = length_limits(landed.length)
        yield Check(
            check_id="contacts.text_length",
            frame="contacts",
            column="length",
            expectation="expect_column_median_to_be_between",
            arguments={"min_value": low, "max_value": high},
            allowed=f"a median of {low:.0f} to {high:.0f} characters",
        )


def _mix(landed: Landed) -> Iterator[Check]:
    """The mix of languages."""
    found = only(landed.frames["contacts"], "language")
    if len(found) >= 30 and landed.languages:
        usual = weights({**dict.fromkeys(found, 0), **landed.languages})
        limit = divergence_limit(len(usual), len(found))
        yield Check(
            check_id="contacts.language_mix",
            frame="contacts",
            column="language",
            expectation="expect_column_kl_divergence_to_be_less_than",
            arguments={
                "partition_object": {"values": list(usual), "weights": list(usual.values())},
                "threshold": limit,
            },
            allowed=f"a divergence below {limit:.2f} nats from the usual mix",
        )


def _scores(landed: Landed) -> Iterator[Check]:
    """Scores within their scale, surveys about contacts that exist, contacts not from the future."""
    contacts = landed.frames["contacts"]
    if only(contacts, "score_share"):
        yield _each("contacts.score_range", "contacts", "score_share", 0.0, 1.0, "scores from 0 to their scale's end")
    if len(only(contacts, "about_known")) >= 5:
        yield Check(
            check_id="contacts.about",
            frame="contacts",
            column="about_known",
            expectation="expect_column_values_to_be_in_set",
            arguments={"value_set": [True], "mostly": 0.5},
            allowed="at least half of the surveys about a contact that is known",
        )
    if contacts:
        yield _each("contacts.delay", "contacts", "delay_s", -86_400, None, "no contact from more than a day ahead")


def _frames(landed: Landed) -> Iterator[Check]:
    """Signs in the frames, and whether counts and contacts agree."""
    if landed.frames["frames"] and landed.frames["frames"][0]["total"] >= 20:
        yield _between("frames.repeats", "frames", "repeated", None, 0.5, "at most 50 repeats in 100 contacts")
        yield _between("frames.late", "frames", "belated", None, 0.25, "at most 25 late in 100 contacts")
    agree = landed.frames["counts.contacts"][0]
    if agree["counted"] > 0:
        slack = max(5.0, 0.02 * agree["counted"])
        low, high = agree["counted"] - slack, agree["counted"] + slack
        allowed = f"{low:.0f} to {high:.0f}, as contacts landed"
        yield _between("counts.agree", "counts.contacts", "total", low, high, allowed)


def _sense(landed: Landed) -> Iterator[Check]:
    """What was concluded refers to what is there."""
    if landed.frames["changes"]:
        yield _each("changes.length", "changes", "length_s", 0, None, "no change that ends before it starts")
    if landed.frames["spikes"]:
        yield _each("spikes.length", "spikes", "length_s", 0, None, "no spike that ends before its onset")
        yield _each("spikes.expected", "spikes", "expected", 0.0, None, "no negative expectation")
        yield _each("spikes.interval", "spikes", "width", 0.0, None, "no interval upside down")
    if landed.frames["attributions"]:
        yield _true("attributions.spike", "attributions", "spike_known", "only spikes that are known")
    if landed.frames["candidates"]:
        yield _each("candidates.sum", "candidates", "total", 0.999, 1.001, "probabilities that sum to one")
        yield _true("candidates.change", "candidates", "changes_known", "only changes that are known")
    if landed.frames["impacts"]:
        yield _true("impacts.spikes", "impacts", "spikes_known", "only spikes that are known")
        yield _each("impacts.length", "impacts", "length_s", 0, None, "no impact that ends before it begins")


def _between(check_id: str, frame: str, column: str, low: float | None, high: float | None, allowed: str) -> Check:  # noqa: PLR0917 - a row of a table
    """The one value of a frame lies within limits."""
    return Check(
        check_id=check_id,
        frame=frame,
        column=column,
        expectation="expect_column_max_to_be_between",
        arguments={"min_value": low, "max_value": high},
        allowed=allowed,
    )


def _each(check_id: str, frame: str, column: str, low: float | None, high: float | None, allowed: str) -> Check:  # noqa: PLR0917 - as above
    """Every value lies within limits."""
    return Check(
        check_id=check_id,
        frame=frame,
        column=column,
        expectation="expect_column_values_to_be_between",
        arguments={"min_value": low, "max_value": high},
        allowed=allowed,
    )


def _true(check_id: str, frame: str, column: str, allowed: str) -> Check:
    return Check(
        check_id=check_id,
        frame=frame,
        column=column,
        expectation="expect_column_values_to_be_in_set",
        arguments={"value_set": [True]},
        allowed=allowed,
    )
