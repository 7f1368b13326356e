"""What is told to the user, as data. The words come from the catalog, the layout from the renderer."""

from __future__ import annotations

from typing import NamedTuple

from archdsl.source import Span

MAX_ERRORS = 1_000
"""Nobody reads more; a file with so many is not what was meant."""


class Label(NamedTuple):
    """A place, and what is to be said of it."""

    span: Span
    message: str


class Edit(NamedTuple):
    """A replacement of characters in a text; an insertion where the span is empty."""

    span: Span
    text: str


class Fix(NamedTuple):
    """Edits that mend a finding without changing what else the text means.

    message: what they do: "write `conv`". The edits are all in one source, and do not overlap.
    """

    message: str
    edits: tuple[Edit, ...]


class Diagnostic(NamedTuple):
    """One finding.

    code: what was found, as `archdsl explain` knows it: "window-too-large".
    severity: "error" or "warning".
    message: the headline, which makes sense alone.
    primary: the characters at fault.
    related: further places: the block calls that led there, an opener, another definition.
    notes: facts that help to understand; help: what would work.
    fix: edits that mend it, where that is safe.
    """

    code: str
    severity: str
    message: str
    primary: Label
    related: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    fix: Fix | None = None
