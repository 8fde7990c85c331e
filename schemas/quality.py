"""What the quality checks say of one table and window."""

from __future__ import annotations

from schemas.base import Moment, Sequenced


class QualityResult(Sequenced, frozen=True, kw_only=True, omit_defaults=True):
    """One expectation's result over one window. ``observed`` and ``allowed`` are short texts for a person."""

    check_id: str
    table: str
    expectation: str
    column: str = ""
    success: bool
    observed: str
    allowed: str
    window_start: Moment
    window_end: Moment
    at: Moment
