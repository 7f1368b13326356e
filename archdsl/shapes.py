"""The shape of one sample, and the arithmetic of windows that slide over it.

A dimension is a whole number, or None where it is not known: after an error, or in a block that is read before
it is called. Every function here passes the unknown on, and no rule is broken by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

Dim: TypeAlias = int | None


class Image(NamedTuple):
    """Channels, height and width."""

    channels: Dim
    height: Dim
    width: Dim

    def __str__(self) -> str:
        return "x".join("?" if size is None else str(size) for size in self)


def seems_channels_last(image: Image) -> bool:
    """Whether an input was most likely meant as height, width and channels: a square of 16 or more, and 1 or 3."""
    channels, height, width = image
    return channels is not None and channels == height and channels >= 16 and width in (1, 3)


class Vector(NamedTuple):
    """A row of features."""

    features: Dim

    def __str__(self) -> str:
        return "?" if self.features is None else str(self.features)


Shape: TypeAlias = Image | Vector


class OpenInput(NamedTuple):
    """An input of which some sizes are symbols: `input(3, H, W)`."""

    channels: int
    height: int | str
    width: int | str

    @property
    def symbols(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(size for size in (self.height, self.width) if isinstance(size, str)))

    def at(self, values: Mapping[str, Dim]) -> Image:
        """The input where the symbols have these values."""
        height, width = (values[size] if isinstance(size, str) else size for size in (self.height, self.width))
        return Image(self.channels, height, width)

    def __str__(self) -> str:
        return f"{self.channels}x{self.height}x{self.width}"


UNKNOWN_IMAGE = Image(None, None, None)
UNKNOWN_VECTOR = Vector(None)


class SizeRange(NamedTuple):
    """The images of `--input 3x64..256x64..256`, ends included."""

    channels: int
    heights: range
    widths: range

    @property
    def size_count(self) -> int:
        return len(self.heights) * len(self.widths)

    @property
    def first(self) -> Image:
        return Image(self.channels, self.heights[0], self.widths[0])

    def __str__(self) -> str:
        sizes = (f"{each[0]}..{each[-1]}" if len(each) > 1 else str(each[0]) for each in (self.heights, self.widths))
        return f"{self.channels}x{'x'.join(sizes)}"


def is_known(shape: Shape | None) -> bool:
    """Whether every size of the shape is a number."""
    return shape is not None and None not in shape


def may_be_equal(a: Shape, b: Shape) -> bool:
    """Whether two shapes are the same as far as they are known."""
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def product(*dims: Dim) -> Dim:
    """The product of all, or None where one is unknown."""
    result = 1
    for dim in dims:
        if dim is None:
            return None
        result *= dim
    return result


def total(*dims: Dim) -> Dim:
    """The sum of all, or None where one is unknown."""
    result = 0
    for dim in dims:
        if dim is None:
            return None
        result += dim
    return result


def window_span(kernel: Dim, dilation: Dim = 1) -> Dim:
    """How many pixels a window reaches over: dilation (kernel - 1) + 1."""
    if kernel is None or dilation is None:
        return None
    return dilation * (kernel - 1) + 1


def windows(size: Dim, kernel: Dim, stride: Dim, pad: Dim, dilation: Dim = 1, ceil: bool = False) -> Dim:
    """How many windows fit in one direction, which is the size of the output.

    floor((size + 2 pad - dilation (kernel - 1) - 1) / stride) + 1, as in torch's Conv2d and MaxPool2d; the
    division rounds up with `ceil`, and then a last window that would begin in the padding behind the picture is
    left out (so with `ceil` a window may be larger than what it slides over). Below 1 where no window fits.
    """
    reach = window_span(kernel, dilation)
    if size is None or stride is None or pad is None or reach is None:
        return None
    room = size + 2 * pad - reach
    if ceil:
        # Rounding up adds stride - 1; a last window that begins behind the picture is left out where there is less.
        room = size + pad - 1 + min(pad - reach + stride, 0)
    return room // stride + 1


def transposed_windows(size: Dim, kernel: Dim, stride: Dim, pad: Dim, output_pad: Dim, dilation: Dim = 1) -> Dim:
    """The size that a transposed convolution gives in one direction.

    (size - 1) stride - 2 pad + dilation (kernel - 1) + output_pad + 1, as in torch's ConvTranspose2d.
    """
    reach = window_span(kernel, dilation)
    if size is None or stride is None or pad is None or output_pad is None or reach is None:
        return None
    return (size - 1) * stride - 2 * pad + reach + output_pad
