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


class Diagnostic(NamedTuple):
    """One finding.

    code: what was found, as `archdsl explain` knows it: "window-too-large".
    severity: "error" or "warning".
    message: the headline, which makes sense alone.
    primary: the characters at fault.
    related: further places: the block calls that led there, an opener, another definition.
    notes: facts that help to understand; help: what would work.
    """

    code: str
    severity: str
    message: str
    primary: Label
    related: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
