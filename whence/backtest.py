"""Find and attribute the spikes of a folder of exports by calling the steps directly: no broker, no store.

The very steps that the agents run, in the same order of time; a test compares both ways by id.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from schemas.attribution import Attribution
from schemas.base import Sequenced
from schemas.catalog import Topic
from schemas.dead_letter import DeadLetter
from schemas.frame import Frame
from schemas.raw import RawEvent
from schemas.spike import Spike
from schemas.timeline import TimelineEntry
from schemas.workspace import Workspace
from streams.admit.settings import AdmitSettings
from streams.chain import Chain
from whence.errors import SettingsError
from whence.input import events_of, mapping_of
from whence.line import AdmitLine
from whence.results import write_attributions, write_spikes
from whence.settings import Settings
from whence.show import print_json, print_table, progress, say

_WIDTH = re.compile(r"(\d+)([smhd]?)")
_UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}


class Found(Struct, frozen=True, kw_only=True):
    """What a back-test found: the last revision of every spike and of its attribution, in order of onset."""

    workspace: Workspace
    events: int
    letters: tuple[DeadLetter, ...]
    spikes: tuple[Spike, ...]
    attributions: tuple[Attribution, ...]


def run_backtest(
    settings: Settings,
    folder: Path,
    mapping_path: Path,
    *,
    out: Path,
    budget: float | None,
    bucket: str | None,
    as_json: bool,
) -> None:
    """Run it and write ``attributions.csv`` and ``spikes.csv`` into ``out``.

    Raises:
        DataRefused: the folder or the mapping cannot be used.
        SettingsError: ``budget`` or ``bucket`` is out of range.
    """
    mapping = mapping_of(mapping_path)
    workspace = with_options(mapping.workspace, budget=budget, bucket=bucket)
    out.mkdir(parents=True, exist_ok=True)
    with progress() as shown:
        task = shown.add_task("events", total=None)
        found = backtest(
            events_of(folder, mapping),
            workspace,
            settings.admit,
            told=lambda count: shown.update(task, completed=count),
        )
    write_spikes(out / "spikes.csv", found.spikes)
    write_attributions(out / "attributions.csv", found.attributions)
    _tell(found, out, as_json=as_json)


def with_options(workspace: Workspace, *, budget: float | None, bucket: str | None) -> Workspace:
    """The mapping's workspace with what the command line says instead.

    Raises:
        SettingsError: an option is out of range.
    """
    if budget is not None:
        if not 0 < budget <= 1_000:
            raise SettingsError(f"--budget is {budget:g}; allowed is more than 0, at most 1000 false spikes a week")
        workspace = replace(workspace, budget_per_week=budget)
    if bucket is not None:
        match = _WIDTH.fullmatch(bucket)
        width_s = int(match[1]) * _UNITS_S[match[2]] if match else 0
        if not 1 <= width_s <= 86_400:
            raise SettingsError(f"--bucket is {bucket!r}; allowed is 1s to 1d, written as 90, 90s, 5m, 1h or 1d")
        workspace = replace(workspace, bucket_s=width_s)
    return workspace


def backtest(
    events: Iterable[tuple[Topic, RawEvent]],
    workspace: Workspace,
    settings: AdmitSettings,
    *,
    told: Callable[[int], object] = int,
) -> Found:
    """Run events through admit, detect and attribute.

    Args:
        events: In order of ``occurred_at``.
        workspace: Its name must be the events'.
        settings: Admit's.
        told: Called now and then with the number of events so far.
    """
    line = _Line(workspace, settings)
    line.run(events, told=told)
    return line.found()


class _Line(AdmitLine):
    """The chain behind admit; keeps the last revisions of what comes out."""

    def __init__(self, workspace: Workspace, settings: AdmitSettings) -> None:
        super().__init__(workspace, settings)
        self._chain = Chain(workspace)
        self._spikes: dict[str, Spike] = {}
        self._attributions: dict[str, Attribution] = {}

    def follow(self, record: Frame | TimelineEntry) -> None:
        """Run it through detect and attribute."""
        for _, written in self._chain.feed(record):
            self._keep(written)

    def found(self) -> Found:
        by_onset = sorted(self._spikes.values(), key=lambda one: (one.onset, one.spike_id))
        attributed = (self._attributions[one.spike_id] for one in by_onset if one.spike_id in self._attributions)
        return Found(
            workspace=self.workspace,
            events=self.events,
            letters=tuple(self.letters),
            spikes=tuple(by_onset),
            attributions=tuple(attributed),
        )

    def _keep(self, record: Sequenced) -> None:
        if isinstance(record, Spike):
            self._spikes[record.spike_id] = record
        elif isinstance(record, Attribution):
            self._attributions[record.spike_id] = record


def _tell(found: Found, out: Path, *, as_json: bool) -> None:
    said = [one for one in found.attributions if one.state != "merged"]
    if as_json:
        print_json({"events": found.events, "refused": len(found.letters), "attributions": said})
    else:
        columns = ("onset", "slice", "contacts", "expected", "cause", "probability")
        print_table("", columns, (_row(one) for one in said))
    if found.letters:
        first = found.letters[0]
        say(
            f"{len(found.letters):,} event(s) were refused; the first, of {first.topic}: "
            f"{first.field or 'the message'} was {first.value or 'empty'}; allowed is {first.allowed}."
        )
    say(
        f"{len(said)} spike(s) in {found.events:,} events; written to {out / 'attributions.csv'} and {out / 'spikes.csv'}."
    )


def _row(one: Attribution) -> tuple[object, ...]:
    cause = one.candidates[0]
    name = f"{cause.kind} {cause.title or cause.key}".strip()
    return (
        f"{one.onset:%Y-%m-%d %H:%M}",
        ", ".join(f"{k}={v}" for k, v in one.slice.items()) or "everywhere",
        one.observed,
        round(one.expected),
        name,
        f"{cause.probability:.2f}",
    )


__all__ = ["Found", "backtest", "run_backtest", "with_options"]
