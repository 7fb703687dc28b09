"""Mapping files and units: what is refused, what is shipped, what is converted."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carbonbench_core import archives, schema
from carbonbench_core.archives import Options, _mapping, _units
from carbonbench_core.errors import UsageError

from . import fluxnet2015
from .table import MAPPING, rows, write

WRONG_MAPPINGS = {
    "no TOML": ("[table", "no TOML"),
    "unknown section": (MAPPING.replace("[masks]", "[mask]"), "Unknown section .*masks"),
    "unknown key": (MAPPING.replace("licence", "license"), "Unknown key .*licence"),
    "unknown column": (MAPPING.replace("TA_F =", "TA ="), "'TA' is no column"),
    "unknown unit": (MAPPING.replace('"K"', '"kelvin"'), "Unknown unit for a column in degC 'kelvin'.*K, degC"),
    "a unit of another kind": (MAPPING.replace('"K"', '"mm"'), "Unknown unit .*'mm'"),
    "a unit for a class": (MAPPING.replace('igbp = "class"', 'igbp = {column = "class", unit = "1"}'), "has no unit"),
    "no site": (MAPPING.replace('site_id = "tower"', ""), "site_id"),
    "only weather": ('[table]\nnetwork="x"\n[columns]\nsite_id="s"\ndate="d"\nTA_F="t"', "gpp, reco or nee"),
    "no network": (MAPPING.replace('network = "MyNet"', ""), "names no network"),
    "a list for a column": (MAPPING.replace('"RECO"', '["RECO"]'), "Give a column"),
    "a number for a text": (MAPPING.replace('"Me (2026)"', "2026"), "expected a text"),
    "text for a code": (MAPPING.replace("[columns]", 'missing = ["x"]\n[columns]'), "expected numbers"),
    "an unknown sign": (MAPPING.replace("[columns]", 'nee_positive = "up"\n[columns]'), "'release' or 'uptake'"),
}


@pytest.mark.parametrize("case", WRONG_MAPPINGS)
def test_when_a_mapping_is_wrong_then_the_request_is_refused_with_what_is_known(tmp_path: Path, case: str) -> None:
    text, words = WRONG_MAPPINGS[case]
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UsageError, match=words):
        archives.scan([write(tmp_path, rows())], Options(mapping=str(path)))


def test_when_a_mapping_does_not_exist_then_the_shipped_ones_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"site_dayz.*Did you mean 'fluxnet2015_site_days'"):
        archives.scan([write(tmp_path, rows())], Options(mapping="fluxnet2015_site_dayz"))


def test_a_mapping_that_does_not_exist_is_told_even_where_no_source_needs_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="site_dayz"):
        archives.scan([fluxnet2015.write_csv(tmp_path)], Options(mapping="site_dayz"))


@pytest.mark.parametrize(
    ("given_unit", "wanted", "value", "expected"),
    [
        ("umol m-2 s-1", "gC m-2 d-1", 1.0, 12.011e-6 * 86400),
        ("gCO2 m-2 d-1", "gC m-2 d-1", 44.009, 12.011),  # one mole of each
        ("K", "degC", 273.15, 0.0),
        ("degC", "K", 0.0, 273.15),
        ("degF", "degC", 212.0, 100.0),
        ("kPa", "hPa", 1.0, 10.0),
        ("hPa", "kPa", 1013.0, 101.3),
        ("J m-2", "W m-2", 86400.0, 1.0),
        ("MJ m-2", "J m-2", 1.0, 1e6),
        ("W m-2", "J m-2", 1.0, 86400.0),
        ("m", "mm d-1", 0.002, 2.0),
        ("mm", "m", 2.0, 0.002),
        ("%", "0-1", 50.0, 0.5),
        ("0-1", "%", 0.5, 50.0),
        ("km h-1", "m s-1", 3.6, 1.0),
    ],
)
def test_units_are_converted_by_their_definition(given_unit: str, wanted: str, value: float, expected: float) -> None:
    factor, offset = _units.conversion(given_unit, wanted)
    assert factor * value + offset == pytest.approx(expected, rel=1e-12, abs=1e-9)


@given(st.sampled_from([(a, b) for g in _units._GROUPS for a in g for b in g]), st.floats(-1e4, 1e4))
def test_a_conversion_there_and_back_changes_nothing(units: tuple[str, str], value: float) -> None:
    there, back = _units.conversion(*units), _units.conversion(*units[::-1])
    assert back[0] * (there[0] * value + there[1]) + back[1] == pytest.approx(value, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", _mapping.shipped())
def test_every_shipped_mapping_states_where_its_data_come_from(name: str) -> None:
    mapping = _mapping.load(name)
    assert mapping.citation
    assert mapping.licence
    assert mapping.target_variant != "unstated"
    assert {n for n, _, _ in mapping.columns} <= set(schema.COLUMNS)
