"""Calendar: the season day, the day length and the radiation at the top of the atmosphere, from date and place alone.

They exist at every place on every day and need no file. A model can reckon them from the date and the latitude
itself, so the published feature sets go without them; `archive`, `tower` and `all` carry them. For the formulas and
their sources see `sun`.
"""

from __future__ import annotations

import numpy as np

from .. import sun

SOURCE = "calendar"
DAY = "local"
CITATION = "Spencer 1971, Search 2(5), 172; Kopp and Lean 2011, doi:10.1029/2010GL045777"


def compute(date: np.ndarray, latitude: float, longitude: float) -> dict[str, np.ndarray]:
    """Return the calendar columns of one place; see the contract in `covariates`.

    Parameters
    ----------
    date : ndarray [D] datetime64[D]
    latitude, longitude : float [degree]

    Returns
    -------
    dict of ndarray [D] float64: season_day [1], day_length [h], toa_radiation [W m-2]
    """
    radiation, hours = sun.daylight(latitude, sun.day_of_year(date))
    return {"season_day": sun.season_day(date, latitude), "day_length": hours, "toa_radiation": radiation}
