"""The reference: words from the layer classes, codes from the catalog; for `archdsl explain`, and for the documents."""

from __future__ import annotations

import shlex
import sys
from inspect import cleandoc
from pathlib import Path

from archdsl.checker.check import check_source
from archdsl.diagnostics.catalog import CATALOG
from archdsl.diagnostics.catalog.entry import Entry
from archdsl.diagnostics.pages import SPEC, Spec
from archdsl.examples import run_example
from archdsl.layers import LAYERS
from archdsl.layers.base import LARGEST_WINDOW, Field, Join, Layer, SameAs
from archdsl.layers.joining import Aux
from archdsl.network import Leaf, Network
from archdsl.source import Source
from archdsl.specs_page import specs_page

BEGIN = "<!-- The words, made from the layer classes by `make reference`. -->"
END = "<!-- The end of the words. -->"


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
    lines += [f"- Shape: {cls.rule}.", f"- Builds: {cls.torch}.", f"- Example: {example_line(cls.example)}"]
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


def example_line(example: str) -> str:
    """An example such as "3x8x8: conv(4, 3)" with what the checker makes of it."""
    shape, _, text = example.partition(": ")
    network = example_network(example)
    made = [place.node.layer.module(place.node.input) for place in network.walk() if isinstance(place.node, Leaf)]
    built = f", built as `{made[0]}`" if len(made) == 1 and len(network.root.children) == 1 else ""
    cost = network.cost
    counted = f" with {cost.parameters:,} parameters" if cost.parameters else ""
    counted += f" and {cost.macs:,} multiply-adds" if cost.macs else ""
    return f"`{text}` on {shape} gives {network.output}{counted}{built}."


def example_network(example: str) -> Network:
    """The network of an example such as "3x8x8: conv(4, 3)"."""
    shape, _, text = example.partition(": ")
    checked = check_source(Source("example", f"input({shape.replace('x', ', ')})\n{text}\n"))
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


# Codes


def stages() -> list[tuple[str, list[Entry]]]:
    """The codes by the stage that finds them, in the order of the stages; each stage with its heading."""
    modules: dict[str, list[Entry]] = {}
    for entry in CATALOG.values():
        modules.setdefault(entry.words.__module__, []).append(entry)
    order = [f"archdsl.diagnostics.catalog.{name}" for name in ("text", "names", "calls", "values", "layers")]
    names = [*order, *(name for name in modules if name not in order)]
    return [(heading(name), modules[name]) for name in names]


def heading(module: str) -> str:
    """What a module of the catalog has the words for: "Faults of names: unknown, taken, reserved"."""
    first = cleandoc(sys.modules[module].__doc__ or "").partition("\n")[0]
    text = first.removeprefix("The words for ").rstrip(".")
    return text[:1].upper() + text[1:]


def errors_page() -> str:
    """docs/errors.md: every code with its explanation, an example, what is said of it, and the example mended."""
    lines = [
        "# Errors and warnings",
        "",
        "<!-- Made from the catalog by `make reference`; a test holds every example. -->",
        "",
        "What each code means, with an example, what `archdsl check` says of it, and the example mended.",
        "`archdsl explain CODE` tells the same in a terminal.",
    ]
    for title, entries in stages():
        lines += ["", f"- {title}: {', '.join(f'[{each.code}](#{each.code})' for each in entries)}"]
    for title, entries in stages():
        lines += ["", f"## {title}"]
        for entry in entries:
            lines += ["", f"### {entry.code}", "", *code_section(entry)]
    return "\n".join(lines) + "\n"


def code_section(entry: Entry) -> list[str]:
    """The page on a code, in Markdown."""
    page = entry.page
    lines = [page.summary, *(["", page.explanation] if page.explanation else [])]
    for example in page.examples:
        lines += ["", f"{titled('Wrong', example.spec)}:"]
        for name, text in shown_files(example.spec):
            lines += ["", *([f"`{name}`", ""] if name else []), *fenced(text, "text")]
        lines += ["", *fenced(run_example(example.spec).rendered(code=entry.code), "text")]
        if example.mended is None:
            continue
        outcome = run_example(example.mended)
        language = "arch" if example.mended.is_plain and outcome.network is not None else "text"
        lines += ["", f"{titled('Mended', example.mended)} ({outcome.summary()}):"]
        for name, text in shown_files(example.mended):
            lines += ["", *([f"`{name}`", ""] if name else []), *fenced(text, language)]
    return lines


def titled(title: str, spec: Spec) -> str:
    """A title with the options of the command line that a spec needs."""
    return f"{title}, with `{shlex.join(spec.options)}`" if spec.options else title


def shown_files(spec: Spec) -> list[tuple[str, str]]:
    """The files of a spec as they are shown, a name before each where there are several."""
    if "missing" in spec.ways:
        return [("", "(no such file)")]
    return [(SPEC, spec.text), *spec.files] if spec.files else [("", spec.text)]


def fenced(text: str, language: str) -> list[str]:
    return [f"```{language}", *text.splitlines(), "```"]


def write_pages() -> None:
    """Make docs/errors.md, specs/README.md and the words of grammar/README.md anew (`make reference`)."""
    root = Path(__file__).parent.parent
    page = root / "grammar" / "README.md"
    page.write_text(with_words(page.read_text(encoding="utf-8")), encoding="utf-8")
    (root / "docs" / "errors.md").write_text(errors_page(), encoding="utf-8")
    (root / "specs" / "README.md").write_text(specs_page(root / "specs"), encoding="utf-8")


if __name__ == "__main__":
    write_pages()
