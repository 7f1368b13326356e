"""Findings to a mended text: the fixes that they carry, applied and checked again until none is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Set
from typing import NamedTuple, TypeAlias

from archdsl.checker.check import Checked
from archdsl.diagnostics.diagnostic import MAX_ERRORS, Diagnostic, Edit, Fix
from archdsl.source import Source

MAX_ROUNDS = 20
"""Fixes that touch each other are applied one after the other; a text that needs more rounds is left as it is then."""

Kind: TypeAlias = tuple[str, str]
"""What a fix mends, and how: the code of its finding, and its message."""


class Fixed(NamedTuple):
    """A text after its fixes: what the check says of it, and how many findings were mended."""

    checked: Checked
    mended: int


def fixed(checked: Checked, check: Callable[[Source], Checked]) -> Fixed:
    """Mend what can be mended in a text that was checked; `check` checks it again.

    A round of fixes is taken back where the text then has more errors than before, or where a network has another
    input or output than before; so is one after which some of its findings are still there, which are then left alone.
    """
    source = checked.source
    mended = 0
    useless: set[Kind] = set()
    for _ in range(MAX_ROUNDS):
        found = compatible(checked, useless)
        if not found:
            break
        fixes = [each.fix for each in found if each.fix is not None]
        again = check(Source(source.name, edited(checked.source.text, fixes), source.path))
        if len(again.errors) > len(checked.errors) or not same_shapes(checked, again):
            break
        left = still_there(checked, again, found)
        useless |= left
        if not left:
            checked, mended = again, mended + len(found)
    return Fixed(checked, mended)


def compatible(checked: Checked, useless: Set[Kind] = frozenset()) -> list[Diagnostic]:
    """The findings in a text that carry fixes, from its top, without those whose fixes touch an earlier one."""
    found = [
        (min(edit.span.start for edit in each.fix.edits), max(edit.span.end for edit in each.fix.edits), each)
        for each in checked.diagnostics
        if each.fix is not None
        and (each.code, each.fix.message) not in useless
        and all(edit.span.source is checked.source for edit in each.fix.edits)
    ]
    taken: list[Diagnostic] = []
    before = -1
    for start, end, each in sorted(found, key=lambda place: place[:2]):
        if start > before:
            taken.append(each)
            before = end
    return taken


def still_there(before: Checked, after: Checked, mended: list[Diagnostic]) -> set[Kind]:
    """The kinds of fixes that were applied, of which no fewer are left than there were."""
    if len(before.diagnostics) > MAX_ERRORS:
        # Those that were not shown come up now.
        return set()
    had, has = (Counter(map(kind_of, checked.diagnostics)) for checked in (before, after))
    return {kind for kind in map(kind_of, mended) if has[kind] >= had[kind]}


def kind_of(diagnostic: Diagnostic) -> Kind:
    return diagnostic.code, "" if diagnostic.fix is None else diagnostic.fix.message


def edited(text: str, fixes: list[Fix]) -> str:
    """The text with the edits of fixes that do not touch each other."""
    parts: list[str] = []
    at = 0
    edits: list[Edit] = [edit for fix in fixes for edit in fix.edits]
    for edit in sorted(edits, key=lambda each: each.span.start):
        parts += (text[at : edit.span.start], edit.text)
        at = edit.span.end
    return "".join(parts) + text[at:]


def same_shapes(before: Checked, after: Checked) -> bool:
    """Whether a network, where there was one, still takes and gives the same."""
    if before.network is None:
        return True
    network = after.network
    return network is not None and (network.input, network.output) == (before.network.input, before.network.output)
