"""Writes a world's drama: quiet changes everywhere, causes of every kind, and decoys beside them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from msgspec.structs import replace

from schemas.raw import ChangeKind
from sources.stories.world import DAY_S, Floats, Seconds
from sources.stories.worlds.drama import Deed, Drama, Effect, Fault
from sources.stories.worlds.families import Family
from sources.stories.worlds.market import HOUR_S, MOST_RELEASED, Market, Published
from sources.stories.worlds.phrasing import filled, texts, titles
from sources.stories.worlds.sizes import Size, Spot, base_of, brief, fitted
from sources.stories.worlds.things import Thing

DECOYED = 0.75
TOGETHER = 0.15
LASTS_H: dict[str, tuple[float, float]] = {
    "release": (24.0, 120.0),
    "promotion": (18.0, 96.0),
    "policy": (24.0, 96.0),
    "price": (24.0, 120.0),
    "incident": (2.0, 30.0),
    "automation": (24.0, 96.0),
    "capacity": (24.0, 72.0),
    "unknown": (2.0, 72.0),
}  # fmt: skip
_FADES_H = {"release": 8.0, "promotion": 3.0, "policy": 12.0, "price": 12.0, "incident": 0.6, "automation": 3.0, "capacity": 8.0, "unknown": 3.0}  # fmt: skip
_OWNERS = {"release": "app team", "promotion": "marketing", "policy": "legal", "price": "pricing", "incident": "site reliability", "automation": "support operations", "capacity": "workforce"}  # fmt: skip
FAULTS: tuple[Fault, ...] = ("doubled", "one-customer", "one-text", "back-fill", "renamed", "gap")


class Playwright:
    """Collects the drama while it is written; holds the dice. ``shares``: effects of some hours that add between these
    shares of *all* contacts, instead of effects of any length that could just be told from chance."""

    def __init__(
        self,
        rng: np.random.Generator,
        family: Family,
        market: Market,
        *,
        history_days: int,
        shares: tuple[float, float] | None = None,
    ) -> None:
        self.rng, self.family, self.market, self.shares = rng, family, market, shares
        self.live = history_days * DAY_S
        self.deeds: list[Deed] = []
        self.effects: list[Effect] = []
        self.published: list[list[Published]] = [[] for _ in market.tracks]
        self._minor = [int(rng.integers(1, 9)) for _ in market.tracks]
        self.releasable = min(MOST_RELEASED, len(market.tracks))
        for track in range(self.releasable):
            self._publish(track, -30 * DAY_S)

    def write(self, effects: int) -> Drama:
        """Everything: quiet changes over the whole time, and ``effects`` causes in the live part."""
        for kind, weekly in self.family.quiet.items():
            for at in self.rng.uniform(
                0.0, self.market.ends, self.rng.poisson(weekly * self.market.ends / (7 * DAY_S))
            ):
                self.quiet(kind, self._by_day(float(at)))
        kinds, shares = list(self.family.causes), np.array(list(self.family.causes.values()))
        faults = [str(fault) for fault in self.rng.permutation(np.array(FAULTS))]
        last = self.market.ends - (1.5 if self.shares is None else 0.25) * DAY_S
        onsets = np.sort(self.live + (last - self.live) * (np.arange(effects) + self.rng.random(effects)) / effects)
        for drawn in onsets.tolist():
            together = bool(self.effects) and self.rng.random() < TOGETHER
            onset = self.effects[-1].onset if together else drawn
            kind = kinds[int(self.rng.choice(len(kinds), p=shares / shares.sum()))]
            if kind == "measurement":
                self._fault(faults.pop(), onset)
            else:
                self._cause(kind, onset)
        return Drama(
            deeds=tuple(sorted(self.deeds, key=lambda deed: (deed.at, deed.key))),
            effects=tuple(sorted(self.effects, key=lambda effect: (effect.onset, effect.name))),
            published=tuple(tuple(sorted(made, key=lambda one: one.at)) for made in self.published),
        )

    # Changes

    def quiet(self, kind: str, at: Seconds, *, thing: int | None = None, near: Spot | None = None) -> str:
        """A change that causes nothing; its key."""
        thing = self._any_thing() if thing is None else thing
        spot = self._spot() if near is None or self.rng.random() < 0.5 else near
        ends = at + self.rng.uniform(6.0, 72.0) * HOUR_S if kind in ("promotion", "incident", "capacity") else None
        if kind == "release":
            tracks = [
                i for i in range(self.releasable) if not spot.product or self.market.tracks[i].product == spot.product
            ]
            track = int(self.rng.choice(tracks)) if tracks else int(self.rng.integers(self.releasable))
            return self._release(track, at, thing)[0]
        return self._deed(kind, at, thing, spot, ends=ends)

    def _deed(self, kind: str, at: Seconds, thing: int, spot: Spot, *, ends: Seconds | None = None, **rest: Any) -> str:
        key = f"{kind[:5]}-{len(self.deeds):03d}"
        code = (
            f"{self.family.things[thing].official.split()[0][:6].upper()}{int(self.rng.integers(5, 60))}"
            if kind == "promotion" and self.rng.random() < 0.6
            else ""
        )
        announced = rest.pop("announced", None)
        if kind in ("price", "policy") and announced is None and self.rng.random() < 0.6:
            announced = at - self.rng.uniform(3.0, 14.0) * DAY_S
        self._add(
            kind, key, at, thing, ends=ends, announced=announced, code=code,
            products=(spot.product,) if spot.product else (), platforms=(spot.platform,) if spot.platform else (),
            regions=(spot.region,) if spot.region else (), **rest,
        )  # fmt: skip
        return key

    def _release(self, track: int, at: Seconds, thing: int, **rest: Any) -> tuple[str, Published]:
        published = self._publish(track, at, back=rest.pop("back", None))
        where = self.market.tracks[track]
        key = f"{where.product} {where.platform} {published.version}"
        self._add(
            "release", key, at, thing, published=published, products=(where.product,), platforms=(where.platform,),
            ends=published.back, **rest,
        )  # fmt: skip
        return key, published

    def _publish(self, track: int, at: Seconds, back: Seconds | None = None) -> Published:
        self._minor[track] += 1
        steps = tuple((at + hours * HOUR_S, share) for hours, share in self.family.rollout)
        if self.market.tracks[track].tau_s < 0.5 * DAY_S:
            steps = ((at, 1.0),)
        one = Published(track, f"{4 + track % 5}.{self._minor[track]}", at, steps, back)
        self.published[track].append(one)
        return one

    def _add(
        self, kind: str, key: str, at: Seconds, thing: int, *, title: str = "", text: str = "", **rest: Any
    ) -> None:
        """A deed with the words of its kind and the faults of its record."""
        rng, family = self.rng, self.family
        named = family.things[thing]
        stated, known, precision = at, at + (600.0 if kind == "incident" else 60.0), "minute"
        if rest.get("announced") is not None:
            known = max(rest["announced"], 0.0)
        elif rng.random() < family.late:
            known = at + rng.uniform(4.0, 60.0) * HOUR_S
        if kind != "incident" and rng.random() < family.to_the_day:
            stated, precision = at // DAY_S * DAY_S, "day"
        elif rng.random() < family.misdated:
            stated = max(at + rng.uniform(-48.0, 48.0) * HOUR_S, 0.0)
        ends = rest.pop("ends", None)
        other = family.things[self._any_thing()]
        if not text:
            text = filled(rng, texts(rng, kind, family.notes), named, other, rest.get("code", ""))
            text += self._at_home(kind, named)
        self.deeds.append(
            Deed(
                key=key, kind=_KINDS[kind], at=at, stated=stated, known=max(known, 0.0), precision=_PRECISIONS[precision],
                ends=None if ends is None else max(ends, stated), title=title or filled(rng, titles(kind), named, other),
                text=text,
                owner=_OWNERS[kind], **rest,
            )
        )  # fmt: skip

    def _at_home(self, kind: str, thing: Thing) -> str:
        """A company whose customers speak another language mostly names the thing in it as well."""
        spoken = [language for _, language in self.market.regions]
        language = spoken[int(self.rng.integers(len(spoken)))]
        return (
            "" if language == "en" or kind == "release" or self.rng.random() < 0.3 else f" ({thing.says[language][0]})"
        )

    # Causes

    def _cause(self, kind: str, onset: Seconds) -> None:
        rng = self.rng
        thing = self._any_thing()
        lasts = rng.uniform(*LASTS_H[kind]) * HOUR_S
        track = int(rng.choice(self.releasable, p=self._release_weights()))
        spot = (
            Spot(self.market.tracks[track].product, self.market.tracks[track].platform)
            if kind == "release"
            else self._spot()
        )
        fitted = self._fitted(kind, onset, lasts, spot, self._topics(thing)[0])
        if fitted is None:
            return
        spot, lasts, ratio, mean = fitted
        until = onset + lasts
        decoys = self._decoys(onset, thing, spot)
        wrong = self._any_thing()
        draft = Effect(
            name=f"{len(self.effects) + 1:02d}-{kind}", cause_kind="unknown", onset=onset, until=until, mean=mean, ratio=ratio,
            fades_s=(_FADES_H[kind] if self.shares is None else 0.5) * HOUR_S * rng.uniform(0.5, 1.5), shape="burst" if rng.random() < 0.3 else "flat",
            product=spot.product, platform=spot.platform, region=spot.region, topics=self._topics(thing), thing=thing,
            words=int(rng.integers(1 << 16)), wrong=wrong, must_not_blame=decoys,
        )  # fmt: skip
        self.effects.append(draft if kind == "unknown" else self._caused(kind, draft, track))

    def _caused(self, kind: str, draft: Effect, track: int) -> Effect:
        """The effect with its change, written beside it."""
        rng, onset, until, thing = self.rng, draft.onset, draft.until, draft.thing
        low, high = self.family.lags_h[kind]
        at = onset - rng.uniform(low, high) * HOUR_S
        spot = Spot(
            draft.product,
            draft.platform,
            draft.region if kind in ("promotion", "policy", "price", "capacity") or rng.random() < 0.4 else "",
        )
        decoys = draft.must_not_blame
        if kind == "release":
            back = until if rng.random() < 0.25 else None
            key, published = self._release(track, at, thing, back=back)
            if back is None and rng.random() < 0.5:
                decoys += (self._fix(track, until, thing, (key,)),)
            return replace(
                draft, cause_kind="release", cause_key=key, published=published, shape="adoption", must_not_blame=decoys
            )
        ends = {"promotion": max(until, at + 12 * HOUR_S), "incident": until, "capacity": until}.get(kind)
        announced = None
        if kind in ("price", "policy") and rng.random() < self.family.leads:
            announced, at = onset - rng.uniform(0.1, 6.0) * HOUR_S, onset + rng.uniform(3.0, 12.0) * DAY_S
        key = self._deed(kind, at, thing, spot, ends=ends, announced=announced)
        made = self.deeds[-1]
        if kind == "price" and rng.random() < 0.4:
            decoys += (self._deed("promotion", at - 5 * DAY_S, self._any_thing(), Spot(spot.product), ends=at),)
        if kind == "incident" and rng.random() < 0.3:
            decoys += (self._fix(track, (onset + until) / 2, thing, ()),)
        return replace(draft, cause_kind=made.kind, cause_key=key, code=made.code, must_not_blame=decoys)

    def _fix(self, track: int, at: Seconds, thing: int, fixes: tuple[str, ...]) -> str:
        official = self.family.things[thing].official
        return self._release(
            track, at, thing, fixes=fixes, title=f"Fix for {official}", text=f"Fixed: problems with {official}."
        )[0]

    def _decoys(self, onset: Seconds, thing: int, spot: Spot) -> tuple[str, ...]:
        """Quiet changes just before an onset; some are about the same topic."""
        rng = self.rng
        if rng.random() >= DECOYED:
            return ()
        kinds = [one for one in self.family.quiet if one != "incident"]
        weights = np.array([self.family.quiet[one] for one in kinds])
        quiet = kinds[int(rng.choice(len(kinds), p=weights / weights.sum()))]
        topic = self.family.things[thing].topic
        alike = [i for i, one in enumerate(self.family.things) if one.topic == topic and i != thing]
        about = int(rng.choice(alike)) if alike and rng.random() < 0.25 else self._any_thing(but=thing)
        return (
            self.quiet(
                quiet, onset - rng.uniform(0.2, 8.0) * HOUR_S, thing=about, near=Spot(spot.product, spot.platform)
            ),
        )

    # Faults of measurement

    def _fault(self, fault: str, onset: Seconds) -> None:
        rng = self.rng
        hours = {
            "doubled": (2, 9),
            "one-customer": (1, 5),
            "one-text": (2, 8),
            "back-fill": (2, 4),
            "renamed": (48, 48),
            "gap": (4, 9),
        }[fault]
        lasts = rng.uniform(*hours) * HOUR_S
        base = base_of(self.market, (onset, onset + lasts), Spot())
        ratio = float(rng.uniform(0.4, 1.0))
        mean = ratio * base
        if fault in ("one-customer", "one-text"):
            mean = max(15.0, rng.uniform(5.0, 10.0) * math.sqrt(base * 0.1 + 4.0))
        self.effects.append(
            Effect(
                name=f"{len(self.effects) + 1:02d}-{fault}", cause_kind="measurement", onset=onset, until=onset + lasts, fades_s=60.0,
                mean=mean, ratio=mean / max(base, 1.0), fault=_FAULTS[fault], thing=self._any_thing(),
                topics=(int(rng.integers(len(self.market.topics) - 1)),), must_not_blame=self._decoys(onset, 0, Spot()),
            )
        )  # fmt: skip

    # Places

    def _fitted(self, kind: str, onset: Seconds, lasts: Seconds, spot: Spot, topic: int) -> Size | None:
        if self.shares is not None:
            return brief(self.rng, self.market, onset, spot, self.shares)
        most = LASTS_H[kind][1] * HOUR_S
        return fitted(
            self.rng, self.market, onset, (lasts, (lasts + most) / 2, most), (spot, topic), fixed=kind == "release"
        )

    def _spot(self) -> Spot:
        rng = self.rng
        track = self.market.tracks[int(rng.choice(len(self.market.tracks), p=self.market.weights))]
        region = self.market.regions[int(rng.choice(len(self.market.regions), p=self.market.region_weights))][0]
        return Spot(
            track.product if rng.random() < 0.35 else "",
            track.platform if rng.random() < 0.15 else "",
            region if rng.random() < self.family.local else "",
        )

    def _topics(self, thing: int) -> tuple[int, ...]:
        topics = self.market.topics
        main = topics.index(self.family.things[thing].topic)
        return main, (main + 1) % len(topics), len(topics) - 1

    def _any_thing(self, but: int = -1) -> int:
        thing = int(self.rng.integers(len(self.family.things)))
        return thing if thing != but else (thing + 1) % len(self.family.things)

    def _release_weights(self) -> Floats:
        weights: Floats = self.market.weights[: self.releasable]
        shares: Floats = weights / weights.sum()
        return shares

    def _by_day(self, at: Seconds) -> Seconds:
        """A moment moved into working hours."""
        return at // DAY_S * DAY_S + self.rng.uniform(8.0, 18.0) * HOUR_S


_KINDS: dict[str, ChangeKind] = {
    kind: kind for kind in ("release", "promotion", "policy", "price", "incident", "automation", "capacity")
}
_PRECISIONS: dict[str, Any] = {"minute": "minute", "day": "day"}
_FAULTS: dict[str, Fault] = {fault: fault for fault in FAULTS}
