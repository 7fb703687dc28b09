"""The embedded world: towers over the continents with known truth, so that everything runs without real data.

`world` places the towers, `tower_record` makes one tower's days; each tower follows from (seed, index) alone, so that
records can be made in parallel and a larger world contains the smaller one. Nothing here is an observation: whatever
is made from this world says SYNTHETIC.

A tower's record goes through these steps, one module each: climate from latitude, continentality and rain regime
(`climate`, `regions`), daily weather (`weather`, `astronomy`), snow and soil water (`water`), leaves (`phenology`,
`vegetation`), true fluxes (`fluxes`), their observation (`observation`), and what satellite and reanalysis see
(`modis`, `era5_land`, `era5_land_full`).
"""

from __future__ import annotations

from .places import TowerSpec, world
from .record import CITATION, LICENSE, MARK, VERSION, tower_record

__all__ = ["CITATION", "LICENSE", "MARK", "VERSION", "TowerSpec", "tower_record", "world"]
