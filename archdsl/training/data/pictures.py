"""From the file of a picture to the bytes of an image: the one way in, for training and for `predict`.

Only formats that PIL decodes itself are read: for others it starts programs, as Ghostscript for EPS.
"""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageFile import ImageFile

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM")

MOST_PIXELS = 89_478_485
"""PIL's own bound, above which it warns of a decompression bomb."""

_GREY = ("1", "L", "LA", "La")
_DEEPER_THAN_BYTES = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")
_ORIENTATION = 0x0112  # The tag of EXIF.
_SIDEWAYS = (5, 6, 7, 8)  # With these height and width change places.

HEAD = 4096
"""Bytes at the beginning of a file by which one is told from another of its size."""

_ENDS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND"}
"""What a file ends with; in the pixels of a JPEG no such bytes are."""

_TAIL = 256
"""Bytes in which that end is looked for: some programs and cameras write something behind it."""

CropBox = Callable[[int, int], tuple[float, float, float, float]]
"""For a height and a width: top, left, height and width of what is cut out of the picture."""


class Header(NamedTuple):
    """What is told of a file before its picture is decoded.

    has_colours: whether it is of a kind that can have some. mark: 64 bits of a hash of its first HEAD bytes.
    """

    has_colours: bool
    mark: int


def hush_decoders() -> None:
    """Let what PIL warns of be no lines among those of a training: it is an error here, or of no matter.

    That are pictures of very many pixels, and EXIF data that are cut. For all threads, as Python has it.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.")


hush_decoders()


def read_image(file: str | os.PathLike[str], height: int, width: int, channels: int = 3) -> Tensor:
    """One picture as training sees it: uint8 (channels, height, width), grey for one channel.

    The picture is turned as its EXIF data say, laid on white where it is transparent, scaled to cover height and
    width (bilinear, with antialiasing) and cut around its middle. Raises TrainingError, which names the file, where
    it is no picture, is damaged, has more than 8 bits a channel, several frames, or more than MOST_PIXELS pixels.
    """
    for found in look_at([os.fspath(file)]):
        if isinstance(found, TrainingError):
            raise found
    return as_images([decode(os.fspath(file), height, width, channels)], height, width, channels)[0]


def look_at(files: Iterable[str]) -> Iterator[Header | TrainingError]:
    """Read the header of each file, and tell of it, or why its picture is not read.

    A JPEG or PNG that has no end is decoded, for most of these are cut, which a training would find out late.
    """
    for file in files:
        try:
            with _opened(file) as picture:
                head, tail = _ends_of(picture)
                if _ENDS.get(picture.format or "", b"") not in tail:
                    picture.load()
                found: Header | TrainingError = Header(picture.mode not in _GREY, _mark_of(head))
        except TrainingError as error:
            found = error
        yield found


def _ends_of(picture: ImageFile) -> tuple[bytes, bytes]:
    """The first HEAD and the last _TAIL bytes of the file of a picture that is open."""
    file = picture.fp
    assert file is not None, "it is open"
    at = file.tell()
    file.seek(0)
    head = file.read(HEAD)
    file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
    tail = file.read()
    file.seek(at)
    return head, tail


def _mark_of(head: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(head, digest_size=8).digest(), "little", signed=True)


def decode(file: str, height: int, width: int, channels: int = 3, crop: CropBox | None = None) -> bytes:
    """The pixels of a picture, height x width x channels: of the crop, scaled; else as `read_image` says.

    A JPEG that is much larger than what is asked for is decoded at a half, a quarter or an eighth of its size, but at
    no less than twice what is asked for.
    """
    from PIL import Image as Pictures
    from PIL import ImageOps

    with _opened(file) as opened:
        orientation = opened.getexif().get(_ORIENTATION, 1)
        turned = orientation in _SIDEWAYS
        full_width, full_height = reversed(opened.size) if turned else opened.size
        top, left, box_height, box_width = (crop or _cover(height, width))(full_height, full_width)
        enough = (
            math.ceil(2 * full_width * width / box_width),
            math.ceil(2 * full_height * height / box_height),
        )
        opened.draft(None, enough[::-1] if turned else enough)
        opened.load()
        picture: Picture = opened if orientation == 1 else ImageOps.exif_transpose(opened)
        if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
            picture = picture.convert("RGBA")
            picture = Pictures.alpha_composite(Pictures.new("RGBA", picture.size, "white"), picture)
        x, y = picture.width / full_width, picture.height / full_height
        box = (
            left * x,
            top * y,
            min((left + box_width) * x, picture.width),
            min((top + box_height) * y, picture.height),
        )
        mode = "RGB" if channels == 3 else "L"
        if picture.mode != mode:  # Before it is scaled, which a palette can't be.
            picture = picture.convert(mode)
        return picture.resize((width, height), Pictures.Resampling.BILINEAR, box=box).tobytes()


def as_images(pixels: Iterable[bytes], height: int, width: int, channels: int) -> Tensor:
    """What `decode` gave, as uint8 (count, channels, height, width), which lie in memory pixel by pixel."""
    joined = bytearray().join(pixels)
    return torch.frombuffer(joined, dtype=torch.uint8).view(-1, height, width, channels).permute(0, 3, 1, 2)


def _cover(height: int, width: int) -> CropBox:
    """The largest part around the middle that has the sides' ratio."""

    def box(full_height: int, full_width: int) -> tuple[float, float, float, float]:
        scale = min(full_height / height, full_width / width)
        # By rounding, a side can come out a little larger than the picture's, which PIL refuses.
        box_height, box_width = min(height * scale, full_height), min(width * scale, full_width)
        return (full_height - box_height) / 2, (full_width - box_width) / 2, box_height, box_width

    return box


@contextmanager
def _opened(file: str) -> Iterator[ImageFile]:
    """A picture whose header is right. What goes wrong with it inside the block is an error of its file, too."""
    from PIL import Image as Pictures
    from PIL import UnidentifiedImageError

    try:
        if not os.path.isfile(file):
            raise _refused(file, _no_file(file))
        with Pictures.open(file, formats=FORMATS) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise _refused(file, f"{picture.width:,}x{picture.height:,} pixels; at most {MOST_PIXELS:,} are read")
            if picture.mode in _DEEPER_THAN_BYTES:
                raise _refused(file, f"more than 8 bits a channel ({picture.mode}); save it with 8")
            # The second frame of MPO, which is what many cameras write, is the same picture for the other eye.
            if getattr(picture, "is_animated", False) and picture.format != "MPO":
                raise _refused(file, "it has several frames; save the one to look at by itself")
            yield picture
    except TrainingError:
        raise
    except UnidentifiedImageError:
        if not os.path.getsize(file):
            raise _refused(file, "the file is empty") from None
        raise _refused(file, f"not an image that can be read; those of {', '.join(FORMATS)} are") from None
    except PermissionError:
        raise _refused(file, "it may not be read (permission denied)") from None
    except Exception as error:  # What PIL's decoders raise on bad files is of every kind.
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise _refused(file, f"not an image that can be read ({reason})") from None


def _no_file(file: str) -> str:
    """What is there in place of a file."""
    if os.path.isdir(file):
        return "not an image, but a folder"
    if os.path.islink(file):
        return "a link to a file that is not there"
    return "not a file, but a device or a pipe" if os.path.exists(file) else "there is no such file"


def _refused(file: str, why: str) -> TrainingError:
    return TrainingError(f"{printable(file)}: {printable(why)}")
