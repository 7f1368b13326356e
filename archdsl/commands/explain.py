"""`archdsl explain`: what a word, a block of the library or an error's code means."""

from __future__ import annotations

import sys

from archdsl.checker.modules import library
from archdsl.checker.suggest import STRUCTURE, meant_word, suggest
from archdsl.diagnostics.catalog import CATALOG
from archdsl.diagnostics.render import visible
from archdsl.layers import LAYERS
from archdsl.reference import STRUCTURE_WORDS, describe_word, summary_line


def explain(name: str) -> int:
    """Print what a name means; 2 where nothing has it."""
    text = explanation(name)
    if text is None:
        known = [*LAYERS, *STRUCTURE, *library().blocks, *CATALOG, "words", "codes"]
        meant = meant_word(name) or suggest(name, known)
        hint = f"; did you mean `{meant}`?" if meant else "; see `archdsl explain words` and `archdsl explain codes`"
        print(f"archdsl: nothing is called {visible(name)!r}{hint}", file=sys.stderr)
        return 2
    print(text)
    return 0


def explanation(name: str) -> str | None:
    """The text about a name, or None."""
    if name == "words":
        words = [f"  {word:<18} {summary_line(cls)}" for word, cls in LAYERS.items()]
        structure = [f"  {word:<18} {text}" for word, (text, _) in STRUCTURE_WORDS.items()]
        blocks = [f"  {block}" for block in library().blocks]
        return "\n".join(["Layers:", *words, "", "Structure:", *structure, "", "Blocks of the library:", *blocks])
    if name == "codes":
        return "\n".join(f"  {code:<26} {first_line(entry.explanation)}" for code, entry in sorted(CATALOG.items()))
    if name in LAYERS:
        return describe_word(LAYERS[name])
    if name in STRUCTURE_WORDS:
        text, more = STRUCTURE_WORDS[name]
        return f"{name}: {text}\n\n{more}"
    block = library().blocks.get(name)
    if block is not None:
        return block.module.source.text.strip()
    entry = CATALOG.get(name)
    if entry is not None:
        return f"{entry.severity}[{name}]\n\n{entry.explanation}"
    meant = meant_word(name)
    return f"{name} is called `{meant}` here.\n\n{explanation(meant)}" if meant in LAYERS else None


def first_line(text: str) -> str:
    return text.partition("\n")[0]
