"""The published data sets, read by torchvision and verified, for torchvision itself loads what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from archdsl.training.data.image_set import DataSet, ImageSet
from archdsl.training.errors import TrainingError, printable


class KnownSet(NamedTuple):
    """A published data set. `folder` is below the data folder; `files` are the ones that must lie there."""

    torchvision_name: str
    folder: str
    files: tuple[str, ...]
    channels: int
    height: int
    width: int
    classes: tuple[str, ...]


_IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_CIFAR_FILES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")

KNOWN_SETS = {
    "fashion-mnist": KnownSet(
        "FashionMNIST",
        "FashionMNIST/raw",
        _IDX_FILES,
        *(1, 28, 28),
        ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"),
    ),
    "mnist": KnownSet("MNIST", "MNIST/raw", _IDX_FILES, *(1, 28, 28), tuple("0123456789")),
    "cifar10": KnownSet(
        "CIFAR10",
        "cifar-10-batches-py",
        _CIFAR_FILES,
        *(3, 32, 32),
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    ),
}


def read_known_set(name: str, data_dir: Path, download: bool) -> DataSet:
    """Read a published data set from `data_dir`; fetch it first, if `download` says so and it is not there.

    Raises TrainingError where files are missing, cut or damaged, and says which and where they belong. Files of
    CIFAR-10 are pickles; torchvision opens none whose checksum is not the published one.
    """
    known = KNOWN_SETS[name]
    folder = data_dir / known.folder
    missing = [file for file in known.files if not (folder / file).is_file()]
    if missing and not download:
        raise TrainingError(_missing_message(name, known, folder, missing))
    if not missing and known.files == _IDX_FILES:
        _verify_idx_files(folder, known)
    train = _read_part(name, known, data_dir, True, download)
    test = _read_part(name, known, data_dir, False, download)
    return DataSet(name, known.classes, train, test)


def _missing_message(name: str, known: KnownSet, folder: Path, missing: list[str]) -> str:
    return printable(
        f"{name} is not on the disk: {', '.join(missing)} belong{'s' if len(missing) == 1 else ''} in {folder}/; "
        "--download fetches them, and --data-dir or $ARCHDSL_DATA names another place"
    )


def _read_part(name: str, known: KnownSet, data_dir: Path, train: bool, download: bool) -> ImageSet:
    import torchvision

    folder = data_dir / known.folder
    try:
        loaded: Any = getattr(torchvision.datasets, known.torchvision_name)(data_dir, train=train, download=download)
        images = torch.as_tensor(loaded.data)
        labels = torch.as_tensor(loaded.targets).long()
    except TrainingError:
        raise
    except Exception as error:  # What torchvision raises on bad files or no network is of every kind.
        reason = printable(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__)
        what = "could not be fetched or read" if download else "could not be read"
        raise TrainingError(
            f"{name} {what}: {reason}; its files are {', '.join(known.files)}, and belong in {folder}/"
        ) from None
    images = images.unsqueeze(1) if images.dim() == 3 else images.permute(0, 3, 1, 2).contiguous()
    part = "training" if train else "test"
    _verify(f"{name} in {folder}", part, images, labels, known)
    return ImageSet(images, labels)


def _verify(where: str, part: str, images: Tensor, labels: Tensor, known: KnownSet) -> None:
    """Refuse what loads and is wrong all the same: sizes, counts, labels."""
    where = printable(where)
    wanted = (known.channels, known.height, known.width)
    if images.dtype != torch.uint8 or tuple(images.shape[1:]) != wanted:
        raise TrainingError(
            f"{where}: {part} images are {'x'.join(map(str, images.shape[1:]))}, not {'x'.join(map(str, wanted))}"
        )
    if len(images) != len(labels) or not len(labels):
        raise TrainingError(f"{where}: there are {len(images)} {part} images and {len(labels)} labels")
    if labels.min() < 0 or labels.max() >= len(known.classes):
        wrong = labels[(labels < 0) | (labels >= len(known.classes))][0].item()
        raise TrainingError(f"{where}: a {part} label is {wrong}; there are classes 0 to {len(known.classes) - 1}")
    absent = sorted(set(range(len(known.classes))) - set(labels.tolist()))
    if absent:
        raise TrainingError(f"{where}: no {part} image is labelled {absent[0]} ({known.classes[absent[0]]})")


def _verify_idx_files(folder: Path, known: KnownSet) -> None:
    """Hold each file's size against its own header.

    The format: two zero bytes, the type (8: unsigned bytes), the number of dimensions, each dimension in four bytes,
    big-endian, and then the data (http://yann.lecun.com/exdb/mnist).
    """
    counts: dict[str, int] = {}
    for file in _IDX_FILES:
        path = folder / file
        dimensions = (known.height, known.width) if "idx3" in file else ()
        try:
            with open(path, "rb") as opened:
                head = opened.read(8 + 4 * len(dimensions))
            size = path.stat().st_size
        except OSError as error:
            raise TrainingError(printable(f"{path}: {error.strerror or error}")) from None
        count, *sizes = (int.from_bytes(head[at : at + 4], "big") for at in range(4, 8 + 4 * len(dimensions), 4))
        expected = 8 + 4 * len(dimensions) + count * (known.height * known.width if dimensions else 1)
        if head[:4] != bytes((0, 0, 8, 1 + len(dimensions))) or len(head) < 8 + 4 * len(dimensions):
            fault = f"it does not begin as a file of bytes in {1 + len(dimensions)} dimensions does"
        elif tuple(sizes) != dimensions:
            fault = f"images of {'x'.join(map(str, sizes))}, not {known.height}x{known.width}"
        elif size != expected:
            fault = f"{size} bytes, and by its header it has {expected}"
        elif count == 0:
            fault = "it holds nothing"
        elif count != counts.setdefault(file.partition("-")[0], count):
            fault = f"{count} labels, and there are {counts[file.partition('-')[0]]} images"
        else:
            continue
        raise TrainingError(printable(f"{path}: {fault}; delete it, and fetch it again with --download"))
