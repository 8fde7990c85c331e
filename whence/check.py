"""``demo --check``: a story at full speed through broker, agents and store, its spikes beside the truth."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from clickhouse_connect.driver.client import Client

from schemas.attribution import Attribution, Candidate
from schemas.broker import Broker
from sinks.migrate import migrate
from sources.stories.story import Story
from whence.demo import demo_settings, told_story
from whence.errors import CheckFailed
from whence.feed import feed
from whence.settings import Settings
from whence.show import print_json, print_table, progress, say
from whence.store import store_client
from whence.supervise import Supervisor, run_until_stopped
from whence.up import all_parts, broker_of
from whence.verdicts import Comparison, Verdict, compare

FINAL_WITHIN_S = 240.0
LOOK_EVERY_S = 0.5
STREAMS = 2
_LEFT = """
SELECT
    (SELECT count() FROM judged_now WHERE workspace = {name:String} AND final) AS ended,
    (SELECT sum(spike_seq) FROM judged_now WHERE workspace = {name:String} AND final) AS written,
    (SELECT count() FROM spikes_all WHERE workspace = {name:String}) AS stored,
    (SELECT count() FROM spikes_now WHERE workspace = {name:String} AND state != 'merged' AND spike_id NOT IN
        (SELECT spike_id FROM attributions_now WHERE workspace = {name:String} AND final)) AS waiting"""
_FOUND = """
SELECT * EXCEPT (candidates) FROM attributions_now WHERE workspace = {name:String} ORDER BY onset, spike_id"""
_CANDIDATES = """
SELECT * FROM candidates_now WHERE workspace = {name:String} ORDER BY spike_id, rank"""


def run_check(settings: Settings, seed: int, *, as_json: bool) -> None:
    """Play the story of a seed and compare.

    Raises:
        CheckFailed: fewer than four in five causes are right, a decoy is blamed, or the end did not come.
        KeyboardInterrupt: asked to stop before the end.
    """
    story = told_story(seed)
    comparison = compare(story.truth, _played(settings, story))
    if as_json:
        print_json(
            {"seed": seed, "passed": comparison.passed, "verdicts": comparison.verdicts, "others": comparison.others}
        )
    else:
        _print(comparison)
    words = f"seed {seed}: {comparison.right} of {comparison.counted} causes are right, {len(comparison.blamed)} decoy(s) blamed"
    if not comparison.passed:
        raise CheckFailed(words + (f" ({', '.join(comparison.blamed)})" if comparison.blamed else ""))
    say(f"{words}.")


def _played(settings: Settings, story: Story) -> tuple[Attribution, ...]:
    """The last attributions, read from the store, after the whole way."""
    found: list[Attribution] = []
    with demo_settings(settings) as own, broker_of(own) as broker, store_client(own.store, make=True) as client:
        migrate(client)
        told = _Play(story, broker, client, found)
        run_until_stopped(all_parts(own, broker, (story.workspace,)), ready=told)
    if not told.ended:
        raise KeyboardInterrupt
    return tuple(found)


class _Play:
    """Feeds the story, waits for the last word on every spike, and reads it."""

    def __init__(self, story: Story, broker: Broker, client: Client, found: list[Attribution]) -> None:
        self._story, self._broker, self._client, self._found = story, broker, client, found
        self.ended = False

    def __call__(self, supervisor: Supervisor) -> None:
        story = self._story
        feed(self._broker, story.workspace, story.events, supervisor.stop, total=len(story.events))
        with progress() as shown:
            task = shown.add_task("waiting for the last word on every spike", total=None)
            self._wait(supervisor.stop, lambda words: shown.update(task, description=words))
        if not supervisor.stop.is_set():
            self._found += attributions(self._client, story.workspace.name)
            self.ended = True
        supervisor.stop.set()

    def _wait(self, stop: threading.Event, told: Any) -> None:
        deadline = time.monotonic() + FINAL_WITHIN_S
        while not stop.wait(LOOK_EVERY_S):
            left = next(iter(self._client.query(_LEFT, {"name": self._story.workspace.name}).named_results()))
            if left["ended"] == STREAMS and left["stored"] >= left["written"] and not left["waiting"]:
                return
            told(f"{left['ended']} of {STREAMS} streams judged, {left['waiting']} spikes without their last word")
            if time.monotonic() > deadline:
                raise CheckFailed(
                    f"after {FINAL_WITHIN_S:g} s {left['ended']} of {STREAMS} streams were judged to their end, and "
                    f"{left['waiting']} of {left['stored']} spike revisions' spikes had no final attribution"
                )


def attributions(client: Client, workspace: str) -> tuple[Attribution, ...]:
    """The last attribution of every spike of a workspace, as the store holds it, in order of onset."""
    causes: dict[str, list[Candidate]] = {}
    for row in client.query(_CANDIDATES, {"name": workspace}).named_results():
        causes.setdefault(row["spike_id"], []).append(_candidate(row))
    rows = client.query(_FOUND, {"name": workspace}).named_results()
    return tuple(_attribution(row, causes.get(row["spike_id"], [])) for row in rows)


def _candidate(row: Mapping[str, Any]) -> Candidate:
    names = ("kind", "title", "owner", "probability", "excess", "excess_low", "excess_high")
    return Candidate(key=row["change"], **{name: row[name] for name in names})


def _attribution(row: Mapping[str, Any], candidates: Sequence[Candidate]) -> Attribution:
    names = (
        *("workspace", "seq", "spike_id", "revision", "as_of", "final", "stream", "state"),
        *("onset", "end", "expected", "observed", "sentence"),
    )
    same = {name: row[name] for name in names}
    return Attribution(origin="attribute", slice=row["slice_pairs"], candidates=tuple(candidates), **same)


def _print(comparison: Comparison) -> None:
    columns = ("true spike", "onset", "true cause", "excess", "said", "sure", "excess found", "on", "verdict")
    print_table("What happened, and what Whence says", columns, map(_row, comparison.verdicts))
    if comparison.others:
        rows = (
            (f"{one.onset:%Y-%m-%d %H:%M}", ", ".join(map("=".join, one.slice.items())), round(one.observed - one.expected),
             f"{one.candidates[0].kind} {one.candidates[0].key}".strip(), f"{one.candidates[0].probability:.2f}")
            for one in comparison.others
        )  # fmt: skip
        print_table("Spikes that are no true one's", ("onset", "on", "excess", "said", "sure"), rows)


def _row(one: Verdict) -> tuple[object, ...]:
    verdict = "right" if one.right else "wrong" if one.found else "silent"
    verdict = verdict.upper() if one.counts and not one.right else verdict if one.counts else f"{verdict} (faint)"
    if one.blamed:
        verdict += f", DECOY BLAMED: {', '.join(one.blamed)}"
    sure = f"{one.probability:.2f}" if one.found else ""
    return (
        one.truth,
        one.onset,
        one.cause,
        one.excess,
        one.said,
        sure,
        one.found_excess if one.found else "",
        one.found_slice,
        verdict,
    )
