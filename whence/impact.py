"""``whence impact``: what any change has cost in contacts, from the store or from a folder of exports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from streams.cost import Cost, cost_of
from whence.daily import from_folder, from_store
from whence.errors import SettingsError
from whence.settings import Settings
from whence.show import OUT, print_json, print_table, say

SHOWN_SLICES = 8
SIGNIFICANT_OTHERS = 6


def run_impact(
    settings: Settings,
    key: str,
    *,
    folder: Path | None,
    mapping: Path | None,
    workspace: str | None,
    days: int | None,
    as_json: bool,
) -> None:
    """Say what one change has cost.

    Raises:
        DataRefused: the change is not known.
        TooFewDays: there are not enough days before or after it.
        SettingsError: a folder without a mapping, or a mapping without a folder.
    """
    if (folder is None) != (mapping is None):
        missing = "--folder" if folder is None else "--mapping"
        raise SettingsError(f"--folder and --mapping go together; {missing} is missing")
    if folder is not None and mapping is not None:
        watched = from_folder(folder, mapping, key, settings.admit)
    else:
        watched = from_store(settings, key, workspace)
    cost = cost_of(watched, days=days)
    if as_json:
        print_json(cost)
    else:
        _show(cost)


def _show(cost: Cost) -> None:
    OUT.print(cost.sentence, markup=False)
    days = [
        (f"{one.day:%a %Y-%m-%d}", *(_cell(number) for number in (one.observed, one.contacts, one.low, one.high)))
        for one in cost.by_day
    ]
    if cost.by_span:
        rows = [
            (f"{one.days}", *(_cell(number) for number in (one.contacts, one.low, one.high, one.expected)))
            for one in cost.by_span
        ]
        print_table("Of these, in the first days", ("days", "beyond expectation", "low", "high", "expected"), rows)
    print_table("By day", ("from", "contacts", "beyond expectation", "low", "high"), days)
    if cost.by_slice:
        rows = [
            (one.slice, *(_cell(number) for number in (one.contacts, one.low, one.high, one.expected)))
            for one in cost.by_slice[:SHOWN_SLICES]
        ]
        print_table(
            f"By slice, the surest {len(rows)} of {len(cost.by_slice)}; one in ten leaves out nought by chance",
            ("slice", "beyond expectation", "low", "high", "expected"),
            rows,
        )
    for line in _remarks(cost):
        say(line)


def _remarks(cost: Cost) -> Sequence[str]:
    scope = ", ".join(f"{name} {' or '.join(values)}" for name, values in cost.scope.items()) or "everywhere"
    told = [f"Counted: {scope}. {cost.history_days} days of history; control weighs {cost.control:.0%}."]
    if cost.planned is not None:
        told.append(f"Planned were {cost.planned:,} contacts.")
    if cost.others:
        more = len(cost.others) - SIGNIFICANT_OTHERS
        listed = "; ".join(cost.others[:SIGNIFICANT_OTHERS]) + (f"; and {more} more" if more > 0 else "")
        told.append(f"In the same days, so part of this may be theirs: {listed}.")
    return told


def _cell(number: float | None) -> str:
    return "no data" if number is None else f"{number:,.0f}"
