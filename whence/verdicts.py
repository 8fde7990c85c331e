"""Spikes found beside the spikes that a story holds: which causes are right, and whether a decoy is blamed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from schemas.attribution import NAMELESS, Attribution, Candidate
from schemas.slices import slice_text
from sources.stories.story import TrueSpike

BEFORE_ONSET = timedelta(hours=1)
ENOUGH = 0.8
BLAMED_AT = 0.5


class Verdict(Struct, frozen=True, kw_only=True):
    """One true spike and what was said of it. ``found`` is empty for one that was not seen, which does not count
    against a faint one; once found it counts like any other. ``blamed`` names decoys that were put first or at 0.5
    and more."""

    truth: str
    onset: str
    slice: str
    cause: str
    excess: int
    found: str = ""
    found_slice: str = ""
    found_excess: int = 0
    said: str = ""
    probability: float = 0.0
    right: bool = False
    counts: bool = True
    blamed: tuple[str, ...] = ()


class Comparison(Struct, frozen=True, kw_only=True):
    """All verdicts of a story, and the spikes that are no true one's."""

    verdicts: tuple[Verdict, ...]
    others: tuple[Attribution, ...]

    @property
    def counted(self) -> int:
        return sum(one.counts for one in self.verdicts)

    @property
    def right(self) -> int:
        return sum(one.right for one in self.verdicts if one.counts)

    @property
    def blamed(self) -> tuple[str, ...]:
        return tuple(key for one in self.verdicts for key in one.blamed)

    @property
    def passed(self) -> bool:
        """At least four in five causes are right, and no decoy is blamed."""
        return self.right >= ENOUGH * self.counted and not self.blamed


def compare(truth: Sequence[TrueSpike], attributions: Sequence[Attribution]) -> Comparison:
    """Hold the last attributions (merged ones left out) against the truth.

    Each spike found belongs to the true one that added most contacts to it. A true spike's answer is the
    likeliest cause of the one among those that agrees with it most. Where nobody knows the cause, ``measurement`` is as
    good as ``unknown``. A decoy is blamed when any spike at that time and place puts it forward.
    """
    standing = [one for one in attributions if one.state != "merged"]
    belongs = {one.spike_id: _closest(truth, one) for one in standing}
    return Comparison(
        verdicts=tuple(
            _verdict(
                true,
                [one for one in standing if belongs[one.spike_id] == true.spike_id],
                [one for one in standing if _agreement(true, one) > 0],
            )
            for true in truth
        ),
        others=tuple(one for one in standing if belongs[one.spike_id] is None),
    )


def _closest(truth: Sequence[TrueSpike], found: Attribution) -> str | None:
    added = {true.spike_id: contacts for true in truth if (contacts := _added(true, found)) > 0}
    return max(added, key=lambda name: added[name], default=None)


def _added(true: TrueSpike, found: Attribution) -> float:
    """About how many contacts a true spike added to a found one: by the time shared, and its shares of the slice's values.

    To one of low scores those that customers wrote, as only they are asked.
    """
    added = (
        (true.wrote if found.stream == "low_scores" else true.excess)
        * _shared_s(true, found)
        / max((true.end - true.onset).total_seconds(), 60.0)
    )
    for name, value in found.slice.items():
        added *= _share(true, name, value)
    return added


def _share(true: TrueSpike, name: str, value: str) -> float:
    """Share of a true spike's contacts with a value; all of them where nothing is known."""
    if value == "other":
        return 1.0
    if name in true.shares:
        return true.shares[name].get(value, 0.0)
    return float(true.slice.get(name, value) == value)


def _shared_s(true: TrueSpike, found: Attribution) -> float:
    shared = min(true.end, found.end) - max(true.onset - BEFORE_ONSET, found.onset)
    return max(shared.total_seconds(), 0.0)


def _agreement(true: TrueSpike, found: Attribution) -> float:
    """How much time and slice of a true spike and a found one have in common, 0 to 1; 0 where they share no contact."""
    if any(_share(true, name, value) == 0.0 for name, value in found.slice.items()):
        return 0.0
    whole_s = (max(true.end, found.end) - min(true.onset, found.onset)).total_seconds()
    same = len(true.slice.items() & found.slice.items())
    different = len(true.slice.items() | found.slice.items()) - same
    return _shared_s(true, found) / max(whole_s, 60.0) * (1 + same) / (1 + same + different)


def _verdict(true: TrueSpike, found: Sequence[Attribution], near: Sequence[Attribution]) -> Verdict:
    head = Verdict(
        truth=true.spike_id,
        onset=f"{true.onset:%Y-%m-%d %H:%M}",
        slice=slice_text(true.slice),
        cause=f"{true.cause_kind} {true.cause_key}".strip(),
        excess=true.excess,
        counts=true.strength == "loud",
    )
    blamed = sorted({one.key for each in near for one in _put_forward(each) if one.key in true.must_not_blame})
    if not found:
        return replace(head, blamed=tuple(blamed))
    best = max(found, key=lambda one: _agreement(true, one))
    cause = best.candidates[0]
    return replace(
        head,
        found=best.spike_id,
        found_slice=slice_text(best.slice),
        found_excess=round(_excess(best)),
        said=f"{cause.kind} {cause.key}".strip(),
        probability=cause.probability,
        right=_is_right(true, cause),
        counts=True,
        blamed=tuple(blamed),
    )


def _excess(one: Attribution) -> float:
    return one.observed - one.expected


def _is_right(true: TrueSpike, cause: Candidate) -> bool:
    if true.cause_kind == "unknown":
        return cause.kind in NAMELESS
    return cause.kind == true.cause_kind and (cause.kind in NAMELESS or cause.key == true.cause_key)


def _put_forward(found: Attribution) -> list[Candidate]:
    return [one for place, one in enumerate(found.candidates) if place == 0 or one.probability >= BLAMED_AT]
