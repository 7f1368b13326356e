"""Images in folders, one folder a class: held in memory where they fit, else read from their files step by step."""

from __future__ import annotations

import os
from array import array
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

import torch
from torch import Tensor

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.shapes import Image
from archdsl.training.data.fit import Fit
from archdsl.training.data.image_set import DataSet, Images, ImageSet, Request
from archdsl.training.data.pictures import look_at
from archdsl.training.data.streamed import StreamedSet
from archdsl.training.report import Report

TEST_SHARE = 0.2
"""The part of each class that is kept for the test, where a folder has no `test` or `val` of its own."""

MOST_IN_MEMORY = 2 * 2**30
"""Bytes of images, all parts together, up to which a folder is held in memory. It does not ask how much memory there
is, for a random crop is another one there, and so would be the run."""

MOST_FAULTS = 20
"""So many files that can't be read are named, and the number of all others."""

_NOT_IMAGES = {"thumbs.db", "desktop.ini"}
_AT_ONCE = 64


def list_folder(path: Path, fit: Fit, seed: int) -> DataSet:
    """Find `path/train/CLASS/*` and `path/test/CLASS/*`, or `path/CLASS/*`, which is split by the seed.

    `val` stands for `test` where there is none, as in ImageNet; beside both it is the validation part. The classes are
    the folders' names in order. Hidden files are left out; any other file must be an image.
    Raises TrainingError, which names the folder that is missing or wrong.
    """
    name = printable(f"folder:{path}")
    shape = fit.network.input
    if not isinstance(shape, Image):
        fit.refuse_input(f"the network takes {shape} features, and {name} has images", "3x64x64")
    if not path.is_dir():
        fault = "a file, and no folder" if path.is_file() else "there is no such folder"
        raise TrainingError(f"{printable(str(path))}: {fault}")
    parts = _list_parts(path, seed)
    classes = tuple(parts["train"])
    fit.check_classes(name, len(classes))
    size = (int(shape.height or 0), int(shape.width or 0))
    sets = {part: _as_set(files, size) for part, files in parts.items()}
    return DataSet(name, classes, sets["train"], sets["test"], sets.get("val"))


def open_folder(listed: DataSet, fit: Fit, in_memory: bool | None, report: Report) -> DataSet:
    """Read the header of each file of a listed folder, and the images as well where they are held in memory.

    All images are grey if none has a colour; of images that stay in their files, if none is of a kind that can have
    colours. in_memory: None holds up to MOST_IN_MEMORY bytes. report: is told of it where it takes long.
    Raises TrainingError, which names the files that are not images, or tells that the network does not take them.
    """
    parts = _look_at([part for part in listed.parts if isinstance(part, StreamedSet)], report)
    height, width = parts[0].height, parts[0].width
    if in_memory is None:
        in_memory = sum(map(len, parts)) * parts[0].channels * height * width <= MOST_IN_MEMORY
    opened: Sequence[Images] = _hold(parts, report) if in_memory else parts
    fit.check_images(listed.name, opened[0].channels, height, width)
    return DataSet(listed.name, listed.classes, *opened)


def refuse_all(faults: Sequence[TrainingError]) -> None:
    """Raise what is wrong with files as one error, a line for each; nothing where there is none."""
    if faults:
        more = len(faults) - MOST_FAULTS
        counted = [f"and {more:,} more files that can't be read"] if more > 0 else []
        raise TrainingError("\n".join([*map(str, faults[:MOST_FAULTS]), *counted]))


def _list_parts(path: Path, seed: int) -> dict[str, dict[str, list[str]]]:
    """The files of each class of `train`, `test`, and of `val` if the folder has one beside both."""
    there = [part for part in ("train", "test", "val") if (path / part).is_dir()]
    if not there:
        train, test = _split(_list_classes(path), seed)
        return {"train": train, "test": test}
    where = printable(str(path))
    if "train" not in there:
        raise TrainingError(f"{where}: there is a folder `{there[0]}`, and no `train` beside it")
    if len(there) == 1:
        raise TrainingError(f"{where}: there is a folder `train`, and no `test` or `val` beside it")
    parts = {part: _list_classes(path / part, "; images without classes must lie elsewhere") for part in there}
    for part in there[1:]:
        for here, beside in (("train", part), (part, "train")):
            if alone := sorted(set(parts[here]) - set(parts[beside])):
                raise TrainingError(f"{where}: class {printable(alone[0])} is in `{here}`, and not in `{beside}`")
    return parts if "test" in parts else {"train": parts["train"], "test": parts["val"]}


def _list_classes(path: Path, hint: str = "") -> dict[str, list[str]]:
    """The files of each class, both in order. hint: what is told besides where there is no class."""
    classes = {_name_of(folder): _list_images(folder) for folder in sorted(path.iterdir()) if _is_class(folder)}
    if len(classes) < 2:
        found = f"only one, {printable(next(iter(classes)))}" if classes else f"none{hint}"
        raise TrainingError(f"{printable(str(path))}: a folder for each class is needed, and there is {found}")
    for name in classes:
        if not name.isprintable():  # Nor is a name that is not UTF-8: nothing could be written that has it in it.
            raise TrainingError(f"{printable(str(path / name))}: a class needs a name that can be printed")
    return classes


def _name_of(folder: Path) -> str:
    """The name of a class, which is UTF-8 whatever the encoding of this terminal is."""
    return os.fsencode(folder.name).decode("utf-8", "surrogateescape")


def _is_class(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _list_images(folder: Path) -> list[str]:
    names = [name for name in os.listdir(folder) if not name.startswith(".") and name.lower() not in _NOT_IMAGES]
    if not names:
        raise TrainingError(f"{printable(str(folder))}: there is no image in it")
    return [os.path.join(folder, name) for name in sorted(names)]


def _split(classes: dict[str, list[str]], seed: int) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Keep a part of each class, at least one image, for the test."""
    generator = torch.Generator().manual_seed(seed)
    train, test = {}, {}
    for name, files in classes.items():
        if len(files) < 2:
            raise TrainingError(
                f"{printable(os.path.dirname(files[0]))}: one image can't be both learned from and tested on; add "
                "another, or make folders `train` and `test` of your own"
            )
        kept = set(torch.randperm(len(files), generator=generator)[: max(1, round(TEST_SHARE * len(files)))].tolist())
        train[name] = [file for i, file in enumerate(files) if i not in kept]
        test[name] = [file for i, file in enumerate(files) if i in kept]
    return train, test


def _as_set(classes: dict[str, list[str]], size: tuple[int, int]) -> StreamedSet:
    labels = [label for label, files in enumerate(classes.values()) for _ in files]
    return StreamedSet(tuple(chain.from_iterable(classes.values())), torch.tensor(labels), *size, channels=3)


def _look_at(parts: Sequence[StreamedSet], report: Report) -> list[StreamedSet]:
    """The same sets with what the headers tell of them. Raises TrainingError with all that are not those of images."""
    sizes = [len(part) for part in parts]
    looked_at = look_at(chain.from_iterable(part.files for part in parts))
    marks, has_colours, faults = array("q"), False, []
    for found in report.watch(looked_at, sum(sizes), "headers of pictures read"):
        if isinstance(found, TrainingError):
            faults.append(found)
        else:
            marks.append(found.mark)
            has_colours = has_colours or found.has_colours
    refuse_all(faults)
    channels = 3 if has_colours else 1
    by_part = torch.split(torch.tensor(marks), sizes)
    return [replace(part, channels=channels, marks=its) for part, its in zip(parts, by_part, strict=True)]


def _hold(parts: Sequence[StreamedSet], report: Report) -> list[ImageSet]:
    """The same sets in memory, grey if no image has a colour."""
    try:
        held = [_read_all(part, report) for part in parts]
    except TrainingError:  # Of the first file; the others are worth to know before one begins to mend.
        refuse_all([fault for part in parts for fault in part.faults()])
        raise
    if parts[0].channels == 3 and not any(map(_has_colour, held)):
        held = [images[:, :1].contiguous() for images in held]
    return [ImageSet(images, part.labels, part.files) for images, part in zip(held, parts, strict=True)]


def _read_all(part: StreamedSet, report: Report) -> Tensor:
    images = torch.empty(len(part), part.channels, part.height, part.width, dtype=torch.uint8)
    batches = part.read(map(Request, torch.split(torch.arange(len(part)), _AT_ONCE)))
    read = (image for _, batch, _ in batches for image in batch)
    for i, image in enumerate(report.watch(read, len(part), "pictures read")):
        images[i] = image
    return images


def _has_colour(images: Tensor) -> bool:
    return any(bool((image != image[:1]).any()) for image in images)
