"""A network as a table: a row for each layer, blocks indented, totals below.

The columns are put together by hand, not by a table library: a check prints this, and must feel instant.
"""

from __future__ import annotations

from typing import NamedTuple

from archdsl.network import Branches, Head, Leaf, Network, Node
from archdsl.source import Span

LONGEST_TEXT = 48
CONVENTION = "multiply-adds of conv and fc weights for one sample; FLOPs are twice that"


class Row(NamedTuple):
    """One row. The numbers are those of a layer; a block's row has none, so that the columns add up."""

    where: str
    text: str
    output: str
    parameters: int | None
    macs: int | None


def rows(network: Network) -> list[Row]:
    """The rows of the table, in the order of the text."""
    file = network.root.span.source
    result: list[Row] = []
    stack: list[tuple[str, Node, int, Node]] = [(key, node, 0, network.root) for key, node in network.root.children]
    stack.reverse()
    while stack:
        key, node, depth, parent = stack.pop()
        span = node.span if isinstance(node, Leaf) or node.call is None else node.call.span
        line = span.source.position(span.start)[0]
        where = str(line) if span.source is file else f"{span.source.name}:{line}"
        label = "" if key.isdecimal() else f"{key}: "
        text = "  " * depth + shorten(label + text_of(node, key, parent))
        cost = node.cost if isinstance(node, Leaf) else None
        result.append(Row(where, text, str(node.output), cost and cost.parameters, cost and cost.macs))
        if not isinstance(node, Leaf):
            stack += [(key, child, depth + 1, node) for key, child in reversed(node.children)]
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
    table = rows(network)
    head = ("line", "layer", "output", "parameters", "multiply-adds")
    cells = [(row.where, row.text.rstrip(), row.output, _number(row.parameters), _number(row.macs)) for row in table]
    widths = [max(len(row[column]) for row in (head, *cells)) for column in range(5)]
    lines = [
        "  ".join(f"{cell:{side}{width}}" for cell, side, width in zip(row, "><<>>", widths, strict=True))
        for row in (head, *cells)
    ]
    lines = [line.rstrip() for line in lines]
    lines.insert(1, "-" * max(map(len, lines)))
    cost, heads = network.cost, network.head_cost
    lines += [
        lines[1],
        f"{network.input} gives {network.output}, in {network.layer_count:,} layers",
        f"{cost.parameters:,} parameters",
        f"{cost.macs:,} {CONVENTION}",
    ]
    if any(isinstance(place.node, Head) for place in network.walk()):
        lines.append(
            f"auxiliary heads, there in training alone and not counted above: {heads.parameters:,} parameters, "
            f"{heads.macs:,} multiply-adds"
        )
    return "\n".join(lines)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
