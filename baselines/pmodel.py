"""The P-model: light-use efficiency from optimal stomata and acclimated leaves, with Lloyd-Taylor respiration.

GPP = quantum yield x M(T, VPD, CO2, pressure) x fPAR x PPFD for C3 leaves; M is computed by pyrealm, which holds the
equations of Wang et al. 2017 (doi:10.1038/s41477-017-0006-8) and Stocker et al. 2020 (doi:10.5194/gmd-13-1545-2020):
the least cost of water and carboxylation, co-limitation by light and Rubisco, the limit by electron transport, and the
quantum yield's dependence on temperature (Bernacchi et al. 2003, doi:10.1046/j.0016-8025.2003.01050.x).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from carbonbench_core.rows import dates, records
from carbonbench_core.tabular import History

from . import need
from ._process import UNIVERSAL, ProcessModel

if TYPE_CHECKING:
    import pyarrow as pa

PHOTONS = 2.04  # mol of photosynthetic photons per MJ of short-wave radiation (Meek et al. 1984, as in Stocker 2020)
QUANTUM_YIELD = 0.081785  # calibrated by Stocker et al. 2020 with the dependence on temperature (setup BRC)
COLDEST = -25.0  # [degC] of the equations for the density of water
# Annual means at Mauna Loa [ppm] (NOAA Global Monitoring Laboratory, doi:10.15138/yaf1-bk21), straight lines between
# them: within 1 ppm of every year.
CO2 = {1990: 354.5, 1995: 361.0, 2000: 369.7, 2005: 380.0, 2010: 390.1, 2015: 401.0, 2020: 414.2, 2024: 424.6}


class PModel(ProcessModel):
    """The P-model of C3 plants; one quantum yield for every class as published, or one by class.

    `published` keeps the quantum yield of Stocker et al. 2020; the respiration is calibrated either way.

    Pooling and E0 were chosen by fourfold cross-validation over the 106 FLUXNET2015 towers that no test split of
    veg_holdout and climate_holdout held.

    Settings
    --------
    acclimation : int, days that leaves take to adjust to temperature and dryness, averaged over [days]
    efficiency : str, quantum yield "calibrated" at the training towers by class, or "published"
    pooling : float, towers of the coarser level (climate, everyone) that lean on the calibration of a class
    respire_gpp : bool, whether the base rate of RECO follows recent GPP
    e0 : float, temperature sensitivity of RECO [K]; beside the link to GPP it is less than the universal 308.56 K
    """

    name = "pmodel"
    drivers = ("fpar", "light", "daytime", "dryness", "pressure")
    defaults: ClassVar[dict[str, Any]] = {
        "acclimation": 15,
        "efficiency": "calibrated",
        "pooling": 10.0,
        "respire_gpp": True,
        "e0": 150.0,
    }
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "published": {"efficiency": "published", "respire_gpp": False, "e0": UNIVERSAL}
    }

    def _potential(self, table: pa.Table, drivers: dict[str, np.ndarray]) -> np.ndarray:
        if not table.num_rows:
            return np.zeros(0)
        climate = np.stack([drivers["daytime"], drivers["dryness"]], axis=1)
        if self.settings["acclimation"] > 1:
            climate = History(records(table)).trailing_mean(climate.astype(np.float32), self.settings["acclimation"])
        year = dates(table).astype("datetime64[Y]").astype(int) + 1970
        co2 = np.interp(year, list(CO2), list(CO2.values()))
        use = light_use(climate[:, 0].astype(float), climate[:, 1].astype(float), co2, drivers["pressure"])
        return use * PHOTONS * drivers["light"] * drivers["fpar"]

    def _published(self) -> np.ndarray:
        return np.array([[QUANTUM_YIELD]])


def light_use(temperature: np.ndarray, dryness: np.ndarray, co2: np.ndarray, pressure: np.ndarray) -> np.ndarray:
    """Return the light-use efficiency at a quantum yield of one [gC mol-1 of absorbed photons].

    Parameters
    ----------
    temperature, dryness, co2, pressure : ndarray [N] [degC], [Pa], [ppm], [Pa]
    """
    library = need("pyrealm.pmodel", "process")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own change of default, and of values at the end of its ranges
        air = library.PModelEnvironment(
            tc=np.maximum(temperature, COLDEST), vpd=np.maximum(dryness, 0.0), co2=co2, patm=pressure
        )
        use = library.PModel(air, method_kphio="temperature", reference_kphio=1.0).lue
    # In great heat and dryness assimilation no longer pays for electron transport: no optimum, and no uptake.
    return np.where(np.isnan(use) & np.isfinite(temperature + dryness + co2 + pressure), 0.0, use)
