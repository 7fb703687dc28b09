"""The README and the page of results: their tables are what the sources say, the examples run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from carbonbench_core import protocols
from carbonbench_core.report.ladder import describe, ladders
from carbonbench_core.report.leaderboard import leaderboard, markdown_table
from carbonbench_core.report.views import cells_by
from carbonbench_core.schema import TARGETS

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
RESULTS = ROOT / "results" / "README.md"
IN_README = ("veg_holdout", "climate_holdout", "unseen_veg", "spatial_blocks_50km")


def protocol_table() -> str:
    rows = [f"| `{name}` | {module.TEXT} |" for name, module in protocols.rules().items()]
    return "\n".join(["| protocol | what it measures |", "|---|---|", *rows])


def results_table() -> str:
    return leaderboard(ROOT / "results").summary(IN_README)


def all_tables() -> str:
    return leaderboard(ROOT / "results").markdown()


def by_class() -> str:
    tables = [t for t in leaderboard(ROOT / "results").tables if t.group["protocol"] == "unseen_veg"]
    return "\n\n".join(
        f"### {table.title}: median R2 of {target.upper()} by the class held out (towers)\n\n"
        + markdown_table(cells_by(table, "igbp", target))
        for table in tables
        for target in TARGETS
    )


def ladder_table() -> str:
    return describe(ladders(ROOT / "results"))


PAGES = {
    README: {"protocols": protocol_table, "results": results_table, "ladder": ladder_table},
    RESULTS: {"all results": all_tables, "unseen classes": by_class},
}


def rendered(page: Path) -> str:
    """Return a page with every marked table made anew."""
    text = page.read_text("utf-8")
    for name, make in PAGES[page].items():
        start, end = f"<!-- table: {name} -->", "<!-- end -->"
        assert start in text, f"{page.name} has no place for table {name}"
        head, rest = text.split(start, 1)
        text = f"{head}{start}\n{make()}\n{end}{rest.split(end, 1)[1]}"
    return text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_the_tables_are_what_the_sources_say(page: Path) -> None:
    assert rendered(page) == page.read_text("utf-8"), "run `python -m tests.test_readme` to render the tables anew"


def test_the_example_of_an_own_model_runs_and_is_under_20_lines(small_folder: Path, tmp_path: Path) -> None:
    code = re.search(r"<!-- example: own model -->\n```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)[1]
    assert len([line for line in code.splitlines() if line.strip()]) < 20
    (tmp_path / "my_model.py").write_text(code)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "my_model.py")],
        cwd=small_folder.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "q50" in done.stdout


@pytest.mark.parametrize("path", [README, ROOT / "CHANGELOG.md"])
def test_every_file_that_is_named_exists(path: Path) -> None:
    for name in re.findall(r"`([A-Za-z_./-]+(?:/|\.py|\.md|\.toml))`", path.read_text("utf-8")):
        if name.startswith(("my_", "./")) or name == "predictions.parquet":
            continue
        assert (ROOT / name).exists(), name


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(rendered(page), "utf-8")
