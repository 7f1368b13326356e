"""Images in folders, one folder a class."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from archdsl.training.data.fit import Fit
from archdsl.training.data.image_set import DataSet, ImageSet
from archdsl.training.errors import TrainingError, printable

TEST_SHARE = 0.2
"""The part of each class that is kept for the test, where a folder has no `train` and `test` of its own."""

_NOT_IMAGES = {"thumbs.db", "desktop.ini"}
_DEEPER_THAN_BYTES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def read_folder(path: Path, fit: Fit, seed: int) -> DataSet:
    """Read `path/train/CLASS/*` and `path/test/CLASS/*`, or split `path/CLASS/*` by the seed.

    The classes are the folders' names in order. Each image is scaled to cover the network's height and width, and
    cut around its middle. All are held as grey if none has a colour. Hidden files are left out; any other file
    must be an image. Raises TrainingError, which names the file that is not, or the folder that is missing.
    """
    from archdsl.shapes import Image

    name = printable(f"folder:{path}")
    shape = fit.network.input
    if not isinstance(shape, Image):
        fit.refuse_input(f"the network takes {shape} features, and {name} has images", "3x64x64")
    if not path.is_dir():
        raise TrainingError(f"{printable(str(path))}: there is no such folder")
    parts = [part for part in ("train", "test") if (path / part).is_dir()]
    if len(parts) == 1:
        other = "test" if parts == ["train"] else "train"
        raise TrainingError(f"{printable(str(path))}: there is a folder `{parts[0]}`, and no `{other}` beside it")
    if parts:
        train_files, test_files = _list_classes(path / "train"), _list_classes(path / "test")
        if list(train_files) != list(test_files):
            odd = sorted(set(train_files) ^ set(test_files))[0]
            raise TrainingError(f"{printable(str(path))}: class {printable(odd)} is in only one of `train` and `test`")
    else:
        train_files, test_files = _split(_list_classes(path), seed)
    classes = tuple(train_files)
    fit.check_classes(name, len(classes))
    assert isinstance(shape, Image)
    size = (int(shape.height or 0), int(shape.width or 0))
    train, test = _read_images(train_files, size), _read_images(test_files, size)
    if not (_has_colour(train.images) or _has_colour(test.images)):
        train, test = (ImageSet(part.images[:, :1].contiguous(), part.labels) for part in (train, test))
    fit.check_images(name, train.images.shape[1], *size)
    return DataSet(name, classes, train, test)


def _list_classes(path: Path) -> dict[str, list[Path]]:
    """The files of each class, both in order."""
    classes = {folder.name: _list_images(folder) for folder in sorted(path.iterdir()) if _is_class(folder)}
    if len(classes) < 2:
        found = f"only one, {printable(next(iter(classes)))}" if classes else "none"
        raise TrainingError(f"{printable(str(path))}: a folder for each class is needed, and there is {found}")
    return classes


def _is_class(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _list_images(folder: Path) -> list[Path]:
    files = [
        file
        for file in sorted(folder.iterdir())
        if not file.name.startswith(".") and file.name.lower() not in _NOT_IMAGES
    ]
    if not files:
        raise TrainingError(f"{printable(str(folder))}: there is no image in it")
    return files


def _split(classes: dict[str, list[Path]], seed: int) -> tuple[dict[str, list[Path]], dict[str, list[Path]]]:
    """Keep a part of each class, at least one image, for the test."""
    generator = torch.Generator().manual_seed(seed)
    train, test = {}, {}
    for name, files in classes.items():
        if len(files) < 2:
            raise TrainingError(
                f"{printable(str(files[0].parent))}: one image can't be both learned from and tested on"
            )
        kept = set(torch.randperm(len(files), generator=generator)[: max(1, round(TEST_SHARE * len(files)))].tolist())
        train[name] = [file for i, file in enumerate(files) if i not in kept]
        test[name] = [file for i, file in enumerate(files) if i in kept]
    return train, test


def _read_images(classes: dict[str, list[Path]], size: tuple[int, int]) -> ImageSet:
    files = [(file, label) for label, names in enumerate(classes.values()) for file in names]
    images = torch.empty(len(files), 3, *size, dtype=torch.uint8)
    for i, (file, _) in enumerate(files):
        images[i] = _read_image(file, size)
    return ImageSet(images, torch.tensor([label for _, label in files]))


def _read_image(file: Path, size: Sequence[int]) -> Tensor:
    """One image as uint8 (3, height, width)."""
    from PIL import Image as Pictures
    from PIL import ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Pictures.DecompressionBombWarning)
            with Pictures.open(file) as opened:
                if opened.mode in _DEEPER_THAN_BYTES:
                    raise TrainingError(
                        f"{printable(str(file))}: more than 8 bits a channel ({opened.mode}); save it with 8"
                    )
                opened.load()
                picture = ImageOps.exif_transpose(opened)
    except TrainingError:
        raise
    except Exception as error:  # What PIL's decoders raise on bad files is of every kind.
        reason = printable(str(error).splitlines()[0] if str(error) else type(error).__name__)
        raise TrainingError(f"{printable(str(file))}: not an image that can be read ({reason})") from None
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Pictures.alpha_composite(Pictures.new("RGBA", picture.size, "white"), picture)
    picture = ImageOps.fit(picture.convert("RGB"), (size[1], size[0]), Pictures.Resampling.BILINEAR)
    return torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8).view(*size, 3).permute(2, 0, 1)


def _has_colour(images: Tensor) -> bool:
    return any(bool((image != image[:1]).any()) for image in images)
