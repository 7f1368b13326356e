"""Findings to a mended text: the fixes that they carry, applied and checked again until none is left."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from archdsl.checker.check import Checked
from archdsl.diagnostics.diagnostic import Edit, Fix
from archdsl.source import Source

MAX_ROUNDS = 20
"""Fixes that touch each other are applied one after the other; a text that needs more rounds is left as it is then."""


class Fixed(NamedTuple):
    """A text after its fixes: what the check says of it, and how many findings were mended."""

    checked: Checked
    mended: int


def fixed(checked: Checked, check: Callable[[Source], Checked]) -> Fixed:
    """Mend what can be mended in a text that was checked; `check` checks it again.

    A round of fixes is taken back where the text then has more errors than before, or where a network has another
    input or output than before.
    """
    source = checked.source
    mended = 0
    for _ in range(MAX_ROUNDS):
        fixes = compatible(checked)
        if not fixes:
            break
        again = check(Source(source.name, edited(checked.source.text, fixes), source.path))
        if len(again.errors) > len(checked.errors) or not same_shapes(checked, again):
            break
        checked, mended = again, mended + len(fixes)
    return Fixed(checked, mended)


def compatible(checked: Checked) -> list[Fix]:
    """The fixes of the findings in a text, from its top, without those that touch an earlier one."""
    fixes = [
        each.fix
        for each in checked.diagnostics
        if each.fix is not None and all(edit.span.source is checked.source for edit in each.fix.edits)
    ]
    taken: list[Fix] = []
    end = -1
    for fix in sorted(fixes, key=lambda each: min(edit.span.start for edit in each.edits)):
        if min(edit.span.start for edit in fix.edits) > end:
            taken.append(fix)
            end = max(edit.span.end for edit in fix.edits)
    return taken


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
