"""Whose fault it is: a value is followed from where it does not fit, through the calls, to where it was written.

A fault that an argument brought into a block is its caller's, and is shown at the call; one that the block's own text
makes is shown in the block. A block of the library is nobody's to edit, so its faults are shown at the call in any
case. Nothing here is asked before there is a fault.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from archdsl.checker.scope import BlockDefinition, Given, Scope
from archdsl.checker.trace import Levels
from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.network import Call
from archdsl.shapes import Shape, is_known
from archdsl.source import Span
from archdsl.syntax import nodes

_MOST_PARTS = 1_000
"""Parts of an expression, those of the lets that it names included, of which it is asked where they come from."""


_OF_WHAT_ENTERS = ("needs-flatten", "needs-image")
"""Faults whose help is the same for a block as for the layer in it."""


class BlockCall(NamedTuple):
    """A block call on the way to where the check is.

    parameters: the scope of its parameters.
    entering: the shape that enters, and `last` the item that gave it; None where the call is the first of its chain.
    """

    call: Call
    block: BlockDefinition
    parameters: Scope
    entering: Shape | None
    last: Span | None


class Report(NamedTuple):
    """A finding at its place in the innermost block, before it is decided whose fault it is.

    value: the value at fault, where one is.
    enters: the shape that is part of the fault, where it entered the innermost block as it is.
    calls: the block calls that led there, outermost first; turns: those of the loops around it, as (5, 16).
    trace: the chains that led there, where they are kept.
    """

    found: Diagnostic
    value: Given | None
    enters: Shape | None
    calls: tuple[BlockCall, ...]
    turns: tuple[tuple[int, int], ...]
    trace: Levels = ()


class Laid(NamedTuple):
    """A finding at the place of whose fault it is: in the text of the block that `level` calls lead to."""

    found: Diagnostic
    level: int


def lay(report: Report) -> Laid:
    """Find out whose fault a finding is, and show it there, beside each call that led to it."""
    found, calls = report.found, report.calls
    level = len(calls)
    place, label, help = found.primary.span, found.primary.message, found.help
    related = list(found.related)
    value = report.value
    while value is not None and level:
        call = calls[level - 1]
        source = source_of(value, call)
        if source is not None:
            related.append(
                Label(place, f"{'used' if value is report.value else 'passed on'} here, in `{call.block.name}`")
            )
            place = source.span
            level -= not is_default(source, call.block)
        value = source
    if level and calls[level - 1].block.module.is_library:
        related.append(Label(place, label))
        while level and calls[level - 1].block.module.is_library:
            level -= 1
        name, span, _ = calls[level].call
        entering = calls[level].entering
        place = span._replace(end=span.start + len(name))
        label = f"does not fit {entering}" if is_known(entering) else "does not fit here"
        if report.enters is None:
            related += gives(calls[level].last, entering)
        if found.code not in _OF_WHAT_ENTERS:
            help = (f"change its arguments, or what comes in; `archdsl explain {name}` shows the block",)
    # The shape at fault entered the innermost block, and perhaps those around it, as it is.
    entered = len(calls)
    while entered and report.enters is not None and calls[entered - 1].last is None:
        entered -= 1
    if level < len(calls) and report.enters is not None and entered:
        related += gives(calls[entered - 1].last, report.enters)
    for index in reversed(range(level)):
        enters = f": {report.enters} enters" if is_known(report.enters) and index >= entered - 1 else ""
        related.append(_called_here(calls[index].call, enters))
    notes = (*found.notes, *(f"in turn {turn} of {count}" for turn, count in report.turns if turn > 1))
    trace = tuple(step for chain in report.trace for step in chain)
    primary = Label(place, label)
    found = found._replace(primary=primary, related=tuple(related), notes=notes, help=help, trace=trace)
    return Laid(found, level)


def source_of(value: Given, call: BlockCall) -> Given | None:
    """The argument of a block call, or the parameter's default, that a value in the block was made from alone.

    None where the block's own text has a part in it: a number of its own in a tuple, `in_channels`, a let of the
    file. A number that is reckoned with, as in `2 * channels`, does not take the fault off the argument.
    """
    source: Given | None = None
    parts = [(value.node, value.scope, value.path)]
    for _ in range(_MOST_PARTS):
        if not parts:
            return source
        node, scope, path = parts.pop()
        if isinstance(node, nodes.Name):
            binder = scope.binder(node.text)
            if binder is None:
                return None
            if binder.kind != "parameter":
                inner = binder.names[node.text]
                parts.append((inner.node, inner.scope, inner.path + path))
                continue
            found = call.parameters.names[node.text]
            found = found._replace(path=found.path + path)
            if source is not None and source.node is not found.node:
                return None
            source = found if source is None or source.path == found.path else found._replace(path=())
        elif isinstance(node, nodes.Tuple):
            if path:
                parts.append((node.items[path[0]], scope, path[1:]))
                continue
            if any(isinstance(item, nodes.Number) for item in node.items):
                return None
            parts += [(item, scope, ()) for item in node.items]
        elif isinstance(node, nodes.Call):
            parts += [(arg.value if isinstance(arg, nodes.Keyword) else arg, scope, ()) for arg in node.args]
        elif isinstance(node, nodes.Operation):
            parts += [(operand, scope, ()) for operand in (node.first, *(operand for _, operand in node.rest))]
        elif isinstance(node, nodes.Unary):
            parts.append((node.operand, scope, ()))
    return None


def is_default(value: Given, block: BlockDefinition) -> bool:
    """Whether a parameter's value is its default."""
    return any(value.node is parameter.default for parameter in block.node.parameters)


def called_here(calls: Iterable[Call]) -> tuple[Label, ...]:
    """The block calls that led to a place, which come outermost first, as labels, innermost first."""
    return tuple(map(_called_here, calls))[::-1]


def _called_here(call: Call, enters: str = "") -> Label:
    return Label(call.span, f"in `{call.block}`, called here{enters}")


def gives(place: Span | None, shape: Shape | None) -> tuple[Label, ...]:
    """What gave a shape, to be shown beside a fault; a shape of which little is known helps nobody."""
    return (Label(place, f"gives {shape}"),) if place is not None and is_known(shape) else ()
