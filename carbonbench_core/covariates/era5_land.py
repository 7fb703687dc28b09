"""ERA5-Land: daily aggregates of the land reanalysis at the tower's cell, 0.1 degree.

The daily aggregates are of UTC days, while the days of the fluxes are of the tower's local standard time: they overlap
by 24 hours less the tower's distance from Greenwich in hours. Which it is stands in the sites table, `reanalysis_day`.

Source
------
Munoz-Sabater et al. 2021, doi:10.5194/essd-13-4349-2021.
"""

from __future__ import annotations

SOURCE = "ERA5-Land"
DAY = "UTC"
CITATION = "Munoz-Sabater et al. 2021, doi:10.5194/essd-13-4349-2021"
