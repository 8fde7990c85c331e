"""Great Expectations judges the checks.

It is imported only when a checkpoint runs: it takes 2.4 s and 230 MB, which no other part of Whence should pay.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from sinks.quality.landed import Landed, Row
from sinks.quality.suites import Check

_EXAMPLES = 3


class Outcome(Struct, frozen=True, kw_only=True):
    """Whether a check holds, and what was found, for a person."""

    check: Check
    success: bool
    observed: str


class Checkpoint:
    """A context of Great Expectations, kept for the life of a part: making one takes as long as a run."""

    def __init__(self) -> None:
        self._context: Any = None
        self._runs = 0

    def run(
        self, landed: Landed, checks: Sequence[Check], *, stopped: Callable[[], bool] = lambda: False
    ) -> list[Outcome]:
        """Judge the checks, one suite per frame, in their order; once ``stopped``, give up and return nothing."""
        by_frame: dict[str, list[Check]] = defaultdict(list)
        for check in checks:
            by_frame[check.frame].append(check)
        outcomes: dict[str, Outcome] = {}
        for frame, found in by_frame.items():
            if stopped():
                return []
            for outcome in self._suite(frame, landed.frames[frame], found):
                outcomes[outcome.check.check_id] = outcome
        return [outcomes[check.check_id] for check in checks]

    def _suite(self, frame: str, rows: Sequence[Row], checks: Sequence[Check]) -> list[Outcome]:
        # Here, and not at the top of the file, because of their weight: see the module's docstring.
        import great_expectations as gx  # noqa: PLC0415
        import pandas as pd  # type: ignore[import-untyped]  # noqa: PLC0415

        context = self._open()
        self._runs += 1
        name = f"{frame}-{self._runs}"
        source = context.data_sources.add_pandas(name)
        batch = source.add_dataframe_asset(frame).add_batch_definition_whole_dataframe("window")
        expectations = [_expectation(check) for check in checks]
        suite = context.suites.add(gx.ExpectationSuite(name=name, expectations=expectations))
        definition = gx.ValidationDefinition(name=name, data=batch, suite=suite)
        context.validation_definitions.add(definition)
        checkpoint = context.checkpoints.add(
            gx.Checkpoint(name=name, validation_definitions=[definition], result_format="BASIC")
        )
        try:
            result = checkpoint.run(batch_parameters={"dataframe": pd.DataFrame(list(rows))})
        finally:
            context.checkpoints.delete(name)
            context.validation_definitions.delete(name)
            context.suites.delete(name)
            context.data_sources.delete(name)
        by_id = {check.check_id: check for check in checks}
        return [_outcome(by_id, one) for run in result.run_results.values() for one in run.results]

    def _open(self) -> Any:
        if self._context is None:
            os.environ["GX_ANALYTICS_ENABLED"] = "false"
            import great_expectations as gx  # noqa: PLC0415 - as above

            self._context = gx.get_context(mode="ephemeral")
            self._context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        return self._context


def _expectation(check: Check) -> Any:
    import great_expectations as gx  # noqa: PLC0415 - as above

    parts = check.expectation.split("_")
    kind = getattr(gx.expectations, "".join(_CAPITALS.get(part, part.capitalize()) for part in parts))
    return kind(column=check.column, meta={"check_id": check.check_id}, **check.arguments)


_CAPITALS = {"kl": "KL"}


def _outcome(by_id: dict[str, Check], result: Any) -> Outcome:
    check = by_id[result.expectation_config.meta["check_id"]]
    if result.exception_info and result.exception_info.get("raised_exception"):
        return Outcome(check=check, success=False, observed=f"not judged: {result.exception_info['exception_message']}")
    return Outcome(check=check, success=bool(result.success), observed=_observed(result.result))


def _observed(result: dict[str, Any]) -> str:
    """What was found in a few words.

    >>> _observed({"observed_value": 12.0})
    '12'
    >>> _observed({"unexpected_percent": 4.0, "unexpected_count": 2, "partial_unexpected_list": ["a", "a", "b"]})
    '2 of 50 (4%), such as a, b'
    """
    if "observed_value" in result:
        value = result["observed_value"]
        return f"{float(value):.4g}" if value is not None else "nothing"
    count, percent = result.get("unexpected_count", 0), result.get("unexpected_percent") or 0.0
    if not count:
        return "none"
    examples = list(dict.fromkeys(str(one)[:40] for one in result.get("partial_unexpected_list", ()) if one == one))  # noqa: PLR0124 - NaN
    said = f", such as {', '.join(examples[:_EXAMPLES])}" if examples and examples != ["None"] else ""
    return f"{count} of {round(count / percent * 100)} ({percent:.3g}%){said}"
