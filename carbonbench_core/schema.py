"""What the columns of the benchmark are good for: feature sets, Arrow types, the spelling of classes.

The columns themselves stand in `columns`, each once; everything here derives from them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING

from .columns import COLUMNS, FEATURE_SETS
from .errors import FeatureError, first_few, unknown

if TYPE_CHECKING:
    import pyarrow as pa

TARGETS = ("gpp", "reco", "nee")
SYNTHETIC_SITE = re.compile(r"SY-\d{3,}")  # how the towers of a made-up world are named, and no real one is
# A median size [gC m-2 d-1] of a flux that says it is in another unit: four times the daily GPP of the most productive
# vegetation; and the days it takes to judge.
LARGEST_MEDIAN, ENOUGH_TO_JUDGE = 100.0, 30
# These take what a folder has; the others must be there whole, or two models would be compared on different inputs.
OPEN_FEATURE_SETS = ("tower", "all")
# Sources of columns that every tower has: alone they make no feature set.
FROM_DATE_AND_PLACE = ("calendar",)

IGBP = {
    "ENF": "evergreen needleleaf forest",
    "EBF": "evergreen broadleaf forest",
    "DNF": "deciduous needleleaf forest",
    "DBF": "deciduous broadleaf forest",
    "MF": "mixed forest",
    "CSH": "closed shrubland",
    "OSH": "open shrubland",
    "WSA": "woody savanna",
    "SAV": "savanna",
    "GRA": "grassland",
    "WET": "permanent wetland",
    "CRO": "cropland",
    "URB": "urban",
    "CVM": "cropland and natural vegetation mosaic",
    "SNO": "snow and ice",
    "BSV": "barren or sparsely vegetated",
    "WAT": "water",
}
KOPPEN = tuple(
    "Af Am Aw BWh BWk BSh BSk Csa Csb Csc Cwa Cwb Cwc Cfa Cfb Cfc "
    "Dsa Dsb Dsc Dsd Dwa Dwb Dwc Dwd Dfa Dfb Dfc Dfd ET EF".split()
)
KOPPEN_MAIN = {"A": "tropical", "B": "arid", "C": "temperate", "D": "continental", "E": "polar"}
# The class codes an encoder may meet; anything else is "unknown".
VOCABULARIES = {"igbp": tuple(IGBP), "koppen_main": tuple(KOPPEN_MAIN), "koppen": KOPPEN}


def names(role: str) -> list[str]:
    """Return the names of all columns of one role, in schema order."""
    return [c.name for c in COLUMNS.values() if c.role == role]


def feature_columns(feature_set: str, present: Iterable[str] | None = None) -> list[str]:
    """Return the feature columns of a feature set, in schema order.

    Parameters
    ----------
    feature_set : str, one of `FEATURE_SETS`
    present : iterable of str, optional, the columns a dataset folder has; None asks for the set as defined

    Raises
    ------
    UsageError : no such feature set
    FeatureError : `present` lacks a column of the set; `tower` and `all` take what is there, at least one driver
        that does not follow from date and place alone
    """
    if feature_set not in FEATURE_SETS:
        raise unknown("feature set", feature_set, FEATURE_SETS)
    wanted = [c for c in COLUMNS.values() if feature_set in c.sets]
    if present is None:
        return [c.name for c in wanted]
    present = set(present)
    missing = _missing(feature_set, present)
    if missing:
        sets = available_feature_sets(present)
        offer = f"It can serve feature set {' or '.join(map(repr, sets))}." if sets else "It carries no features."
        raise FeatureError(
            f"This data lacks {len(missing)} of the {len(wanted)} columns of feature set {feature_set!r}: "
            f"{first_few(missing)}. {offer}"
        )
    return [c.name for c in wanted if c.name in present]


def available_feature_sets(present: Iterable[str]) -> list[str]:
    """Return the feature sets that data with the columns `present` can serve."""
    present = set(present)
    return [name for name in FEATURE_SETS if not _missing(name, present)]


def _missing(feature_set: str, present: set[str]) -> list[str]:
    wanted = [c for c in COLUMNS.values() if feature_set in c.sets]
    if feature_set in OPEN_FEATURE_SETS:
        drivers = [c.name for c in wanted if c.role == "driver" and c.source not in FROM_DATE_AND_PLACE]
        return [] if present.intersection(drivers) else drivers
    return [c.name for c in wanted if c.name not in present]


def columns(feature_set: str, present: Iterable[str] | None = None) -> list[str]:
    """Return all columns of a view: keys, classes, targets and quality first, then the drivers of a feature set.

    Parameters and errors are those of `feature_columns`. Use it to project a plain `datasets` split:
    ``ds.select_columns(carbonbench.columns("minimal"))``.
    """
    features = set(feature_columns(feature_set, present))
    head = ("key", "static", "target")
    return [c.name for c in COLUMNS.values() if c.role in head or c.name == "nee_qc" or c.name in features]


@cache
def arrow_schema(present: tuple[str, ...]) -> pa.Schema:
    """Return the Arrow schema of a shard with the columns `present`, in schema order.

    Raises
    ------
    FeatureError : a name that the schema does not know
    """
    import pyarrow as pa

    strangers = [n for n in present if n not in COLUMNS]
    if strangers:
        raise FeatureError(f"Not columns of CarbonBench: {first_few(strangers)}. Map them or leave them out.")
    chosen = [c for c in COLUMNS.values() if c.name in present]
    return pa.schema([pa.field(c.name, _arrow_type(c.dtype), metadata={"unit": c.unit}) for c in chosen])


def _arrow_type(dtype: str) -> pa.DataType:
    import pyarrow as pa

    return {"string": pa.string(), "date32": pa.date32(), "float32": pa.float32(), "float64": pa.float64()}[dtype]


def canonical_igbp(value: object) -> str | None:
    """Return the IGBP code in its usual spelling, or None for an empty or unknown class."""
    code = str(value or "").strip().upper()
    return code if code in IGBP else None


def canonical_koppen(value: object) -> str | None:
    """Return the Koppen-Geiger code in its usual spelling ("bsk" -> "BSk", "As" -> "Aw"), or None if unknown."""
    code = str(value or "").strip().lower()
    code = {"as": "aw"}.get(code, code)  # dry-summer savanna is not one of the 30 classes of Beck et al. 2018
    return {k.lower(): k for k in KOPPEN}.get(code)
