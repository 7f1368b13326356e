"""The words for faults that a layer finds: arguments out of range, windows that do not fit, branches that differ."""

from __future__ import annotations

from typing import Any

from archdsl.diagnostics.catalog.entry import Wording, code
from archdsl.shapes import Dim


def size(pair: Any) -> str:
    """A height and a width, as one number where they are the same kind of square window."""
    height, width = ("?" if value is None else str(value) for value in pair)
    return height if height == width else f"({height}, {width})"


@code("window-too-large")
def window_too_large(
    kernel: Any, dilation: int, height: Dim, width: Dim, pad: int, largest: int, least_pad: int
) -> Wording:
    """The window of a `conv` or a pooling word is larger than the picture that comes in, padding included.

    Nothing would come out. Use a smaller kernel, more padding, or less striding and pooling before it.
    """
    padded = f" padded by {pad}" if pad else ""
    dilated = f" with dilation {dilation}" if dilation > 1 else ""
    picture = f"{'?' if height is None else height}x{'?' if width is None else width}"
    return Wording(
        f"kernel {size(kernel)}{dilated} does not fit a {picture} input{padded}",
        "too large",
        (f"use a kernel of at most {largest}, or pad: p{least_pad} is the least that fits",)
        if largest
        else (f"pad: p{least_pad} is the least that fits",),
    )
