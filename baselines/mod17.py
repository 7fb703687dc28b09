"""MOD17: light-use efficiency limited by cold nights and dry air, with Lloyd-Taylor respiration.

GPP = efficiency(class) x f(Tmin) x g(VPD) x fPAR x PAR, PAR = 0.45 x short-wave radiation; f rises from 0 to 1 between
two temperatures of the class, g falls from 1 to 0 between two deficits.

Source
------
Running et al. 2004, doi:10.1641/0006-3568(2004)054[0547:ACSMOG]2.0.CO;2; Zhao et al. 2005,
doi:10.1016/j.rse.2004.12.011. The constants are those of the biome property look-up table of Collection 5.1 for MERRA
meteorology (Numerical Terradynamic Simulation Group, University of Montana; file MOD17_BPLUT_C5.1_MERRA_NASA).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.rows import class_codes
from carbonbench_core.schema import IGBP

from ._process import UNIVERSAL, ProcessModel

if TYPE_CHECKING:
    import pyarrow as pa

PAR_SHARE = 0.45  # of short-wave radiation
# Efficiency [gC MJ-1 of absorbed PAR]; minimum temperature [degC] at which GPP is 0 and unlimited; vapour pressure
# deficit [Pa] at which it is unlimited and 0.
BIOMES = {
    "ENF": (1.211, -8.0, 8.31, 650.0, 3000.0),
    "EBF": (1.405, -8.0, 9.09, 1000.0, 4000.0),
    "DNF": (1.227, -8.0, 10.44, 650.0, 3500.0),
    "DBF": (1.526, -6.0, 9.94, 650.0, 2900.0),
    "MF": (1.226, -7.0, 9.50, 650.0, 2900.0),
    "CSH": (1.495, -8.0, 8.61, 650.0, 4300.0),
    "OSH": (1.027, -8.0, 8.80, 650.0, 4400.0),
    "WSA": (1.498, -8.0, 11.39, 650.0, 3500.0),
    "SAV": (1.454, -8.0, 11.39, 650.0, 3600.0),
    "GRA": (1.215, -8.0, 12.02, 650.0, 4200.0),
    "CRO": (1.300, -8.0, 12.02, 650.0, 4500.0),
}


class MOD17(ProcessModel):
    """Light-use efficiency by vegetation class; classes that MOD17 does not know have the mean of its limits.

    `published` keeps the efficiencies of the look-up table; the respiration is calibrated either way.

    Pooling and E0 were chosen by fourfold cross-validation over the 106 FLUXNET2015 towers that no test split of
    veg_holdout and climate_holdout held.

    Settings
    --------
    efficiency : str, "calibrated" at the training towers by class, or "published"
    pooling : float, towers of the coarser level (climate, everyone) that lean on the calibration of a class
    respire_gpp : bool, whether the base rate of RECO follows recent GPP
    e0 : float, temperature sensitivity of RECO [K]; beside the link to GPP it is less than the universal 308.56 K
    """

    name = "mod17"
    drivers = ("fpar", "light", "night", "dryness")
    defaults: ClassVar[dict[str, Any]] = {"efficiency": "calibrated", "pooling": 10.0, "respire_gpp": True, "e0": 150.0}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "published": {"efficiency": "published", "respire_gpp": False, "e0": UNIVERSAL}
    }

    def _potential(self, table: pa.Table, drivers: dict[str, np.ndarray]) -> np.ndarray:
        closed, open_, moist, dry = limits()[class_codes(table, "igbp")].T[1:]
        cold = np.clip((drivers["night"] - closed) / (open_ - closed), 0.0, 1.0)
        humid = np.clip((dry - drivers["dryness"]) / (dry - moist), 0.0, 1.0)
        return PAR_SHARE * drivers["light"] * drivers["fpar"] * cold * humid

    def _published(self) -> np.ndarray:
        return limits()[:, :1]


def limits() -> np.ndarray:
    """Return the look-up table by class of the schema and for the unknown, ndarray [I, 5]."""
    mean = np.mean(list(BIOMES.values()), axis=0)
    return np.array([BIOMES.get(c, mean) for c in (*IGBP, None)])
