"""`archdsl explain`: what a word, an argument, a function, a keyword, a block of the library or a code means."""

from __future__ import annotations

import sys
from textwrap import indent

from archdsl.checker.modules import library
from archdsl.checker.suggest import meant_word, suggest
from archdsl.commands.output import refuse, wants_color
from archdsl.diagnostics.catalog import CATALOG
from archdsl.diagnostics.catalog.entry import Entry
from archdsl.diagnostics.catalog.values import shown
from archdsl.diagnostics.pages import Spec, read_page
from archdsl.diagnostics.render import Paint, visible
from archdsl.examples import run_example, value_of
from archdsl.exit_codes import EXIT_FINE
from archdsl.layers import LAYERS
from archdsl.reference import describe_word, example_line, shown_files, stages, summary_line, titled
from archdsl.topics import SAME_AS, STRUCTURE, TOPICS, VALUES


def explain(name: str) -> int:
    """Print what a name means; 2 where nothing has it."""
    text = explanation(name, wants_color(sys.stdout))
    if text is None:
        arguments = [field.name for cls in LAYERS.values() for field in cls.fields]
        known = [*LAYERS, *TOPICS, *SAME_AS, *library().blocks, *arguments, *CATALOG, "words", "codes"]
        meant = meant_word(name) or suggest(name, known)
        hint = f"; did you mean `{meant}`?" if meant else "; see `archdsl explain words` and `archdsl explain codes`"
        if is_of_recipes(name):
            hint = f", but a recipe has it: see `archdsl recipe explain {name}`"
        return refuse(f"nothing is called `{visible(name)}`{hint}")
    print(text)
    return EXIT_FINE


def is_of_recipes(name: str) -> bool:
    """Whether recipes have what the language has not: a key, a section, an optimizer, a schedule."""
    from archdsl.recipe.keys import SECTIONS, all_keys
    from archdsl.recipe.recipe import CHOICES  # Here, for pydantic takes longer to import than all else.

    return name in {*all_keys(), *SECTIONS, *(choice for names in CHOICES.values() for choice in names)}


def explanation(name: str, color: bool = False) -> str | None:
    """The text about a name, or None."""
    if name == "words":
        return all_words(color)
    if name == "codes":
        return all_codes(color)
    if name in LAYERS:
        return describe_word(LAYERS[name])
    if name in TOPICS:
        return topic(name, color)
    if name in SAME_AS:
        return f"{name} belongs to `{SAME_AS[name]}`.\n\n{explanation(SAME_AS[name], color)}"
    if name in library().blocks:
        return library_block(name)
    if name in CATALOG:
        return code_page(CATALOG[name], color)
    text = argument(name)
    if text is not None:
        return text
    meant = meant_word(name)
    word = (meant or "").rpartition(" ")[2]  # Of `else if`, the page on `if`.
    if word not in {*LAYERS, *TOPICS, *SAME_AS}:
        return None
    return f"{name} is called `{meant}` here.\n\n{explanation(word, color)}"


def all_words(color: bool) -> str:
    """Every word in a line, the layers first."""
    paint = Paint(color)
    groups = {
        "Layers": {word: summary_line(cls) for word, cls in LAYERS.items()},
        "Structure": {word: read_page(text).summary for word, text in STRUCTURE.items()},
        "Values": {word: read_page(text).summary for word, text in VALUES.items()},
        "Blocks of the library": {name: block_text(name).partition("\n")[0] for name in library().blocks},
    }
    parts = []
    width = max(len(word) for words in groups.values() for word in words)
    for title, words in groups.items():
        rows = [f"  {word:<{width}} {summary.removeprefix('# ')}" for word, summary in words.items()]
        parts.append("\n".join([paint.bold(f"{title}:"), *rows]))
    return "\n\n".join(parts)


def all_codes(color: bool) -> str:
    """Every code in a line, by the stage that finds it."""
    paint = Paint(color)
    parts = []
    for title, entries in stages():
        rows = [f"  {entry.code:<26} {entry.page.summary}" for entry in entries]
        parts.append("\n".join([paint.bold(f"{title}:"), *rows]))
    return "\n\n".join(parts)


def topic(name: str, color: bool) -> str:
    """The page on a word of structure, a function, or a name of a value."""
    page = read_page(TOPICS[name])
    parts = [Paint(color).bold(name) + f": {page.summary}"]
    if page.explanation:
        parts.append(page.explanation)
    if page.values:
        parts.append("\n".join(f"    {each} gives {shown(value_of(each))}" for each in page.values))
    for example in page.examples:
        parts += ["Example:", listing(example.spec), f"    {run_example(example.spec).summary()}"]
    return "\n\n".join(parts)


def argument(name: str) -> str | None:
    """What an argument or flag means to each word that has it, or None where none has."""
    rows = []
    for word, cls in LAYERS.items():
        for field in cls.fields:
            if name in (field.name, field.letter, *field.also_called):
                called = "" if name == field.name else f"`{field.name}`: "
                rows.append(f"  {word:<18} {called}{field.doc}")
    if not rows:
        return None
    return "\n".join([f"{name} is an argument of:", "", *rows, "", "`archdsl explain WORD` says how it is given."])


def block_text(name: str) -> str:
    return library().blocks[name].module.source.text.strip()


def library_block(name: str) -> str:
    """The text of a block of the library, with its example: the comment at the end."""
    text, _, example = block_text(name).rpartition("\n# Example: ")
    return f"{text}\n\nExample: {example_line(example)}"


def code_page(entry: Entry, color: bool) -> str:
    """The page on a code, each example checked at this moment."""
    page, paint = entry.page, Paint(color, entry.severity)
    parts = [paint.fault(f"{entry.severity}[{entry.code}]"), page.summary]
    if page.explanation:
        parts.append(page.explanation)
    for example in page.examples:
        found = run_example(example.spec).rendered(color, entry.code)
        parts += [paint.bold(f"{titled('Wrong', example.spec)}:"), listing(example.spec), indent(found, "    ")]
        if example.mended is not None:
            parts += [paint.bold(f"{titled('Mended', example.mended)}:"), listing(example.mended)]
            parts.append(f"    {run_example(example.mended).summary()}")
    return "\n\n".join(parts)


def listing(spec: Spec) -> str:
    """The files of a spec, indented, each under its name where there are several."""
    return "\n\n".join((f"  {name}:\n" if name else "") + indent(text, "    ") for name, text in shown_files(spec))
