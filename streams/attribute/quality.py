"""Signs that no customers are behind a spike: evidence for the cause ``measurement``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from msgspec.structs import replace

from schemas.attribution import Evidence
from schemas.frame import Signs
from schemas.quality import QualityResult
from streams.attribute import memory as past
from streams.attribute.case import SpikeWords, excess_share, window
from streams.attribute.evidence import Surroundings, line
from streams.attribute.hints import hint_lines
from streams.attribute.memory import WEEK_S, Floats, Mask, Memory

CHECK_LOOKBACK = timedelta(days=1)
TELLING_TABLES = ("contacts", "counts", "frames", "late")
"""Tables whose failed checks can mean that contacts were counted wrongly; a check of what we wrote ourselves cannot."""
NEW = timedelta(days=21)
RARE = 0.1
KNOWN = timedelta(days=7)
OTHER = "other"
"""Where values are counted that have no row of their own (yet)."""

STREAM_SIGNS = {
    "repeats": "repeated events were dropped",
    "backfilled": "contacts came with an old date",
    "late": "contacts came late",
    "top_customer": "contacts came from each bucket's most frequent customer",
    "same_text": "contacts had the same text as another",
}
SAMPLED_SIGNS = ("top_customer", "same_text")
FEW = 8
REPEATED = 0.4
"""Share of an excess that repeated texts must cover to be a sign: where many write of one real problem a third may be
alike by chance (at most .41 on the fit families), where contacts are counted twice at least half is."""
CLEAR, MOST = 1.6, 8.0
"""By how much a sign in the counts says more than its own reckoning has it, and at most, in nats: fitted. Of the spikes with
signs of two nats or more nearly all had no customers behind them."""


def quality_lines(around: Surroundings, found: SpikeWords, checks: Iterable[QualityResult]) -> list[Evidence]:
    """Signs in the frames and samples of the spike's window against the weeks before, and failed checks."""
    hinted = hint_lines(around.spike)
    moved = [] if any(hint.kind == "refiled" for hint in around.spike.hints) else _moved_lines(around)
    lines = [_clear(one) for one in (*_stream_lines(around, found), *_sample_lines(around, found), *moved, *hinted)]
    failed = sorted({check.check_id: check for check in checks if _counts(check, around)}.items())
    lines.extend(
        line("quality", 1.3, f"The check {name} failed: {check.observed} (allowed {check.allowed}).")
        for name, check in failed[:3]
    )
    return lines


def _clear(sign: Evidence) -> Evidence:
    return replace(sign, weight=round(min(CLEAR * sign.weight, MOST), 3))


def _stream_lines(around: Surroundings, found: SpikeWords) -> list[Evidence]:
    """Signs that frames count over the whole stream: the slice is taken to have its share of them. Where samples
    tell of the slice itself, they are believed instead."""
    start_s, end_s = window(around.spike)
    now, contacts = _signs(around.memory, start_s, end_s)
    before, contacts_before = _signs(around.memory, start_s - 4 * WEEK_S, start_s)
    excess, usually = max(around.spike.excess, 1.0), contacts / max(contacts_before, 1.0)
    share = min(1.0, around.spike.observed / max(contacts, 1.0))
    lines = []
    for name, words in STREAM_SIGNS.items():
        seen, usual = float(getattr(now, name)), float(getattr(before, name)) * usually
        part = share * (seen - usual) / excess
        told = name in SAMPLED_SIGNS and found.sampled >= FEW
        if not told and part > 0.25 and seen - usual >= max(5.0, 0.5 * usual, 4.0 * usual**0.5):
            weight = min(5.0, 1.0 + 4.5 * (part - 0.25))
            lines.append(line("quality", weight, f"{seen:.0f} {words} (usually {usual:.0f}).", seen=seen, usual=usual))
    for name in sorted(now.missing):
        seen, usual = float(now.missing[name]), before.missing.get(name, 0) * usually
        part = share * (seen - usual) / excess
        if not around.spike.slice.get(name) and part > 0.5 and seen - usual >= 5:
            said = f"{seen:.0f} contacts have no {name} (usually {usual:.0f})."
            lines.append(line("quality", min(2.5, 3 * part - 1), said, seen=seen, usual=usual))
    return lines


def _moved_lines(around: Surroundings) -> list[Evidence]:
    """A value that has only just appeared, while what it is a part of has not risen: contacts are filed otherwise, not
    more. Not for versions, which are new by nature. New values may be counted as :data:`OTHER`: that one counts as new only
    where another value has vanished."""
    memory, spike = around.memory, around.spike
    start_s, end_s = window(spike)
    if memory.first_s is None or start_s - memory.first_s < KNOWN.total_seconds():
        return []
    usual = past.usual(memory, start_s, end_s, onset_s=start_s)
    lines = []
    for name, value in sorted(spike.slice.items()):
        if name == "version" or name not in memory.dimensions:
            continue
        mine = past.inside(memory, spike.slice)
        first_s = min((memory.since[i] for i in past.inside(memory, {name: value}).nonzero()[0]), default=0.0)
        gained = float((around.observed - usual)[mine].sum())
        from_s = max(start_s - NEW.total_seconds(), memory.first_s + KNOWN.total_seconds())
        folded = value == OTHER
        if not folded and first_s < from_s and float(usual[mine].sum()) > RARE * float(around.observed[mine].sum()):
            continue
        others = past.inside(memory, {n: v for n, v in spike.slice.items() if n != name}) & ~mine
        lost = _vanished(around, others, usual, memory.dimensions.index(name))
        rest = gained + float((around.observed - usual)[others].sum())
        if lost is not None and lost[1] > max(0.4 * gained, float(FEW) if folded else 0.0):
            now = f"{name}={value} {'holds what is new' if folded else 'is new'}"
            sentence = f"{now}, and {name}={lost[0]} vanished ({lost[1]:.0f} fewer): renamed, not more."
            lines.append(line("quality", 5.0, sentence, lost=lost[1], gained=gained))
        elif not folded and rest < 0.4 * gained:
            sentence = f"{name}={value} is new, and all {name}s together gained {rest:+.0f} of its {gained:+.0f}: filed otherwise, not more."
            lines.append(line("quality", 4.0, sentence, together=rest, gained=gained))
    return lines


def _vanished(around: Surroundings, others: Mask, usual: Floats, place: int) -> tuple[str, float] | None:
    """The value that lost most of its usual contacts, at least seven in ten of them, and how many."""
    lost: dict[str, tuple[float, float]] = {}
    for number in others.nonzero()[0]:
        had, has = lost.get(around.memory.leaves[number][place], (0.0, 0.0))
        lost[around.memory.leaves[number][place]] = (had + usual[number], has + around.observed[number])
    gone = [(had - has, value) for value, (had, has) in lost.items() if has < 0.3 * had]
    return (max(gone)[1], float(max(gone)[0])) if gone else None


def _counts(check: QualityResult, around: Surroundings) -> bool:
    before_onset = around.spike.onset - CHECK_LOOKBACK
    if check.table not in TELLING_TABLES:
        return False
    return not check.success and before_onset <= check.at < around.as_of and check.window_end >= before_onset


def _sample_lines(around: Surroundings, found: SpikeWords) -> list[Evidence]:
    part = excess_share(around.spike)
    lines = []
    if found.sampled >= FEW and (share := found.top_customer) > 0.2 and share > 0.4 * part:
        sentence = f"{share:.0%} of the sampled contacts are from one customer."
        lines.append(line("quality", min(5.0, 1.5 + 5 * (share / part - 0.4)), sentence, share=share))
    more = found.repeated - found.repeated_before
    if found.sampled >= FEW and more > 0.05 and more > REPEATED * part:
        sentence = f"{found.repeated:.0%} of the sampled contacts repeat a text (usually {found.repeated_before:.0%})."
        weight = min(6.0, 0.6 + 12 * (more / part - REPEATED))
        lines.append(line("quality", weight, sentence, repeated=found.repeated, usual=found.repeated_before))
    return lines


def _signs(memory: Memory, start_s: float, end_s: float) -> tuple[Signs, float]:
    """Signs and contacts of the whole periods in a stretch of time."""
    periods = [p for p in past.periods_between(memory, start_s, end_s) if p.end_s <= end_s and p.start_s >= start_s]
    missing: Counter[str] = Counter()
    for period in periods:
        missing.update(period.signs.missing)
    total = Signs(
        repeats=sum(period.signs.repeats for period in periods),
        late=sum(period.signs.late for period in periods),
        top_customer=sum(period.signs.top_customer for period in periods),
        same_text=sum(period.signs.same_text for period in periods),
        backfilled=sum(period.signs.backfilled for period in periods),
        missing=dict(sorted(missing.items())),
    )
    return total, float(sum(period.total for period in periods))
