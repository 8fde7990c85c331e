"""The families of worlds: companies that differ in what they sell, how much is written, how, and what goes wrong.

Settings of attribution may be fitted on :data:`FIT_FAMILIES`. :data:`JUDGED_FAMILIES` are for judging alone: other
plots, kinds of change, vocabularies, ways of writing notes, scopes and volumes.
"""

from __future__ import annotations

from msgspec import Struct

from sources.stories.worlds.things import BANK, GAMES, SHOP, SOFTWARE, TELECOM, TRAVEL, Thing


class Family(Struct, frozen=True, kw_only=True):
    """One sort of company.

    ``products``, ``per_day``: lowest and highest. ``platforms`` of a product, with the speed at which an update
    spreads (days until 63% have it). ``regions``: name, language. ``rollout``: hours and shares of a staged release.
    ``causes``: relative frequency of what makes a spike (kinds of change, ``unknown``, ``measurement``).
    ``quiet``: changes of a kind in a week that cause nothing. ``notes``: styles of release notes. ``lags_h``: hours
    by which an effect follows a change of the kind, from and to. ``leads``: share of prices and policies that are
    felt when announced. ``late``, ``misdated``, ``to_the_day``: shares of records that arrive 4 to 60 hours late, bear
    a time wrong by up to two days, know the day alone. ``blame``: share of customers who blame the wrong thing.
    ``own_word``: share of texts that call the thing by the company's own name. ``local``: share of effects that keep
    to one region. ``counts``: whether numbers of customers per version are known.
    """

    name: str
    things: tuple[Thing, ...]
    products: tuple[int, int]
    platforms: tuple[tuple[str, float], ...]
    regions: tuple[tuple[str, str], ...]
    per_day: tuple[float, float]
    rollout: tuple[tuple[float, float], ...]
    causes: dict[str, float]
    quiet: dict[str, float]
    notes: dict[str, float]
    lags_h: dict[str, tuple[float, float]]
    leads: float = 0.2
    late: float = 0.1
    misdated: float = 0.05
    to_the_day: float = 0.15
    blame: float = 0.08
    own_word: float = 0.5
    local: float = 0.2
    typos: float = 0.1
    counts: bool = True


_AT_ONCE = ((0.0, 1.0),)
_LAGS = {
    "release": (0.0, 1.0),
    "promotion": (0.0, 6.0),
    "policy": (0.0, 12.0),
    "price": (0.0, 12.0),
    "incident": (-0.4, 0.2),
    "automation": (0.0, 3.0),
    "capacity": (1.0, 10.0),
}

FAMILIES: dict[str, Family] = {
    family.name: family
    for family in (
        Family(
            name="shop",
            things=SHOP,
            products=(3, 6),
            platforms=(("ios", 1.6), ("android", 2.4), ("web", 0.05)),
            regions=(("US", "en"), ("GB", "en"), ("DE", "de"), ("ES", "es")),
            per_day=(1_200.0, 5_000.0),
            rollout=((0.0, 0.2), (3.0, 0.6), (8.0, 1.0)),
            causes={"release": 3.0, "promotion": 2.0, "incident": 2.0, "price": 1.0, "unknown": 3.0, "measurement": 2.0},
            quiet={"release": 2.5, "promotion": 1.5, "policy": 0.3, "incident": 0.4},
            notes={"plain": 0.8, "dull": 0.2},
            lags_h=_LAGS,
        ),
        Family(
            name="bank",
            things=BANK,
            products=(4, 10),
            platforms=(("ios", 2.5), ("android", 3.5), ("web", 0.05), ("branch", 1.0)),
            regions=(("DE", "de"), ("AT", "de"), ("ES", "es"), ("IE", "en"), ("GB", "en"), ("NL", "en")),
            per_day=(1_400.0, 5_500.0),
            rollout=((0.0, 0.1), (24.0, 0.5), (48.0, 1.0)),
            causes={"release": 2.0, "policy": 1.5, "price": 1.5, "incident": 2.0, "automation": 0.7, "unknown": 2.6, "measurement": 1.8},
            quiet={"release": 1.5, "policy": 0.8, "price": 0.4, "incident": 0.6, "promotion": 0.5},
            notes={"plain": 0.5, "terse": 0.2, "de": 0.2, "dull": 0.1},
            lags_h={**_LAGS, "price": (0.0, 72.0)},
            leads=0.35,
            to_the_day=0.3,
            local=0.3,
        ),
        Family(
            name="games",
            things=GAMES,
            products=(3, 8),
            platforms=(("windows", 0.4), ("console", 0.8), ("ios", 1.5), ("android", 2.0)),
            regions=(("US", "en"), ("MX", "es"), ("DE", "de"), ("GB", "en"), ("BR", "es")),
            per_day=(1_000.0, 6_500.0),
            rollout=_AT_ONCE,
            causes={"release": 4.0, "promotion": 2.0, "incident": 1.5, "policy": 0.5, "unknown": 2.7, "measurement": 1.6},
            quiet={"release": 4.0, "promotion": 1.5, "incident": 0.5},
            notes={"plain": 0.5, "terse": 0.4, "dull": 0.1},
            lags_h={**_LAGS, "promotion": (0.0, 30.0)},
            blame=0.15,
            own_word=0.4,
            typos=0.2,
            late=0.15,
        ),
        Family(
            name="travel",
            things=TRAVEL,
            products=(3, 7),
            platforms=(("app", 3.0), ("site", 0.05), ("desk", 1.0)),
            regions=(("FR", "en"), ("DE", "de"), ("ES", "es"), ("GB", "en"), ("PT", "es"), ("CH", "de"), ("US", "en"), ("SE", "en")),
            per_day=(1_200.0, 6_000.0),
            rollout=((0.0, 0.05), (12.0, 0.3), (36.0, 1.0)),
            causes={"incident": 3.0, "automation": 1.3, "capacity": 0.8, "promotion": 1.3, "policy": 1.2, "release": 1.5, "unknown": 3.2, "measurement": 2.0},
            quiet={"release": 1.5, "automation": 0.7, "capacity": 0.5, "promotion": 1.0, "incident": 0.7, "policy": 0.4},
            notes={"plain": 0.5, "es": 0.25, "de": 0.15, "dull": 0.1},
            lags_h={**_LAGS, "incident": (-1.0, 0.5), "capacity": (4.0, 24.0)},
            local=0.5,
            own_word=0.4,
            blame=0.1,
        ),
        Family(
            name="software",
            things=SOFTWARE,
            products=(10, 40),
            platforms=(("cloud", 0.05), ("desktop", 4.0)),
            regions=(("US", "en"), ("DE", "de"), ("IN", "en")),
            per_day=(1_200.0, 6_000.0),
            rollout=((0.0, 0.01), (24.0, 0.1), (72.0, 0.5), (120.0, 1.0)),
            causes={"release": 5.0, "incident": 2.0, "price": 0.6, "automation": 0.5, "unknown": 2.8, "measurement": 1.8},
            quiet={"release": 7.0, "incident": 0.5, "policy": 0.3},
            notes={"terse": 0.55, "plain": 0.25, "dull": 0.2},
            lags_h=_LAGS,
            misdated=0.1,
            to_the_day=0.4,
            local=0.1,
            own_word=0.65,
            counts=False,
        ),
        Family(
            name="telecom",
            things=TELECOM,
            products=(4, 9),
            platforms=(("router", 3.0), ("phone", 3.0), ("portal", 0.05)),
            regions=tuple((name, language) for name, language in (("North", "de"), ("South", "de"), ("East", "de"), ("West", "de"), ("Islands", "es"), ("Coast", "es"), ("Capital", "en"), ("Hills", "en"))),
            per_day=(1_800.0, 7_000.0),
            rollout=((0.0, 0.05), (24.0, 0.25), (48.0, 1.0)),
            causes={"incident": 3.0, "price": 2.0, "policy": 0.7, "release": 2.0, "capacity": 0.8, "promotion": 0.8, "unknown": 3.3, "measurement": 2.0},
            quiet={"release": 1.5, "price": 0.5, "promotion": 1.0, "incident": 1.2, "capacity": 0.4, "policy": 0.4},
            notes={"de": 0.5, "plain": 0.3, "dull": 0.2},
            lags_h={**_LAGS, "price": (12.0, 120.0)},
            leads=0.35,
            late=0.2,
            local=0.6,
        ),
    )
}  # fmt: skip

FIT_FAMILIES = ("shop", "bank", "games")
JUDGED_FAMILIES = ("travel", "software", "telecom")

__all__ = ["FAMILIES", "FIT_FAMILIES", "JUDGED_FAMILIES", "Family"]
