"""How wide a text is, without the font: by the widths of Helvetica's letters, which Arial and Liberation Sans share.

The widths are those of Adobe's font metrics (Helvetica, Core 14 AFM), in thousandths of the font size. Where a system
has none of these fonts, its own sans may be wider; the padding of a box is what that has room in.
"""

from __future__ import annotations

from math import ceil

_WIDTHS = (
    (191, "'"),
    (222, "ijl"),
    (260, "|"),
    (278, " !,./:;I[\\]ft"),
    (333, "()-r`"),
    (334, "{}"),
    (355, '"'),
    (389, "*"),
    (469, "^"),
    (500, "Jckszvxy"),
    (556, "0123456789#$?_Labdeghnopqu"),
    (584, "+<=>~×"),
    (611, "FTZ"),
    (667, "&ABEKPSVXY"),
    (722, "CDHNRUw"),
    (778, "GOQ"),
    (833, "Mm"),
    (889, "%"),
    (944, "W"),
    (1015, "@"),
)
_WIDTH_OF = {letter: width for width, letters in _WIDTHS for letter in letters}
_OTHER = 1000
"""Of a letter that is not in the table, a whole square."""

_BOLD = 1.1
"""Helvetica Bold is wider by that at most, a text over."""


def text_width(text: str, size: float, bold: bool = False) -> int:
    """The width of a text in pixels, rounded up; `size` is the font's in pixels."""
    thousandths = sum(_WIDTH_OF.get(letter, _OTHER) for letter in text)
    return ceil(thousandths * size / 1000 * (_BOLD if bold else 1.0))
