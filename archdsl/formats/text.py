"""For people: diagnostics as they are rendered, the table of each network, a line for each file and for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from archdsl.backends.table import open_summary, summary
from archdsl.diagnostics.catalog.entry import plural
from archdsl.diagnostics.render import render, visible
from archdsl.formats.report import Counts, Result

if TYPE_CHECKING:
    from archdsl.input_sizes import AcceptedSizes, LeastInput


class Text:
    """The format `text`. With `quiet`, a line a file instead of the table."""

    def __init__(self, color: bool = False, quiet: bool = False) -> None:
        self.color = color
        self.quiet = quiet
        self.is_first = True

    def file(self, result: Result) -> str:
        checked = result.checked
        parts = [] if self.is_first or self.quiet or result.least else [""]
        self.is_first = False
        if checked.diagnostics:
            parts += [render(checked.diagnostics, self.color), ""]
        if result.file is None:
            return "\n".join(parts[:-1])
        name = visible(result.file)
        if checked.errors and result.accepted is None:
            parts.append(f"{name}: {plural(len(checked.errors), 'error')}")
            parts += least_lines(name, result.least) if result.least is not None else []
            return "\n".join(parts)
        if result.accepted is not None:
            parts += accepted_lines(name, result.accepted)
            return "\n".join(parts)
        fine = "fine" + (f", {plural(len(checked.warnings), 'warning')}" if checked.warnings else "")
        title = f"{name}: {fine}" if checked.warnings else name
        if result.least is not None:
            parts += least_lines(name, result.least)
        elif checked.network is not None and self.quiet:
            parts.append(f"{name}: {fine}, {checked.network.input} gives {checked.network.output}")
        elif checked.network is not None:
            parts += [title, summary(checked.network)]
        elif checked.sizes is not None and self.quiet:
            least = checked.sizes.least()
            at_least = "" if least is None else f", and needs at least {checked.sizes.open.at(least)}"
            parts.append(f"{name}: {fine}, takes {checked.sizes.open}{at_least}")
        elif checked.sizes is not None:
            parts += [title, open_summary(checked.sizes)]
        else:
            blocks = ", ".join(checked.library or ())
            parts.append(f"{name}: {fine}, definitions alone{': ' + blocks if blocks else ''}")
        return "\n".join(parts)

    def end(self, counts: Counts) -> str:
        if counts.files < 2:
            return ""
        kinds = [
            (counts.fine, "fine"),
            (counts.with_errors, "with errors"),
            (counts.unreadable, "unreadable"),
        ]
        told = f"{counts.files:,} files: " + ", ".join(f"{count:,} {kind}" for count, kind in kinds if count)
        if counts.warnings:
            told += f"; {plural(counts.warnings, 'warning')}"
        return told if self.quiet else f"\n{told}"


def least_lines(name: str, least: LeastInput) -> list[str]:
    """The smallest input of a network, and in what steps larger ones are accepted."""
    if least.input is None:
        return [f"{name}: the smallest input can't be told"]
    lines = [f"{name}: needs at least {least.input}"]
    for what, regular in zip(("heights", "widths"), least.steps, strict=False):
        if regular is None:
            lines.append(f"  not all larger {what} are accepted")
        elif regular[1] > 1:
            lines.append(f"  {what} from {regular[0]} on in steps of {regular[1]}")
    return lines


def accepted_lines(name: str, accepted: AcceptedSizes) -> list[str]:
    """What of a range is accepted."""
    asked, count = accepted.asked, accepted.accepted_count
    if accepted.first_refused is None:
        return [f"{name}: fine, {asked} is accepted, {plural(count, 'size')} in all"]
    lines = [
        f"{name}: of {asked}, {count:,} of {plural(asked.size_count, 'size')} are accepted; "
        f"the first refused is {accepted.first_refused}"
    ]
    lines += [f"  heights {in_words(heights)} with widths {in_words(widths)}" for heights, widths in accepted.groups]
    return lines


_MOST_LISTED = 6


def in_words(values: Sequence[int]) -> str:
    """ "67", "64 to 256", "64 to 256 in steps of 16", "3, 5 and 9"."""
    step = values[1] - values[0] if len(values) > 1 else 1
    if len(values) > 2 and list(values) == list(range(values[0], values[-1] + 1, step)):
        return f"{values[0]} to {values[-1]}" + (f" in steps of {step}" if step > 1 else "")
    if len(values) <= _MOST_LISTED:
        *first, last = map(str, values)
        return f"{', '.join(first)} and {last}" if first else last
    return f"{', '.join(map(str, values[:_MOST_LISTED]))} and {len(values) - _MOST_LISTED} more"
