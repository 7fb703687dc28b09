"""A model of a user's own: a class of a Python file, with the files beside it, whose errors are told as its own."""

from __future__ import annotations

import hashlib
import importlib
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from .errors import CarbonBenchError, UsageError, unknown

_FILES: dict[type, Path] = {}  # the file that each class was asked for in


def own_class(file: Path, name: str) -> type:
    """Return a class from a user's own file, which runs as any Python the user starts.

    Raises
    ------
    UsageError : no such file, it cannot be run, or it has no such class with `fit` and `predict`
    """
    if not file.is_file():
        raise UsageError(f"No file {file}. Expected FILE.py:CLASS or the name of a baseline.")
    module = _module(file.resolve())
    if not hasattr(module, name):
        raise unknown(f"class in {file}", name, [n for n, v in vars(module).items() if isinstance(v, type)])
    cls = getattr(module, name)
    lacking = [method for method in ("fit", "predict") if not callable(getattr(cls, method, None))]
    if lacking:
        raise UsageError(f"{name} in {file} has no method {' and '.join(lacking)}; a model has fit and predict.")
    if isinstance(cls, type):
        _FILES[cls] = file.resolve()
    return cls


@contextmanager
def as_its_own(cls: type, step: str) -> Iterator[None]:
    """Run a step of a model; what goes wrong in a class of a user's own is told as that, with its file and line.

    Raises
    ------
    CarbonBenchError : the step of a user's own class fails
    """
    file = _FILES.get(cls)
    if file is None:
        yield
        return
    _BESIDE.move_to(file.parent)
    try:
        yield
    except CarbonBenchError:
        raise
    except Exception as error:
        raise CarbonBenchError(f"{cls.__name__}.{step} failed: {_told(error)} ({_place(error, file)})") from error


def _module(file: Path) -> ModuleType:
    """Run a file as a module of a name that no file of another folder has."""
    name = f"{file.stem}_{hashlib.sha256(str(file).encode()).hexdigest()[:8]}"
    spec = spec_from_file_location(name, file)
    module = sys.modules[name] = module_from_spec(spec)  # dataclasses look their module up there
    _BESIDE.move_to(file.parent)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise UsageError(f"{file} cannot be run: {_told(error)}. Run it with python to see.") from error
    return module


def _told(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())


def _place(error: Exception, file: Path) -> str:
    """Return the innermost line of the user's own that an error passed through."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if Path(f.filename).parent == file.parent]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(file)


class _Beside:
    """The folder whose files can be imported as those beside a script can: that of one model at a time.

    Two models in two folders may each have a helper.py. The modules of a folder that is left are put away and come back
    with it.
    """

    def __init__(self) -> None:
        self.folder: Path | None = None
        self.before: set[str] = set()
        self.put_away: dict[Path, dict[str, ModuleType]] = {}

    def move_to(self, folder: Path) -> None:
        """Let the files of a folder be imported, those of the one before no longer."""
        if folder == self.folder:
            return
        if self.folder is not None:
            names = [name for name in sys.modules if self._is_of_the_folder(name.partition(".")[0])]
            self.put_away[self.folder] = {name: sys.modules.pop(name) for name in names}
            if str(self.folder) in sys.path:
                sys.path.remove(str(self.folder))
        self.folder, self.before = folder, set(sys.modules)
        sys.path.insert(0, str(folder))
        sys.modules.update(self.put_away.get(folder, {}))
        importlib.invalidate_caches()

    def _is_of_the_folder(self, top: str) -> bool:
        """Return whether a top-level module came from the folder since it was moved to."""
        module = sys.modules.get(top)
        if module is None or top in self.before:
            return False
        if file := getattr(module, "__file__", None):
            file = Path(file)
            return (file.parent if file.stem == "__init__" else file).parent == self.folder
        return any(Path(path).parent == self.folder for path in getattr(module, "__path__", ()))


_BESIDE = _Beside()
