"""Python source laid out as formatters lay it out: on one line where it fits, else an item a line.

Only as much of Python as is written here: calls, lists and dictionaries in each other, comprehensions, assignments.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

LINE_LENGTH = 120


class Item(NamedTuple):
    """One of several: `prefix` is a key, a keyword or a star before it, `comment` what is said of it."""

    doc: Doc
    prefix: str = ""
    comment: str | None = None


class Group(NamedTuple):
    """Items between an opening and a closing text: `nn.Sequential(` and `)`.

    apart: each item stands on a line of its own, even where all would fit on one.
    """

    open: str
    items: tuple[Item, ...]
    close: str
    apart: bool = False


class Comprehension(NamedTuple):
    """`[doc for target in values]`"""

    doc: Doc
    loop: str


Doc: TypeAlias = "str | Group | Comprehension"


def flat(doc: Doc) -> str | None:
    """The whole on one line, or None where it has to stand apart."""
    if isinstance(doc, str):
        return doc
    if isinstance(doc, Comprehension):
        inner = flat(doc.doc)
        return None if inner is None else f"[{inner} {doc.loop}]"
    if doc.apart:
        return None
    parts = []
    length = 0
    for item in doc.items:
        inner = flat(item.doc)
        if inner is None:
            return None
        parts.append(item.prefix + inner)
        length += len(inner)
        if length > LINE_LENGTH:
            return None
    return doc.open + ", ".join(parts) + doc.close


def lines_of(doc: Doc, indent: int, prefix: str = "", suffix: str = "", comment: str | None = None) -> list[str]:
    """The lines of an expression that begins at this indent behind a prefix, and that a suffix follows."""
    margin = " " * indent
    behind = f"  # {comment}" if comment else ""
    one = flat(doc)
    if one is not None:
        line = f"{margin}{prefix}{one}{suffix}"
        if len(line) + len(behind) <= LINE_LENGTH:
            return [line + behind]
        if isinstance(doc, str) or len(line) <= LINE_LENGTH:
            return [line]
    if isinstance(doc, str):
        return [f"{margin}{prefix}{doc}{suffix}"]
    if isinstance(doc, Comprehension):
        inner = flat(doc.doc)
        if inner is not None and indent + 5 + len(inner) + len(doc.loop) <= LINE_LENGTH:
            body = [f"{margin}    {inner} {doc.loop}"]
        else:
            body = [*lines_of(doc.doc, indent + 4), f"{margin}    {doc.loop}"]
        return [f"{margin}{prefix}[{behind}", *body, f"{margin}]{suffix}"]
    if any(item.comment for item in doc.items):
        behind = ""  # The last of its lines says it.
    result = [f"{margin}{prefix}{doc.open}{behind}"]
    for item in doc.items:
        result += lines_of(item.doc, indent + 4, item.prefix, ",", item.comment)
    result.append(f"{margin}{doc.close}{suffix}")
    return result
