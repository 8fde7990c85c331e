"""Words as evidence: what the contacts of a spike say beyond the usual, and whose words those are.

Terms are hashed into a fixed number of slots, so no vocabulary grows and every process agrees. Nothing is
known of any language: words are cut to a common beginning, and what is common in the baseline counts little.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from stats.errors import DomainError

Floats = NDArray[np.float64]
Ids = NDArray[np.int64]

SLOTS = 1 << 17
_STEM = 7
LOWEST = -0.3
"""Below this match of words a worse one says nothing more."""
FUNCTION_WORDS = """
the and for that this with you your yours our ours they them their she her his him its was were are is been being have has had
having not but from what when where which who why how all any some more most very just about after before again still also
only can cannot could would should will shall may might must does did doing done there here than then too out into over under
every everything everyone something anything nothing nobody each both few other another same such own get got two
und der die das den dem des ein eine einen einem einer eines ist sind war waren sein bin hat habe haben hatte nicht kein keine
auch aber oder wenn weil dass ich sie wir ihr mein meine meinen ihre ihren uns euch mir mich sich von mit bei nach aus auf
fuer für über unter vor zum zur als wie was wer warum wann noch schon nur sehr mehr alle alles hier dort dann jetzt werden wird
los las una uno unos unas del que qué por para con sin sobre entre pero como cómo cuando donde porque este esta esto ese esa eso
estos estas muy más mas menos también ya no sí mis sus nos les son fue ser estar está están hay han todo todos toda todas
les des une aux est sont dans pour par sur avec sans très mais donc que qui quoi dont où ce cette ces mon mes ses nos vos
nous vous ils elles leur leurs avoir être fait pas encore tout tous toute toutes
"""
_WORD = re.compile(r"[^\W_]+(?:[-'\u2019][^\W_]+)*")
_JOINT = re.compile(r"[-'\u2019]")
_UNSPACED = re.compile(r"[\u0e00-\u0e7f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def words(text: str) -> list[str]:
    """The words of a text as written but in lower case and in order; scripts without spaces give pairs of letters.

    >>> words("All my Add-ons are disabled!")
    ['all', 'my', 'add-ons', 'are', 'disabled']
    """
    found: list[str] = []
    for word in _WORD.findall(unicodedata.normalize("NFKC", text).lower()):
        if _UNSPACED.search(word):
            found.extend(word[i : i + 2] for i in range(max(1, len(word) - 1)))
        else:
            found.append(word)
    return found


@lru_cache(maxsize=200_000)
def slot(word: str) -> int:
    """The slot of a word's beginning, or -1 for a word too short or a bare number, which carry nothing.

    >>> slot("downloads") == slot("downloading"), slot("add-ons") == slot("addon"), slot("89")
    (True, True, -1)
    """
    joined = _JOINT.sub("", word)
    if joined.isdigit() or (len(joined) < 3 and not _UNSPACED.search(joined)):
        return -1
    stem = joined[:-1] if len(joined) > 3 and joined.endswith("s") else joined
    return crc32(stem[:_STEM].encode()) % SLOTS


def term_slots(found: list[str]) -> dict[int, str]:
    """The distinct slots of a text's words, each with the alphabetically first word that fell into it.

    >>> sorted(term_slots(words("Downloading downloads: a download")).values())
    ['download']
    """
    return {place: word for word in sorted(set(found), reverse=True) if (place := slot(word)) >= 0}


@lru_cache(maxsize=1)
def function_slots() -> Ids:
    """Slots of the function words of some languages, but those that often name things ("plus", "one", "now"). What is usual
    counts little anyway; these must count for nothing even where a short history, or a slice that hardly anybody wrote on,
    has never seen them."""
    return np.array(sorted({slot(word) for word in FUNCTION_WORDS.split()} - {-1}), dtype=np.int64)


def excess_terms(now: Floats, n_now: float, base: Floats, n_base: float) -> Floats:
    """How far each term's share of contacts exceeds its usual one, in standard deviations.

    Args:
        now, base: Contacts with the term, now and in the baseline (weighted counts, same length).
        n_now, n_base: Contacts in all. Must be > 0 and >= 0.

    Returns:
        One z per term, regularised by half a contact; under no change about N(0, 1) for terms expected at
        least once, and skewed to the right below.

    Raises:
        DomainError: naming the argument outside its range.

    >>> excess_terms(np.array([40.0, 10.0]), 100.0, np.array([20.0, 100.0]), 1000.0).round(1).tolist()
    [24.4, 0.0]
    """
    if not n_now > 0:
        raise DomainError("n_now", n_now, "> 0")
    if not n_base >= 0:
        raise DomainError("n_base", n_base, ">= 0")
    usual = np.clip((base + 0.5 * (n_base == 0)) / max(n_base, 1.0), 0.0, 1.0)
    expected = n_now * usual
    variance = expected * (1.0 - usual) * (1.0 + n_now / max(n_base, 1.0)) + 0.25 * (1.0 + n_now / max(n_base, 1.0))
    z: Floats = (now - expected) / np.sqrt(variance)
    return z


def match_scores(strength: Floats, terms: Ids, weights: Floats, starts: Ids) -> Floats:
    """How well each change's words agree with the excess words: a cosine-weighted mean of their strengths.

    Args:
        strength: Excess of every slot (length ``SLOTS``), 0 for words not seen.
        terms, weights: Slots and weights (>= 0) of all changes, one change after another.
        starts: Where each change begins in ``terms``; no change may be empty.

    Under no relation a score has a mean near that of ``strength`` and, for unit-variance strengths, a standard
    deviation of at most one.

    Raises:
        DomainError: naming the argument outside its range.
    """
    if len(terms) != len(weights):
        raise DomainError("weights", len(weights), f"as many as terms ({len(terms)})")
    if len(starts) == 0:
        return np.zeros(0)
    norms = np.sqrt(np.add.reduceat(weights**2, starts))
    scores: Floats = np.add.reduceat(weights * strength[terms], starts) / np.maximum(norms, 1e-9)
    return scores


def covered_shares(share: Floats, chosen: NDArray[np.bool_], terms: Ids, starts: Ids) -> Floats:
    """Per change, about the share of contacts that use one of its chosen terms: as if they came independently.

    Args:
        share: Share of contacts with each slot (length ``SLOTS``), in [0, 1].
        chosen: Which of ``terms`` count.
        terms, starts: As in :func:`match_scores`.

    >>> share = np.zeros(SLOTS)
    >>> share[[3, 8]] = 0.5
    >>> covered_shares(share, np.array([True, True, False]), np.array([3, 8, 8]), np.array([0, 2])).tolist()
    [0.75, 0.0]
    """
    if len(starts) == 0:
        return np.zeros(0)
    none = np.where(chosen, np.log1p(-np.minimum(share[terms], 1.0 - 1e-9)), 0.0)
    found: Floats = 1.0 - np.exp(np.add.reduceat(none, starts))
    return found


def placebo_z(
    score: float, placebos: Floats, *, prior_n: float = 5.0, prior_mean: float = 0.2, prior_sd: float = 1.2
) -> float:
    """A match standardised against other changes' matches with the same spike (placebos).

    The placebos' mean and variance are shrunk towards the prior ones with the weight of ``prior_n`` placebos,
    so that a handful gives no false certainty. The top tenth is left out of the variance's upper side by
    winsorising: another true cause among the placebos must not hide this one.

    Raises:
        DomainError: naming the argument outside its range.
    """
    if not prior_n > 0:
        raise DomainError("prior_n", prior_n, "> 0")
    n = len(placebos)
    if n:
        placebos = np.minimum(placebos, np.quantile(placebos, 0.9))
    mean = (prior_n * prior_mean + float(placebos.sum())) / (prior_n + n)
    spread = prior_n * prior_sd**2 + float(((placebos - mean) ** 2).sum())
    return (score - mean) / float(np.sqrt(1.3 * spread / (prior_n + n)))


def words_weight(
    z: float,
    *,
    centre: float = 3.5,
    spread: float = 2.6,
    scale: float = 0.6,
    silent: float = 0.2,
    alike: float = 0.02,
    ceiling: float = 4.5,
) -> float:
    """Log-odds in nats that a match of ``z`` comes from the cause rather than from a bystander.

    A bystander's z is ``scale`` times Student t with 2 degrees of freedom: placebos are narrow with heavy tails; a share
    ``alike`` of bystanders speaks of the same things as the cause. A cause's is normal around ``centre``, but a share
    ``silent`` of causes has words that nobody repeats and matches like a bystander. The values are those seen on stories
    (docs/attribution-settings.md); the result is bounded, as words alone prove nothing, and never falls as z grows.

    Raises:
        DomainError: naming the argument outside its range.

    >>> [round(words_weight(z), 1) for z in (-1.0, 0.0, 1.0, 3.0, 8.0)]
    [-1.2, -1.2, -0.4, 2.1, 4.5]
    """
    for name, value in (("spread", spread), ("scale", scale)):
        if not value > 0:
            raise DomainError(name, value, "> 0")
    if not 0 < silent < 1:
        raise DomainError("silent", silent, "in (0, 1)")
    steps = np.linspace(LOWEST, max(LOWEST, min(z, centre)), 64)
    cause = np.exp(-0.5 * ((steps - centre) / spread) ** 2) / (spread * 2.5066283)
    apart = (1.0 + (steps / scale) ** 2 / 2.0) ** -1.5 / (2.8284271 * scale)
    bystander = (1.0 - alike) * apart + alike * cause
    ratio = np.log((1.0 - silent) * cause / bystander + silent)
    beyond = max(z - centre, 0.0) * 0.5
    return float(min(np.maximum.accumulate(ratio)[-1] + beyond, ceiling))
