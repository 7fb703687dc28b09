"""A good submission, and all the ways of spoiling one that the tests know of."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

GOOD = {
    "model": "my-model",
    "authors": ["First Author", "Second Author"],
    "link": "https://example.org/paper",
    "protocol": "veg_holdout",
    "feature_set": "minimal",
    "training_data": ["train and validation splits of veg_holdout"],
    "test_towers_seen": False,
}
TARGETS = ["gpp", "reco", "nee"]


def frame() -> pd.DataFrame:
    """Return an evaluation frame of three towers with a season, 120 days each."""
    rng, day = np.random.default_rng(0), np.arange(120)
    parts = []
    for i, site in enumerate(("DE-Hai", "FI-Hyy", "US-Ha1")):
        gpp = 6 + 4 * np.sin(day / 19 + i) + 0.3 * rng.normal(size=120)
        reco = 3 + np.cos(day / 25) + 0.2 * rng.normal(size=120)
        date = (np.datetime64("2010-05-01") + day).astype("datetime64[s]")
        parts.append(pd.DataFrame({"site_id": site, "date": date, "gpp": gpp, "reco": reco, "nee": reco - gpp}))
    return pd.concat(parts, ignore_index=True)


def predicted() -> pd.DataFrame:
    """Return honest predictions for `frame`."""
    out = frame()
    out[TARGETS] += 0.3 * np.random.default_rng(1).normal(size=(len(out), 3))
    return out


def write(folder: Path, table: pd.DataFrame | None = None, **changes: object) -> Path:
    """Write a submission; a change to None leaves the key out."""
    folder.mkdir(parents=True, exist_ok=True)
    given = {key: value for key, value in (GOOD | changes).items() if value is not None}
    (folder / "submission.yaml").write_text(yaml.safe_dump(given), encoding="utf-8")
    (predicted() if table is None else table).to_parquet(folder / "predictions.parquet", index=False)
    return folder


def text(content: str | bytes) -> Callable[[Path], None]:
    """Return what writes a submission with this for `submission.yaml`."""

    def spoil(folder: Path) -> None:
        write(folder)
        (folder / "submission.yaml").write_bytes(content.encode() if isinstance(content, str) else content)

    return spoil


def keys(**changes: object) -> Callable[[Path], None]:
    """Return what writes a submission with other metadata."""
    return lambda folder: write(folder, **changes)


def table(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    """Return what writes a submission with other predictions."""
    return lambda folder: write(folder, change(predicted()))


def file(change: Callable[[Path], object]) -> Callable[[Path], None]:
    """Return what writes a good submission and then changes the folder."""

    def spoil(folder: Path) -> None:
        write(folder)
        change(folder)

    return spoil


def cell(column: str, value: object, row: int = 7) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return what sets one cell."""

    def change(out: pd.DataFrame) -> pd.DataFrame:
        if isinstance(value, str):
            out[column] = out[column].astype(str)
        out.loc[row, column] = value
        return out

    return change


def scaled(factor: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return what gives the fluxes in another unit."""
    return lambda out: out.assign(**{name: out[name] * factor for name in TARGETS})


def quantiles(**more: object) -> Callable[[Path], None]:
    """Return what writes a submission with quantiles of GPP of which some are others; None leaves one out."""

    def change(out: pd.DataFrame) -> pd.DataFrame:
        given = {f"gpp_q{q:02d}": out["gpp"] + (q - 50) / 45 for q in (5, 50, 95)} | more
        return out.assign(**{name: values for name, values in given.items() if values is not None})

    return table(change)


def _link(folder: Path) -> None:
    (folder / "predictions.parquet").rename(folder.parent / "elsewhere.parquet")
    os.symlink(folder.parent / "elsewhere.parquet", folder / "predictions.parquet")


def _cut(folder: Path) -> None:
    path = folder / "predictions.parquet"
    path.write_bytes(path.read_bytes()[:200])


def _spoil(folder: Path) -> None:
    path = folder / "predictions.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:-400] + bytes(392) + content[-8:])


def _large(folder: Path) -> None:
    (folder / "submission.yaml").write_text("model: x\n" + "# more\n" * 20_000)


BOMB = "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nauthors: [*b, *b, *b]\n"
# What is wrong -> how it is made, and what the message says.
BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda folder: None, r"No folder .*Name the folder"),
    "a file for a folder": (lambda folder: folder.write_text("x"), r"is a file\. Name the folder"),
    "no metadata": (file(lambda f: (f / "submission.yaml").unlink()), r"has no submission\.yaml"),
    "no predictions": (file(lambda f: (f / "predictions.parquet").unlink()), r"has no predictions\.parquet"),
    "predictions are a link": (file(_link), r"predictions\.parquet is a link"),
    "predictions are empty": (file(lambda f: (f / "predictions.parquet").write_bytes(b"")), r"\.parquet is empty\. Wr"),
    "metadata too large": (file(_large), r"has 140,009 bytes, at most 65,536 are taken"),
    "a file too many": (file(lambda f: (f / "weights.pkl").write_bytes(b"x")), r"holds weights\.pkl, which is no part"),
    "metadata not UTF-8": (text(b"model: \xff\xfe"), r"is not UTF-8 at byte 7"),
    "metadata no YAML": (text("model: [a, b\nlink: x"), r"no YAML that can be read: while parsing"),
    "a YAML tag": (text("model: !!python/object/apply:os.getcwd []"), r"could not determine a constructor"),
    "a key twice": (text("model: a\nmodel: b\n"), r"key 'model' stands twice"),
    "aliases": (text(BOMB), r"line 2: aliases are not taken"),
    "metadata are a list": (text("- model\n- authors\n"), r"holds a list, expected keys and values"),
    "metadata are nothing": (text("# nothing\n"), r"holds nothing, expected keys"),
    "the template itself": (keys(model="<name on the leaderboard>"), r"model still holds the words of the template"),
    "an unknown key": (keys(autors=["x"]), r"a problem: 'autors' is no key of a submission \(near: 'authors'\)"),
    "no model": (keys(model=None), r"a problem: model is missing: the model's name"),
    "model is a number": (keys(model=1.5), r"model is 1\.5, expected text"),
    "model is blank": (keys(model="  "), r"model is empty"),
    "model too long": (keys(model="m" * 61), r"model has 61 characters, at most 60"),
    "model of two lines": (keys(model="a\nb"), r"model holds a line break"),
    "authors are no list": (keys(authors="First Author"), r"authors is 'First Author', expected a list"),
    "no author in the list": (keys(authors=[]), r"authors is an empty list"),
    "an author is a number": (keys(authors=["x", 7]), r"authors has an entry that is 7, expected text"),
    "link is no address": (keys(link="example.org"), r"link is 'example\.org', expected an address"),
    "link runs code": (keys(link="javascript:alert(1)"), r"link is 'javascript:alert\(1\)', expected an address"),
    "protocol is a path": (keys(protocol="../veg"), r"protocol is '\.\./veg', expected a name"),
    "unknown feature set": (keys(feature_set="maximal"), r"feature_set is 'maximal', expected one of minimal, stand"),
    "training data not declared": (keys(training_data=None), r"training_data is missing"),
    "test towers not declared": (keys(test_towers_seen=None), r"test_towers_seen is missing"),
    "test towers in quotes": (keys(test_towers_seen="false"), r"test_towers_seen is 'false', expected true or false"),
    "seed is no number": (keys(seed=-1), r"seed is -1, expected a whole number"),
    "digest too short": (keys(protocol_digest="abc"), r"protocol_digest is 'abc', expected the 16 hex"),
    "several problems": (keys(model=None, seed=True), r"2 problems: model is missing.*; seed is True"),
    "another digest": (keys(protocol_digest="0" * 16), r"with the digest 0{16}, here it has 1{16}"),
    "CSV called Parquet": (
        file(lambda f: predicted().to_csv(f / "predictions.parquet", index=False)),
        r"is no Parquet file: it begins with b'site'",
    ),
    "Parquet cut off": (file(_cut), r"breaks off: the end of a Parquet file"),
    "Parquet spoilt": (file(_spoil), r"predictions\.parquet cannot be read"),
    "a column missing": (table(lambda t: t.drop(columns="nee")), r"Predictions have no column nee"),
    "no rows": (table(lambda t: t.iloc[:0]), r"lack 360 of 360 scored site-days"),
    "text for a flux": (table(cell("gpp", "much")), r"Predicted gpp is no number in 1 rows, the first: 'much'"),
    "text for a date": (table(cell("date", "someday")), r"Column date holds something that is no date"),
    "a time of day": (
        table(lambda t: t.assign(date=t["date"] + pd.Timedelta("6h"))),
        r"date is no whole day in 360 rows",
    ),
    "a row without site": (table(cell("site_id", None)), r"site_id is missing in 1 rows"),
    "a day twice": (table(lambda t: pd.concat([t, t.iloc[:2]])), r"2 site-days more than once"),
    "a day missing": (
        table(lambda t: t.drop(index=3)),
        r"lack 1 of 360 scored site-days, the first: DE-Hai 2010-05-04",
    ),
    "a foreign tower": (
        table(lambda t: pd.concat([t, t.iloc[:1].assign(site_id="XX-Xxx")])),
        r"1 site-days that are not in this test split, the first: XX-Xxx",
    ),
    "NaN": (table(cell("reco", np.nan)), r"Predicted reco is NaN, infinite"),
    "infinite": (table(cell("gpp", np.inf)), r"Predicted gpp is NaN, infinite"),
    "a fill value": (table(cell("nee", -9999.0)), r"Predicted nee is NaN, infinite or -9999"),
    "no flux at all": (table(cell("gpp", 1e300)), r"beyond 1e\+09 on 1 scored site-days, the first: DE-Hai"),
    "a quantile misnamed": (quantiles(gpp_q5=1.0), r"have the column gpp_q5, which is no quantile"),
    "one quantile alone": (quantiles(gpp_q05=None, gpp_q95=None), r"one quantile of gpp, gpp_q50\. Give two or more"),
    "a quantile missing": (quantiles(gpp_q95=np.nan), r"Predicted gpp_q95 is NaN, infinite"),
    "text for a quantile": (quantiles(gpp_q05="low"), r"Predicted gpp_q05 is no number in 360 rows, the first: 'low'"),
    "quantiles of another unit": (
        quantiles(gpp_q05=1e3, gpp_q50=2e3, gpp_q95=3e3),
        r"Predicted gpp lies outside all of its own quantiles on 360 of 360",
    ),
    "grams of CO2": (table(scaled(44.009 / 12.011)), r"seem to be in gCO2"),
    "milligrams": (table(scaled(1000.0)), r"seem to be in mgC"),
    "NEE of the other sign": (table(lambda t: t.assign(nee=-t["nee"])), r"NEE seems to have the opposite sign"),
    "standardised": (
        table(lambda t: t.assign(**{n: (t[n] - t[n].mean()) / t[n].std() for n in TARGETS})),
        r"seem to be standardised",
    ),
}
