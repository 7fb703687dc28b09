"""The card of a model: what it is, what it asks for, how it scored; rendered from its configuration and its row."""

from __future__ import annotations

from typing import Any

from ..errors import first_few
from ..schema import COLUMNS, SYNTHETIC_SITE, TARGETS

SCORES = {"r2": ("R2 (Nash-Sutcliffe), median over towers", "1"), "rmse": ("RMSE, median over towers", "gC m-2 d-1")}
SHOWN_FEATURES = 60
WARNING = (
    "**SYNTHETIC: trained on towers that are made up by a simulation. No number here says anything about the Earth.**"
)


def render(config: dict[str, Any], row: dict[str, Any] | None, repo_id: str) -> str:
    """Return a model card.

    Parameters
    ----------
    config : dict, of a saved baseline
    row : dict or None, its result row; a card without one claims no score
    repo_id : str, where the model will be found
    """
    from huggingface_hub import ModelCardData

    base = config.get("base_model") or {}
    base_model = base.get("model")
    synthetic = bool(row and row["synthetic"]) or bool(base.get("synthetic")) or knows_synthetic_towers(config)
    data = ModelCardData(
        language=None,
        license="apache-2.0",
        library_name="carbonbench",
        pipeline_tag="tabular-regression",
        tags=[
            "carbonbench",
            "carbon-flux",
            "eddy-covariance",
            config["baseline"],
            *(["synthetic"] if synthetic else []),
        ],
        base_model=base_model,
        model_name=repo_id.split("/")[-1] if row else None,
        eval_results=_results(row) if row else None,
    )
    sections = [
        f"# {repo_id.split('/')[-1]}{' (SYNTHETIC)' if synthetic else ''}",
        *([WARNING] if synthetic else []),
        _what(config, row),
        _use(config, repo_id),
        _scores(row),
        _inputs(config),
        _limits(config),
    ]
    return f"---\n{data.to_yaml().strip()}\n---\n\n" + "\n\n".join(sections) + "\n"


def knows_synthetic_towers(config: dict[str, Any]) -> bool:
    """Return whether a saved baseline has seen a SYNTHETIC tower, itself or as the model that it was tuned from."""
    return any(SYNTHETIC_SITE.fullmatch(site) for ids in config.get("towers", {}).values() for site in ids)


def _results(row: dict[str, Any]) -> list[Any]:
    from huggingface_hub import EvalResult

    name = "CarbonBench" + (" (SYNTHETIC)" if row["synthetic"] else "")
    return [
        EvalResult(
            task_type="tabular-regression",
            dataset_type="carbonbench",
            dataset_name=name,
            dataset_config=row["protocol"],
            dataset_split="test",
            dataset_revision=row["data_digest"],
            metric_type=f"{target}_{score}_median",
            metric_name=f"{target.upper()} {text} [{unit}]",
            metric_value=row[f"{target}.{score}.q50"],
        )
        for target in TARGETS
        for score, (text, unit) in SCORES.items()
        if row.get(f"{target}.{score}.q50") is not None
    ]


def _what(config: dict[str, Any], row: dict[str, Any] | None) -> str:
    known = "with a tower's meteorology" if _of_towers(config) else "from what is known of it without a flux tower"
    lines = [
        f"Baseline `{config['baseline']}` of CarbonBench: daily GPP, RECO and NEE [gC m-2 d-1] of a place {known}. "
        "NEE = RECO - GPP; negative NEE is uptake by the land."
    ]
    if base := config.get("base_model"):
        lines.append(_tuned(base, config["towers"]["finetune"]))
    if row:
        lines.append(
            f"Trained on protocol `{row['protocol']}` (digest `{row['protocol_digest']}`, data "
            f"`{row['data_digest']}`), feature set `{row['feature_set']}`, seed {row['seed']}, with "
            f"carbonbench {row['code_version']}."
        )
    return " ".join(lines)


def _tuned(base: dict[str, Any], towers: list[str]) -> str:
    revision = f" at `{base['revision']}`" if "revision" in base else ""
    model = f"`{base['model']}`{revision}" if "model" in base else "a model that is not on the Hub"
    days = f" (the support of `{base['protocol']}`, digest `{base['protocol_digest']}`)" if "protocol" in base else ""
    return (
        f"Fine-tuned from {model} on days of {len(towers)} towers{days}: {first_few(towers, 10)}. Its scores at these "
        "towers are no scores of unseen towers."
    )


def _use(config: dict[str, Any], repo_id: str) -> str:
    network = (
        "\nThe architecture and weights alone, on tensors, without this package:\n\n"
        "```python\nfrom transformers import AutoModel\n\n"
        f'network = AutoModel.from_pretrained("{repo_id}", trust_remote_code=True)\n```\n'
        if "auto_map" in config
        else ""
    )
    return (
        "## Use\n\nOn raw site-days, a table with `site_id`, `date` and the inputs below in their units, "
        "one row a day:\n\n"
        "```python\nimport carbonbench\n\n"
        f'model = carbonbench.from_pretrained("{repo_id}")\n'
        "fluxes = model.predict(table)  # site_id, date, gpp, reco, nee [gC m-2 d-1]\n```\n"
        f"{network}\n"
        f"Scored on your data: `carbonbench run PROTOCOL --model {repo_id}`."
    )


def _scores(row: dict[str, Any] | None) -> str:
    if row is None:
        return "## Scores\n\nNot scored."
    lines = [
        f"## Scores\n\nOver {row['n_sites']} unseen towers and {row['n_days']:,} days of `{row['protocol']}`, in "
        "brackets the 95 % interval over draws of towers:\n",
        "| flux | R2, median | RMSE, median [gC m-2 d-1] |",
        "|---|---:|---:|",
    ]
    for target in TARGETS:
        cells = [_with_interval(row, f"{target}.{score}.q50") for score in SCORES]
        lines.append(f"| {target.upper()} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _with_interval(row: dict[str, Any], key: str) -> str:
    value, low, high = (row.get(key + end) for end in ("", ".low", ".high"))
    if value is None:
        return "-"
    return f"{value:.3f}" + (f" [{low:.2f}, {high:.2f}]" if low is not None and high is not None else "")


def _inputs(config: dict[str, Any]) -> str:
    features = config["features"]
    lines = [f"## Inputs\n\n{len(features)} columns; one that is missing is an error that names it.\n"]
    lines += ["| column | unit | what |", "|---|---|---|"]
    for name in features[:SHOWN_FEATURES]:
        column = COLUMNS.get(name)
        lines.append(f"| `{name}` | {config['units'].get(name, '')} | {column.text if column else ''} |")
    if len(features) > SHOWN_FEATURES:
        lines.append(f"| and {len(features) - SHOWN_FEATURES} more | | `config.json` has them all |")
    return "\n".join(lines)


def _of_towers(config: dict[str, Any]) -> bool:
    """Return whether a model asks for what only the instruments of a tower measure."""
    sets = [COLUMNS[name].sets for name in config["features"] if name in COLUMNS]
    return any("tower" in of and "archive" not in of for of in sets)


def _limits(config: dict[str, Any]) -> str:
    track = (
        " It was trained on the towers' own meteorology, which no place without a tower has: no zero-shot model."
        if _of_towers(config)
        else ""
    )
    return (
        "## Limits\n\nTrained on flux towers, which over-represent temperate Europe and North America; rare vegetation "
        f"classes, tropical and polar climates are the worst predicted.{track}"
    )
