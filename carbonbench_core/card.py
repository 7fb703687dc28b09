"""The card of a dataset folder: its YAML makes plain `datasets` read the folder, its text says what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import card_sources, schema
from .protocols import families, rules

if TYPE_CHECKING:
    from .dataset_folder import DatasetFolder
    from .protocols import Protocol

# Only single-split protocols stand in the YAML: `datasets` parses it in pure Python at every load.
MAX_CONFIGS = 12
CODES = ("cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc0-1.0")  # the Hub's, of what networks use
DEFAULT_PROTOCOL = "veg_holdout"


def render(folder: DatasetFolder) -> str:
    """Return the card's text, rendered from the folder's own metadata.

    Raises
    ------
    DatasetFolderError : the metadata cannot be read
    """
    import yaml

    front = yaml.safe_dump(_front_matter(folder), sort_keys=False, allow_unicode=True, width=120)
    sections = [
        _title(folder),
        _use(folder),
        _protocols(folder),
        _columns(folder),
        _towers(folder),
        card_sources.provenance(folder),
        card_sources.citation(folder),
        card_sources.limits(folder),
    ]
    return f"---\n{front}---\n\n" + "\n\n".join(sections) + "\n"


def _front_matter(folder: DatasetFolder) -> dict[str, object]:
    protocols = plain_protocols(folder)
    shards = folder.manifest["shards"]
    features = [{"name": name, "dtype": schema.COLUMNS[name].dtype} for name in folder.columns]
    default = {p.name for p in protocols} & {DEFAULT_PROTOCOL} or {p.name for p in protocols[:1]}
    return {
        "pretty_name": "CarbonBench" + (" (SYNTHETIC)" if folder.is_synthetic else ""),
        **_licence(folder),
        "source_datasets": ["original"],
        "task_categories": ["tabular-regression", "time-series-forecasting"],
        "tags": ["carbon flux", "eddy covariance", "FLUXNET", "domain generalisation", "benchmark"]
        + (["synthetic"] if folder.is_synthetic else []),
        "size_categories": [_size_category(sum(shard["rows"] for shard in shards.values()))],
        "configs": [_config(p, folder, p.name in default) for p in protocols],
        "dataset_info": [
            {"config_name": p.name, "features": features, "splits": _split_infos(p, shards)} for p in protocols
        ],
    }


def _licence(folder: DatasetFolder) -> dict[str, str]:
    """Return the Hub's licence code: that of the sources where they agree on one that it knows."""
    named = {cited["licence"] for cited in folder.manifest["citations"]}
    code = named.pop().lower() if len(named) == 1 else ""
    if code in CODES:
        return {"license": code}
    # any other one goes by a name, and the text says which they are
    return {"license": "other", "license_name": "licences-of-the-networks"}


def _config(protocol: Protocol, folder: DatasetFolder, is_default: bool) -> dict[str, object]:
    # The digests make a changed folder a new entry of the `datasets` cache, which looks at names and not at contents.
    return {
        "config_name": protocol.name,
        "description": f"{protocol.text} protocol {protocol.digest}, data {folder.data_digest}",
        "data_files": [{"split": split, "path": files} for split, files in protocol.splits.items()],
        **({"default": True} if is_default else {}),
    }


def _split_infos(protocol: Protocol, shards: dict[str, dict]) -> list[dict[str, object]]:
    return [
        {
            "name": split,
            "num_bytes": sum(shards[file]["bytes"] for file in files),
            "num_examples": sum(shards[file]["rows"] for file in files),
        }
        for split, files in protocol.splits.items()
    ]


def plain_protocols(folder: DatasetFolder) -> list[Protocol]:
    """Return the protocols that plain `datasets` can read: no folds, which are many, and no row rules."""
    single = [p for p in folder.protocols.values() if not p.family and not p.rows]
    return sorted(single, key=lambda p: (p.name != DEFAULT_PROTOCOL, p.name))[:MAX_CONFIGS]


def _size_category(rows: int) -> str:
    limits = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M"}
    return next((name for limit, name in limits.items() if rows < limit), "1M<n<10M")


def _title(folder: DatasetFolder) -> str:
    counts = folder.manifest["counts"]
    warning = (
        "**SYNTHETIC: these towers are made up by a simulation. No number obtained from them says anything about "
        "the Earth.**\n\n"
        if folder.is_synthetic
        else ""
    )
    if folder.manifest.get("replica"):
        warning += (
            "**REPLICA with duplicates: a tower of several networks stands here once per network, as in the first "
            "version of the benchmark. Test towers stand in training under other ids (`tower_id` says which): no score "
            "obtained here is one of unseen towers.**\n\n"
        )
    variants = ", ".join(f"{name} at {n} towers" for name, n in folder.manifest["target_variants"].items())
    return (
        f"# CarbonBench{' (SYNTHETIC)' if folder.is_synthetic else ''}\n\n{warning}"
        "Zero-shot spatial transfer of daily GPP, RECO and NEE [gC m-2 d-1] to flux towers never seen in training. "
        "NEE = RECO - GPP; negative NEE is uptake by the land.\n\n"
        f"{len(folder.sites)} towers, {counts['rows_written']:,} site-days on continuous calendars "
        f"({counts['inserted_days']:,} of them inserted), {folder.sites['days_qc1'].sum():,} with nee_qc = 1. "
        f"Target variant: {variants}. Data digest `{folder.data_digest}`."
    )


def _use(folder: DatasetFolder) -> str:
    name = next((p.name for p in plain_protocols(folder)), DEFAULT_PROTOCOL)
    sets = " or ".join(f"`{s}`" for s in folder.manifest["feature_sets"]) or "none"
    return (
        "## Use\n\n```python\nfrom datasets import load_dataset\n\n"
        f'ds = load_dataset("path/to/this/folder", "{name}")\n```\n\n'
        f"Feature sets that these data can serve: {sets}. Score predictions with `carbonbench score`."
    )


def _protocols(folder: DatasetFolder) -> str:
    rows = folder.manifest["shards"]
    single = [p for p in folder.protocols.values() if not p.family]
    lines = ["## Protocols", "", "| protocol | split | towers | site-days |", "|---|---|---|---|"]
    for protocol in single:
        for split, files in protocol.splits.items():
            days = sum(rows[file]["rows"] for file in files)
            lines.append(f"| `{protocol.name}` | {split} | {len(protocol.sites(split))} | {days:,} |")
    for protocol in single:
        lines += ["", f"**`{protocol.name}`** {protocol.text} Digest `{protocol.digest}`."]
        lines += _leakage(folder, protocol)
        for reason, sites in protocol.left_out.items():
            lines.append(f"Left out ({reason}): {', '.join(sites)}.")
    return "\n".join([*lines, *_families(folder)])


def _leakage(folder: DatasetFolder, protocol: Protocol) -> list[str]:
    told = folder.leakage.get(protocol.name)
    return [told] if told else [f"{len(protocol.sites('test'))} test towers."]


def _families(folder: DatasetFolder) -> list[str]:
    lines = []
    for family, names in families(folder.protocols).items():
        folds = [folder.protocols[name] for name in names]
        rule = rules().get(folds[0].rule)
        text = rule.TEXT if rule else folds[0].text
        lines += ["", f"**`{family}`** {text} Folds, with what their test towers share with training:"]
        lines += ["", *(f"- `{p.name}`: {' '.join(_leakage(folder, p))}" for p in folds)]
    if lines:
        lines += [
            "",
            "Folds and protocols with a rule over rows are loaded after `import carbonbench`; the files of a fold also "
            "by `data_files`, its splits being places in the list `shards` of `protocols.json`.",
        ]
    return lines


def _columns(folder: DatasetFolder) -> str:
    lines = ["## Columns", "", "| column | unit | role | source | what |", "|---|---|---|---|---|"]
    for name in folder.columns:
        c = schema.COLUMNS[name]
        lines.append(f"| `{c.name}` | {c.unit} | {c.role} | {c.source} | {c.text} |")
    return "\n".join(lines)


def _towers(folder: DatasetFolder) -> str:
    def counted(column: str) -> str:
        counts = folder.sites[column].fillna("unknown").value_counts()
        return ", ".join(f"{label} {n}" for label, n in counts.items())

    return (
        f"## Towers\n\nBy IGBP: {counted('igbp')}.\n\nBy Koppen main class: {counted('koppen_main')}.\n\n"
        f"By network: {counted('network')}."
    )
