"""What detection saw in the counts that points to mismeasurement, as evidence.

What frames and samples say themselves (one customer, repeats, late contacts, missing values) is weighed where they are
read, in :mod:`streams.attribute.quality`, and not again here.
"""

from __future__ import annotations

from schemas.attribution import Evidence
from schemas.spike import Hint, HintKind, Spike
from streams.attribute.evidence import line

WEIGHTS: dict[HintKind, float] = {
    "gap": 5.0,
    "dump": 5.0,
    "doubled": 5.0,
    "clock": 6.0,
    "refiled": 5.5,
    "returned": 3.0,
}
"""Nats at a share of one: how much more often a sign shows on lies than on true spikes, see ``benchmarks.lies``."""


def hint_lines(spike: Spike) -> list[Evidence]:
    """One line per sign, in proportion to the share of the excess that it explains."""
    return [
        line("quality", WEIGHTS[hint.kind] * hint.share, _said(hint), seen=hint.seen, usual=hint.usual)
        for hint in spike.hints
        if hint.kind in WEIGHTS
    ]


def _said(hint: Hint) -> str:
    return {
        "gap": f"A collection gap had just ended that held back about {hint.seen:.0f} contacts.",
        "dump": f"{hint.seen:.0f} contacts came in one moment, with usual traffic before and after.",
        "doubled": "Counts are even nearly everywhere: everything is counted twice.",
        "clock": f"The counts fit the usual hours moved by {hint.seen:+.0f} h.",
        "refiled": f"Other values of the same dimension lost {hint.seen:.0f} contacts meanwhile: filed otherwise, not more.",
        "returned": f"It is back at its level of weeks ago ({hint.seen:.0f}, lately {hint.usual:.0f}).",
    }.get(hint.kind, hint.kind)
