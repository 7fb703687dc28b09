"""What the users of a dataset folder owe a citation, as BibTeX: networks, products and the towers themselves."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from textwrap import wrap
from typing import TYPE_CHECKING

from . import schema
from .protocols import families

if TYPE_CHECKING:
    from .dataset_folder import DatasetFolder

FILE = "citations.bib"
DOI = re.compile(r"10\.\d{4,9}/[^\s,;{}\"<>]+")
_NO_FIELDS = ("key", "id", "type", "sources")
# Fields that no LaTeX command belongs in: programs read them.
_VERBATIM = ("doi", "url", "eprint")
_SPECIAL = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_"}
    | {"\\": r"\textbackslash ", "~": r"\textasciitilde ", "^": r"\textasciicircum ", "{": "(", "}": ")"}
)


@dataclass(frozen=True)
class Entry:
    """One BibTeX entry.

    Parameters
    ----------
    key : str
    kind : str, "article" or "misc"
    fields : dict, field -> text as it is to be read, not yet escaped
    """

    key: str
    kind: str
    fields: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"  {name} = {{{_escaped(name, text)}}}," for name, text in self.fields.items() if text]
        return "\n".join([f"@{self.kind}{{{_key(self.key)},", *lines, "}"])


@dataclass(frozen=True)
class Owed:
    """What is owed a citation.

    Parameters
    ----------
    title : str, of what
    entries : list of Entry, products first, then towers
    unidentified : dict, network -> towers without an identifier of their own, which the network's product stands for
    licences : dict, licence -> number of towers
    """

    title: str
    entries: list[Entry]
    unidentified: dict[str, list[str]]
    licences: dict[str, int]


def owed(folder: DatasetFolder, protocol: str | None = None) -> Owed:
    """Return what the users of a folder, or of one of its protocols, owe a citation.

    Parameters
    ----------
    folder : DatasetFolder
    protocol : str, optional, a protocol, fold or family; all towers if None

    Raises
    ------
    CarbonBenchError : no such protocol
    """
    sites = folder.sites.sort_values("site_id")
    title = f"CarbonBench data {folder.data_digest}" + (" (SYNTHETIC)" if folder.is_synthetic else "")
    if protocol is not None:
        used = _towers_of(folder, protocol)
        sites = sites[sites["site_id"].isin(used)]
        title += f", protocol {protocol}"
    towers = sites.to_dict("records")
    identified = [tower for tower in towers if isinstance(tower.get("doi"), str)]
    without: dict[str, list[str]] = {}
    for tower in (t for t in towers if t not in identified):
        without.setdefault(str(tower["network"]), []).append(tower["site_id"])
    licences: dict[str, int] = {}
    for licence in (str(tower.get("licence") or "not stated") for tower in towers):
        licences[licence] = licences.get(licence, 0) + 1
    entries = [*_products(folder, {tower["site_id"] for tower in towers}), *map(_tower, identified)]
    return Owed(f"{title}: {len(towers)} towers", entries, without, licences)


def bibtex(what: Owed) -> str:
    """Return a bibliography: what it is of, and what it cannot give, in comments, then the entries."""
    said = [what.title]
    said += [f"Licence {licence}: {n} towers" for licence, n in sorted(what.licences.items())]
    said += [
        f"{network}: {len(sites)} towers without an identifier in archive or catalogue, cited by the product alone; "
        f"the network asks for each one's own where it has one: {', '.join(sites)}"
        for network, sites in sorted(what.unidentified.items())
    ]
    comments = [f"% {line.replace('@', ' at ')}" for text in said for line in wrap(text, 110, break_on_hyphens=False)]
    return "\n\n".join(["\n".join(comments), *map(str, what.entries)]) + "\n"


def _towers_of(folder: DatasetFolder, name: str) -> set[str]:
    folds = families(folder.protocols).get(name) if name not in folder.protocols else None
    chosen = [folder.protocols[fold] for fold in folds] if folds else [folder.protocol(name)]
    return {site for protocol in chosen for split in protocol.splits for site in protocol.sites(split)}


def _products(folder: DatasetFolder, towers: set[str]) -> list[Entry]:
    """Return the entries of the products that towers come from, and of those that their features come from."""
    texts = [
        cited["citation"]
        for cited in folder.manifest["citations"]
        if cited["citation"] and towers.intersection(cited.get("sites", towers))
    ]
    sources = {schema.COLUMNS[name].source for name in folder.columns if name in schema.COLUMNS}
    found = {
        ref["key"]: _known(ref)
        for ref in _references()
        if any(ref["id"].lower() in text.lower() for text in texts) or sources.intersection(ref.get("sources", ()))
    }
    known = {ref["id"].lower() for ref in _references()}
    for number, text in enumerate(texts, start=1):
        strange = [doi for doi in _dois(text) if doi.lower() not in known]
        if strange or not any(id_ in text.lower() for id_ in known):
            entry = Entry(f"source{number}", "misc", {"title": text, "doi": strange[0] if strange else ""})
            found[entry.key] = entry
    return list(found.values())


def _known(reference: dict) -> Entry:
    id_ = reference["id"]
    fields = {name: str(value) for name, value in reference.items() if name not in _NO_FIELDS}
    if DOI.fullmatch(id_):
        fields["doi"] = id_
    elif id_.startswith("http"):
        fields["url"] = id_
    return Entry(reference["key"], reference["type"], fields)


def _tower(tower: dict) -> Entry:
    site, name, identifier = tower["site_id"], tower.get("name"), tower["doi"]
    handle = identifier.removeprefix("hdl:")
    years = "-".join(sorted({str(tower["first_day"])[:4], str(tower["last_day"])[:4]}))
    where = {"doi": identifier} if handle == identifier else {"url": f"https://hdl.handle.net/{handle}"}
    return Entry(
        site,
        "misc",
        {
            "author": f"{{{tower['network']}}}",
            "title": f"{site} {name}" if isinstance(name, str) else site,
            "howpublished": str(tower["product"]),
            **where,
            "note": f"Daily fluxes {years}. Licence: {tower.get('licence') or 'not stated'}. "
            "Authors and year as its identifier resolves to",
        },
    )


def _dois(text: str) -> Iterable[str]:
    return (found.rstrip(".):") for found in DOI.findall(text))


@cache
def _references() -> list[dict]:
    text = files(__package__).joinpath("references.toml").read_text("utf-8")
    return tomllib.loads(text)["reference"]


def _key(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9:._-]+", "", text) or "unnamed"


def _escaped(name: str, text: str) -> str:
    """Return a text as BibTeX and LaTeX read it; braces group whole names of authors, and stand nowhere else."""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if name in _VERBATIM:
        return re.sub(r"[{}\\]", "", text)
    if name == "author":
        return " and ".join(
            f"{{{part[1:-1].translate(_SPECIAL)}}}" if part[:1] == "{" else part.translate(_SPECIAL)
            for part in text.split(" and ")
        )
    return text.translate(_SPECIAL)
