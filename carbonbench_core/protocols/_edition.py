"""The text of protocols.json: every shard named once, the splits of a protocol as places in that list.

``{"shards": [...], "protocols": {name: {"splits": {split: [places]}, ...}}, ...}``, one protocol a line. A fold is read
by plain `datasets` with ``{split: [shards[i] for i in places] for split, places in entry["splits"].items()}``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..errors import ProtocolError
from ._protocol import Protocol

_REMEDY = "Build the folder again."


def write_edition(protocols: Mapping[str, Protocol], **more: object) -> str:
    """Return the text of a protocols.json.

    Parameters
    ----------
    protocols : mapping, name -> Protocol
    more : what else stands at its top: the data digest, the rules that could not be drawn
    """
    shards = sorted({file for p in protocols.values() for files in p.splits.values() for file in files})
    place = {file: i for i, file in enumerate(shards)}
    lines = []
    for name, protocol in protocols.items():
        entry = protocol.to_json()
        entry["splits"] = {split: [place[file] for file in files] for split, files in protocol.splits.items()}
        lines.append(f"  {json.dumps(name)}: {_line(entry)}")
    top = [f" {json.dumps(key)}: {_line(value)}" for key, value in (more | {"shards": shards}).items()]
    return "{\n" + ",\n".join([*top, ' "protocols": {\n' + ",\n".join(lines) + "\n }"]) + "\n}\n"


def read_edition(contents: Mapping[str, object]) -> dict[str, Protocol]:
    """Return the protocols of the contents of a protocols.json.

    Raises
    ------
    ProtocolError : it is malformed, or lists were changed: a digest does not fit
    """
    shards, entries = contents.get("shards"), contents.get("protocols")
    if not isinstance(shards, list) or not isinstance(entries, Mapping):
        raise ProtocolError(f"protocols.json has no list of shards or no protocols. {_REMEDY}")
    return {name: Protocol.from_json(_named(name, entry, shards)) for name, entry in entries.items()}


def _named(name: str, entry: object, shards: list[str]) -> dict[str, object]:
    """Return an entry with its places in the list of shards replaced by the shards themselves."""
    try:
        splits = {split: [shards[_place(i)] for i in places] for split, places in entry["splits"].items()}
    except (TypeError, KeyError, AttributeError, IndexError) as error:
        raise ProtocolError(f"Malformed entry {name!r} in protocols.json: {error!r}. {_REMEDY}") from None
    return {**entry, "splits": splits}


def _place(i: object) -> int:
    if not isinstance(i, int) or i < 0:
        raise IndexError(f"{i!r} is no place in the list of shards")
    return i


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
