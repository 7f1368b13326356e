"""A word that is no layer and no block: what was most likely meant by it, and how it is written here."""

from __future__ import annotations

import re
from typing import Any

from archdsl.checker.scope import Scope
from archdsl.checker.session import Session
from archdsl.checker.suggest import folded, idiom, is_elsewhere_only, meant_by_letters, meant_word
from archdsl.checker.translate import Translation, translated
from archdsl.checker.values import is_name
from archdsl.diagnostics.diagnostic import Edit
from archdsl.layers import LAYERS
from archdsl.source import Span
from archdsl.syntax import nodes
from archdsl.syntax.words import FUNCTIONS, JOINS, STRUCTURE

_KEYWORDS = ("for", "if", "let", "block", "import", "else")


def report_unknown_word(session: Session, scope: Scope, item: nodes.Layer) -> None:
    """Report the word of an item, unless a part of the file that could not be read may define it."""
    module = scope.module
    name = item.word.text
    meant = meant_word(name)
    if name in module.unknown_blocks or (module.incomplete and not is_certain(name)):
        return
    source, span = module.source.text, module.span(item.word)
    added = item.args[0] if item.args and name.endswith((".add", ".append", ".add_module")) else None
    if isinstance(added, nodes.Call):
        translation = translated(added.function.text, added.args, source)
        facts = facts_of(name, meant_word(added.function.text), translation)
        session.report("unknown-layer", span._replace(end=item.end), **facts)
        return
    if not is_name(name) and meant is None and idiom(name) is None and not is_elsewhere_only(name):
        # The parser reported it.
        return
    from archdsl.syntax.mistakes.words import KEYWORDS_ELSEWHERE  # Needed only where there is a mistake.

    rest = source[item.end :].split("\n", 1)[0].split("#")[0].strip()
    keyword = KEYWORDS_ELSEWHERE.get(name)
    if keyword is not None and (rest or keyword in ("", "}", "{")) and (item.args is None or name == "print"):
        session.report("foreign-keyword", span, word=name, meant=keyword)
        return
    translation = None if item.body is not None else translated(name, item.args or (), source)
    if meant is None and name not in FUNCTIONS and idiom(name) is None and not is_elsewhere_only(name):
        meant = session.suggest(name, [*module.visible_blocks(), *STRUCTURE, *LAYERS, *_KEYWORDS])
        meant = meant or session.suggest_with(meant_by_letters, name)
    facts = facts_of(name, meant, translation)
    if meant == "input":
        facts["mend"] = input_meant(item, source)
    elif meant in STRUCTURE and folded(name) == meant:
        facts["mend"] = meant
    facts["with_body"] = item.body is not None and item.args is None and meant not in STRUCTURE
    facts["value"] = scope.lookup(item.word)[0]
    is_alone = item.args is None and item.body is None and meant is None and not _looks_like_flag(name)
    facts["labels"] = is_alone and re.match(r"[a-z_]", rest) is not None
    if re.search(r"""["'\u2018-\u201d]""", source[item.start : item.end]):
        # What is said of the call is said of the text in it.
        span = span._replace(end=item.end)
    session.report("unknown-layer", span, (), None, edits_of(item, span, meant, translation), **facts)


def input_meant(item: nodes.Layer, source: str) -> str | None:
    """The input as it is written here; in Keras, whose word is `Input`, the channels come last."""
    sizes = [each.value if isinstance(each, nodes.Keyword) else each for each in item.args or ()]
    if len(sizes) == 1 and isinstance(sizes[0], nodes.Tuple):
        sizes = [each for each in sizes[0].items if not isinstance(each, nodes.Name)]
        if len(sizes) == 3 and item.word.text[:1].isupper():
            sizes = [sizes[2], *sizes[:2]]
    if len(sizes) not in (1, 3):
        return None
    return f"input({', '.join(source[each.start : each.end] for each in sizes)})"


def facts_of(name: str, meant: str | None, translation: Translation | None) -> dict[str, Any]:
    """What the catalog's wording asks for."""
    return {
        "name": name,
        "suggestion": meant,
        "mend": translation.text if translation else None,
        "less": translation is not None and translation.less,
        "idiom": idiom(name),
        "elsewhere_only": is_elsewhere_only(name),
        "with_body": False,
        "value": False,
        "function": name in FUNCTIONS,
        "labels": False,
    }


def edits_of(item: nodes.Layer, span: Span, meant: str | None, translation: Translation | None) -> tuple[Edit, ...]:
    """The change of the text that surely says what was meant, or none."""
    if translation is not None and translation.same:
        return (Edit(span, translation.text.partition("(")[0]),)
    if translation is not None and not translation.less:
        return (Edit(span._replace(end=item.end), translation.text),)
    if meant in ("seq", *JOINS) and item.body is not None and folded(item.word.text) == meant:
        return (Edit(span, meant),)
    return ()


def is_certain(name: str) -> bool:
    """Whether a name has one meaning, whatever blocks there may be: `Conv2d`, `nn.ReLU`."""
    last = name.rpartition(".")[2]
    calls = {call.partition("(")[0] for cls in LAYERS.values() for call in cls.elsewhere}
    return last in calls and last != last.lower()


def follows_from(before: nodes.Item | nodes.Let | None, item: nodes.Item | nodes.Let, scope: Scope) -> bool:
    """Whether an item is no mistake of its own, but the rest of what began before it on its line.

    `class B { ... }`, `repeat x3 { ... }` and `s2 p1` are each one mistake in two items.
    """
    if not isinstance(before, nodes.Layer) or "\n" in scope.module.source.text[before.end : item.start]:
        return False
    word, module = before.word.text, scope.module
    if not isinstance(item, nodes.Layer) or word in LAYERS or module.find_block(word) is not None:
        return False
    if word == "repeat":
        return before.body is None and item.body is not None and not _is_known(item.word.text, scope)
    if word in STRUCTURE:
        return False
    from archdsl.syntax.mistakes.words import KEYWORDS_ELSEWHERE  # Needed only where there is a mistake.

    if word in KEYWORDS_ELSEWHERE and before.body is None:
        return True
    return _looks_like_flag(word) and _looks_like_flag(item.word.text) and item.args is None


def _is_known(word: str, scope: Scope) -> bool:
    return word in LAYERS or word in STRUCTURE or scope.module.find_block(word) is not None


def _looks_like_flag(word: str) -> bool:
    return re.fullmatch(r"[a-z][0-9]+", word) is not None or any(
        word in cls.fields_by_name and cls.fields_by_name[word].kind == "flag" for cls in LAYERS.values()
    )
