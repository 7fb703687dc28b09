"""How far a training came, kept so that the same call goes on after a kill as if nothing had happened.

One safetensors file holds the weights, the optimiser, the averages and the random numbers as tensors, and the rest as
JSON in its header: no pickle. It is written beside its place and renamed, so that it is there whole or not at all.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from carbonbench_core import encoding, rows, tabular, windows
from carbonbench_core.errors import UsageError

from ._saved import write_whole

State = tuple[dict[str, torch.Tensor], dict[str, Any]]


@dataclass
class Checkpoint:
    """The checkpoint of one training.

    Parameters
    ----------
    path : Path
    identity : dict, what the training is made of; a checkpoint of another one is refused
    code : str, of which version; a checkpoint of another one is left aside
    """

    path: Path
    identity: dict[str, Any]
    code: str = ""
    _told: bool = field(default=False, repr=False)

    def save(self, tensors: dict[str, torch.Tensor], plain: dict[str, Any]) -> None:
        """Write a state over the last one; where the disk refuses, say so once and go on."""
        header = {"identity": json.dumps(self.identity), "code": self.code, "state": json.dumps(plain)}
        whole = {name: tensor.detach().cpu().clone().contiguous() for name, tensor in tensors.items()}
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, save(whole, header))
        except OSError as error:
            if not self._told:
                _tell(f"Checkpoint {self.path} cannot be written ({error.strerror}): training goes on without.")
            self._told = True

    def load(self) -> State | None:
        """Return the last state that was saved; None where there is none, or, which is told, no use of it can be made.

        Raises
        ------
        UsageError : it is the checkpoint of another training; says what differs
        """
        if not self.path.is_file():
            return None
        try:
            with safe_open(self.path, framework="pt") as file:
                header = file.metadata()
                identity, code = json.loads(header["identity"]), header["code"]
                plain = json.loads(header["state"])
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            _tell(f"Checkpoint {self.path} is damaged ({error}): training begins anew.")
            return None
        self._require(identity)
        if code != self.code:
            _tell(f"Checkpoint {self.path} is of another version of the code or of torch: training begins anew.")
            return None
        return tensors, plain

    def _require(self, found: dict[str, Any]) -> None:
        wanted = json.loads(json.dumps(self.identity))
        if found != wanted:
            keys = [k for k in {**found, **wanted} if found.get(k) != wanted.get(k)]
            differing = ", ".join(f"{k} {found.get(k)!r} there, {wanted.get(k)!r} now" for k in sorted(keys)[:3])
            raise UsageError(
                f"{self.path} is the checkpoint of another training ({differing}). Delete it to begin anew."
            )


def code_digest(trained: type) -> str:
    """Return a digest of the version of torch and of the code that trains: with others the weights may differ.

    Parameters
    ----------
    trained : type, the class of the baseline, whose own file may stand outside of the package
    """
    digest = hashlib.sha256(torch.__version__.encode())
    modules = (windows, encoding, tabular, rows, sys.modules.get(trained.__module__))
    outside = [module.__file__ for module in modules if getattr(module, "__file__", None)]
    for path in sorted({*Path(__file__).parent.glob("*.py"), *map(Path, outside)}):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
