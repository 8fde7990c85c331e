"""How far a live workspace is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from schemas.workspace import Workspace
from streams.admit.marks import mark_at

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(("after_s", "minute"), [(0, 58), (59.9, 58), (60, 59), (119, 59), (120, 60)])
def test_a_mark_lies_the_lateness_behind_and_on_a_bucket(after_s: float, minute: int) -> None:
    found = mark_at(Workspace(name="w", bucket_s=60, lateness_s=120), NOON.timestamp() + after_s)
    assert (found - datetime(2026, 5, 1, 11, tzinfo=UTC)).total_seconds() == 60 * minute
