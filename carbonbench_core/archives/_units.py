"""Units that tables come in, and the way from one to another."""

from __future__ import annotations

import math
from functools import cache

from .. import schema
from ..errors import unknown

SECONDS_PER_DAY = 86400.0
CARBON_MOLAR_MASS = 12.011  # gC mol-1, IUPAC standard atomic weight (doi:10.1515/pac-2019-0603)
CO2_MOLAR_MASS = 44.009  # gCO2 mol-1
# 1 umol m-2 s-1 = 1e-6 mol x 12.011 gC mol-1 x 86400 s d-1 = 1.0377504 gC m-2 d-1, for a daily mean flux.
UMOL_TO_GC = 1e-6 * CARBON_MOLAR_MASS * SECONDS_PER_DAY

# Each group: unit -> (factor, offset), with value in the group's base unit = factor * value + offset.
# A day's sum stands for its rate (mm for mm d-1), and a daily mean power for the day's energy over 86400 s.
_GROUPS: tuple[dict[str, tuple[float, float]], ...] = (
    {
        "gC m-2 d-1": (1.0, 0.0),
        "mgC m-2 d-1": (1e-3, 0.0),
        "kgC m-2 d-1": (1e3, 0.0),
        "gC m-2 s-1": (SECONDS_PER_DAY, 0.0),
        "kgC m-2 s-1": (1e3 * SECONDS_PER_DAY, 0.0),
        "umol m-2 s-1": (UMOL_TO_GC, 0.0),
        "umolCO2 m-2 s-1": (UMOL_TO_GC, 0.0),
        "mol m-2 d-1": (CARBON_MOLAR_MASS, 0.0),
        "mmol m-2 d-1": (1e-3 * CARBON_MOLAR_MASS, 0.0),
        "gCO2 m-2 d-1": (CARBON_MOLAR_MASS / CO2_MOLAR_MASS, 0.0),
    },
    {"K": (1.0, 0.0), "degC": (1.0, 273.15), "degF": (5 / 9, 273.15 - 32 * 5 / 9)},
    {"Pa": (1.0, 0.0), "hPa": (100.0, 0.0), "mbar": (100.0, 0.0), "kPa": (1000.0, 0.0)},
    {
        "W m-2": (1.0, 0.0),
        "J m-2": (1 / SECONDS_PER_DAY, 0.0),
        "J m-2 d-1": (1 / SECONDS_PER_DAY, 0.0),
        "MJ m-2": (1e6 / SECONDS_PER_DAY, 0.0),
        "MJ m-2 d-1": (1e6 / SECONDS_PER_DAY, 0.0),
    },
    {
        "mm": (1.0, 0.0),
        "mm d-1": (1.0, 0.0),
        "cm": (10.0, 0.0),
        "m": (1000.0, 0.0),
        "m d-1": (1000.0, 0.0),
        "kg m-2 d-1": (1.0, 0.0),  # of water at 1000 kg m-3
        "kg m-2 s-1": (SECONDS_PER_DAY, 0.0),
    },
    {"1": (1.0, 0.0), "0-1": (1.0, 0.0), "%": (0.01, 0.0), "1e-2": (1e-2, 0.0), "1e-4": (1e-4, 0.0)},
    {"m s-1": (1.0, 0.0), "km h-1": (1 / 3.6, 0.0)},
    {"degree": (1.0, 0.0), "radian": (180 / math.pi, 0.0)},
)


@cache
def conversion(given: str, wanted: str) -> tuple[float, float]:
    """Return (factor, offset) with ``value [wanted] = factor * value [given] + offset``.

    Raises
    ------
    UsageError : no way from one unit to the other; names the units that there is a way from
    """
    if given == wanted:
        return 1.0, 0.0
    group = next((g for g in _GROUPS if wanted in g), {wanted: (1.0, 0.0)})
    if given not in group:
        raise unknown(f"unit for a column in {wanted}", given, group)
    (factor, offset), (to_factor, to_offset) = group[given], group[wanted]
    return factor / to_factor, (offset - to_offset) / to_factor


def to_schema(column: str, given: str | None) -> tuple[float, float]:
    """Return the conversion of a schema column that a table gives in unit `given` (None: the schema's own)."""
    unit = schema.COLUMNS[column].unit
    return conversion(given or unit, unit)
