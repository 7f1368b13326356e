"""Statements, and the children of one module while they are written: in a call, in a list, or one by one."""

from __future__ import annotations

import ast
import re
from typing import NamedTuple, Protocol

from archdsl.python_source.expressions import text
from archdsl.python_source.layout import Comprehension, Doc, Group, Item, lines_of
from archdsl.python_source.names import TAKEN


class Statement(NamedTuple):
    """One statement. `target` is the local name that it gives a value and does nothing else, or None."""

    indent: int
    prefix: str
    doc: Doc
    suffix: str
    comment: str | None
    target: str | None

    @property
    def lines(self) -> list[str]:
        return lines_of(self.doc, self.indent * 4, self.prefix, self.suffix, self.comment)


class Statements(Protocol):
    """Where statements are written one behind the other."""

    def add(
        self, prefix: str, doc: Doc, suffix: str = "", comment: str | None = None, target: str | None = None
    ) -> None:
        """Write one more."""

    def fresh(self, wanted: str) -> str:
        """A name that is free."""


class Listing:
    """The children of one module while they are written.

    Without labels they are the arguments of its constructor; behind a loop or a condition, a list that grows. With
    labels they are set one by one.

    turn: inside of a loop, the name of the turn's number, where a label needs it.
    """

    def __init__(
        self,
        writer: Statements,
        constructor: str,
        keywords: tuple[Item, ...],
        hint: str,
        labelled: bool,
        apart: bool = False,
        variable: str | None = None,
        turn: str | None = None,
    ) -> None:
        self.writer = writer
        self.constructor = constructor
        self.keywords = keywords
        self.hint = hint
        self.labelled = labelled
        self.apart = apart
        self.variable = variable
        self.turn = turn
        self.items: list[Item] = []
        if labelled and variable is None:
            self.variable = writer.fresh(hint)
            writer.add(f"{self.variable} = ", Group(f"{constructor}(", keywords, ")"))

    def within(self, turn: str | None) -> Listing:
        """The same children, further on in a loop or a condition."""
        self.flush()
        return Listing(self.writer, "", (), self.hint, self.labelled, False, self.variable, turn or self.turn)

    def add(self, label: str | None, doc: Doc, comment: str | None) -> None:
        """Add a child. `label` is its key as source, where it has one."""
        if not self.labelled:
            self.items.append(Item(doc, "", comment))
        elif label is None:
            self.writer.add("", call_of(f"{self.variable}.append(", doc), "", comment)
        elif label.startswith('"') and label[1:-1] not in TAKEN:
            self.writer.add(f"{self.variable}.{label[1:-1]} = ", doc, "", comment)
        else:
            self.writer.add("", call_of(f"{self.variable}.add_module(", label, doc), "", comment)

    def add_repeated(self, doc: Doc, loop: str, comment: str | None) -> None:
        """Add a child once for each turn of a loop."""
        each = Comprehension(doc, loop)
        if self.labelled:
            self.writer.add("", call_of(f"{self.variable}.extend(", each), "", comment)
        else:
            self.items.append(Item(each, "*", comment))

    def flush(self) -> None:
        """Write what is waiting, for a statement follows."""
        if self.labelled:
            return
        several = Group("[", tuple(self.items), "]")
        if self.variable is None:
            self.variable = self.writer.fresh(self.hint)
            self.writer.add(f"{self.variable} = ", several if self.items else "[]")
        elif len(self.items) == 1:
            (item,) = self.items
            if item.prefix:
                self.writer.add(f"{self.variable} += ", item.doc, "", item.comment)
            else:
                self.writer.add("", call_of(f"{self.variable}.append(", item.doc), "", item.comment)
        elif self.items:
            self.writer.add(f"{self.variable} += ", several)
        self.items = []

    def finish(self) -> Doc:
        """The module."""
        if self.labelled:
            return self.variable or ""
        before = () if self.variable is None else (Item(self.variable, "*"),)
        return Group(
            f"{self.constructor}(", (*before, *self.items, *self.keywords), ")", self.apart and len(self.items) > 1
        )


def doc_of(node: ast.expr) -> Doc:
    """An expression; a tuple may be laid out over several lines."""
    if isinstance(node, ast.Tuple) and len(node.elts) > 1:
        return Group("(", tuple(Item(doc_of(each)) for each in node.elts), ")")
    return text(node)


def call_of(opening: str, *arguments: Doc) -> Group:
    return Group(opening, tuple(Item(each) for each in arguments), ")")


def words_of(doc: Doc) -> set[str]:
    """The words in an expression."""
    if isinstance(doc, str):
        return set(re.findall(r"\w+", doc))
    if isinstance(doc, Comprehension):
        return words_of(doc.doc) | set(re.findall(r"\w+", doc.loop))
    words = set(re.findall(r"\w+", doc.open))
    for item in doc.items:
        words |= words_of(item.doc)
    return words
