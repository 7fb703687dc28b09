"""The builder: the same rows whichever way they are loaded, and never rows of a folder that has changed since."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import datasets
import pandas as pd
import pyarrow as pa
import pytest

import carbonbench
from carbonbench_core.dataset_folder import FORMAT, DatasetFolder
from carbonbench_core.errors import CarbonBenchError, DatasetFolderError, FeatureError, ProtocolError, UsageError
from carbonbench_core.files import read_shard, sha256_of, write_shard

ROOT = Path(__file__).resolve().parents[1]
ROWS = "{s: (d.num_rows, round(sum(v for v in d['gpp'] if v is not None), 6)) for s, d in ds.items()}"


def rows_of(ds: datasets.DatasetDict) -> dict[str, tuple[int, float]]:
    return {s: (d.num_rows, round(sum(v for v in d["gpp"] if v is not None), 6)) for s, d in ds.items()}


def in_fresh_process(code: str, cwd: Path, home: Path, **env: str) -> str:
    """Run Python code in a process of its own with a cache of its own, and return what it printed."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "CARBONBENCH_"))}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=clean | {"HF_HOME": str(home), "HF_HUB_OFFLINE": "1"} | env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def folder(small_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small_folder, tmp_path / "carbonbench"))


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def test_plain_datasets_reads_the_folder_with_nothing_of_ours_imported(folder: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom datasets import load_dataset\n"
        f"ds = load_dataset('carbonbench', 'veg_holdout')\nprint({ROWS})\n"
        "assert not [m for m in sys.modules if m.startswith('carbonbench')]\n"
    )
    printed = in_fresh_process(code, folder.parent, tmp_path / "hf")
    assert printed == str(rows_of(carbonbench.load("veg_holdout", folder)))


def test_after_import_the_name_alone_loads_from_any_directory(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    code = (
        "import carbonbench, datasets\n"
        f"ds = datasets.load_dataset('carbonbench', 'veg_holdout', feature_set='minimal')\nprint({ROWS})\n"
    )
    printed = in_fresh_process(code, elsewhere, tmp_path / "hf", CARBONBENCH_DATA=str(folder))
    assert printed == str(rows_of(carbonbench.load("veg_holdout", folder)))


def test_inside_a_checkout_the_folder_beside_the_module_is_loaded(folder: Path, tmp_path: Path) -> None:
    (folder.parent / "carbonbench.py").write_text("raise RuntimeError('the module beside the folder was run')")
    code = "from datasets import load_dataset\nprint(load_dataset('carbonbench', 'veg_holdout', split='test').num_rows)"
    printed = in_fresh_process(code, folder.parent, tmp_path / "hf")
    assert int(printed) == carbonbench.load("veg_holdout", folder)["test"].num_rows


def test_the_registered_name_the_class_and_load_give_the_same_rows(folder: Path) -> None:
    mapped = carbonbench.load("climate_holdout", folder, feature_set="standard")
    by_name = datasets.load_dataset("carbonbench", "climate_holdout", data_dir=str(folder), feature_set="standard")
    builder = carbonbench.CarbonBench(config_name="climate_holdout", data_dir=str(folder), feature_set="standard")
    builder.download_and_prepare()
    by_class = builder.as_dataset()
    for split in mapped:
        expected = mapped[split].to_pandas()
        pd.testing.assert_frame_equal(by_name[split].to_pandas(), expected)
        pd.testing.assert_frame_equal(by_class[split].to_pandas(), expected)


def test_rows_stand_tower_by_tower_in_date_order(folder: Path) -> None:
    for data in carbonbench.load("veg_holdout", folder).values():
        keys = data.select_columns(["site_id", "date"]).to_pandas()
        pd.testing.assert_frame_equal(keys, keys.sort_values(["site_id", "date"], ignore_index=True))


def test_streaming_gives_the_rows_without_a_cache(folder: Path, tmp_path: Path) -> None:
    stream = datasets.load_dataset("carbonbench", "veg_holdout", data_dir=str(folder), streaming=True, split="test")
    expected = carbonbench.load("veg_holdout", folder, feature_set=None)["test"]
    first = next(iter(stream))
    assert first["site_id"] == expected[0]["site_id"]
    assert sum(1 for _ in stream.select_columns(["site_id"])) == expected.num_rows
    assert not list((tmp_path / "cache").rglob("*.arrow"))


def test_two_processes_prepare_the_same_rows_as_one(folder: Path) -> None:
    one = carbonbench.load("veg_holdout", folder, feature_set=None)
    two = datasets.load_dataset("carbonbench", "veg_holdout", data_dir=str(folder), num_proc=2)
    assert rows_of(two) == rows_of(one)


def test_a_feature_set_chooses_the_columns(folder: Path) -> None:
    minimal = carbonbench.load("veg_holdout", folder, feature_set="minimal")["test"].column_names
    assert minimal == carbonbench.columns("minimal")
    everything = carbonbench.load("veg_holdout", folder, feature_set=None)["test"].column_names
    assert set(minimal) < set(everything)
    assert not {"gpp_true", "reco_true", "nee_true"} & set(minimal)


def test_folds_and_few_shot_protocols_are_configs_too(folder: Path) -> None:
    names = set(carbonbench.list_protocols(folder))
    assert {"random_days", "temporal_holdout", "spatial_blocks_0km_1"} <= names
    fold = datasets.load_dataset("carbonbench", "spatial_blocks_0km_1", data_dir=str(folder))
    assert rows_of(fold) == rows_of(carbonbench.load("spatial_blocks_0km_1", folder))
    few = datasets.load_dataset("carbonbench", "veg_holdout_few_7", data_dir=str(folder), feature_set="minimal")
    assert rows_of(few) == rows_of(carbonbench.load("veg_holdout_few_7", folder))
    n_test = len(set(few["test"]["site_id"]))
    assert few["support"].num_rows == 7 * n_test


def test_a_row_rule_shows_each_target_to_one_split_alone(folder: Path) -> None:
    ds = carbonbench.load("random_days", folder)
    shown = pd.DataFrame({split: pd.Series(data["nee"]).notna() for split, data in ds.items()})
    assert (shown.sum(axis=1) <= 1).all()
    assert 0.15 < shown["test"].sum() / shown.to_numpy().sum() < 0.25
    index = carbonbench.evaluation_index("random_days", folder)
    assert 0 < len(index) <= shown["test"].sum()


def test_a_fold_is_read_by_plain_datasets_as_the_readme_says(folder: Path, tmp_path: Path) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    code = re.search(r"<!-- example: fold -->\n```python\n(.*?)```", readme, re.DOTALL)[1]
    name = re.search(r"spatial_blocks_\d+km_\d", code)[0]
    unaided = "import sys\nassert not [m for m in sys.modules if m.startswith('carbonbench')]\n"
    printed = in_fresh_process(f"{code}\nprint({ROWS})\n{unaided}", folder.parent, tmp_path / "hf")
    assert printed == str(rows_of(carbonbench.load(name, folder)))


def change_one_value(folder: Path) -> None:
    """Change one gpp of the first test shard, as a corrected archive would: same files, same sizes."""
    opened = DatasetFolder.open(folder)
    file = opened.protocols["veg_holdout"].splits["test"][0]
    table = read_shard(folder / file)
    i = table.column_names.index("gpp")
    values = table["gpp"].to_pylist()
    values[40] = 123.0
    write_shard(table.set_column(i, table.schema.field("gpp"), pa.array(values, pa.float64())), folder / file)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["shards"][file]["sha256"] = sha256_of(folder / file)
    old, new = manifest["data_digest"], manifest["shards"][file]["sha256"][:16]
    manifest["data_digest"] = new
    (folder / "manifest.json").write_text(json.dumps(manifest))
    card = (folder / "README.md").read_text()
    assert old in card
    (folder / "README.md").write_text(card.replace(old, new))


@pytest.mark.parametrize("way", ["plain", "registered"])
def test_a_changed_folder_is_never_served_from_a_stale_cache(folder: Path, tmp_path: Path, way: str) -> None:
    imports = "import carbonbench\n" if way == "registered" else ""
    code = (
        f"{imports}import datasets\nprint(datasets.load_dataset('carbonbench', 'veg_holdout', split='test')[40]['gpp'])"
    )
    first = in_fresh_process(code, folder.parent, tmp_path / "hf")
    change_one_value(folder)
    second = in_fresh_process(code, folder.parent, tmp_path / "hf")
    assert first != second
    assert float(second) == 123.0


def test_load_maps_the_shards_in_place(folder: Path, tmp_path: Path) -> None:
    data = carbonbench.load("veg_holdout", folder)["test"]
    assert {Path(f["filename"]).parent for f in data.cache_files} == {folder / "data"}
    assert not (tmp_path / "cache").exists()


def test_an_unknown_protocol_is_answered_with_the_nearest_one(folder: Path) -> None:
    with pytest.raises(UsageError, match=r"Unknown protocol 'veg_holdut'. Did you mean 'veg_holdout'\?"):
        carbonbench.load("veg_holdut", folder)


def test_an_unknown_config_of_the_builder_names_the_available_ones(folder: Path) -> None:
    with pytest.raises(ValueError, match=r"Unknown protocol 'nosuch'. Available: .*veg_holdout"):
        datasets.load_dataset("carbonbench", "nosuch", data_dir=str(folder))


def test_a_protocol_that_the_towers_do_not_support_says_why(folder: Path) -> None:
    frozen = json.loads((folder / "protocols.json").read_text())
    del frozen["protocols"]["published_veg"]
    frozen["unsupported"]["published_veg"] = "no towers would be left for test"
    (folder / "protocols.json").write_text(json.dumps(frozen))
    with pytest.raises(ProtocolError, match=r"cannot be drawn from the 30 towers.*no towers would be left for test"):
        carbonbench.load("published_veg", folder)


def test_no_data_anywhere_is_an_error_that_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DatasetFolderError, match=r"carbonbench build SOURCE.*carbonbench demo"):
        carbonbench.load("veg_holdout")


def test_a_folder_that_is_something_else_is_not_taken_for_data(tmp_path: Path) -> None:
    with pytest.raises(DatasetFolderError, match=r"no CarbonBench dataset folder: README.md.* not found"):
        carbonbench.load("veg_holdout", tmp_path)


def test_a_missing_and_a_truncated_shard_are_named(folder: Path) -> None:
    file = folder / DatasetFolder.open(folder).protocols["veg_holdout"].splits["test"][0]
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CarbonBenchError, match=file.name):
        carbonbench.evaluation_index("veg_holdout", folder)
    with pytest.raises(CarbonBenchError, match=file.name):
        carbonbench.load("veg_holdout", folder)
    file.unlink()
    with pytest.raises(DatasetFolderError, match=f"Shards are missing.*{file.name}"):
        carbonbench.load("veg_holdout", folder)


def test_damaged_bytes_in_a_shard_are_one_clear_error_whichever_way_it_is_read(folder: Path) -> None:
    file = folder / DatasetFolder.open(folder).protocols["veg_holdout"].splits["train"][0]
    file.write_bytes(b"\x07" * file.stat().st_size)
    with pytest.raises(DatasetFolderError, match=file.name):
        carbonbench.load("veg_holdout", folder)
    stream = datasets.load_dataset("carbonbench", "veg_holdout", data_dir=str(folder), streaming=True, split="train")
    with pytest.raises(DatasetFolderError, match=file.name):
        next(iter(stream))


@pytest.mark.parametrize(("name", "text"), [("manifest.json", f'{{"format": {FORMAT}}}'), ("protocols.json", "[]")])
def test_a_metadata_file_that_is_not_ours_is_one_clear_error(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    with pytest.raises(DatasetFolderError, match="Build the folder again"):
        carbonbench.load("veg_holdout", folder)


def test_a_family_is_answered_with_its_folds(folder: Path) -> None:
    with pytest.raises(ProtocolError, match=r"is a family of folds.*spatial_blocks_0km_1"):
        carbonbench.load("spatial_blocks_0km", folder)


def test_a_feature_set_that_the_folder_lacks_is_refused_with_an_offer(folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["columns"] = [c for c in manifest["columns"] if not c.startswith("sur_refl")]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(FeatureError, match=r"lacks 7 of the 23 columns.*'minimal'.*It can serve feature set 'tower'"):
        carbonbench.load("veg_holdout", folder, feature_set="minimal")


def test_synthetic_data_warn_and_say_so_on_their_card(folder: Path) -> None:
    with pytest.warns(UserWarning, match="SYNTHETIC"):
        carbonbench.CarbonBench(config_name="veg_holdout", data_dir=str(folder))
    assert "# CarbonBench (SYNTHETIC)" in (folder / "README.md").read_text()


def test_the_private_points_of_datasets_that_the_name_needs_are_there() -> None:
    # If this fails after an upgrade of datasets, `carbonbench._register` has to learn the new ones.
    from datasets import load
    from datasets.packaged_modules import _PACKAGED_DATASETS_MODULES

    assert "carbonbench" in _PACKAGED_DATASETS_MODULES
    assert load.PackagedDatasetModuleFactory.__name__ == "Factory"
    assert load.dataset_module_factory
    assert load.BuilderConfigsParameters


def test_without_those_private_points_a_warning_says_what_works_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("datasets.load.PackagedDatasetModuleFactory")
    with pytest.warns(UserWarning, match=r"cannot be taught the name 'carbonbench'.*carbonbench.load"):
        carbonbench._register()
