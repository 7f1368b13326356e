"""Comments that allow what would be warned of: `# allow: softmax-at-end  the loss takes probabilities`."""

from __future__ import annotations

import re
from typing import NamedTuple

from archdsl.checker.suggest import suggest
from archdsl.diagnostics.catalog import CATALOG, diagnose
from archdsl.diagnostics.diagnostic import Diagnostic, Edit, Fix
from archdsl.lint.flow import Flow
from archdsl.lint.layers import SIZE_CODES
from archdsl.lint.names import whole_line
from archdsl.source import Source, Span

# A path in quotes may hold a `#`.
_COMMENT = re.compile(r'"[^"\r\n]*"|(#[^\r\n]*)')
_ALLOW = re.compile(r"#[ \t]*allow:[ \t]*([\w-]+(?:[ \t]*,[ \t]*[\w-]+)*)?")

NAME_CODES = frozenset(("unused-name", "unused-import"))
"""What is found from the text alone, whether or not a network is built."""


class Allow(NamedTuple):
    """A comment that allows: its line, the codes that it names, and all its characters."""

    line: int
    codes: tuple[Span, ...]
    comment: Span


def read_allows(source: Source) -> list[Allow]:
    """The comments of a text that allow something."""
    found = []
    for comment in _COMMENT.finditer(source.text):
        for match in _ALLOW.finditer(comment[1] or ""):
            at = comment.start() + match.start(1)
            codes = re.finditer(r"[\w-]+", match[1] or "")
            spans = tuple(Span(source, at + code.start(), at + code.end()) for code in codes)
            whole = Span(source, comment.start() + match.start(), comment.end())
            found.append(Allow(whole.line, spans, whole))
    return found


def silenced(found: list[Diagnostic], allows: list[Allow]) -> list[Diagnostic]:
    """The warnings that no comment on their line allows."""
    allowed = {(each.line, code.text) for each in allows for code in each.codes}
    return [each for each in found if (each.primary.span.line, each.code) not in allowed]


def report_allows(found: list[Diagnostic], allows: list[Allow], flow: Flow | None) -> list[Diagnostic]:
    """The comments that allow nothing: what they name is no warning, or is not found on their line.

    Not reported is a code that another input may call for, and one of layers where the network has none on the line.
    """
    here = {(each.primary.span.line, each.code) for each in found}
    built = set() if flow is None else built_lines(flow)
    result: list[Diagnostic] = []
    for allow in allows:
        if not allow.codes:
            result.append(diagnose("unknown-allow", allow.comment, name=None, suggestion=None, is_error=False))
        unused: list[Span] = []
        for code in allow.codes:
            entry = CATALOG.get(code.text)
            if entry is None or entry.severity != "warning":
                result.append(_unknown(code, allow, here))
            elif (allow.line, code.text) not in here and was_looked_at(code.text, allow.line, built):
                unused.append(code)
        for code in unused:
            fix = _without(code, allow) if len(unused) < len(allow.codes) else _deleted(allow)
            result.append(diagnose("unused-allow", code, name=code.text)._replace(fix=fix))
    return result


def was_looked_at(code: str, line: int, built: set[int]) -> bool:
    """Whether what is not found on a line is not there, whatever the input."""
    return code in NAME_CODES or (code not in SIZE_CODES and line in built)


def built_lines(flow: Flow) -> set[int]:
    """The lines of the file that layers of the network are written on."""
    source = flow.source
    return {leaf.span.line for leaf in flow.leaves if leaf.span.source is source}


def _unknown(code: Span, allow: Allow, here: set[tuple[int, str]]) -> Diagnostic:
    """A name that is no warning's; where the one that was meant is found on the line, it can be written instead."""
    entry = CATALOG.get(code.text)
    warnings = [name for name, each in CATALOG.items() if each.severity == "warning"]
    meant = None if entry else suggest(code.text.replace("_", "-"), warnings)
    facts = {"name": code.text, "suggestion": meant, "is_error": entry is not None}
    found = diagnose("unknown-allow", code, **facts)
    if meant is not None and (allow.line, meant) in here:
        return found._replace(fix=Fix(f"write `{meant}`", (Edit(code, meant),)))
    return found


def _deleted(allow: Allow) -> Fix:
    """The comment taken out, with the space before it, or with its line."""
    span = whole_line(allow.comment)
    if span == allow.comment:
        text = span.source.text
        start = span.start
        while start and text[start - 1] in " \t":
            start -= 1
        span = span._replace(start=start)
    return Fix("delete the comment", (Edit(span, ""),))


def _without(code: Span, allow: Allow) -> Fix:
    """One of several codes taken out, with the comma beside it."""
    index = allow.codes.index(code)
    span = code._replace(start=allow.codes[index - 1].end) if index else code._replace(end=allow.codes[1].start)
    return Fix(f"delete `{code.text}`", (Edit(span, ""),))
