"""Training logs: a line per epoch on stdout, and files that a viewer shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Log:
    """Tells what each epoch gave.

    Parameters
    ----------
    name : str, what a line begins with
    progress : bool, whether there is such a line
    kind : "", which writes no files, or "tensorboard"
    folder : Path, where files go
    """

    def __init__(self, name: str = "", progress: bool = True, kind: str = "", folder: Path | None = None) -> None:
        self.name, self.progress = name, progress
        self._kind, self._folder, self._writer = kind, folder, None

    def epoch(self, number: int, of: int, values: dict[str, float], seconds: float, best: bool) -> None:
        """Tell of one epoch, counted from 1."""
        if self.progress:
            text = "  ".join(f"{k} {v:.3f}" for k, v in values.items())
            line = f"{self.name}epoch {number}/{of}  {text}  {seconds:.1f} s{' *' if best else ''}"
            print(line, flush=True)
        if self._kind == "tensorboard":
            # What a killed run wrote of epochs that are now run again is hidden.
            self._writer = self._writer or _tensorboard(self._folder, purge_step=number)
            for key, value in {**values, "seconds": seconds}.items():
                self._writer.add_scalar(key, value, number)
            self._writer.flush()

    def close(self) -> None:
        """Finish the files."""
        if self._writer is not None:
            self._writer.close()


def _tensorboard(folder: Path | None, purge_step: int) -> Any:
    from . import need

    need("tensorboard", "log")
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(folder, purge_step=purge_step)
