"""A comparison as text for people, colored as a diff is."""

from __future__ import annotations

from typing import Any

from archdsl.backends.table import one_line, shorten
from archdsl.compare.compare import Argument, Change, Comparison, Retained, Side
from archdsl.cost.sizes import size_text
from archdsl.diagnostics.catalog.entry import plural
from archdsl.diagnostics.render import visible
from archdsl.layers.base import plain
from archdsl.network import Network
from archdsl.source import Source
from archdsl.weights.state import Entry, OwnEntry, Sizes, sizes

_GREEN, _RED, _BOLD, _END = "\x1b[32m", "\x1b[31m", "\x1b[1m", "\x1b[0m"

MOST_CHANGES = 100
"""Of more changes than these the first are shown; as JSON all are told."""

_MOST_TENSORS, _MOST_MODULES = 8, 8


class Printed:
    """What both sides of a comparison share when it is printed.

    names: what the two are called. sources: the texts of the specs themselves, whose name is left out before a line.
    """

    def __init__(self, names: tuple[str, str], sources: tuple[Source, Source], color: bool) -> None:
        self.before, self.after = map(visible, names)
        self.sources = sources
        self.color = color

    def painted(self, line: str) -> str:
        if not self.color or not line:
            return line
        start = {"-": _RED, "+": _GREEN}.get(line[0], "")
        if line.startswith(("---", "+++")):
            start = _BOLD
        return f"{start}{line}{_END}" if start else line

    def place(self, side: Side) -> str:
        """The line, in another file than the spec with its name."""
        source = side.span.source
        line = str(side.span.line)
        return line if source in self.sources else f"{visible(source.name)}:{line}"

    def at(self, side: Side) -> str:
        """The place within a sentence: "line 5", or that in another file."""
        place = self.place(side)
        return f"line {place}" if place.isdecimal() else place


def text_of(comparison: Comparison, printed: Printed) -> str:
    """The whole comparison."""
    before, after = comparison.before, comparison.after
    if comparison.equal:
        return (
            f"{printed.before} and {printed.after} are the same network: {plural(after.layer_count, 'layer')}, "
            f"{after.cost.parameters:,} parameters"
        )
    lines = [f"--- {printed.before}", f"+++ {printed.after}", ""]
    if comparison.changes:
        lines += [*_changes(comparison.changes, printed), "", _counted(comparison.changes)]
    elif comparison.other_keys:
        first = comparison.other_keys[0]
        lines.append(
            f"every layer is the same; {plural(len(comparison.other_keys), 'tensor')} under other keys: "
            f"`{first[0]}` is `{first[1]}`" + (", ..." if len(comparison.other_keys) > 1 else "")
        )
    else:
        lines.append("every layer is the same, and the input is another")
    lines += [*_totals(before, after), _kept(*comparison.kept), *_weights(comparison.weights, printed)]
    return "\n".join(printed.painted(line) for line in lines)


def _changes(changes: tuple[Change, ...], printed: Printed) -> list[str]:
    """Each change: what stood, what stands, and what is to be said of it."""
    shown = changes[:MOST_CHANGES]
    sides = [side for change in shown for side in (change.before, change.after) if side is not None]
    place_width = max(len(printed.place(side)) for side in sides)
    text_width = max(len(shorten(side.text)) for side in sides)
    lines: list[str] = []
    for change in shown:
        for sign, side in (("-", change.before), ("+", change.after)):
            if side is not None:
                place, text = printed.place(side), visible(shorten(side.text))
                lines.append(f"{sign} {place:>{place_width}}  {text:<{text_width}}  {side.output}")
        lines += [f"{' ' * (place_width + 4)}{note}" for note in notes(change, printed)]
    if len(changes) > len(shown):
        lines.append(f"and {len(changes) - len(shown):,} more changes; --format json has all")
    return lines


def notes(change: Change, printed: Printed) -> list[str]:
    """What is to be said of a change beside the two lines of it."""
    said = [", ".join(map(argument_text, change.arguments))] if change.arguments else []
    side = change.after or change.before
    assert side is not None
    if side.calls:
        call = side.calls[-1]
        where = printed.at(side._replace(span=call.span))
        said.append(f"in `{visible(shorten(one_line(call.span)))}`, {where}")
    if change.more:
        noun = "call" if side.calls else "turn"
        alike = "" if change.alike else ", with other numbers"
        said.append(f"and {plural(change.more, f'more {noun}')}{alike}")
    lines = ["; ".join(said)] if said else []
    if change.shapes is not None:
        shapes = change.shapes
        until = "to the end"
        if shapes.until is not None:
            until = f"to `{visible(shorten(shapes.until[1].text))}`, {printed.at(shapes.until[1])}"
        lines.append(f"from here on {shapes.after} instead of {shapes.before}, {until}")
    return lines


def argument_text(argument: Argument) -> str:
    """ "stride 2 -> 1", "now `nobias`"."""
    if isinstance(argument.after, bool):
        return f"{'now' if argument.after else 'no longer'} `{argument.name}`"
    return f"{argument.name} {_value(argument.before)} -> {_value(argument.after)}"


def _value(value: Any) -> str:
    return str(plain(value)) if isinstance(value, tuple) else f"{value:g}" if isinstance(value, float) else str(value)


def _counted(changes: tuple[Change, ...]) -> str:
    """How many layers were changed, added, removed, each call and turn counted."""
    counts = {"changed": 0, "added": 0, "removed": 0}
    for change in changes:
        times = change.more + 1
        if change.kind == "changed":
            counts["changed"] += times
        else:
            counts["removed"] += times * (change.before.layers if change.before is not None else 0)
            counts["added"] += times * (change.after.layers if change.after is not None else 0)
    told = [f"{count:,} {kind}" for kind, count in counts.items() if count]
    first, _, rest = told[0].partition(" ")
    told[0] = f"{first} {'layer' if first == '1' else 'layers'} {rest}"
    return ", ".join(told)


def _totals(before: Network, after: Network) -> list[str]:
    """What the networks cost, side by side."""
    rows = [("parameters", before.cost.parameters, after.cost.parameters)]
    rows.append(("multiply-adds", before.cost.macs, after.cost.macs))
    if before.head_cost != after.head_cost:
        rows.append(("parameters of heads", before.head_cost.parameters, after.head_cost.parameters))
    lines = []
    for name, a, b in (("input", before.input, after.input), ("output", before.output, after.output)):
        if a != b:
            lines.append(f"{name}: {a} -> {b}")
    for name, old, new in rows:
        lines.append(f"{name}: {old:,} -> {new:,}{_share(old, new)}" if old != new else f"{name}: {new:,}, as before")
    return lines


def _kept(old: int, new: int) -> str:
    """What training keeps, before and after."""
    kept = "kept for the backward pass of one sample"
    if old == new:
        return f"{kept}: {size_text(new)}, as before"
    return f"{kept}: {size_text(old)} -> {size_text(new)}{_share(old, new)}"


def _share(old: int, new: int) -> str:
    """How much more or less it is, in percent, or in times where it is twice as much, or half."""
    if not old or not new:
        return ""
    if new >= 2 * old:
        return f" ({new / old:,.1f} times as much)"
    if abs(new - old) < 0.001 * old:
        return f" ({new - old:+,})"
    return f" ({old / new:,.1f} times less)" if old >= 2 * new else f" ({(new - old) / old:+.1%})"


def _weights(retained: Retained, printed: Printed) -> list[str]:
    """Whether the weights of the first network go into the second, and which do not."""
    found = retained.found
    count = len(found.pairs)
    if found.difference is None:
        if not count:
            return []
        how = "by key" if found.by_key == count else f"{found.by_key:,} by key, {count - found.by_key:,} by order"
        return [f"weights of {printed.before} go into {printed.after}: all {count:,} tensors, {how}"]
    tensors = plural(len(retained.changed), "tensor")
    if retained.without is None:
        lines = [f"weights of {printed.before} do not go into {printed.after}; {tensors} differ:"]
    else:
        without = " ".join(f"--except {visible(name)}" for name in retained.without)
        if len(retained.without) > _MOST_MODULES:
            without = "--except their modules, which --format json names"
        lines = [f"weights of {printed.before} go into {printed.after} but for {tensors} ({without}):"]
    shown = retained.changed[:_MOST_TENSORS]
    keys = [visible(_key_of(theirs, ours)) for theirs, ours in shown]
    width = max(map(len, keys), default=0)
    for key, (theirs, ours) in zip(keys, shown, strict=True):
        lines.append(f"  {key:<{width}}  {_sizes_of(theirs and theirs.shape)} -> {_sizes_of(ours and ours.shape)}")
    if len(retained.changed) > len(shown):
        lines.append(f"  and {len(retained.changed) - len(shown):,} more")
    return lines


def _key_of(theirs: Entry | None, ours: OwnEntry | None) -> str:
    """The key of a tensor, or both where it has two."""
    keys = [each.key for each in (theirs, ours) if each is not None]
    return ", now ".join(dict.fromkeys(keys))


def _sizes_of(shape: Sizes | None) -> str:
    return "nothing" if shape is None else sizes(shape)
