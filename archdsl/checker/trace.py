"""The way from the input to a fault, item by item, kept where `--trace` asks for it and costing nothing elsewhere."""

from __future__ import annotations

from typing import TypeAlias

from archdsl.diagnostics.diagnostic import Step
from archdsl.shapes import Shape
from archdsl.source import Span

Levels: TypeAlias = tuple[tuple[Step, ...], ...]
"""The steps of each chain on the way, the outermost first; the last step of each is the one that holds the next."""

FAULTS_OF_SHAPE = frozenset(
    {
        "branches-disagree",
        "channels-do-not-divide",
        "groups-do-not-divide",
        "needs-flatten",
        "needs-image",
        "no-such-channels",
        "nothing-to-normalize",
        "padding-too-large",
        "too-many-values",
        "window-too-large",
        "wrong-entering",
    }
)
"""The codes of faults to which a way leads: what comes in does not fit."""

_LONGEST_CHAIN = 40
_SHOWN_FIRST = 10
_LONGEST_TITLE = 44


class Trace:
    """The chains that are being expanded, each in the one before, with the items that have been read of each."""

    def __init__(self) -> None:
        self.chains: list[list[Step]] = [[]]

    def enter(self) -> None:
        """A chain, or the turns of a loop, begins within the item that was begun last."""
        self.chains.append([])

    def leave(self) -> None:
        self.chains.pop()

    def begin(self, span: Span, title: str | None = None) -> None:
        """An item is read next; `title` is what to call it, if not by its own text."""
        self.chains[-1].append(Step(span, title or titled(span.text), None, len(self.chains) - 1))

    def end(self, shape: Shape | None) -> None:
        """The item gives this shape."""
        chain = self.chains[-1]
        chain[-1] = chain[-1]._replace(gives="?" if shape is None else str(shape))

    def levels(self) -> Levels:
        """What has been read up to here, long chains shortened in their middle."""
        return tuple(shortened(chain) for chain in self.chains)


def shortened(chain: list[Step]) -> tuple[Step, ...]:
    """The first steps and the last, with one between them that says how many are left out."""
    left_out = len(chain) - _LONGEST_CHAIN
    if left_out < 2:
        return tuple(chain)
    end = _SHOWN_FIRST + left_out
    between = chain[_SHOWN_FIRST]._replace(title=f"... {left_out:,} more ...", gives=chain[end - 1].gives)
    return (*chain[:_SHOWN_FIRST], between, *chain[end:])


def titled(text: str) -> str:
    """An item's text in one line: without what is in its body, and cut where it is long."""
    head, opener, _ = text.partition("{")
    line = " ".join(head.split())
    if len(line) > _LONGEST_TITLE:
        line = f"{line[: _LONGEST_TITLE - 4].rstrip()} ..."
    return f"{line} {{ ... }}" if opener else line
