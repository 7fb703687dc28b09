"""Transfer along a climate gradient: the warmest towers are tested, the next-warmest validate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import ProtocolError
from . import FEWEST_TOWERS, Holdout, require
from ._apart import SATELLITE_BOX, left_out_near, near

if TYPE_CHECKING:
    import pandas as pd

TEXT = (
    "Transfer to towers warmer than any in training: the warmest fifth by mean annual temperature is tested, "
    "a fifth of the others, the next-warmest, validates. "
    "No tower within 2 km of a test tower is trained or validated on."
)
SHARE = 0.2
# Mean annual air temperature [degC]; all towers are ranked by one of them, the first where both have as many.
SOURCES = ("mean_temperature_era5_land", "mean_temperature_tower")


def draw(sites: pd.DataFrame, seed: int) -> dict[str, Holdout]:
    """Rank the towers by temperature; nothing is drawn by chance and `seed` is not used."""
    given = [name for name in SOURCES if name in sites.columns]
    if not given:
        require(sites, *SOURCES)
    source = max(given, key=lambda name: sites[name].notna().sum())
    known = sites[sites[source].notna()].sort_values([source, "site_id"], ascending=[False, True])
    n_test = round(SHARE * len(known))
    if n_test < FEWEST_TOWERS:
        raise ProtocolError(
            f"{len(known)} towers have a {source}; a fifth of them is fewer than {FEWEST_TOWERS} to be tested"
        )
    test, cooler = list(known["site_id"][:n_test]), list(known["site_id"][n_test:])
    close = near(sites, cooler, test, SATELLITE_BOX)
    cooler = [site for site in cooler if site not in close]
    n_validation = round(SHARE * len(cooler))
    validation, train = cooler[:n_validation], cooler[n_validation:]
    close_to_validation = near(sites, train, validation, SATELLITE_BOX)
    unknown = {f"no {source}": tuple(sites.loc[sites[source].isna(), "site_id"])}
    return {
        "warm_shift": Holdout(
            train=tuple(site for site in train if site not in close_to_validation),
            test=tuple(test),
            validation=tuple(validation),
            left_out=unknown | left_out_near(close, close_to_validation),
            text=f"{TEXT} Temperature: `{source}`.",
        )
    }
