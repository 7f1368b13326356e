"""A network as a table: a row for each layer, blocks indented, totals below.

The columns are put together by hand, not by a table library: a check prints this, and must feel instant.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from archdsl.network import Branches, Head, Leaf, Network, Node
from archdsl.shapes import Shape
from archdsl.source import Span

if TYPE_CHECKING:
    from archdsl.input_sizes import InputSizes

LONGEST_TEXT = 48
CONVENTION = "multiply-adds of conv and fc weights for one sample; FLOPs are twice that"


class Row(NamedTuple):
    """One row. The numbers are those of a layer; a block's row has none, so that the columns add up.

    where: the line, of another file with its name.
    line: the line of the spec itself, which for what stands in another file is that of the call that led there.
    keys: the path of keys to its node.
    in_head: whether it is an auxiliary head, or part of one.
    """

    where: str
    line: int
    text: str
    output: str
    parameters: int | None
    macs: int | None
    keys: tuple[str, ...]
    node: Node
    in_head: bool


def rows(network: Network, shown: Callable[[Shape], str] = str) -> list[Row]:
    """The rows of the table, in the order of the text; `shown` is how a shape is written."""
    file = network.root.span.source
    result: list[Row] = []
    stack: list[tuple[tuple[str, ...], Node, Node, bool, int]] = [
        ((key,), node, network.root, False, 1) for key, node in reversed(network.root.children)
    ]
    while stack:
        keys, node, parent, in_head, line = stack.pop()
        key = keys[-1]
        in_head = in_head or isinstance(node, Head)
        span = node.span if isinstance(node, Leaf) or node.call is None else node.call.span
        is_here = span.source is file
        line = span.line if is_here else line
        where = str(line) if is_here else f"{span.source.name}:{span.line}"
        label = "" if key.isdecimal() else f"{key}: "
        text = "  " * (len(keys) - 1) + shorten(label + text_of(node, key, parent))
        cost = node.cost if isinstance(node, Leaf) else None
        parameters, macs = (None, None) if cost is None else cost
        result.append(Row(where, line, text, shown(node.output), parameters, macs, keys, node, in_head))
        if not isinstance(node, Leaf):
            stack += [((*keys, key), child, node, in_head, line) for key, child in reversed(node.children)]
    return result


def text_of(node: Node, key: str, parent: Node) -> str:
    """What is written of a node: a layer or a block call as it stands, a body without what is in it."""
    if isinstance(node, Leaf):
        return one_line(node.span)
    if node.call is not None:
        return one_line(node.call.span)
    if isinstance(node, Branches):
        return node.layer.word
    if isinstance(node, Head):
        return f"aux({node.layer.weight:g})"
    return f"branch {key}" if isinstance(parent, Branches) and key.isdecimal() else "" if not key.isdecimal() else "seq"


def one_line(span: Span) -> str:
    return " ".join(span.text.split())


def shorten(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 3] + "..."


def summary(network: Network) -> str:
    """The table as text, with totals and the convention that is counted by."""
    cells = [("line", "layer", "output", "parameters", "multiply-adds")]
    cells += [
        (str(row.line), row.text.rstrip(), row.output, number(row.parameters), number(row.macs))
        for row in rows(network)
    ]
    lines = aligned(cells, "><<>>")
    lines.append(f"{network.input} gives {network.output}, in {layers(network)}")
    return "\n".join([*lines, *totals(network)])


def totals(network: Network) -> list[str]:
    """The lines below the table: what the network costs, and what its auxiliary heads would add."""
    cost, heads = network.cost, network.head_cost
    lines = [f"{cost.parameters:,} parameters", f"{cost.macs:,} {CONVENTION}"]
    if any(isinstance(place.node, Head) for place in network.walk()):
        lines.append(
            f"auxiliary heads, there in training alone and not counted above: {heads.parameters:,} parameters, "
            f"{heads.macs:,} multiply-adds"
        )
    return lines


def aligned(cells: Sequence[tuple[str, ...]], sides: str) -> list[str]:
    """The lines of a table: its head and its rows, between rules. `sides` is how each column is aligned."""
    widths = [max(map(columns, column)) for column in zip(*cells, strict=True)]
    lines = [
        "  ".join(padded(cell, width, side) for cell, side, width in zip(row, sides, widths, strict=True)).rstrip()
        for row in cells
    ]
    rule = "-" * max(map(columns, lines))
    return [lines[0], rule, *lines[1:], rule]


def padded(text: str, width: int, side: str = "<") -> str:
    """A text with spaces to so many columns of a terminal."""
    return f"{text:{side}{width - columns(text) + len(text)}}"


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: two for a Chinese, Japanese or Korean sign, none for an accent."""
    if text.isascii():
        return len(text)
    from unicodedata import combining, east_asian_width

    return sum(0 if combining(each) else 2 if east_asian_width(each) in "WF" else 1 for each in text)


def number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


LONGEST_FORMULA = 60
"""Of a longer one, nothing is shown."""


def open_summary(sizes: InputSizes) -> str:
    """The table of a network whose input has names for sizes, as formulas of these, and which of them it accepts."""
    from archdsl.formula import Size, formula_of, symbols_of

    steps = {symbol: sizes.step_of(symbol) for symbol in sizes.trial}
    multiples = {symbol: step[1] for symbol, step in steps.items() if step and step[0] % step[1] == 0}
    lines: list[str] = []
    network = sizes.with_formulas
    if network is not None:
        cells = [("line", "layer", "output", "parameters")]
        for row in rows(network, lambda shape: shape_text(shape, multiples)):
            parameters = number(row.parameters)
            if isinstance(row.parameters, Size):
                parameters = f"depends on {' and '.join(sorted(symbols_of(formula_of(row.parameters))))}"
            cells.append((str(row.line), row.text.rstrip(), row.output, parameters))
        lines = aligned(cells, "><<>")
        lines.append(
            f"{' x '.join(map(str, sizes.open))} gives {shape_text(network.output, multiples)}, in {layers(network)}"
        )
    lines += accepted_lines(sizes)
    least = sizes.least()
    smallest = None if least is None else sizes.at(least)
    if smallest is not None:
        lines += [f"at {smallest.input}, the least:", *totals(smallest)]
    return "\n".join(lines)


def accepted_lines(sizes: InputSizes) -> list[str]:
    """What sizes are accepted, a line for each name, "H: 32 or more, in steps of 32", or what must agree."""
    from archdsl.formula import symbols_of, text_of

    lines = []
    irregular: set[str] = set()
    for symbol in sizes.trial:
        regular = sizes.step_of(symbol)
        if regular is None:
            irregular.add(symbol)
            lines.append(f"{symbol}: {(sizes.least() or {}).get(symbol, '?')} or more, and not every size")
            continue
        least, step = regular
        lines.append(f"{symbol}: {least} or more" + (f", in steps of {step}" if step > 1 else ""))
    for difference, (a, b) in sizes.guards.equal.items():
        symbols = symbols_of(difference)
        if symbols & irregular or len(symbols) > 1:
            lines.append(f"{text_of(a)} and {text_of(b)} must agree")
    return lines


def shape_text(shape: Shape, multiples: Mapping[str, int]) -> str:
    """A shape whose sizes may be formulas: `64 x H/2 x ceil(W/2)`; a formula that nobody reads is `...`."""
    from archdsl.formula import Size, formula_of, text_of

    if not any(isinstance(size, Size) for size in shape):
        return str(shape)
    texts = [text_of(formula_of(size), multiples) for size in shape]
    return " x ".join(text if len(text) <= LONGEST_FORMULA else "..." for text in texts)


def layers(network: Network) -> str:
    """How many layers there are: "1 layer", "1,024 layers"."""
    count = network.layer_count
    return f"{count:,} layer{'' if count == 1 else 's'}"
