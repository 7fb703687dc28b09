"""One tower of the synthetic world as an archive record: truth, observation and every feature column."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from ..archives import Entry, Record
from ..errors import unknown
from ..schema import arrow_schema
from .era5_land import reanalyse, standard_columns
from .era5_land_full import full_columns
from .fluxes import Fluxes, true_fluxes
from .modis import modis_columns
from .observation import observe
from .phenology import Canopy, draw_canopy, leaf_out
from .places import TowerSpec
from .streams import stream
from .vegetation import Traits, draw_traits
from .water import Snow, Soil, bucket, evaporative_demand, net_radiation, snowpack, soil_temperature
from .weather import Weather, draw_weather

VERSION = "1"  # of the world: a change of any number a seed gives makes it another one
CITATION = "SYNTHETIC data of the CarbonBench embedded world; no observation, not to be cited as data."
LICENSE = "CC0-1.0"
MARK = "SYNTHETIC"
SETS = ("standard", "full")
SOIL_LAG = 4.0  # [d] of the soil that respires


def tower_record(spec: TowerSpec, feature_set: str = "standard") -> Record:
    """Return the record of one tower, made from its seed and index alone.

    Parameters
    ----------
    spec : TowerSpec, from `world`
    feature_set : str, "standard" (36 ERA5-Land columns) or "full" (all 150); MODIS and tower meteorology are in both

    Returns
    -------
    Record
        Every day of the years asked for. `gpp`, `reco`, `nee` and `nee_qc` are observed, null in long outages;
        `gpp_true`, `reco_true`, `nee_true` are known on every day.

    Raises
    ------
    UsageError : no such feature set
    """
    if feature_set not in SETS:
        raise unknown("feature set of the synthetic world", feature_set, SETS)
    columns = _columns(spec, feature_set)
    date = columns.pop("date")
    kept = date.astype("datetime64[Y]").astype(int) + 1970 >= spec.start_year
    schema = arrow_schema(("date", *columns))
    arrays = [_arrow((date if f.name == "date" else columns[f.name])[kept], f) for f in schema]
    product = f"{MARK} world {VERSION} seed {spec.seed}"
    return Record(
        entry=Entry("synthetic", Path(MARK), spec.site_id, spec.site_id, MARK, product),
        table=pa.Table.from_arrays(arrays, schema=schema),
        target_variant=MARK,
        citation=CITATION,
        licence=LICENSE,
        attributes={
            "latitude": spec.latitude,
            "longitude": spec.longitude,
            "igbp": spec.igbp,
            "koppen": spec.koppen,
            "name": f"{MARK} tower {spec.index + 1}, {spec.region}",
        },
        notes=[f"{MARK}: made by a model, no tower stands here. Never report its scores as results."],
    )


def _arrow(values: np.ndarray, field: pa.Field) -> pa.Array:
    if field.name == "date":
        return pa.array(values, type=field.type)
    return pa.array(values.astype(field.type.to_pandas_dtype()), type=field.type, from_pandas=True)


def _columns(spec: TowerSpec, feature_set: str) -> dict[str, np.ndarray]:
    """Return all columns over the record and one year before it, in which snow and soil find their state."""
    weather = _weather(spec)
    rng = stream(spec.seed, spec.index, "phenology")
    traits = draw_traits(spec.igbp, spec.climate, stream(spec.seed, spec.index, "vegetation"))
    snow = snowpack(weather)
    soil = _root_zone(spec, traits, weather, snow)
    canopy = draw_canopy(traits, spec.climate, weather, soil.water, rng)
    soil_warmth = soil_temperature(weather.temperature, snow, SOIL_LAG)
    truth = true_fluxes(traits, weather, canopy, soil.water, soil_warmth)
    return {
        "date": weather.date,
        **_targets(truth, stream(spec.seed, spec.index, "observation")),
        **_satellite(spec, traits, weather, canopy, snow),
        **_reanalysis(spec, traits, canopy, weather, feature_set),
        **_meteorology(weather),
    }


def _weather(spec: TowerSpec) -> Weather:
    first, end = (np.datetime64(f"{year}-01-01") for year in (spec.start_year - 1, spec.start_year + spec.n_years))
    rng = stream(spec.seed, spec.weather_index, "weather")
    return draw_weather(spec.climate, spec.latitude, spec.elevation, np.arange(first, end), rng)


def _root_zone(spec: TowerSpec, traits: Traits, weather: Weather, snow: Snow) -> Soil:
    albedo = 0.18 + (0.6 - 0.35 * traits.tall) * snow.cover
    demand = evaporative_demand(weather, net_radiation(weather, albedo, weather.temperature))
    leaf = traits.evergreen + (1 - traits.evergreen) * leaf_out(traits, spec.climate, weather)
    cover = 1 - np.exp(-0.5 * traits.leaf_area * leaf)
    supply = weather.rain - snow.fall + snow.melt
    return bucket(supply, demand * (0.3 + 0.7 * cover), traits.roots, 1 - spec.climate.dryness)


def _targets(truth: Fluxes, rng: np.random.Generator) -> dict[str, np.ndarray]:
    seen = observe(truth, rng)
    observed = {"gpp": seen.gpp, "reco": seen.reco, "nee": seen.nee, "nee_qc": seen.quality}
    return {**observed, "gpp_true": truth.gpp, "reco_true": truth.reco, "nee_true": truth.nee}


def _satellite(spec: TowerSpec, traits: Traits, weather: Weather, canopy: Canopy, snow: Snow) -> dict[str, np.ndarray]:
    return modis_columns(spec.latitude, traits, weather, canopy, snow, stream(spec.seed, spec.index, "satellite"))


def _reanalysis(
    spec: TowerSpec, traits: Traits, canopy: Canopy, weather: Weather, feature_set: str
) -> dict[str, np.ndarray]:
    rng = stream(spec.seed, spec.weather_index, "reanalysis")  # neighbours stand in one cell
    place = reanalyse(spec.climate, traits, weather, canopy.leaf_area, rng)
    return full_columns(place) if feature_set == "full" else standard_columns(place)


def _meteorology(weather: Weather) -> dict[str, np.ndarray]:
    """Return the tower's own meteorology in ONEFlux units; its instruments are taken as exact."""
    return {
        "TA_F": weather.temperature,
        "TA_F_DAY": weather.daytime,
        "TA_MIN": weather.coldest,
        "TA_MAX": weather.warmest,
        "SW_IN_F": weather.solar,
        "LW_IN_F": weather.thermal,
        "VPD_F": weather.vpd,
        "VPD_F_DAY": weather.vpd_day,
        "PA_F": weather.pressure / 1000,
        "P_F": weather.rain,
        "WS_F": np.hypot(weather.wind_u, weather.wind_v),
    }
