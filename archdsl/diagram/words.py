"""How a diagram writes things: a layer and a block call with their values, shapes, numbers."""

from __future__ import annotations

from typing import Any

from archdsl.layers.base import Layer, SameAs, plain
from archdsl.network import Call, Head, Leaf, Node
from archdsl.shapes import Shape

LONGEST_TITLE = 60
"""More characters than that of a title are not drawn."""

LONGEST_TUPLE = 12
"""More values than that of a tuple are not drawn."""

NOT_DRAWN = frozenset(("nobias", "eps", "momentum"))
"""Arguments that say little in a picture, as the rate of `drop_path`, too; the line of the spec has them."""


def title_of(label: str, node: Node) -> str:
    """What stands above a part: `stage1`, `bottleneck(64, s=2)`, or both; "" where it has no name."""
    if isinstance(node, Head):
        text = f"aux({node.layer.weight:g})"
    else:
        text = block_call(node.call) if not isinstance(node, Leaf) and node.call is not None else ""
    return shortened(f"{label}: {text}" if label and text else label or text)


def block_call(call: Call) -> str:
    """A block call with its values: `bottleneck(64, s=2)`."""
    if not call.arguments:
        return call.block
    parts = [value_text(value) if name is None else f"{name}={value_text(value)}" for name, value in call.arguments]
    return f"{call.block}({', '.join(parts)})"


def call_of(layer: Layer, short: bool = False) -> str:
    """A layer as a call with its values: `conv(64, 7, s2, p3)`. `short` leaves out what has a default."""
    parts: list[str] = []
    in_order = True
    for field in layer.fields:
        value = layer.__dict__[field.name]
        default = layer.__dict__[field.default.field] if isinstance(field.default, SameAs) else field.default
        if field.name in NOT_DRAWN or layer.word == "drop_path" or (not field.required and value == default):
            in_order = in_order and field.required
            continue
        if short and not field.required and field.name != "p":
            continue
        if field.kind == "flag":
            parts.append(field.name)
            continue
        shown = plain(value) if field.kind == "pair" else value
        if field.required and in_order:
            parts.append(value_text(shown))
        elif field.letter and isinstance(shown, int) and field.letter != field.name:
            parts.append(f"{field.letter}{shown}")
        elif field.name == "p":
            parts.append(value_text(shown))
        else:
            parts.append(f"{field.letter or field.name}={value_text(shown)}")
    return shortened(f"{layer.word}({', '.join(parts)})" if parts else layer.word)


def value_text(value: Any) -> str:
    """A value as the language writes it, decimals with three digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        some = [value_text(each) for each in value[:LONGEST_TUPLE]]
        return f"({', '.join(some)}{',' if len(value) == 1 else ', …' if len(value) > LONGEST_TUPLE else ''})"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TITLE else text[: LONGEST_TITLE - 1].rstrip(" ,") + "…"


def shape_text(shape: Shape) -> str:
    """64×56×56."""
    return "×".join(map(str, shape))


def short_number(value: int) -> str:
    """A number of three digits: 940, 9.41K, 36.9K, 25.6M, 4.09G."""
    if value < 1000:
        return str(value)
    size, unit = float(value), ""
    for larger in "KMGTP":
        if float(f"{size:.3g}") < 1000:
            break
        size, unit = size / 1000, larger
    rounded = float(f"{size:.3g}")
    digits = f"{size:.{2 if rounded < 10 else 1 if rounded < 100 else 0}f}"
    return f"{digits}{unit}"


def plural_of_layers(count: int) -> str:
    """How many layers: "1 layer", "1,024 layers"."""
    return f"{count:,} layer{'' if count == 1 else 's'}"
