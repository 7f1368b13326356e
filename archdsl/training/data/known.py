"""The published data sets: torchvision fetches and reads them, and what it would load though it is wrong is refused."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.training.data.image_set import DataSet, ImageSet


class KnownSet(NamedTuple):
    """A published data set. `folder` is below the data folder; `files` are the ones that must lie there."""

    torchvision_name: str
    folder: str
    files: tuple[str, ...]
    channels: int
    height: int
    width: int
    classes: tuple[str, ...]
    sha256: tuple[str, ...] = ()


_IDX_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
_CIFAR_FILES = (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta")

# Of the files as they are unpacked; the archives have the MD5 that their authors publish, and torchvision checks.
_FASHION_MNIST_SHA256 = (
    "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
)
_MNIST_SHA256 = (
    "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
)
_FASHION = ("t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
_CIFAR10 = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_CIFAR100 = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant flatfish
forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree motorcycle
mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate poppy porcupine
possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider squirrel streetcar
sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle wardrobe whale
willow_tree wolf woman worm
"""

KNOWN_SETS = {
    "fashion-mnist": KnownSet(
        "FashionMNIST", "FashionMNIST/raw", _IDX_FILES, *(1, 28, 28), _FASHION, _FASHION_MNIST_SHA256
    ),
    "mnist": KnownSet("MNIST", "MNIST/raw", _IDX_FILES, *(1, 28, 28), tuple("0123456789"), _MNIST_SHA256),
    "cifar10": KnownSet("CIFAR10", "cifar-10-batches-py", _CIFAR_FILES, *(3, 32, 32), _CIFAR10),
    "cifar100": KnownSet(
        "CIFAR100", "cifar-100-python", ("train", "test", "meta"), *(3, 32, 32), tuple(_CIFAR100.split())
    ),
}


def read_known_set(name: str, data_dir: Path, download: bool, verify: bool = True) -> DataSet:
    """Read a published data set from `data_dir`; fetch it first, if `download` says so and it is not there.

    verify: whether the SHA-256 of each file must be that of the published one. The files of CIFAR are pickles, and
        are never opened with another checksum than the published one.

    Raises TrainingError where files are missing, cut or damaged, and says which and where they belong.
    """
    known = KNOWN_SETS[name]
    folder = data_dir / known.folder
    if _missing(folder, known) and download:
        _torchvision_set(name, known, data_dir, True, download=True)
    if missing := _missing(folder, known):
        raise TrainingError(_missing_message(name, known, folder, missing))
    if known.files == _IDX_FILES:
        _verify_idx_files(folder, known)
        if verify:
            _verify_checksums(name, folder, known)
    train, test = (_read_part(name, known, data_dir, is_train) for is_train in (True, False))
    return DataSet(name, known.classes, train, test)


def _missing(folder: Path, known: KnownSet) -> list[str]:
    return [file for file in known.files if not (folder / file).is_file()]


def _missing_message(name: str, known: KnownSet, folder: Path, missing: list[str]) -> str:
    return printable(
        f"{name} is not on the disk: {', '.join(missing)} belong{'s' if len(missing) == 1 else ''} in {folder}/; "
        f"--download fetches {'it' if len(missing) == 1 else 'them'}, and --data-dir or $ARCHDSL_DATA names another "
        "place"
    )


def _read_part(name: str, known: KnownSet, data_dir: Path, train: bool) -> ImageSet:
    folder = data_dir / known.folder
    if known.files == _IDX_FILES:
        # Not by torchvision's classes, which would rather read a file `processed/training.pt` that lies beside.
        from torchvision.datasets.mnist import read_image_file, read_label_file

        start = "train" if train else "t10k"
        images: Tensor = read_image_file(str(folder / f"{start}-images-idx3-ubyte")).unsqueeze(1)
        labels: Tensor = read_label_file(str(folder / f"{start}-labels-idx1-ubyte"))
    else:
        loaded = _torchvision_set(name, known, data_dir, train)
        images = torch.as_tensor(loaded.data).permute(0, 3, 1, 2).contiguous()
        labels = torch.as_tensor(loaded.targets).long()
    _verify(f"{name} in {folder}", "training" if train else "test", images, labels, known)
    return ImageSet(images, labels)


def _torchvision_set(name: str, known: KnownSet, data_dir: Path, train: bool, download: bool = False) -> Any:
    """The set as torchvision reads it.

    It checks the MD5 of each archive that it fetches before it unpacks it, and of each file of CIFAR before it
    unpickles any (`_check_integrity` and `_load_meta` in torchvision/datasets/cifar.py).
    """
    import torchvision

    folder = data_dir / known.folder
    try:
        return getattr(torchvision.datasets, known.torchvision_name)(data_dir, train=train, download=download)
    except Exception as error:  # What torchvision raises on bad files or no network is of every kind.
        # Behind its first line, torchvision tells what each mirror said.
        lines = [line.strip() for line in str(error).splitlines() if line.strip() and "://" not in line]
        words = re.sub(r"<urlopen error (?:\[Errno -?\d+\] )?(.*?)>", r"\1", " ".join(dict.fromkeys(lines)))
        reason = printable(words or type(error).__name__)
    if not download and "corrupted" in reason:
        reason = "a file is not the published one, by its MD5; delete them, and fetch them again with --download"
    what = "fetched or read" if download else "read"
    raise TrainingError(
        f"{name} could not be {what}: {reason}; its files are {', '.join(known.files)}, and belong in "
        f"{printable(str(folder))}/; shapes, the data that are drawn here, need none"
    )


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
        if not head:
            fault = "it is empty"
        elif head.lstrip()[:1] == b"<":
            fault = "it is a web page, not the data"
        elif head[:4] != bytes((0, 0, 8, 1 + len(dimensions))) or len(head) < 8 + 4 * len(dimensions):
            fault = f"it does not begin as a file of {'images' if dimensions else 'labels'} in this format does"
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


def _verify_checksums(name: str, folder: Path, known: KnownSet) -> None:
    """Refuse files that have one pixel or label other than the published ones."""
    for file, expected in zip(known.files, known.sha256, strict=True):
        with open(folder / file, "rb") as opened:
            if hashlib.file_digest(opened, "sha256").hexdigest() == expected:
                continue
        raise TrainingError(
            printable(
                f"{folder / file}: not the published file of {name}, by its SHA-256; delete it, and fetch it again "
                "with --download, or take it as it is with --set-recipe data.verify=false"
            )
        )
