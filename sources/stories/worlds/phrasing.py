"""From phrases to texts: choices made, gaps filled, a slip of the finger here and there; in pools, as texts are many."""

from __future__ import annotations

import re
from functools import cache
from random import Random

import numpy as np

from sources.stories.worlds.drama import Drama, Effect
from sources.stories.worlds.families import Family
from sources.stories.worlds.things import Thing
from sources.stories.worlds.wording import (
    BLAMES,
    CLOSERS,
    FAULTS,
    GRIEVANCES,
    LOOPS,
    NOTES,
    OFFERS,
    OPENERS,
    PLACES,
    QUESTIONS,
    SUNDRY,
    TEXTS,
    TITLES,
    WEEKDAYS,
    Phrases,
)

LANGUAGES = ("en", "de", "es")
USUAL_POOL, EFFECT_POOL, EDGE_POOL = 180, 70, 60
SUNDRY_SHARE = 0.65
_CHOICE = re.compile(r"\{([^{}]*)\}")
_GAP = re.compile(r"<(\w+)>")
_BY_KIND = {
    "promotion": OFFERS,
    "policy": GRIEVANCES[1:],
    "price": GRIEVANCES[:1],
    "automation": LOOPS[:1],
    "capacity": LOOPS[1:],
}
_OTHERWISE = {"unknown": (*OFFERS, *GRIEVANCES, *LOOPS), **dict.fromkeys(_BY_KIND, FAULTS)}
ODD_VOICE = 0.2
"""Of what nobody logged, and of what is no fault, this share is written about in another kind's way: a price that rose
without a record, a campaign whose customers report errors."""


@cache
def _parts(phrase: str) -> tuple[tuple[str, ...], ...]:
    pieces = _CHOICE.split(phrase)
    return tuple((piece,) if index % 2 == 0 else tuple(piece.split("|")) for index, piece in enumerate(pieces))


def _said(phrases: tuple[str, ...], dice: Random) -> str:
    return "".join(part[int(dice.random() * len(part))] for part in _parts(phrases[int(dice.random() * len(phrases))]))


def titles(kind: str) -> tuple[str, ...]:
    """The phrases of a title, by kind of change."""
    return TITLES[kind]


def texts(rng: np.random.Generator, kind: str, styles: dict[str, float]) -> tuple[str, ...]:
    """The phrases of a change's text: a release's notes come in styles, by their shares."""
    if kind in TEXTS:
        return TEXTS[kind]
    names, shares = list(styles), np.array(list(styles.values()))
    return NOTES[names[int(rng.choice(len(names), p=shares / shares.sum()))]]


def filled(rng: np.random.Generator, phrases: tuple[str, ...], thing: Thing, other: Thing, code: str = "") -> str:
    """One of the company's phrases about a thing."""
    dice = Random(int(rng.integers(1 << 31)))  # noqa: S311 - a story, not a secret
    text = _said(phrases, dice)
    names = {"official": thing.official, "other": other.official, "de": thing.says["de"][0], "es": thing.says["es"][0]}
    names.update(synonym=dice.choice(thing.says["en"]), code=code or "inside")
    return _GAP.sub(lambda gap: names[gap.group(1)], text)


class Lexicon:
    """The pools of a world: beginnings, middles by topic or effect, ends; by language."""

    def __init__(self, seed: int, family: Family, topics: tuple[str, ...], drama: Drama) -> None:
        self._dice = Random(seed)  # noqa: S311
        self._family = family
        self.openers = {one: self._edges(OPENERS[one]) for one in LANGUAGES}
        self.closers = {one: self._edges(CLOSERS[one]) for one in LANGUAGES}
        self.usual = [{one: self._usual(topic, one) for one in LANGUAGES} for topic in topics]
        self.effects = [{one: self._effect(effect, one) for one in LANGUAGES} for effect in drama.effects]

    def _edges(self, phrases: tuple[str, ...]) -> list[str]:
        return [self._whole(_said(phrases, self._dice), "", "", "") for _ in range(EDGE_POOL)]

    def _usual(self, topic: str, language: str) -> list[str]:
        mine = [thing for thing in self._family.things if thing.topic == topic] or list(self._family.things)
        pool = [self._about(QUESTIONS[language], self._dice.choice(mine), language) for _ in range(USUAL_POOL)]
        sundry = round(SUNDRY_SHARE * USUAL_POOL)
        return [self._sundry(language) for _ in range(sundry)] + pool[sundry:]

    def _sundry(self, language: str) -> str:
        return self._whole(_said(QUESTIONS[language], self._dice), self._dice.choice(SUNDRY[language]), "", "")

    def _effect(self, effect: Effect, language: str) -> list[str]:
        """What those write whom the effect hits; in one language the phrases are few, as one problem has few faces."""
        says = _voice(effect)
        thing, wrong = self._family.things[effect.thing], self._family.things[effect.wrong]
        pool = []
        for _ in range(EFFECT_POOL):
            text = self._about(says[language], thing, language, code=effect.code)
            if self._dice.random() < self._family.blame:
                text += self._whole(_said(BLAMES[language], self._dice), "", wrong.official, "")
            pool.append(text)
        return pool

    def _about(self, phrases: tuple[str, ...], thing: Thing, language: str, code: str = "") -> str:
        own = self._dice.random() < self._family.own_word and language == "en"
        name = thing.official if own else self._dice.choice(thing.says[language])
        text = self._whole(_said(phrases, self._dice), name, "", code)
        return _mistyped(text, self._dice) if self._dice.random() < self._family.typos else text

    def _whole(self, text: str, name: str, wrong: str, code: str) -> str:
        dice = self._dice

        def fill(gap: re.Match[str]) -> str:
            said = {"thing": name, "wrong": wrong, "code": code}.get(gap.group(1))
            if said is not None:
                return said
            if gap.group(1) == "order":
                return f"{dice.choice('ABCDEFGH')}{dice.randrange(1_000, 9_999)}"
            if gap.group(1) == "digit":
                return str(dice.randrange(2, 9))
            return dice.choice(WEEKDAYS if gap.group(1) == "weekday" else PLACES)

        return " ".join(_GAP.sub(fill, text).split()) if name else _GAP.sub(fill, text)


def _voice(effect: Effect) -> Phrases:
    """The phrases of those whom an effect hits: mostly its kind's."""
    sets = _BY_KIND.get(effect.cause_kind, FAULTS)
    if effect.words >> 8 < ODD_VOICE * (1 << 8):
        sets = _OTHERWISE.get(effect.cause_kind, sets)
    return sets[effect.words % len(sets)]


def _mistyped(text: str, dice: Random) -> str:
    """One slip: two letters swapped, one dropped or doubled, or no capitals and no commas."""
    if dice.random() < 0.2:
        return text.lower().replace(",", "")
    at = int(dice.random() * (len(text) - 2))
    pair = text[at : at + 2]
    return text[:at] + dice.choice((pair[::-1], pair[0], pair[0] + pair)) + text[at + 2 :] if pair.isalpha() else text
