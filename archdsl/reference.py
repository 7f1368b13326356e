"""The reference of the words, made from the layer classes: for `archdsl explain`, and for grammar/README.md."""

from __future__ import annotations

from inspect import cleandoc
from pathlib import Path

from archdsl.checker.check import check_source
from archdsl.layers import LAYERS
from archdsl.layers.base import LARGEST_WINDOW, Field, Join, Layer, SameAs
from archdsl.layers.joining import Aux
from archdsl.network import Leaf, Network
from archdsl.source import Source

BEGIN = "<!-- The words, made from the layer classes by `make reference`. -->"
END = "<!-- The end of the words. -->"

STRUCTURE_WORDS: dict[str, tuple[str, str]] = {
    "input": (
        "The shape of one sample: `input(channels, height, width)` or `input(features)`.",
        "It stands once, at file level, without a label, before the first layer. On the command line, "
        "`--input 3x96x96` replaces it.",
    ),
    "seq": ("A chain as one module: `seq { conv(64, 3) relu }`.", "It becomes a nested nn.Sequential."),
    "repeat": (
        "A chain several times: `repeat(3) { conv(64, 3, p1) relu }`.",
        "It is spliced in place, each turn with its own shapes; `repeat(0)` is nothing.",
    ),
    "for": (
        "A chain for each value: `for c in (64, 128) { conv(c, 3) relu }`.",
        "It is spliced in place. A pattern takes tuples apart: `for (n, c) in ((1, 64), (2, 128)) { ... }`; "
        "`range(n)` is (0, ..., n-1).",
    ),
    "if": (
        "One of several chains: `if s == 1 { identity } else { conv(64, 1, s=s) }`.",
        "It is spliced in place; `else if` goes on. The chains that are not taken are parsed, their names and counts "
        "checked, their values and shapes not.",
    ),
}
"""Words of the grammar that no layer class describes: what each is, and what else is to be known."""


def summary_line(cls: type[Layer]) -> str:
    """The first sentence about a word."""
    return cleandoc(cls.__doc__ or "").partition("\n")[0]


def describe_word(cls: type[Layer]) -> str:
    """All about a word, in Markdown that reads as plain text too."""
    lines = [f"`{usage(cls)}`", "", cleandoc(cls.__doc__ or ""), ""]
    if cls.fields:
        rows = [("argument", "as", "default", "limits", "what it is"), *(field_row(cls, field) for field in cls.fields)]
        widths = [max(len(row[column]) for row in rows) for column in range(5)]
        rows.insert(1, tuple("-" * width for width in widths))  # type: ignore[arg-type]
        lines += [
            "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)) + " |"
            for row in rows
        ]
        lines.append("")
    lines += [f"- Shape: {cls.rule}.", f"- Builds: {cls.torch}.", f"- Example: {example_line(cls)}"]
    return "\n".join(lines)


def usage(cls: type[Layer]) -> str:
    """How the word is called: its positions, and a body where it takes one."""
    positions = [field.name for field in cls.fields if field.positional]
    body = " { a | b }" if issubclass(cls, Join) else " { ... }" if issubclass(cls, Aux) else ""
    return f"{cls.word}({', '.join(positions)}){body}" if positions else f"{cls.word}{body}"


def field_row(cls: type[Layer], field: Field) -> tuple[str, str, str, str, str]:
    """A row of the table of arguments."""
    if field.kind == "flag":
        return f"`{field.name}`", f"`{field.name}`", "not said", "", field.doc
    ways = []
    if field.positional:
        position = [each.name for each in cls.fields if each.positional].index(field.name)
        ways.append(("first", "second", "third", "fourth", "fifth", "sixth")[position])
    if field.letter:
        ways.append(f"`{field.letter}2`")
    ways.append(f"`{field.name}=`")
    return f"`{field.name}`", ", ".join(ways), default_text(field), limits_text(field), field.doc


def default_text(field: Field) -> str:
    if field.required:
        return "needed"
    if isinstance(field.default, SameAs):
        return f"`{field.default.field}`"
    if field.kind == "pair":
        return str(field.default[0]) if len(set(field.default)) == 1 else str(field.default)
    return f"{field.default:g}" if isinstance(field.default, float) else str(field.default)


def limits_text(field: Field) -> str:
    kinds = {"whole": "whole", "pair": "whole, or (height, width)", "decimal": "number"}
    low, high = field.at_least, field.at_most
    if high is not None and high >= LARGEST_WINDOW:
        high = None  # What torch can hold; no reader needs it.
    bounds = f"{low:g} to {high:g}" if low is not None and high is not None else ""
    if not bounds and low is not None:
        bounds = f"at least {low:g}"
    if not bounds and high is not None:
        bounds = f"at most {high:g}"
    return f"{kinds[field.kind]}, {bounds}" if bounds else kinds[field.kind]


def example_line(cls: type[Layer]) -> str:
    """The example of a word with what the checker makes of it."""
    shape, _, text = cls.example.partition(": ")
    network = example_network(cls)
    made = [place.node.layer.module(place.node.input) for place in network.walk() if isinstance(place.node, Leaf)]
    built = f", built as `{made[0]}`" if len(made) == 1 and len(network.root.children) == 1 else ""
    cost = network.cost
    counted = f" with {cost.parameters:,} parameters" if cost.parameters else ""
    counted += f" and {cost.macs:,} multiply-adds" if cost.macs else ""
    return f"`{text}` on {shape} gives {network.output}{counted}{built}."


def example_network(cls: type[Layer]) -> Network:
    """The network of a word's example."""
    shape, _, text = cls.example.partition(": ")
    checked = check_source(Source(f"example of {cls.word}", f"input({shape.replace('x', ', ')})\n{text}\n"))
    assert checked.network is not None, checked.diagnostics
    return checked.network


def words_section() -> str:
    """The part of grammar/README.md on words, from BEGIN to END."""
    parts = [BEGIN, ""]
    for word, cls in LAYERS.items():
        parts += [f"### {word}", "", describe_word(cls), ""]
    return "\n".join([*parts, END])


def with_words(page: str) -> str:
    """The page with its part on words made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + words_section() + after


def write_page() -> None:
    """Make the words of grammar/README.md anew; run it when a layer changes (`make reference`)."""
    page = Path(__file__).parent.parent / "grammar" / "README.md"
    page.write_text(with_words(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_page()
