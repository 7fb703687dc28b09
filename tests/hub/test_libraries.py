"""The stand-in for the Hub, as datasets, evaluate and transformers see it."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pyarrow as pa
import pytest

from .client import LIGHT, push, run_client
from .folders import arrow_stream, write
from .server import Hub

REPO = "carbonbench/tiny"
EARLY = pa.table({"site_id": ["DE-Hai", "DE-Hai"], "gpp": [1.5, None]})
LATE = pa.table({"site_id": ["DE-Hai"], "gpp": [2.5]})
DATASET = {
    "README.md": b"""---
configs:
- config_name: whole
  default: true
  data_files:
  - split: train
    path: [data/DE-Hai-early.arrow, data/DE-Hai-late.arrow]
- config_name: parts
  data_files:
  - split: train
    path: data/DE-Hai-early.arrow
  - split: id_test
    path: data/DE-Hai-late.arrow
---
# Tiny
""",
    "data/DE-Hai-early.arrow": arrow_stream(EARLY),
    "data/DE-Hai-late.arrow": arrow_stream(LATE),
}


def test_load_dataset_reads_pushed_shards_and_streams_the_same_rows(hub: Hub, tmp_path: Path) -> None:
    push(hub, write(tmp_path / "out", DATASET), "dataset", REPO)
    code = """
import json
from datasets import load_dataset
for config in ("whole", "parts"):
    loaded = load_dataset("carbonbench/tiny", config)
    streamed = load_dataset("carbonbench/tiny", config, streaming=True)
    print(json.dumps({split: [list(loaded[split]), list(streamed[split])] for split in loaded}))
"""
    whole, parts = map(json.loads, run_client(hub, code, **LIGHT).splitlines())
    early, late = EARLY.to_pylist(), LATE.to_pylist()
    assert whole == {"train": [early + late, early + late]}
    assert parts == {"train": [early, early], "id_test": [late, late]}


METRIC = b'''"""Mean of predictions minus references."""
import datasets
import evaluate


class Bias(evaluate.Metric):
    def _info(self):
        number = datasets.Value("float64")
        features = datasets.Features({"predictions": number, "references": number})
        return evaluate.MetricInfo(description="", citation="", inputs_description="", features=features)

    def _compute(self, predictions, references):
        return {"bias": sum(p - r for p, r in zip(predictions, references)) / len(references)}
'''


def test_evaluate_loads_a_metric_from_a_space(hub: Hub) -> None:
    hub.add("space", "carbonbench/bias", {"bias.py": METRIC, "README.md": b"# Bias\n"})
    # evaluate imports transformers whole if it can (10 s), and does not need it here
    code = """
import sys
sys.modules["transformers"] = None
import evaluate
del sys.modules["transformers"]
print(evaluate.load("carbonbench/bias").compute(predictions=[1.0, 4.0], references=[0.0, 2.0])["bias"])
"""
    assert float(run_client(hub, code, **LIGHT)) == 1.5  # (1 - 0 + 4 - 2) / 2


@pytest.mark.skipif(find_spec("transformers") is None, reason="transformers is not installed")
def test_transformers_pushes_and_loads_a_configuration(hub: Hub) -> None:
    code = """
from transformers import AutoConfig, BertConfig
BertConfig(hidden_size=24, num_attention_heads=2).push_to_hub("carbonbench/model")
print(AutoConfig.from_pretrained("carbonbench/model").hidden_size)
"""
    assert run_client(hub, code, **LIGHT).strip() == "24"
    assert set(hub.files("model", "carbonbench/model")) >= {"config.json"}
