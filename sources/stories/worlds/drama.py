"""What happens in a world: changes as they are and as they are recorded, and the effects that they have or have not."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from schemas.attribution import CauseKind
from schemas.raw import ChangeKind, Precision
from sources.stories.world import Seconds
from sources.stories.worlds.market import Published

Fault = Literal["doubled", "one-customer", "one-text", "back-fill", "renamed", "gap"]
Shape = Literal["flat", "adoption", "burst"]


class Deed(Struct, frozen=True, kw_only=True):
    """One change upstream. ``at`` is when it happened, ``stated`` when the record says so, ``known`` when the record
    came; ``None``: it never came. Empty scopes mean everywhere."""

    key: str
    kind: ChangeKind
    at: Seconds
    stated: Seconds
    known: Seconds | None
    precision: Precision = "minute"
    ends: Seconds | None = None
    announced: Seconds | None = None
    products: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    published: Published | None = None
    fixes: tuple[str, ...] = ()
    title: str = ""
    text: str = ""
    code: str = ""
    claims: tuple[str, ...] = ()
    owner: str = ""


class Effect(Struct, frozen=True, kw_only=True):
    """What a cause makes of contacts.

    ``mean`` contacts beyond the usual, between ``onset`` and ``until`` in full and fading with ``fades_s`` after it.
    ``product``, ``platform``, ``region``: where, if not everywhere; ``published`` limits it to one version's customers.
    ``topics``: places of the market's topics, the first has most. ``thing``: what it is about (place in the family's
    list) and ``words``: which of the phrases; ``wrong``: the thing that some customers blame instead. ``ratio``: excess
    over the usual contacts of its slice, in its time.
    """

    name: str
    cause_kind: CauseKind
    cause_key: str = ""
    onset: Seconds
    until: Seconds
    fades_s: Seconds
    mean: float
    ratio: float
    shape: Shape = "flat"
    product: str = ""
    platform: str = ""
    region: str = ""
    published: Published | None = None
    topics: tuple[int, ...] = ()
    thing: int = 0
    words: int = 0
    wrong: int = 0
    code: str = ""
    must_not_blame: tuple[str, ...] = ()
    fault: Fault | None = None


class Drama(Struct, frozen=True, kw_only=True):
    """All that happens; ``published`` by track, in order of time."""

    deeds: tuple[Deed, ...]
    effects: tuple[Effect, ...]
    published: tuple[tuple[Published, ...], ...]
