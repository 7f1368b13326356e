"""Files of weights in safetensors' format, without torch: what tensors they have, and the network that they carry.

The format: eight bytes with the length of a header, the header as JSON, and the numbers
(https://huggingface.co/docs/safetensors). In the header's metadata, under `archdsl`, our files have all that the
network was made of: the text of the spec and of what it imports, its settings and its input, and what was trained on.
"""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeGuard

from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.render import visible
from archdsl.reader import reason_of, source_of, unreadable
from archdsl.shapes import Shape
from archdsl.source import Files, Source
from archdsl.weights.errors import WeightsError
from archdsl.weights.state import Entry

SUFFIX = ".safetensors"
VERSION = 1
_LARGEST_HEADER = 100_000_000
"""Bytes; what safetensors itself refuses to go beyond."""

_MOST_FILES = 101
"""A spec, and as many imports as one may have."""


_MOST_CLASSES = 10
"""Of more classes than these the first are told."""


class Normalization(NamedTuple):
    """What is taken from each channel of a picture with values from 0 to 1, and what it is then divided by."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


class Origin(NamedTuple):
    """What a network's weights belong to, as a file of weights keeps it.

    spec: the path of the spec among `files`, "nets/lenet.arch".
    files: the texts of the spec and of the files that it imports, by path.
    input: the input of the network, "1x28x28". settings: what `--set` gave, as it was written.
    classes: the names of the classes, and normalization, of what was trained on, where something was.
    """

    spec: str
    files: Mapping[str, str]
    input: str
    settings: Mapping[str, str] = {}
    classes: tuple[str, ...] | None = None
    normalization: Normalization | None = None

    @property
    def lines(self) -> list[str]:
        """What the weights were made with, in words."""
        lines = []
        if self.settings:
            settings = " ".join(f"--set {name}={value}" for name, value in self.settings.items())
            lines.append(f"made with {visible(settings)}")
        if self.classes is not None:
            shown = ", ".join(map(visible, self.classes[:_MOST_CLASSES]))
            lines.append(f"classes: {shown}" + (", ..." if len(self.classes) > _MOST_CLASSES else ""))
        if self.normalization is not None:
            mean, std = (", ".join(f"{value:.4g}" for value in part) for part in self.normalization)
            lines.append(f"pixels from 0 to 1, less {mean}, divided by {std}")
        return lines

    def source(self, path: Path) -> tuple[Source, list[Diagnostic]]:
        """The spec in the file of weights `path` as a source, whose imports are read from there too."""
        data = {name: text.encode("utf-8", "surrogatepass") for name, text in self.files.items()}
        inside = path.resolve()

        def read(wanted: Path) -> bytes:
            name = wanted.relative_to(inside).as_posix() if wanted.is_relative_to(inside) else None
            if name is None or name not in data:
                raise FileNotFoundError(errno.ENOENT, "not in the file of weights")
            return data[name]

        source, found = source_of(data[self.spec], f"{path}/{self.spec}", inside / self.spec)
        source.files = Files(read, inside)
        return source, found


class Header(NamedTuple):
    """What a safetensors file says of itself.

    entries: its tensors, in the order of the network where `in_order`, else by name.
    dtypes: the kind of number of each, "F32", by key.
    origin: the network that it was written with; None where archdsl did not write it.
    """

    entries: tuple[Entry, ...]
    dtypes: Mapping[str, str]
    in_order: bool
    origin: Origin | None


def origin_of(
    spec: Source,
    imports: Sequence[Source],
    input: Shape,
    settings: Mapping[str, Any],
    classes: Sequence[str] | None = None,
    normalization: Normalization | None = None,
) -> Origin:
    """What a file of weights keeps of a network that was checked."""
    texts = {os.path.abspath(each.name): each.text for each in (spec, *imports)}
    top = os.path.commonpath([os.path.dirname(name) for name in texts])
    files = {Path(os.path.relpath(name, top)).as_posix(): text for name, text in texts.items()}
    given = {name: str(value) for name, value in settings.items()}
    names = None if classes is None else tuple(classes)
    return Origin(next(iter(files)), files, str(input), given, names, normalization)


def metadata_of(origin: Origin, keys: Sequence[str]) -> dict[str, str]:
    """The metadata of a safetensors file; `keys` are those of its tensors in the order of the network."""
    content = {**origin._asdict(), "version": VERSION, "keys": list(keys)}
    if origin.normalization is not None:
        content["normalization"] = origin.normalization._asdict()
    # One name alone: safetensors writes several in any order, and the same network would give other bytes each time.
    return {"archdsl": json.dumps(content)}


def header_of(tensors: Sequence[tuple[str, str, tuple[int, ...], int]], metadata: Mapping[str, str]) -> bytes:
    """What a safetensors file begins with; the numbers of its tensors follow in their order.

    tensors: the key, the kind of number, "F32", the shape and the bytes of each.
    """
    header: dict[str, Any] = {"__metadata__": metadata}
    end = 0
    for key, dtype, shape, size in tensors:
        header[key] = {"dtype": dtype, "shape": shape, "data_offsets": (end, end + size)}
        end += size
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def is_safetensors(path: Path) -> bool:
    """Whether a file is in safetensors' format, or claims to be by its name. Raises WeightsError if unreadable."""
    return path.suffix.lower() == SUFFIX or first_bytes(path, 9)[8:] == b"{"


def read_header(path: Path) -> Header:
    """What a safetensors file says of itself. Raises WeightsError for any other file."""
    name = visible(str(path))
    first = first_bytes(path, 8)
    length = int.from_bytes(first, "little")
    size = path.stat().st_size
    if len(first) < 8 or length > min(_LARGEST_HEADER, size - 8):
        raise WeightsError(f"{name}: not a whole safetensors file")
    try:
        header = json.loads(first_bytes(path, 8 + length)[8:].decode("utf-8"))
    except (ValueError, RecursionError):
        raise WeightsError(f"{name}: not a safetensors file: its header is no JSON") from None
    if not isinstance(header, dict):
        raise WeightsError(f"{name}: not a safetensors file: its header is no object")
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise WeightsError(f"{name}: not a safetensors file: its metadata is no text by name")
    entries, dtypes, end = [], {}, 0
    for key, facts in header.items():
        shape = _shape_in(facts)
        if shape is None:
            raise WeightsError(f"{name}: not a safetensors file: the facts of `{visible(key[:100])}` are none")
        end = max(end, facts["data_offsets"][1])
        entries.append(Entry(key, shape))
        dtypes[key] = facts["dtype"]
    if end != size - 8 - length:
        follow = f"its header tells of {end:,} bytes of numbers, and {size - 8 - length:,} follow"
        raise WeightsError(f"{name}: not a whole safetensors file: {follow}")
    content = _content_in(metadata.get("archdsl"), name)
    if content is None:
        return Header(tuple(entries), dtypes, False, None)
    keys = content.get("keys")
    place = {key: index for index, key in enumerate(keys)} if _are_texts(keys) else {}
    if place.keys() != dtypes.keys():
        raise _damaged(name, "keys")
    entries.sort(key=lambda each: place[each.key])
    return Header(tuple(entries), dtypes, True, origin_in(content, name))


def read_origin(path: Path) -> Origin:
    """The network in a file of weights. Raises WeightsError where there is none."""
    origin = read_header(path).origin
    if origin is None:
        raise WeightsError(f"{visible(str(path))}: weights alone: no spec is kept in it, for archdsl did not write it")
    return origin


class Opened(NamedTuple):
    """The spec in a file of weights: its text or why it can't be read, its input and its settings."""

    source: Source
    unreadable: list[Diagnostic]
    input: Any
    settings: Mapping[str, Any]


def opened(path: Path, input: Any, settings: Mapping[str, Any]) -> Opened:
    """The spec in a file of weights. What is given for its input and its lets wins over what it was made with."""
    try:
        origin = read_origin(path)
    except WeightsError as error:
        reason = OSError(str(error).removeprefix(f"{visible(str(path))}: "))
        return Opened(*unreadable(path, reason), input, settings)
    return Opened(*origin.source(path), origin.input if input is None else input, {**origin.settings, **settings})


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file. Raises WeightsError where it can't be read."""
    try:
        if path.exists() and not path.is_file():
            raise OSError("a folder, not a file" if path.is_dir() else "not a regular file")
        with open(path, "rb") as file:
            return file.read(count)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{visible(str(path))}: {visible(reason_of(error))}") from None


def _shape_in(facts: Any) -> tuple[int, ...] | None:
    """The sizes of a tensor in a header, or None where its facts are not as they should be."""
    if not isinstance(facts, dict) or not isinstance(facts.get("dtype"), str):
        return None
    shape, offsets = facts.get("shape"), facts.get("data_offsets")
    if not _are_sizes(shape) or not _are_sizes(offsets) or len(offsets) != 2 or len(shape) > 100:
        return None
    return tuple(shape)


def _are_sizes(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(type(each) is int and 0 <= each < 2**63 for each in value)


def _content_in(text: str | None, name: str) -> dict[str, Any] | None:
    """What archdsl keeps in the metadata, or None where it wrote none."""
    if text is None:
        return None
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise WeightsError(f"{name}: its metadata is damaged: no JSON") from None
    if not isinstance(content, dict):
        raise WeightsError(f"{name}: its metadata is damaged: no object")
    if content.get("version") != VERSION:
        version = visible(str(content.get("version"))[:20])
        raise WeightsError(f"{name}: written by another version of archdsl (format {version})")
    return content


def origin_in(content: dict[str, Any], name: str) -> Origin:
    """The network in the metadata. Raises WeightsError where a value is not of its kind."""
    spec, files, settings, input = (content.get(part) for part in ("spec", "files", "settings", "input"))
    if not (_are_named_texts(files) and len(files) <= _MOST_FILES and all(map(_is_inside, files))):
        raise _damaged(name, "files")
    if not (isinstance(spec, str) and spec in files):
        raise _damaged(name, "spec")
    if not _are_named_texts(settings):
        raise _damaged(name, "settings")
    if not isinstance(input, str):
        raise _damaged(name, "input")
    classes, given, normalization = content.get("classes"), content.get("normalization"), None
    if classes is not None and not _are_texts(classes):
        raise _damaged(name, "classes")
    if given is not None:
        if not (isinstance(given, dict) and all(_are_numbers(given.get(part)) for part in Normalization._fields)):
            raise _damaged(name, "normalization")
        normalization = Normalization(*(tuple(map(float, given[part])) for part in Normalization._fields))
    return Origin(spec, files, input, settings, None if classes is None else tuple(classes), normalization)


def _damaged(name: str, part: str) -> WeightsError:
    return WeightsError(f"{name}: its metadata is damaged: `{part}` is not as archdsl writes it")


def _are_texts(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(each, str) for each in value)


def _are_named_texts(value: Any) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and all(isinstance(each, str) for each in value.values())


def _is_inside(name: str) -> bool:
    """Whether a name is a path below a folder: no way leads out."""
    return bool(name) and not name.startswith("/") and not {"", ".", ".."} & {*name.split("/")} and "\0" not in name


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(type(each) in (int, float) and math.isfinite(each) for each in value)
