"""How a code is declared: a function from the facts of a fault to its words; its docstring is the page on the code.

A page has a summary, an explanation, and examples with their mended forms; `diagnostics/pages.py` has its form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.source import Span

if TYPE_CHECKING:
    from archdsl.diagnostics.pages import Page


class Wording(NamedTuple):
    """The words for one fault.

    message: the headline, which makes sense alone. label: a few words at the characters at fault.
    help: what would work, each a sentence without a capital. notes: facts that help to understand.
    """

    message: str
    label: str
    help: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Entry(NamedTuple):
    """A code of the catalog. `words` takes the facts of the fault by keyword."""

    code: str
    severity: str
    words: Callable[..., Wording]

    @property
    def page(self) -> Page:
        """What the docstring of its words tells: a summary, an explanation, examples. Read by `explain` alone."""
        from archdsl.diagnostics.pages import read_page  # What it imports is slow, and `check` has no need of it.

        return read_page(self.words.__doc__ or "")


CATALOG: dict[str, Entry] = {}


def code(name: str, severity: str = "error") -> Callable[[Callable[..., Wording]], Callable[..., Wording]]:
    """Declare a code. It names what was found, never the remedy, and is never renamed once released."""

    def declare(words: Callable[..., Wording]) -> Callable[..., Wording]:
        assert name not in CATALOG, name
        CATALOG[name] = Entry(name, severity, words)
        return words

    return declare


def diagnose(name: str, span: Span, related: tuple[Label, ...] = (), /, **facts: Any) -> Diagnostic:
    """A finding of this code at these characters, in the words that the catalog has for its facts."""
    entry = CATALOG[name]
    words = entry.words(**facts)
    label = Label(span, shortened(words.label))
    notes, help = tuple(map(shortened, words.notes)), tuple(map(shortened, words.help))
    return Diagnostic(name, entry.severity, shortened(words.message), label, related, notes, help)


LONGEST_WORDS = 600
"""The words that the catalog has are far from it; a name or a tuple in them may be as long as a file."""


def shortened(words: str) -> str:
    """The words without their middle where they are too long to be read."""
    if len(words) <= LONGEST_WORDS:
        return words
    return f"{words[: LONGEST_WORDS // 2]} ... {words[-LONGEST_WORDS // 4 :]}"


def plural(count: int, noun: str) -> str:
    """ "1 branch", "2,000 layers": the nouns used take an s, or es after ch."""
    ending = "" if count == 1 else "es" if noun.endswith("ch") else "s"
    return f"{count:,} {noun}{ending}"
