"""Submissions: predictions somebody sends, with a small file that says whose they are and what they learnt from.

A submission is a folder with `predictions.parquet` (site_id, date, gpp, reco, nee [gC m-2 d-1] and any quantiles, such
as gpp_q05; a row for every scored site-day) and `submission.yaml`; `results/TEMPLATE/` is one to copy.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from ..errors import PredictionError, first_few
from ..predictions import read_predictions, validate_predictions
from ..schema import FEATURE_SETS

if TYPE_CHECKING:
    import pandas as pd

METADATA = "submission.yaml"
PREDICTIONS = "predictions.parquet"
MAY_HOLD = (METADATA, PREDICTIONS, "README.md", "LICENSE")
OWN_FEATURES = "own"  # inputs that are none of the benchmark's feature sets: such rows stand apart
MOST_BYTES = {METADATA: 64 * 2**10, PREDICTIONS: 512 * 2**20}
SHORTEN = {METADATA: "A few lines are enough.", PREDICTIONS: "Write the scored site-days alone, and three fluxes."}
LONGEST_NAME = 60
_MAGIC = b"PAR1"  # the first and last four bytes of a Parquet file


@dataclass(frozen=True)
class Submission:
    """What `submission.yaml` says.

    Parameters
    ----------
    folder : Path
    model : str, as the leaderboard shows it
    authors : tuple of str
    link : str, an address of paper, code or model
    protocol : str
    feature_set : str, one of the benchmark's, or "own"
    training_data : tuple of str, everything the model learnt from, in words
    test_towers_seen : bool, whether any measurement of a test tower took part in training, tuning or selection
    seed : int
    protocol_digest : str, empty where not given: the one of the protocol the predictions were made for
    description : str
    """

    folder: Path
    model: str
    authors: tuple[str, ...]
    link: str
    protocol: str
    feature_set: str
    training_data: tuple[str, ...]
    test_towers_seen: bool
    seed: int = 0
    protocol_digest: str = ""
    description: str = ""

    def require_digest(self, digest: str) -> None:
        """Refuse predictions that were made for a protocol drawn otherwise.

        Raises
        ------
        PredictionError : the digests differ
        """
        if self.protocol_digest and self.protocol_digest != digest:
            raise PredictionError(
                f"{self.folder} was made for {self.protocol} with the digest {self.protocol_digest}, here it has "
                f"{digest}. Predict the test split of this data set, `carbonbench protocols` lists its digests."
            )

    def predictions(self, frame: pd.DataFrame, known_days: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return the predictions, checked against the evaluation frame; see `validate_predictions`.

        Raises
        ------
        PredictionError : they cannot be read or do not fit
        """
        return validate_predictions(read_predictions(self.folder / PREDICTIONS), frame, known_days)

    def row_fields(self) -> dict[str, Any]:
        """Return what `result_row` takes from a submission."""
        declared = {
            "authors": "; ".join(self.authors),
            "link": self.link,
            "training_data": "; ".join(self.training_data),
            "test_towers_seen": self.test_towers_seen,
            "description": self.description,
        }
        return {
            "protocol": self.protocol,
            "model": self.model,
            "feature_set": self.feature_set,
            "settings": {"authors": declared["authors"], "link": self.link},
            "seed": self.seed,
            "kind": "submitted",
            "more": declared,
        }


def read_submission(folder: str | Path) -> Submission:
    """Read a submission and check everything that can be known without the data.

    Raises
    ------
    PredictionError : a file is missing, strange, too large or cannot be read, or the metadata do not say what they
        must; all of their problems are told at once
    """
    folder = Path(folder)
    _check_files(folder)
    given = _read_yaml(folder / METADATA)
    known = [field.name for field in fields(Submission) if field.name != "folder"]
    problems = [_unknown_key(key, known) for key in given if key not in known]
    problems += [f"{name} is missing: {what}" for name, (what, _) in _FIELDS.items() if name not in given]
    problems += [
        f"{name} {problem}"
        for name, (_, check) in (_FIELDS | _OPTIONAL).items()
        if name in given and (problem := _placeholder(given[name]) or check(given[name]))
    ]
    if problems:
        count = "a problem" if len(problems) == 1 else f"{len(problems)} problems"
        raise PredictionError(f"{folder / METADATA} has {count}: {'; '.join(problems)}.")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return Submission(folder=folder, **values)


def _check_files(folder: Path) -> None:
    if not folder.exists():
        raise PredictionError(f"No folder {folder}. Name the folder that holds {METADATA} and {PREDICTIONS}.")
    if not folder.is_dir():
        raise PredictionError(f"{folder} is a file. Name the folder that holds {METADATA} and {PREDICTIONS}.")
    for name in (METADATA, PREDICTIONS):
        path = folder / name
        if path.is_symlink():
            raise PredictionError(f"{path} is a link. Put the file itself there.")
        if not path.is_file():
            raise PredictionError(f"{folder} has no {name}. results/TEMPLATE shows what a submission holds.")
        if not path.stat().st_size:
            raise PredictionError(f"{path} is empty. Write it again.")
        if path.stat().st_size > MOST_BYTES[name]:
            raise PredictionError(
                f"{path} has {path.stat().st_size:,} bytes, at most {MOST_BYTES[name]:,} are taken. {SHORTEN[name]}"
            )
    _check_parquet(folder / PREDICTIONS)
    strange = sorted(path.name for path in folder.iterdir() if path.name not in MAY_HOLD)
    if strange:
        raise PredictionError(
            f"{folder} holds {first_few(strange)}, which is no part of a submission. Leave only {', '.join(MAY_HOLD)}."
        )


def _check_parquet(path: Path) -> None:
    with path.open("rb") as file:
        begins = file.read(4)
        file.seek(-min(4, path.stat().st_size), 2)
        ends = file.read(4)
    if begins != _MAGIC:
        raise PredictionError(f"{path} is no Parquet file: it begins with {begins!r}. Write it by `to_parquet`.")
    if ends != _MAGIC:
        raise PredictionError(f"{path} breaks off: the end of a Parquet file is missing. Copy or write it again.")


class _Loader(yaml.SafeLoader):
    """Plain YAML: no tags, no aliases, no key twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError(f"line {self.peek_event().start_mark.line + 1}: aliases are not taken, write it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict:
        keys = [key.value for key, _ in node.value]
        again = next((key for key in keys if keys.count(key) > 1), None)
        if again is not None:
            raise yaml.YAMLError(f"key {again!r} stands twice")
        return super().construct_mapping(node, deep)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise PredictionError(f"{path} is not UTF-8 at byte {error.start}. Save it as UTF-8.") from None
    try:
        given = yaml.load(text, _Loader)
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise PredictionError(
            f"{path} is no YAML that can be read: {reason}. See results/TEMPLATE/{METADATA}."
        ) from None
    if not isinstance(given, dict):
        found = "nothing" if given is None else f"a {type(given).__name__}"
        raise PredictionError(f"{path} holds {found}, expected keys and values as in results/TEMPLATE.")
    return given


def _unknown_key(key: object, known: list[str]) -> str:
    near = get_close_matches(str(key), known, n=1)
    return f"{key!r} is no key of a submission" + (f" (near: {near[0]!r})" if near else f" ({', '.join(known)})")


def _placeholder(value: object) -> str | None:
    texts = value if isinstance(value, list) else [value]
    if any(isinstance(text, str) and re.fullmatch(r"<.*>", text.strip(), re.DOTALL) for text in texts):
        return "still holds the words of the template: fill it in"
    return None


def _text(value: object) -> str | None:
    if not isinstance(value, str):
        return f"is {value!r}, expected text (in quotes, if it looks like a number)"
    if not value.strip():
        return "is empty"
    return None if value.isprintable() else "holds a line break or another control character"


def _name(value: object) -> str | None:
    if problem := _text(value):
        return problem
    if len(value) > LONGEST_NAME:
        return f"has {len(value)} characters, at most {LONGEST_NAME} fit the leaderboard"
    return None


def _texts(value: object) -> str | None:
    if not isinstance(value, list):
        return f"is {value!r}, expected a list: one line each, beginning with '- '"
    if not value:
        return "is an empty list"
    return next((f"has an entry that {problem}" for problem in map(_text, value) if problem), None)


def _link(value: object) -> str | None:
    if problem := _text(value):
        return problem
    parts = urlsplit(value)
    good = parts.scheme in ("http", "https") and "." in parts.netloc and not re.search(r"\s", value)
    return None if good else f"is {value!r}, expected an address such as https://doi.org/..."


def _protocol(value: object) -> str | None:
    if problem := _text(value):
        return problem
    return None if re.fullmatch(r"\w+", value, re.ASCII) else f"is {value!r}, expected a name such as veg_holdout"


def _feature_set(value: object) -> str | None:
    known = (*FEATURE_SETS, OWN_FEATURES)
    return None if value in known else f"is {value!r}, expected one of {', '.join(known)}"


def _yes_or_no(value: object) -> str | None:
    return None if isinstance(value, bool) else f"is {value!r}, expected true or false (without quotes)"


def _seed(value: object) -> str | None:
    good = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return None if good else f"is {value!r}, expected a whole number from 0 on"


def _digest(value: object) -> str | None:
    good = isinstance(value, str) and re.fullmatch(r"[0-9a-f]{16}", value)
    return None if good else f"is {value!r}, expected the 16 hex digits that `carbonbench protocols` prints, in quotes"


Check = Callable[[object], str | None]
# What must be there -> what it is, and what is wrong with a value.
_FIELDS: dict[str, tuple[str, Check]] = {
    "model": ("the model's name on the leaderboard", _name),
    "authors": ("a list of names", _texts),
    "link": ("an address of paper, code or model", _link),
    "protocol": ("which protocol the predictions are for", _protocol),
    "feature_set": ("which inputs the model takes", _feature_set),
    "training_data": ("a list of all the model learnt from", _texts),
    "test_towers_seen": ("whether measurements of test towers took part, true or false", _yes_or_no),
}
_OPTIONAL: dict[str, tuple[str, Check]] = {
    "seed": ("", _seed),
    "protocol_digest": ("", _digest),
    "description": ("", _text),
}
