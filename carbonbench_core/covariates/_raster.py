"""The Koppen-Geiger class of a place in a raster that the user has.

The raster holds the numbers 1 to 30 in the order of `schema.KOPPEN`, as the maps of Beck et al. do, and 0 for water.
At the shore the tower may fall on water: the nearest class within `REACH` is taken.

Source
------
Beck et al. 2018, doi:10.1038/sdata.2018.214; Beck et al. 2023, doi:10.1038/s41597-023-02549-6.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FeatureError, UsageError, first_few
from ..schema import KOPPEN

if TYPE_CHECKING:
    from rasterio import DatasetReader

REACH = 5.0  # km
KM_PER_DEGREE = 111.195  # of a great circle on a sphere of 6371 km


def opened(path: Path) -> DatasetReader:
    """Return a raster, opened.

    Raises
    ------
    UsageError : no such file, the library is not installed, or it is no raster of whole numbers with a place on Earth
    """
    if not path.is_file():
        raise UsageError(f"Koppen raster {path} does not exist. Check the path given with --koppen.")
    try:
        import rasterio
    except ImportError:
        raise UsageError('Reading a Koppen raster needs rasterio: pip install "carbonbench[maps]".') from None
    try:
        raster = rasterio.open(path)
    except rasterio.errors.RasterioIOError as error:
        raise UsageError(f"Koppen raster {path} cannot be read: {error}. Give a GeoTIFF.") from None
    if raster.crs is None or not np.issubdtype(np.dtype(raster.dtypes[0]), np.integer):
        raise UsageError(
            f"Koppen raster {path} holds {raster.dtypes[0]} in {raster.crs or 'no coordinate system'}; expected whole "
            "numbers from 0 to 30 in a known coordinate system, as the maps of Beck et al. have."
        )
    return raster


def class_at(path: Path, latitude: float, longitude: float) -> str | None:
    """Return the class at a place or, where that is water, the nearest within `REACH`; None where there is none.

    Raises
    ------
    UsageError : as `opened`
    FeatureError : the raster holds numbers that are no class
    """
    from rasterio.warp import transform
    from rasterio.windows import Window

    with opened(path) as raster:
        if raster.crs.is_geographic and raster.bounds.right > 180 + raster.res[0]:
            longitude %= 360  # a map from 0 to 360 degrees
        (x,), (y,) = transform("EPSG:4326", raster.crs, [longitude], [latitude])
        row, column = raster.index(x, y)
        high, wide = _pixel_size(raster, latitude)
        up, side = (min(int(REACH / size), 500) for size in (high, wide))
        top, left = max(row - up, 0), max(column - side, 0)
        bottom, right = min(row + up + 1, raster.height), min(column + side + 1, raster.width)
        if top >= bottom or left >= right:
            return None
        values = raster.read(1, window=Window(left, top, right - left, bottom - top))
    found = np.unique(values)
    strangers = [int(v) for v in found if not 0 <= v <= len(KOPPEN) and v != raster.nodata]
    if strangers:
        raise FeatureError(f"Koppen raster {path} holds {first_few(strangers)}; expected 1 to 30, and 0 for water.")
    rows, columns = np.nonzero((values >= 1) & (values <= len(KOPPEN)))
    far = np.hypot((rows + top - row) * high, (columns + left - column) * wide)
    if not len(far) or far.min() > REACH:
        return None
    nearest = far.argmin()
    return KOPPEN[int(values[rows[nearest], columns[nearest]]) - 1]


def _pixel_size(raster: DatasetReader, latitude: float) -> tuple[float, float]:
    """Return the height and width of a pixel [km]."""
    wide, high = (abs(size) for size in raster.res)
    if raster.crs.is_geographic:
        return high * KM_PER_DEGREE, max(wide * KM_PER_DEGREE * np.cos(np.radians(latitude)), 1e-3)
    metres = raster.crs.linear_units_factor[1]
    return high * metres / 1000, wide * metres / 1000
