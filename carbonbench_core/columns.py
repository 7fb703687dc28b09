"""Every column of the benchmark, once, in the order in which columns stand in a shard.

Fluxes are in gC m-2 d-1; NEE = RECO - GPP, so that negative NEE is uptake by the land. Feature columns keep the
name and unit of their source product. `schema` is what the rest of the library asks.

Sources
-------
ONEFlux variable names and units: Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3.
MODIS MOD09GA v061: doi:10.5067/MODIS/MOD09GA.061. ERA5-Land daily aggregates: Munoz-Sabater et al. 2021,
doi:10.5194/essd-13-4349-2021. Feature lists of the published benchmark: arXiv:2603.09868.
"""

from __future__ import annotations

from dataclasses import dataclass

FEATURE_SETS = ("minimal", "standard", "full", "tower", "archive", "all")


@dataclass(frozen=True)
class Column:
    """One column of a dataset folder.

    Parameters
    ----------
    name : str, as it stands in the shards
    dtype : str, an Arrow type name ("string", "date32", "float32", "float64")
    unit : str, "-" where there is none
    role : str, one of key, target, quality, uncertainty, static, driver, truth
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
        Column("gpp_dt", "float64", "gC m-2 d-1", "uncertainty", flux, "gpp by day-time partitioning"),
        Column("reco_dt", "float64", "gC m-2 d-1", "uncertainty", flux, "reco by day-time partitioning"),
        Column("nee_randunc", "float64", "gC m-2 d-1", "uncertainty", flux, "random uncertainty of nee, one sigma"),
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
    sets, age = ("tower", "all"), "days since the last day with a usable pixel"  # beyond the published sets
    eight_day = [
        Column(f"sur_refl_b0{b}_8day", "float32", "1", "driver", "MOD09A1", f"eight-day reflectance, band {b}", sets)
        for b in range(1, 8)
    ]
    since = Column("days_since_clear", "float32", "d", "driver", "MOD09GA", age, sets)
    return [*bands, *angles, clouds, since, *eight_day]


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


def _calendar() -> list[Column]:
    # What a model can reckon from date and latitude itself is no news to it, so the published sets go without.
    sets = ("archive", "tower", "all")
    text = {
        "season_day": ("1", "share of the year that is over, shifted by half a year south of the equator"),
        "day_length": ("h", "time the sun is above a flat horizon"),
        "toa_radiation": ("W m-2", "radiation at the top of the atmosphere on a horizontal plane, daily mean"),
    }
    return [Column(n, "float32", u, "driver", "calendar", t, sets) for n, (u, t) in text.items()]


def _archive() -> list[Column]:
    sets = ("archive", "all")
    text = {
        "TA_ERA": ("degC", "air temperature"),
        "SW_IN_ERA": ("W m-2", "incoming short-wave radiation"),
        "LW_IN_ERA": ("W m-2", "incoming long-wave radiation"),
        "VPD_ERA": ("hPa", "vapour pressure deficit"),
        "PA_ERA": ("kPa", "atmospheric pressure"),
        "P_ERA": ("mm d-1", "precipitation"),
        "WS_ERA": ("m s-1", "wind speed"),
    }
    how = "reanalysis downscaled with the tower's own measurements"
    return [Column(n, "float32", u, "driver", "archive", f"{t}, {how}", sets) for n, (u, t) in text.items()]


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
    c.name: c for c in [*_keys_and_targets(), *_modis(), *_era5_land(), *_calendar(), *_archive(), *_tower()]
}  # in the order they stand in a shard
