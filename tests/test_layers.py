"""Who may import whom: the architecture as a table, and heavy libraries only where they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "carbonbench_core"
BASE = {"schema", "errors"}
INPUTS = BASE | {"rows", "encoding", "tabular", "windows"}
# layer -> what it may import of ours, beside itself
MAY_IMPORT = {
    "errors": set(),
    "columns": set(),
    "sun": set(),
    "schema": {"errors", "columns"},
    "archives": BASE,
    "covariates": BASE | {"archives", "geography", "sun"},
    "synthetic": BASE | {"archives", "covariates", "sun"},
    "towers": BASE | {"archives", "geography"},
    "catalogue": BASE | {"towers"},
    "identity": BASE | {"geography", "towers"},
    "records": BASE | {"archives", "harmonise"},
    "neighbours": BASE | {"geography"},
    "survey": BASE | {"catalogue", "identity", "neighbours"},
    "_continents": set(),
    "geography": BASE | {"_continents"},
    "leakage": BASE | {"geography", "leakage_series"},
    "figure": BASE,
    "leakage_picture": BASE | {"figure"},
    "leakage_months": BASE,
    "leakage_parts": BASE | {"files", "leakage", "leakage_months", "leakage_series"},
    "leakage_series": BASE | {"leakage_months"},
    "leakage_text": BASE | {"leakage"},
    "protocols": BASE | {"geography"},
    "quality": BASE | {"files", "geography", "protocols", "sun"},
    "citations": BASE | {"protocols"},
    "rows": BASE,
    "encoding": INPUTS,
    "tabular": INPUTS | {"sun"},
    "windows": INPUTS,
    "suspect_units": BASE,
    "quantile_columns": BASE,
    "predictions": BASE | {"quantile_columns", "suspect_units"},
    "harmonise": BASE | {"archives", "towers"},
    "report": BASE | {"files", "predictions", "quantile_columns", "figure"},
    "baselines": INPUTS | {"quantile_columns"},
    "metrics": set(),
}
HEAVY = {"torch", "transformers", "lightgbm", "xgboost", "skops", "pyrealm"}


def files_of(layer: str) -> list[Path]:
    folder = ROOT / layer if layer in ("baselines", "metrics") else CORE / layer
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]


def imported(path: Path, top_level_only: bool = False) -> set[str]:
    """Return the absolute dotted names that a file imports, `if TYPE_CHECKING` blocks left out."""
    tree = ast.parse(path.read_text("utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    guarded = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = list(parts)[:-1]
    names = set()
    for node in nodes:
        if id(node) in guarded:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return names


def core_layers(names: set[str]) -> set[str]:
    return {name.split(".")[1] for name in names if name.startswith("carbonbench_core.")}


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_only_what_the_table_allows(layer: str) -> None:
    for path in files_of(layer):
        names = imported(path)
        assert core_layers(names) <= MAY_IMPORT[layer] | {layer}, path
        assert "carbonbench" not in {name.split(".")[0] for name in names}, path


def test_architectures_travel_to_the_hub_with_nothing_of_ours() -> None:
    paths = sorted((ROOT / "baselines").glob("modeling_*.py"))
    assert paths
    for path in paths:
        # beside libraries only relative siblings, which transformers copies along with the file
        strangers = {name for name in imported(path) if not name.startswith("baselines.modeling_")}
        if path.name == "modeling_site_days.py":
            # where the package is installed, and only when raw site-days are given
            assert not [name for name in imported(path, top_level_only=True) if name.startswith("carbonbench")]
            strangers -= {"carbonbench_baselines.from_network"}
        assert {name.split(".")[0] for name in strangers} <= {"__future__", "dataclasses", "math", "typing"} | {
            "huggingface_hub",
            "torch",
            "transformers",
        }, path


def test_heavy_libraries_are_imported_only_by_the_baselines_that_need_them() -> None:
    for path in [*CORE.rglob("*.py"), *(ROOT / "metrics").rglob("*.py"), ROOT / "carbonbench.py"]:
        assert HEAVY.isdisjoint(name.split(".")[0] for name in imported(path)), path


def test_asking_for_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from carbonbench_core.cli import main\n"
        "try:\n    main(['run', '--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'datasets', 'pandas', 'numpy', 'pyarrow', 'torch', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
