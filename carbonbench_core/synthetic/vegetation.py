"""Vegetation of the synthetic world: which class grows in which climate, and what a class is like.

Light-use efficiencies hold for weak light; in that of a bright day they fall by nearly half, into the range of tower
studies (0.5-2 gC MJ-1 of absorbed light: Garbulsky et al. 2010, doi:10.1111/j.1466-8238.2009.00504.x). The limits of
temperature and humidity lie near those of MOD17 (Running et al. 2004,
doi:10.1641/0006-3568(2004)054[0547:ACSMOG]2.0.CO;2). The table was tuned until annual GPP by class came near that of
FLUXNET2015.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .climate import Climate


@dataclass(frozen=True)
class Traits:
    """What the models need to know of a vegetation class, or of one tower's vegetation.

    Parameters
    ----------
    efficiency : float, light-use efficiency in weak light without stress [gC MJ-1 of absorbed PAR]
    leaf_area : float, leaf area index in full leaf [m2 m-2]
    evergreen : float, share of the leaf area that stays all year (0-1)
    flush : float, growing degree days above 5 degC at half leaf-out [K d]; 0: leaves follow temperature alone
    thirst : float, share of the leaf area lost in drought (0-1)
    roots : float, water that roots can reach [mm]
    warm_night : float, minimum temperature from which it no longer limits GPP [degC]
    dry_air : float, daytime vapour pressure deficit that closes the stomata [hPa]
    balance : float, RECO over GPP in the long run
    background : float, respiration beside that of GPP [gC m-2 d-1 at 15 degC]
    warm_response : float, temperature sensitivity E0 of RECO [K] (Lloyd and Taylor 1994)
    leaf : str, spectrum of the canopy: broad, needle or grass
    floor : str, spectrum below the canopy: soil, moss, water, ice or city
    tall : float, share of the leaf area that is high vegetation (0-1)
    crop : float, share of the leaf area that is sown and harvested (0-1)
    cuts : float, mowings or heavy grazings per year
    """

    efficiency: float
    leaf_area: float
    evergreen: float = 0.1
    flush: float = 0.0
    thirst: float = 0.0
    roots: float = 150.0
    warm_night: float = 9.0
    dry_air: float = 38.0
    balance: float = 0.82
    background: float = 0.0
    warm_response: float = 200.0
    leaf: str = "grass"
    floor: str = "soil"
    tall: float = 0.0
    crop: float = 0.0
    cuts: float = 0.0


TRAITS = {
    "ENF": Traits(2.3, 4.0, evergreen=0.8, roots=150, balance=0.79, leaf="needle", floor="moss", tall=1, dry_air=36),
    "EBF": Traits(2.7, 5.5, evergreen=0.88, thirst=0.2, roots=260, balance=0.76, leaf="broad", tall=1, dry_air=42),
    "DNF": Traits(2.7, 3.4, flush=80, roots=110, warm_night=8, balance=0.8, leaf="needle", floor="moss", tall=1),
    "DBF": Traits(2.6, 5.0, evergreen=0.06, flush=170, thirst=0.25, roots=180, balance=0.74, leaf="broad", tall=1),
    "MF": Traits(2.7, 4.4, evergreen=0.5, flush=140, roots=160, balance=0.76, leaf="broad", floor="moss", tall=1),
    "CSH": Traits(2.3, 2.4, evergreen=0.6, thirst=0.4, roots=120, balance=0.83, leaf="broad", tall=0.3, dry_air=44),
    "OSH": Traits(1.7, 0.9, evergreen=0.35, flush=40, thirst=0.6, roots=80, balance=0.82, leaf="broad", dry_air=46),
    "WSA": Traits(2.3, 1.9, evergreen=0.5, thirst=0.6, roots=150, balance=0.8, leaf="broad", tall=0.6, dry_air=46),
    "SAV": Traits(1.8, 1.6, evergreen=0.2, thirst=0.85, roots=110, balance=0.86, tall=0.3, dry_air=46),
    "GRA": Traits(2.4, 2.9, evergreen=0.15, flush=30, thirst=0.75, roots=90, balance=0.92, warm_night=8, cuts=1.5),
    "WET": Traits(1.8, 2.8, evergreen=0.12, flush=90, roots=900, balance=0.88, floor="water", background=0.15),
    "CRO": Traits(3.1, 4.6, evergreen=0.03, roots=150, balance=0.82, crop=1.0),
    "URB": Traits(1.9, 1.1, flush=120, roots=90, balance=0.9, background=1.0, leaf="broad", floor="city", tall=0.6),
    "CVM": Traits(2.8, 3.6, evergreen=0.15, flush=80, thirst=0.4, roots=150, balance=0.84, tall=0.3, crop=0.5),
    "SNO": Traits(1.0, 0.02, evergreen=0.5, roots=30, background=0.02, floor="ice"),
    "BSV": Traits(1.3, 0.2, evergreen=0.3, thirst=0.8, roots=50, balance=0.9, background=0.05),
    "WAT": Traits(1.0, 0.08, evergreen=0.3, roots=900, background=0.25, floor="water"),
}

# Biome of the climate -> weights of the classes towers stand in.
BIOMES = {
    "rain forest": {"EBF": 62, "GRA": 8, "CRO": 9, "WET": 10, "MF": 3, "WSA": 4, "URB": 1, "WAT": 2},
    "savanna": {"SAV": 26, "WSA": 18, "EBF": 13, "DBF": 12, "GRA": 13, "CRO": 11, "WET": 6, "CVM": 1},
    "desert": {"OSH": 55, "GRA": 22, "CRO": 8, "BSV": 8, "SAV": 4, "WET": 3},
    "steppe": {"GRA": 34, "OSH": 22, "WSA": 9, "SAV": 8, "CRO": 11, "CSH": 4, "ENF": 8, "DBF": 2, "WET": 2},
    "mediterranean": {"ENF": 22, "EBF": 13, "WSA": 11, "CRO": 15, "GRA": 14, "CSH": 7, "OSH": 7, "DBF": 9, "WET": 2},
    "dry winter": {"CRO": 24, "EBF": 14, "GRA": 18, "DBF": 14, "MF": 12, "WSA": 8, "ENF": 8, "WET": 2},
    "temperate": {
        "ENF": 23,
        "DBF": 17,
        "CRO": 20,
        "GRA": 15,
        "WET": 9,
        "EBF": 5,
        "MF": 6,
        "URB": 2,
        "CVM": 2,
        "WAT": 1,
    },
    "continental": {"DBF": 29, "CRO": 18, "ENF": 17, "GRA": 11, "MF": 9, "WET": 11, "CVM": 2, "URB": 1, "WAT": 1},
    "boreal": {"ENF": 46, "WET": 21, "DBF": 8, "MF": 6, "OSH": 6, "GRA": 4, "DNF": 4, "CSH": 3, "WAT": 2},
    "larch": {"DNF": 72, "ENF": 8, "WET": 10, "GRA": 5, "OSH": 5},
    "tundra": {"WET": 32, "OSH": 24, "GRA": 36, "BSV": 5, "SNO": 3},
    "ice": {"SNO": 1},
}
MOWN_BELOW = 0.65  # dryness; grass in drier places is not mown
SEVERE_WINTER = -30.0  # [degC] coldest month beyond which larch takes over


def biome(koppen: str, coldest_month: float) -> str:
    """Return the biome of a Koppen-Geiger class; the coldest month [degC] parts larch from other boreal forest."""
    if koppen[0] == "D":
        boreal = "larch" if coldest_month < SEVERE_WINTER else "boreal"
        return "continental" if koppen[2] in "ab" else boreal
    by_two = {"Aw": "savanna", "BW": "desert", "BS": "steppe", "ET": "tundra", "EF": "ice"}
    by_two |= {"Cs": "mediterranean", "Cw": "dry winter", "Cf": "temperate"}
    return by_two.get(koppen[:2], "rain forest")


def igbp_of(koppen: str, climate: Climate, quantile: float) -> str:
    """Return the vegetation class at a quantile (0-1) of the classes towers of this climate stand in."""
    weights = BIOMES[biome(koppen, climate.coldest_month)]
    total = np.cumsum(list(weights.values()))
    return list(weights)[int(np.searchsorted(total, quantile * total[-1], side="right"))]


def draw_traits(igbp: str, climate: Climate, rng: np.random.Generator) -> Traits:
    """Draw one tower's traits around those of its class: what no satellite and no class name tells of a place."""
    typical = TRAITS[igbp]
    z = np.clip(rng.standard_normal(8), -2.0, 2.0)
    return replace(
        typical,
        efficiency=typical.efficiency * float(np.exp(0.21 * z[0])),
        leaf_area=typical.leaf_area * float(np.exp(0.22 * z[1])) * _lushness(typical, climate),
        flush=typical.flush * float(np.exp(0.22 * z[2])),
        roots=typical.roots * float(np.exp(0.3 * z[3])),
        warm_night=typical.warm_night + float(z[4]),
        dry_air=typical.dry_air + 4.0 * float(z[5]),
        balance=float(np.clip(typical.balance + 0.14 * z[6], 0.45, 1.25)),
        warm_response=typical.warm_response + 30.0 * float(z[7]),
        cuts=float(rng.poisson(typical.cuts)) * (climate.dryness < MOWN_BELOW),
    )


def _lushness(typical: Traits, climate: Climate) -> float:
    """Return how much leaf area the climate carries (0.3-1): less in the cold and, but for crops, the dry."""
    warm = np.clip(0.55 + 0.45 * (climate.mean + 6.0) / 14.0, 0.5, 1.0)
    moist = np.clip(1.0 - 1.6 * (climate.dryness - 0.62), 0.35, 1.0)
    return float(warm * (moist if typical.crop < 1 else 0.5 + 0.5 * moist))
