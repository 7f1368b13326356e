"""What is told to the user, as data. The words come from the catalog, the layout from the renderer."""

from __future__ import annotations

from collections.abc import Iterable
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


class Step(NamedTuple):
    """A step on the way from the input to a fault.

    span: the item. title: what it is called: its text, or "turn 2 of 16".
    gives: the shape that it gives, "96x54x54"; None where the fault lies in it.
    depth: how many chains stand around it.
    """

    span: Span
    title: str
    gives: str | None
    depth: int


class Diagnostic(NamedTuple):
    """One finding.

    code: what was found, as `archdsl explain` knows it: "window-too-large".
    severity: "error" or "warning".
    message: the headline, which makes sense alone.
    primary: the characters at fault.
    related: further places: the block calls that led there, an opener, another definition.
    notes: facts that help to understand; help: what would work.
    fix: edits that mend it, where that is safe.
    trace: the way from the input to a fault of shape, where the check was asked for it.
    """

    code: str
    severity: str
    message: str
    primary: Label
    related: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: tuple[str, ...] = ()
    fix: Fix | None = None
    trace: tuple[Step, ...] = ()

    def __str__(self) -> str:
        """The finding as it is shown."""
        from archdsl.diagnostics.render import render  # It shows what is defined here.

        return render((self,))


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether one of the findings is an error."""
    return any(each.severity == "error" for each in diagnostics)
