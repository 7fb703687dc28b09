"""Editions: published protocols pinned to a folder, and what edition a folder is of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import ProtocolError, UsageError
from .protocols import Protocol, pin, read_edition

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Edition:
    """A published protocols.json.

    Parameters
    ----------
    file : str, its name
    sha256 : str, of its bytes
    contents : dict
    """

    file: str
    sha256: str
    contents: dict

    @classmethod
    def read(cls, path: str | Path) -> Edition:
        """Read a published protocols.json, or that of a dataset folder.

        Raises
        ------
        UsageError : there is no such file
        ProtocolError : it is no edition, or was changed since it was published
        """
        path = Path(path)
        path = path / "protocols.json" if path.is_dir() else path
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise UsageError(f"Edition {path} cannot be read ({error.strerror or error}). Check the path.") from None
        try:
            contents = json.loads(raw)
        except ValueError as error:
            raise ProtocolError(f"Edition {path} is no JSON ({error}). Give a published protocols.json.") from None
        if not isinstance(contents, dict) or not contents.get("protocols"):
            raise ProtocolError(f"Edition {path} has no protocols. Give the protocols.json of a published folder.")
        read_edition(contents)  # a list that was changed is refused before hours of building
        return cls(path.name, hashlib.sha256(raw).hexdigest(), contents)

    def take(self, sites: pd.DataFrame, data_digest: str) -> tuple[dict[str, Protocol], dict[str, str], dict]:
        """Return the edition's protocols as far as the folder has their towers.

        Parameters
        ----------
        sites : DataFrame [S], the folder's sites table
        data_digest : str, of the folder

        Returns
        -------
        protocols : dict, name -> Protocol, with the edition's own lists and digests
        unsupported : dict, name of a protocol that could not be taken -> why
        record : dict, what the manifest says of the edition: what it is, whether the data are the same, what differs

        Raises
        ------
        ProtocolError : it is no edition, or was changed since it was published
        """
        taken, differences = pin(self.contents, sites)
        published = self.contents["protocols"]
        left = {
            name: f"the edition's towers are not all here; {_first(differences, name)}"
            for name in published
            if name not in taken
        }
        record = {
            "file": self.file,
            "sha256": self.sha256,
            "digest": digest({name: str(entry["digest"]) for name, entry in published.items()}),
            "data_digest": self.contents.get("data_digest"),
            "same_data": self.contents.get("data_digest") == data_digest,
            "taken": sorted(taken),
            "differences": differences,
        }
        return taken, left | dict(self.contents.get("unsupported") or {}), record


def _first(differences: list[str], name: str) -> str:
    return next(d.removeprefix(f"{name}: not taken, ") for d in differences if d.startswith(f"{name}: "))


def digest(digests: Mapping[str, str]) -> str:
    """Return the digest of an edition, from those of its protocols: first 16 hex digits of a sha256."""
    return hashlib.sha256(json.dumps(dict(digests), sort_keys=True).encode()).hexdigest()[:16]


def of_published_data(name: str, protocols: Mapping[str, Protocol]) -> dict[str, object]:
    """Return what the manifest says of a folder made from one published edition's own files.

    Parameters
    ----------
    name : str, the edition
    protocols : mapping, name -> Protocol, as drawn
    """
    lists = {n: p.digest for n, p in sorted(protocols.items()) if n.startswith("published_")}
    return {
        "name": name,
        "digest": digest({n: p.digest for n, p in protocols.items()}),
        "published_lists": lists,
        "note": "The edition's own lists of towers were not published as files; published_lists are drawn by its rule "
        "and seed from its towers, and frozen here. Sources with their sha256 stand under sources.",
    }
