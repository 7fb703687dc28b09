"""Every column of the benchmark, once: feature sets, Arrow schema and `datasets` features derive from this table.

Fluxes are in gC m-2 d-1; NEE = RECO - GPP, so that negative NEE is uptake by the land. Feature columns keep the
name and unit of their source product.

Sources
-------
ONEFlux variable names and units: Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3.
MODIS MOD09GA v061: doi:10.5067/MODIS/MOD09GA.061. ERA5-Land daily aggregates: Munoz-Sabater et al. 2021,
doi:10.5194/essd-13-4349-2021. Feature lists of the published benchmark: arXiv:2603.09868.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from .errors import FeatureError, first_few, unknown

if TYPE_CHECKING:
    import pyarrow as pa

TARGETS = ("gpp", "reco", "nee")
FEATURE_SETS = ("minimal", "standard", "full", "tower", "all")
# These take what a folder has; the others must be there whole, or two models would be compared on different inputs.
OPEN_FEATURE_SETS = ("tower", "all")

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


@dataclass(frozen=True)
class Column:
    """One column of a dataset folder.

    Parameters
    ----------
    name : str, as it stands in the shards
    dtype : str, an Arrow type name ("string", "date32", "float32", "float64")
    unit : str, "-" where there is none
    role : str, one of key, target, quality, static, driver, truth
    source : str, the product it comes from
    text : str, what it is, for the card
    sets : tuple of str, the feature sets it belongs to
    """

    name: str
    dtype: str
    unit: str
    role: str
    source: str
    text: str
    sets: tuple[str, ...] = ()

    @property
    def is_feature(self) -> bool:
        """Whether a model may take this column as an input."""
        return self.role in ("static", "driver")


_ZERO_SHOT = ("minimal", "standard", "full", "all")
_EVERY_SET = FEATURE_SETS


def _keys_and_targets() -> list[Column]:
    flux = "ONEFlux"
    return [
        Column("site_id", "string", "-", "key", "network", "tower identifier, one per tower"),
        Column("network", "string", "-", "key", "network", "tower network of the record"),
        Column("date", "date32", "-", "key", "network", "local standard-time day"),
        Column("latitude", "float32", "degree", "static", "network", "north positive", _EVERY_SET),
        Column("longitude", "float32", "degree", "static", "network", "east positive", _EVERY_SET),
        Column("igbp", "string", "-", "static", "network", "IGBP vegetation class", _EVERY_SET),
        Column("koppen_main", "string", "-", "static", "Koppen-Geiger", "climate class, first letter", _EVERY_SET),
        Column("koppen", "string", "-", "static", "Koppen-Geiger", "climate class, all letters", _EVERY_SET),
        Column("gpp", "float64", "gC m-2 d-1", "target", flux, "gross primary production, night-time partitioning"),
        Column("reco", "float64", "gC m-2 d-1", "target", flux, "ecosystem respiration, night-time partitioning"),
        Column("nee", "float64", "gC m-2 d-1", "target", flux, "net ecosystem exchange, negative is uptake"),
        Column("nee_qc", "float64", "0-1", "quality", flux, "share of NEE half-hours measured or well gap-filled"),
        Column("reco_src", "string", "-", "quality", "source table", "where RECO comes from, if the table says so"),
        Column("gpp_true", "float64", "gC m-2 d-1", "truth", "SYNTHETIC", "known truth behind gpp"),
        Column("reco_true", "float64", "gC m-2 d-1", "truth", "SYNTHETIC", "known truth behind reco"),
        Column("nee_true", "float64", "gC m-2 d-1", "truth", "SYNTHETIC", "known truth behind nee"),
    ]


def _modis() -> list[Column]:
    text = {
        "SensorZenith": "view zenith angle",
        "SensorAzimuth": "view azimuth angle",
        "SolarZenith": "sun zenith angle",
        "SolarAzimuth": "sun azimuth angle",
    }
    bands = [
        Column(f"sur_refl_b0{b}", "float32", "1", "driver", "MOD09GA", f"surface reflectance, band {b}", _ZERO_SHOT)
        for b in range(1, 8)
    ]
    angles = [Column(name, "float32", "degree", "driver", "MOD09GA", t, _ZERO_SHOT) for name, t in text.items()]
    clouds = Column("clouds", "float32", "0-1", "driver", "MOD09GA", "cloud fraction of the pixel box", _ZERO_SHOT)
    return [*bands, *angles, clouds]


# ERA5-Land: variable -> (unit, smallest feature set). A name ending in _sum is accumulated over the day, the others
# are daily means; every variable also has a _min and a _max, which belong to the full set.
_ERA5_LAND = {
    "temperature_2m": ("K", "minimal"),
    "total_precipitation_sum": ("m", "minimal"),
    "surface_net_solar_radiation_sum": ("J m-2", "minimal"),
    "total_evaporation_sum": ("m", "minimal"),
    "leaf_area_index_high_vegetation": ("m2 m-2", "minimal"),
    "leaf_area_index_low_vegetation": ("m2 m-2", "minimal"),
    "dewpoint_temperature_2m": ("K", "standard"),
    "skin_temperature": ("K", "standard"),
    "soil_temperature_level_1": ("K", "standard"),
    "soil_temperature_level_2": ("K", "standard"),
    "soil_temperature_level_3": ("K", "standard"),
    "soil_temperature_level_4": ("K", "standard"),
    "volumetric_soil_water_layer_1": ("m3 m-3", "standard"),
    "volumetric_soil_water_layer_2": ("m3 m-3", "standard"),
    "volumetric_soil_water_layer_3": ("m3 m-3", "standard"),
    "volumetric_soil_water_layer_4": ("m3 m-3", "standard"),
    "u_component_of_wind_10m": ("m s-1", "standard"),
    "v_component_of_wind_10m": ("m s-1", "standard"),
    "surface_pressure": ("Pa", "standard"),
    "snow_albedo": ("0-1", "standard"),
    "snow_cover": ("%", "standard"),
    "snow_density": ("kg m-3", "standard"),
    "snow_depth": ("m", "standard"),
    "snow_depth_water_equivalent": ("m", "standard"),
    "skin_reservoir_content": ("m", "standard"),
    "forecast_albedo": ("0-1", "standard"),
    "surface_latent_heat_flux_sum": ("J m-2", "standard"),
    "surface_net_thermal_radiation_sum": ("J m-2", "standard"),
    "surface_sensible_heat_flux_sum": ("J m-2", "standard"),
    "surface_solar_radiation_downwards_sum": ("J m-2", "standard"),
    "surface_thermal_radiation_downwards_sum": ("J m-2", "standard"),
    "evaporation_from_bare_soil_sum": ("m", "standard"),
    "evaporation_from_the_top_of_canopy_sum": ("m", "standard"),
    "evaporation_from_vegetation_transpiration_sum": ("m", "standard"),
    "potential_evaporation_sum": ("m", "standard"),
    "runoff_sum": ("m", "standard"),
    "lake_bottom_temperature": ("K", "full"),
    "lake_ice_depth": ("m", "full"),
    "lake_ice_temperature": ("K", "full"),
    "lake_mix_layer_depth": ("m", "full"),
    "lake_mix_layer_temperature": ("K", "full"),
    "lake_shape_factor": ("1", "full"),
    "lake_total_layer_temperature": ("K", "full"),
    "snowfall_sum": ("m", "full"),
    "snowmelt_sum": ("m", "full"),
    "temperature_of_snow_layer": ("K", "full"),
    "evaporation_from_open_water_surfaces_excluding_oceans_sum": ("m", "full"),
    "snow_evaporation_sum": ("m", "full"),
    "sub_surface_runoff_sum": ("m", "full"),
    "surface_runoff_sum": ("m", "full"),
}


def _era5_land() -> list[Column]:
    out = []
    for name, (unit, smallest) in _ERA5_LAND.items():
        sets = _ZERO_SHOT[_ZERO_SHOT.index(smallest) :]
        how = "sum" if name.endswith("_sum") else "mean"
        out.append(Column(name, "float32", unit, "driver", "ERA5-Land", f"daily {how}", sets))
    for name, (unit, _) in _ERA5_LAND.items():
        for how in ("min", "max"):
            extreme = f"{name.removesuffix('_sum')}_{how}"
            out.append(Column(extreme, "float32", unit, "driver", "ERA5-Land", f"hourly {how}", ("full", "all")))
    return out


def _tower() -> list[Column]:
    oneflux = {
        "TA_F": ("degC", "air temperature"),
        "TA_F_DAY": ("degC", "air temperature in daylight"),
        "TA_MIN": ("degC", "daily minimum of air temperature"),
        "TA_MAX": ("degC", "daily maximum of air temperature"),
        "SW_IN_F": ("W m-2", "incoming short-wave radiation"),
        "LW_IN_F": ("W m-2", "incoming long-wave radiation"),
        "VPD_F": ("hPa", "vapour pressure deficit"),
        "VPD_F_DAY": ("hPa", "vapour pressure deficit in daylight"),
        "PA_F": ("kPa", "atmospheric pressure"),
        "P_F": ("mm d-1", "precipitation"),
        "WS_F": ("m s-1", "wind speed"),
    }
    modis = {
        "FAPAR": ("0-1", "fraction of absorbed photosynthetic radiation"),
        "NDVI_1km": ("1", "daily vegetation index NDVI"),
        "EVI_1km": ("1", "daily vegetation index EVI"),
        "NIRv_1km": ("1", "daily near-infrared reflectance of vegetation"),
        "b01_red_1km": ("1", "daily red reflectance"),
        "b02_nir_1km": ("1", "daily near-infrared reflectance"),
        "b03_blue_1km": ("1", "daily blue reflectance"),
        **{f"b{b}_CLIM": ("1", f"month-of-year mean reflectance, band {b}") for b in range(1, 8)},
        "NDVI_CLIM": ("1", "month-of-year mean NDVI"),
        "EVI_CLIM": ("1", "month-of-year mean EVI"),
        "NIRv_CLIM": ("1", "month-of-year mean NIRv"),
        "LST_Day_CLIM": ("K", "month-of-year mean day-time surface temperature"),
        "Fpar_M": ("0-1", "monthly fPAR"),
        "Lai_M": ("m2 m-2", "monthly leaf area index"),
        "NDWI_M": ("1", "monthly NDWI"),
        "Percent_Snow_M": ("%", "monthly snow cover"),
        "LST_Day_M": ("K", "monthly day-time surface temperature"),
        "LST_Night_M": ("K", "monthly night-time surface temperature"),
        "prcp_M": ("mm d-1", "mean daily precipitation of the month"),
        "ESACCI_sm_M": ("m3 m-3", "monthly soil moisture"),
        "CSIF_SIFdaily_M": ("mW m-2 nm-1 sr-1", "monthly sun-induced fluorescence"),
    }
    sets = ("tower", "all")
    return [
        *(Column(n, "float32", u, "driver", "tower", t, sets) for n, (u, t) in oneflux.items()),
        *(Column(n, "float32", u, "driver", "satellite", t, sets) for n, (u, t) in modis.items()),
    ]


COLUMNS: dict[str, Column] = {
    c.name: c for c in [*_keys_and_targets(), *_modis(), *_era5_land(), *_tower()]
}  # in the order they stand in a shard


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
        drivers = [c.name for c in wanted if c.role == "driver"]
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
