"""One run of the checks over one window of one workspace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from clickhouse_connect.driver.client import Client

from schemas.quality import QualityResult
from schemas.workspace import Workspace
from sinks.quality.checkpoint import Checkpoint
from sinks.quality.landed import read, window_of
from sinks.quality.settings import QualitySettings
from sinks.quality.suites import suite

ORIGIN = "quality"


def run_checks(
    client: Client,
    workspace: Workspace,
    *,
    now: datetime,
    seq: int = 0,
    settings: QualitySettings = QualitySettings(),  # noqa: B008 - frozen
    checkpoint: Checkpoint | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> list[QualityResult]:
    """Check what landed in the newest window closed at ``now``, which is event time.

    Args:
        client: The store, which must have its tables.
        workspace: Whose data.
        now: The end of what may be looked at; a replay's own time.
        seq: The last ``seq`` on the topic; results go on from there.
        settings: Window and history.
        checkpoint: Kept between runs; without one the first run's cost is paid each time.
        stopped: Asked between suites; once true, nothing is returned.

    Returns:
        One result per check that can be judged; none where nothing has landed or nothing is usual yet.
    """
    window = window_of(workspace, now, settings)
    landed = read(client, window, settings)
    outcomes = (checkpoint or Checkpoint()).run(landed, suite(landed, window), stopped=stopped)
    return [
        QualityResult(
            workspace=workspace.name,
            origin=ORIGIN,
            seq=number,
            check_id=one.check.check_id,
            table=one.check.table,
            expectation=one.check.expectation,
            column=one.check.column,
            success=one.success,
            observed=one.observed,
            allowed=one.check.allowed,
            window_start=window.start,
            window_end=window.end,
            at=window.end,
        )
        for number, one in enumerate(outcomes, start=seq + 1)
    ]
