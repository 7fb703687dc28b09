"""The wheel: built, installed elsewhere, used from there, and exposing only the project's own names."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OWN_NAMES = {"carbonbench.py", "carbonbench_core", "carbonbench_baselines", "carbonbench_metrics"}
SCORE = """
import sys
import numpy as np
import carbonbench, carbonbench_baselines, carbonbench_metrics, evaluate
from carbonbench_core.report.score import METRIC
assert sys.argv[1] in carbonbench.__file__, carbonbench.__file__
metric = evaluate.load(str(METRIC))
n = 40
truth = np.arange(n, dtype=float)
result = metric.compute(
    predictions=truth + 1, references=truth, site_id=["a"] * n, igbp=["ENF"] * n, koppen_main=["D"] * n,
    date=["2001-01-01"] * n,
)
print(result["rmse"]["q50"], carbonbench_baselines.list_baselines())
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    source = out / "source"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(source)], check=True)
    changed = subprocess.run(
        ["git", "ls-files", "-m", "-o", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split("\n")
    for name in filter(None, changed):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).exists():
            (source / name).write_bytes((ROOT / name).read_bytes())
        else:
            (source / name).unlink()
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    return next(out.glob("*.whl"))


def test_the_wheel_exposes_only_the_projects_own_names(wheel: Path) -> None:
    top = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == OWN_NAMES


def test_the_wheel_carries_every_module_of_the_tree(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for tree, installed in (("carbonbench_core",) * 2, ("baselines", "carbonbench_baselines")):
        for path in (ROOT / tree).rglob("*.py"):
            assert f"{installed}/{path.relative_to(ROOT / tree).as_posix()}" in names
    assert {n for n in names if n.endswith(".toml")}, "the shipped mappings are missing"


def test_an_installed_wheel_scores_predictions_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", str(target), str(wheel)]
    subprocess.run(pip, check=True, capture_output=True)
    done = subprocess.run(
        [sys.executable, "-c", SCORE, str(target)],
        cwd=tmp_path,
        env={
            "PYTHONPATH": str(target),
            "HF_HOME": str(tmp_path / "hf"),
            "HF_HUB_OFFLINE": "1",
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("1.0 [")


def test_the_editable_install_exposes_only_the_projects_own_names(tmp_path: Path) -> None:
    probe = (
        "import importlib.util\n"
        "print([n for n in ('baselines', 'metrics', 'tests', 'benchmarks', 'results') if importlib.util.find_spec(n)])\n"  # noqa: E501
        "import carbonbench; print(carbonbench.__file__ is not None)"
    )
    (tmp_path / "carbonbench").mkdir()  # a data folder, which must not be taken for a namespace package
    done = subprocess.run([sys.executable, "-c", probe], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]
