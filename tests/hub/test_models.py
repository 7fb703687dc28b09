"""Models on the Hub: pushed with a card, read as data alone, scored, and refused where they may hold code."""

from __future__ import annotations

import hashlib
import json
import math
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from carbonbench_core.cli import main
from carbonbench_core.hub.model_card import render

from .client import LIGHT, run_client
from .server import Hub
from .test_push import carbonbench

REPO = "carbonbench/ridge"


@pytest.fixture(scope="module")
def run(small_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what `carbonbench run` left of a ridge model."""
    work = tmp_path_factory.mktemp("run")
    command = ["run", "veg_holdout", "--model", "ridge", "--data", str(small_folder)]
    assert main([*command, "--out", str(work / "runs"), "--results", str(work / "results")]) == 0
    return next((work / "runs" / "veg_holdout").glob("ridge-*"))


def config(hub: Hub) -> dict:
    return json.loads(hub.files("model", REPO)["config.json"])


class TestPush:
    def test_weights_configuration_and_card_arrive_and_the_card_has_the_scores(self, hub: Hub, run: Path) -> None:
        assert "exit 0" in carbonbench(hub, "push", "model", run, "--repo", REPO)
        files = hub.files("model", REPO)
        assert set(files) == {"README.md", "config.json", *config(hub)["files"]}
        card = files["README.md"].decode()
        front = yaml.safe_load(card.split("---")[1])
        row = json.loads((run / "row.json").read_text())
        results = {
            metric["type"]: metric["value"]
            for entry in front["model-index"][0]["results"]
            for metric in entry["metrics"]
        }
        assert results["gpp_r2_median"] == row["gpp.r2.q50"]
        assert len(results) == 6  # R2 and RMSE of three fluxes
        assert "SYNTHETIC" in card
        assert row["protocol_digest"] in card

    def test_what_is_no_model_is_wrong_use(self, hub: Hub, tmp_path: Path) -> None:
        said = carbonbench(hub, "push", "model", tmp_path, "--repo", REPO)
        assert "is no saved model" in said
        assert "exit 2" in said

    @pytest.mark.parametrize("name", ["ridge", "mlp"])
    def test_a_pulled_model_can_be_pushed_on_with_its_card_and_its_architecture(
        self, hub: Hub, small_folder: Path, tmp_path: Path, name: str
    ) -> None:
        command = ["run", "veg_holdout", "--model", name, "--data", str(small_folder), "--out", str(tmp_path / "runs")]
        quick = ["--set", "hidden=8", "max_epochs=1", "progress=false"] if name == "mlp" else []
        assert main([*command, "--results", str(tmp_path / "results"), *quick]) == 0
        left = next((tmp_path / "runs" / "veg_holdout").glob(f"{name}-*"))
        assert "exit 0" in carbonbench(hub, "push", "model", left, "--repo", REPO)
        assert "exit 0" in carbonbench(hub, "pull", REPO, "--out", tmp_path / "pulled")
        assert "exit 0" in carbonbench(hub, "push", "model", tmp_path / "pulled", "--repo", "carbonbench/again")
        assert hub.files("model", "carbonbench/again") == hub.files("model", REPO)

    @pytest.mark.parametrize("split", ["train", "finetune"])
    def test_the_card_of_a_model_that_knows_a_made_up_tower_says_so_without_any_row(
        self, run: Path, split: str
    ) -> None:
        own = json.loads((run / "model" / "config.json").read_text()) | {"base_model": {}}
        for site, made_up in (("SY-001", True), ("DE-Hai", False)):
            card = render(own | {"towers": {split: ["CH-Dav", site]}}, None, REPO)
            assert ("SYNTHETIC" in card) is made_up

    def test_the_card_of_a_model_of_tower_meteorology_says_that_it_is_no_zero_shot_model(self, run: Path) -> None:
        own = json.loads((run / "model" / "config.json").read_text())
        for features, tower in ((own["features"], False), (["TA_F", "igbp"], True)):
            card = render(own | {"features": features}, None, REPO)
            assert ("no zero-shot model" in card) is tower
            assert ("without a flux tower" in card) is not tower

    def test_the_folder_of_a_run_names_the_model_in_it(self, run: Path, capsys: pytest.CaptureFixture) -> None:
        assert main(["predict", "x.parquet", "--model", str(run), "--out", "y.parquet"]) != 0
        assert f"Did you mean {run / 'model'}?" in capsys.readouterr().err


class TestUse:
    def test_a_fetched_model_predicts_what_the_pushed_one_did(self, hub: Hub, run: Path, small_folder: Path) -> None:
        carbonbench(hub, "push", "model", run, "--repo", REPO)
        code = """
import sys, carbonbench, pandas
ds = carbonbench.load("veg_holdout", sys.argv[2], feature_set="minimal")
table = ds["test"].select(range(50)).to_pandas()
table = table.drop(columns=["gpp", "reco", "nee", "nee_qc"])
print(carbonbench.from_pretrained(sys.argv[1]).predict(table)[["gpp", "reco", "nee"]].to_json())
try:
    carbonbench.from_pretrained(sys.argv[1]).predict(table.drop(columns="temperature_2m"))
except carbonbench.CarbonBenchError as error:
    print(error)
"""
        local = run_client(hub, code, run / "model", small_folder, **LIGHT)
        remote = run_client(hub, code, REPO, small_folder, **LIGHT)
        assert remote == local
        assert "temperature_2m" in remote.splitlines()[1]

    def test_run_scores_a_model_of_the_hub_as_it_was_scored_when_it_was_trained(
        self, hub: Hub, run: Path, small_folder: Path, tmp_path: Path
    ) -> None:
        carbonbench(hub, "push", "model", run, "--repo", REPO)
        command = ["run", "veg_holdout", "--model", REPO, "--data", small_folder, "--out", tmp_path / "runs"]
        said = carbonbench(hub, *command, "--results", tmp_path / "results")
        assert "exit 0" in said, said
        row = json.loads(next((tmp_path / "results").rglob("*.json")).read_text())
        before = json.loads((run / "row.json").read_text())
        assert [row[f"{t}.r2.q50"] for t in ("gpp", "reco", "nee")] == [
            before[f"{t}.r2.q50"] for t in ("gpp", "reco", "nee")
        ]
        assert "test_towers_seen" not in row

    def test_a_model_that_knows_the_test_towers_is_marked(
        self, hub: Hub, run: Path, small_folder: Path, tmp_path: Path
    ) -> None:
        command = ["run", "climate_holdout", "--model", run / "model", "--data", small_folder]
        said = carbonbench(hub, *command, "--out", tmp_path / "runs", "--results", tmp_path / "results")
        assert "of the test towers" in said
        assert json.loads(next((tmp_path / "results").rglob("*.json")).read_text())["test_towers_seen"] is True

    def test_settings_of_a_saved_model_cannot_be_changed(self, hub: Hub, run: Path, small_folder: Path) -> None:
        said = carbonbench(
            hub, "run", "veg_holdout", "--model", run / "model", "--set", "lags=true", "--data", small_folder
        )
        assert "leave out --preset and --set" in said
        assert "exit 2" in said


EVIL = b"import os; open('owned', 'w').write('x')"


class TestPoison:
    """Repositories that want to run code, or to write where they should not."""

    def fetched(self, hub: Hub, files: dict[str, bytes]) -> str:
        hub.add("model", REPO, files)
        code = """
import carbonbench
try:
    print(carbonbench.from_pretrained("carbonbench/ridge"))
except carbonbench.CarbonBenchError as error:
    print(type(error).__name__, error)
"""
        said = run_client(hub, code, **LIGHT)
        assert not list(hub.folder.rglob("owned"))
        return said

    def poisoned(self, run: Path, **changes: object) -> dict[str, bytes]:
        files = {p.name: p.read_bytes() for p in (run / "model").iterdir()}
        return files | {"config.json": json.dumps(json.loads(files["config.json"]) | changes).encode()}

    @pytest.mark.parametrize(
        "name", ["model.pkl", "pytorch_model.bin", "model.pt", "model.joblib", "weights.npy", "x.py"]
    )
    def test_weights_that_may_hold_code_are_not_fetched(self, hub: Hub, run: Path, name: str) -> None:
        files = self.poisoned(run, files={name: hashlib.sha256(EVIL).hexdigest()}) | {name: EVIL}
        said = self.fetched(hub, files)
        assert "may hold code" in said
        assert not [call for call in hub.log if call.target.endswith(name) and "resolve" in call.target]

    @pytest.mark.parametrize("name", ["../escaped.npz", "/tmp/escaped.npz", "a/b.npz"])
    def test_files_outside_the_folder_are_refused(self, hub: Hub, run: Path, name: str) -> None:
        assert "outside its folder" in self.fetched(hub, self.poisoned(run, files={name: "0"}))

    def test_code_in_the_repository_is_left_there(self, hub: Hub, run: Path) -> None:
        files = self.poisoned(run, auto_map={"AutoModel": "modeling_evil.Evil"}) | {"modeling_evil.py": EVIL}
        assert "Ridge" in self.fetched(hub, files)
        assert not [call for call in hub.log if "modeling_evil" in call.target]

    def test_a_repository_that_is_no_model_of_ours_is_said_to_be_none(self, hub: Hub) -> None:
        assert "no model of this benchmark" in self.fetched(hub, {"config.json": b'{"model_type": "bert"}'})
        assert "no model of this benchmark" in self.fetched(hub, {"config.json": b"\xff{"})

    def test_a_weight_that_was_changed_is_refused(self, hub: Hub, run: Path) -> None:
        files = self.poisoned(run)
        weights = next(iter(json.loads(files["config.json"])["files"]))
        assert "truncated or changed" in self.fetched(hub, files | {weights: files[weights] + b"\0"})

    def test_a_repository_that_does_not_exist_is_one_clear_error(self, hub: Hub) -> None:
        said = run_client(
            hub,
            "import carbonbench\ntry:\n    carbonbench.from_pretrained('carbonbench/nosuch')\n"
            "except carbonbench.CarbonBenchError as error:\n    print(error)",
            **LIGHT,
        )
        assert "no such repository" in said


@pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed")
def test_a_network_is_loaded_with_trust_by_transformers_and_without_by_this_package(
    hub: Hub, small_folder: Path, tmp_path: Path
) -> None:
    quick = ["hidden=16", "layers=1", "heads=2", "max_epochs=1", "progress=false", "num_threads=1"]
    command = ["run", "veg_holdout", "--model", "transformer", "--data", str(small_folder), "--set", *quick]
    assert main([*command, "--out", str(tmp_path / "runs"), "--results", str(tmp_path / "results")]) == 0
    run = next((tmp_path / "runs" / "veg_holdout").glob("transformer-*"))
    assert "exit 0" in carbonbench(hub, "push", "model", run, "--repo", "carbonbench/net")
    code = """
import sys, numpy, carbonbench
from transformers import AutoModel
try:
    AutoModel.from_pretrained("carbonbench/net", trust_remote_code=False)
    print("loaded without trust")
except (ValueError, OSError) as error:
    print("refused")
network = AutoModel.from_pretrained("carbonbench/net", trust_remote_code=True).eval()
model = carbonbench.from_pretrained("carbonbench/net")
local = carbonbench.from_pretrained(sys.argv[1])
table = carbonbench.load("veg_holdout", sys.argv[2], feature_set="minimal")["test"].select(range(60)).to_pandas()
print(model.predict(table).equals(local.predict(table)))
own, other = model._model.state_dict(), network.state_dict()
print(all((own[k] == other[k]).all() for k in own) and own.keys() == other.keys())
print(network.predict(table).equals(local.predict(table)))
try:
    network.predict(table.drop(columns="temperature_2m"))
except carbonbench.CarbonBenchError as error:
    print("temperature_2m" in str(error))
"""
    said = run_client(hub, code, run / "model", small_folder).split("\n")
    assert said[:5] == ["refused", "True", "True", "True", "True"]
    without = """
import sys, carbonbench
from transformers import AutoModel
print(len(carbonbench.register_models()))
network = AutoModel.from_pretrained("carbonbench/net")
print(type(network).__module__)
table = carbonbench.load("veg_holdout", sys.argv[2], feature_set="minimal")["test"].select(range(60)).to_pandas()
print(network.predict(table).equals(carbonbench.from_pretrained(sys.argv[1]).predict(table)))
"""
    before = len(hub.log)
    said = run_client(hub, without, run / "model", small_folder).split("\n")
    assert int(said[0]) >= 7
    assert said[1:3] == ["carbonbench_baselines.modeling_transformer", "True"]
    assert not [call for call in hub.log[before:] if call.target.endswith(".py")]
    absent = """
import sys
sys.modules["carbonbench_baselines"] = None  # as where it is not installed
from transformers import AutoModel
try:
    AutoModel.from_pretrained("carbonbench/net", trust_remote_code=True).predict(None)
except ImportError as error:
    print(error)
"""
    assert "pip install carbonbench" in run_client(hub, absent)


class TestAFailingHub:
    def test_what_passes_is_tried_again_and_a_refusal_is_one_clear_error(self, hub: Hub, run: Path) -> None:
        files = {p.name: p.read_bytes() for p in (run / "model").iterdir()}
        told = {"X-Error-Message": f"Bearer {hub.token} refused"}
        always = {"times": math.inf, "headers": told}
        for repo, request, order in (
            ("passing", "GET .*{}/tree/", {"status": 503}),
            ("passing", "GET .*{}/resolve/.*/ridge.npz", {"drop_after_bytes": 100}),
            ("forbidden", "HEAD .*{}/resolve/.*/ridge.npz", {"status": 403, **always}),
            ("anonymous", "GET /api/models/{}", {"status": 401, **always}),
        ):
            hub.add("model", f"carbonbench/{repo}", files)
            hub.fail(request.format(f"carbonbench/{repo}"), **order)
        code = """
import sys, carbonbench
for repo in sys.argv[1:]:
    try:
        print(type(carbonbench.from_pretrained("carbonbench/" + repo)).__name__)
    except carbonbench.CarbonBenchError as error:
        print(error)
"""
        said = run_client(hub, code, "passing", "forbidden", "anonymous", **LIGHT).splitlines()
        assert said[0] == "Ridge"
        assert "The token may not do this" in said[1]
        assert "No valid token" in said[2]
        assert hub.token not in "".join(said)
