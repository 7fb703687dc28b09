"""The metric as `evaluate` knows it: loading, batches, combining, several processes, configurations, the card."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from datetime import date
from itertools import pairwise

import evaluate
import numpy as np
import pandas as pd
import pytest
import yaml
from carbonbench_metrics.stratified_skill import stratified_skill as module
from carbonbench_metrics.stratified_skill.stratified_skill import quantile_skill, stratified_skill, vector_skill
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.hub.client import LIGHT, run_client
from tests.hub.server import Hub

from .frames import FOLDER, ROOT, columns, load, only, random_days, same


class TestConventionsOfEvaluate:
    def test_compute_gives_what_the_array_function_gives_in_full_precision(self, tmp_path):
        frame = random_days()
        assert same(load(tmp_path).compute(**columns(frame)), stratified_skill(**columns(frame)))

    def test_the_array_function_is_reached_through_the_loaded_metric(self, tmp_path):
        frame = random_days()
        assert same(load(tmp_path).of_arrays(**columns(frame)), stratified_skill(**columns(frame)))

    @given(st.lists(st.integers(1, 300), max_size=4))
    @settings(deadline=None, max_examples=10)
    def test_the_way_rows_are_split_into_batches_does_not_matter(self, cuts):
        frame = random_days()
        skill = evaluate.load(str(FOLDER), keep_in_memory=True)
        edges = sorted({0, *(min(c, len(frame)) for c in cuts), len(frame)})
        for start, stop in pairwise(edges):
            skill.add_batch(**columns(frame.iloc[start:stop]))
        assert same(skill.compute(), stratified_skill(**columns(frame)))

    def test_a_single_row_can_be_added_at_a_time(self, tmp_path):
        skill = load(tmp_path)
        for p, y in ((1.0, 1.0), (2.0, 2.0), (5.0, 3.0)):
            row = {"site_id": "S", "igbp": "ENF", "koppen_main": "D", "date": date(2010, 1, 1)}
            skill.add(predictions=p, references=y, **row)
        assert only(skill.compute())["r2"] == -1.0

    def test_the_metric_combines_with_another_one(self, tmp_path):
        other = evaluate.load(str(FOLDER), cache_dir=str(tmp_path), experiment_id="other")
        both = evaluate.combine({"a": load(tmp_path), "b": other})
        frame = random_days()
        both.add_batch(**columns(frame))
        result = both.compute()
        assert result["a_r2"] == result["b_r2"] == stratified_skill(**columns(frame))["r2"]

    @pytest.mark.parametrize(
        "days",
        [
            ["2010-01-01", "2010-01-02"],
            [date(2010, 1, 1), date(2010, 1, 2)],
            np.array(["2010-01-01", "2010-01-02"], "datetime64[D]"),
            pd.Series(pd.to_datetime(["2010-01-01", "2010-01-02"]), index=[7, 8]),
        ],
    )
    def test_dates_may_come_in_any_usual_form(self, tmp_path, days):
        site = {"site_id": ["DE-Hai"] * 2, "igbp": ["DBF"] * 2, "koppen_main": ["C"] * 2}
        with pytest.raises(ValueError, match=r"DE-Hai on 2010-01-02"):
            load(tmp_path).compute(predictions=[1.0, np.nan], references=[1.0, 2.0], date=days, **site)

    def test_a_class_that_is_missing_in_the_first_row_is_unknown(self, tmp_path):
        site = {"site_id": ["A", "B"], "igbp": [None, "ENF"], "koppen_main": pd.Series([None, "D"])}
        result = load(tmp_path).compute(predictions=[1, 2], references=[1, 2], date=["2010-01-01"] * 2, **site)
        assert set(result["igbp"]) == {"unknown", "ENF"}
        assert set(result["koppen_main"]) == {"unknown", "D"}

    def test_a_missing_column_is_named(self, tmp_path):
        with pytest.raises(ValueError, match="koppen_main"):
            load(tmp_path).compute(
                predictions=[1.0], references=[1.0], site_id=["A"], igbp=["ENF"], date=["2010-01-01"]
            )

    def test_after_a_refused_batch_the_metric_starts_afresh(self, tmp_path):
        skill, frame = load(tmp_path), random_days()
        with pytest.raises(ValueError, match="missing or infinite"):
            skill.compute(**columns(frame.assign(predictions=np.nan)))
        assert same(skill.compute(**columns(frame)), stratified_skill(**columns(frame)))

    def test_an_unknown_configuration_is_refused_with_those_there_are(self, tmp_path):
        with pytest.raises(ValueError, match=r"Unknown configuration 'quantile'.*default"):
            load(tmp_path, config_name="quantile")

    def test_every_leaf_of_the_result_is_a_plain_number(self, tmp_path):
        def leaves(value):
            return [leaf for v in value.values() for leaf in leaves(v)] if isinstance(value, dict) else [value]

        assert {type(leaf) for leaf in leaves(load(tmp_path).compute(**columns(random_days())))} == {int, float}

    def test_the_limit_for_short_sites_can_be_moved(self, tmp_path):
        frame = random_days()
        assert load(tmp_path).compute(**columns(frame), min_days=5)["n_short"] == 0


class TestConfigurations:
    def test_skill_takes_a_climatology(self, tmp_path):
        frame = random_days().assign(climatology=3.0)
        given = columns(frame) | {"climatology": frame["climatology"]}
        result = load(tmp_path, config_name="skill").compute(**given)
        assert same(result, stratified_skill(**given))
        assert result["skill"]["n"] == 12

    def test_skill_asks_for_its_climatology(self, tmp_path):
        with pytest.raises(ValueError, match="climatology"):
            load(tmp_path, config_name="skill").compute(**columns(random_days()))

    def test_all_takes_vectors_in_batches(self, tmp_path):
        given, skill = vectors(), load(tmp_path, config_name="all")
        for rows in (slice(0, 100), slice(100, None)):
            skill.add_batch(**{name: values[rows] for name, values in given.items()})
        result = skill.compute(min_days=5)
        assert same(result, vector_skill(**given, min_days=5))
        assert set(result) == {"gpp", "reco", "nee", "physics"}

    def test_quantiles_takes_a_list_per_row_and_their_levels(self, tmp_path):
        given = columns(random_days())
        given["predictions"] = [[p - 1.0, p, p + 2.0] for p in given["predictions"]]
        options = {"levels": (0.1, 0.5, 0.9), "interval": (0.1, 0.9)}
        result = load(tmp_path, config_name="quantiles").compute(**given, **options)
        assert same(result, quantile_skill(**given, **options))

    def test_a_single_row_of_quantiles_can_be_added_at_a_time(self, tmp_path):
        skill = load(tmp_path, config_name="quantiles")
        row = {"site_id": "S", "igbp": "ENF", "koppen_main": "D", "date": date(2010, 1, 1)}
        for y in (1.0, 9.0):
            skill.add(predictions=[0.0, 0.5, 1.0, 1.5, 2.0], references=y, **row)
        assert only(skill.compute())["coverage"] == 0.5

    def test_lists_of_different_lengths_are_refused(self, tmp_path):
        given = {"site_id": ["S"] * 2, "igbp": ["ENF"] * 2, "koppen_main": ["D"] * 2, "date": ["2010-01-01"] * 2}
        skill = load(tmp_path, config_name="quantiles")
        skill.add_batch(predictions=[[1.0, 2.0]], references=[1.0], **{k: v[:1] for k, v in given.items()})
        skill.add_batch(predictions=[[1.0]], references=[1.0], **{k: v[:1] for k, v in given.items()})
        with pytest.raises(
            ValueError, match=r"predictions cannot be read as numbers.*a list of numbers of one length per row"
        ):
            skill.compute()

    def test_more_classes_and_chosen_days_reach_compute(self, tmp_path):
        frame = random_days()
        options = {"strata": {"continent": frame["site_id"]}, "masks": {"hot": frame["references"] > 4}}
        result = load(tmp_path).compute(**columns(frame), **options)
        assert same(result, stratified_skill(**columns(frame), **options))
        assert set(result["days"]) == {"hot"}

    @pytest.mark.parametrize(("config", "option"), [("default", "levels"), ("quantiles", "masks")])
    def test_an_argument_of_another_configuration_is_refused(self, tmp_path, config, option):
        given = columns(random_days())
        if config == "quantiles":
            given["predictions"] = [[p] * 5 for p in given["predictions"]]
        with pytest.raises(ValueError, match=f"configuration '{config}' takes no {option}"):
            load(tmp_path, config_name=config).compute(**given, **{option: {}})


def vectors() -> dict:
    """Return columns of the configuration `all`; a tenth of the observations is missing."""
    frame = random_days()
    rng = np.random.default_rng(0)
    y = rng.normal(size=(len(frame), 3))
    y[rng.random(y.shape) < 0.1] = np.nan
    return columns(frame) | {"predictions": rng.normal(size=y.shape), "references": y}


# evaluate imports transformers whole if it can (10 s), and does not need it here
SHARE = """
import sys
sys.modules["transformers"] = None
import evaluate
del sys.modules["transformers"]
folder, cache, rank = sys.argv[1], sys.argv[2], int(sys.argv[3])
skill = evaluate.load(folder, cache_dir=cache, experiment_id="two", num_process=2, process_id=rank)
rows = range(rank, 90, 2)
y = [float(i % 7) for i in rows]
skill.add_batch(predictions=[v + 1 for v in y], references=y, site_id=[f"S{i % 3}" for i in rows],
                igbp=["ENF"] * 45, koppen_main=["D"] * 45, date=["2010-01-01"] * 45)
result = skill.compute()
print("none" if result is None else result["n_days"], result and result["sites"]["S0"]["bias"])
"""


def test_two_processes_share_the_rows_and_the_first_has_the_result(tmp_path):
    command = [sys.executable, "-c", SHARE, str(FOLDER), str(tmp_path)]
    pair = [
        subprocess.Popen([*command, str(rank)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for rank in (1, 0)
    ]
    texts = [each.communicate(timeout=120) for each in pair]
    assert [out.split() for out, _ in texts] == [["none", "None"], ["90", "1.0"]], texts


def test_the_metric_loads_from_a_space_with_all_it_needs(tmp_path):
    files = {path.name: path.read_bytes() for path in FOLDER.iterdir() if path.is_file()}
    code = """
import sys
sys.modules["transformers"] = None
import evaluate
del sys.modules["transformers"]
skill = evaluate.load("carbonbench/stratified_skill", "quantiles")
rows = {"site_id": ["S"], "igbp": ["ENF"], "koppen_main": ["D"], "date": ["2010-01-01"]}
result = skill.compute(predictions=[[1.0, 2.0, 3.0, 4.0, 5.0]], references=[9.0], **rows)
print(result["coverage"]["q50"], skill.of_arrays([1.0, 2.0], [1.0, 3.0], ["S", "S"])["r2"]["q50"])
"""
    with Hub(tmp_path) as hub:
        hub.add("space", "carbonbench/stratified_skill", files)
        assert run_client(hub, code, **LIGHT).split() == ["0.0", "0.5"]


class TestDocumentation:
    def test_the_examples_in_the_docstrings_run(self, monkeypatch):
        monkeypatch.chdir(ROOT)
        assert doctest.testmod(module).failed == 0
        examples = doctest.DocTestParser().get_doctest(module._KWARGS_DESCRIPTION, {}, "inputs", None, 0)
        assert doctest.DocTestRunner().run(examples) == doctest.TestResults(failed=0, attempted=4)

    def test_the_snippets_of_the_card_run(self, monkeypatch):
        monkeypatch.chdir(ROOT)
        snippets = re.findall(r"```python\n(.*?)```", (FOLDER / "README.md").read_text(), re.S)
        assert len(snippets) == 2
        for snippet in snippets:
            exec(snippet, {})

    def test_the_card_has_a_space_header_and_names_every_score(self):
        _, header, body = (FOLDER / "README.md").read_text().split("---\n", 2)
        header = yaml.safe_load(header)
        assert header["sdk"] == "gradio"
        assert {"evaluate", "metric"} <= set(header["tags"])
        assert (FOLDER / header["app_file"]).is_file()
        tables = (module.SCORES, module.WITH_CLIMATOLOGY, module.WITH_DATES, module.WITH_VECTORS, module.WITH_QUANTILES)
        named = {name for line in body.splitlines() if line.startswith("| `") for name in re.findall(r"`(\w+)`", line)}
        assert [name for table in tables for name in table if name not in named] == []
        assert [name for name in module.CONFIGS if name not in named] == []
