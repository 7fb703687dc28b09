"""Archive: the reanalysis downscaled to the tower that the networks put into their archives.

ONEFlux fits ERA5 (ERA-Interim before) to each tower's own measurements, variable by variable, and writes the fitted
series on every day: TA_ERA, SW_IN_ERA, LW_IN_ERA, VPD_ERA, PA_ERA, P_ERA and WS_ERA. The archive readers take them, so
any tower has features without an account anywhere: feature set `archive`, these seven, the calendar and the site.

It is a track of its own. The raw reanalysis exists everywhere on land; the fitted one does not, since the fit knows the
tower's instruments: at a place without a tower only the unfitted series can be had. A score with it says what a model
makes of the fluxes of a known tower's weather, between `minimal` and `tower`, and is not ranked with either.

Source
------
Vuichard and Papale 2015, doi:10.5194/essd-7-157-2015; Pastorello et al. 2020, doi:10.1038/s41597-020-0534-3.
"""

from __future__ import annotations

SOURCE = "archive"
DAY = "local"
CITATION = "Vuichard and Papale 2015, doi:10.5194/essd-7-157-2015"
