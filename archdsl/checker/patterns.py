"""Patterns: a value taken apart into names."""

from __future__ import annotations

from archdsl.checker.arguments import Given
from archdsl.checker.scope import Module, Value
from archdsl.checker.session import Session
from archdsl.diagnostics.diagnostic import Label
from archdsl.syntax import nodes


def names_of(pattern: nodes.Pattern) -> list[nodes.Name]:
    """The names that a pattern binds, from left to right."""
    if isinstance(pattern, nodes.Name):
        return [pattern]
    return [name for inner in pattern.patterns for name in names_of(inner)]


def bind(session: Session, pattern: nodes.Pattern, given: Given, module: Module) -> dict[str, Value]:
    """The names of a pattern with their values; not known where the value does not have the pattern's form."""
    value, span = given
    if isinstance(pattern, nodes.Name):
        return {pattern.text: value}
    names: dict[str, Value] = {}
    if value is not None and (not isinstance(value, tuple) or len(value) != len(pattern.patterns)):
        place = module.span(pattern)  # type: ignore[arg-type]
        related = (Label(place, "taken apart here"),)
        session.report("pattern-mismatch", span, related, pattern=place.text, value=value, wanted=len(pattern.patterns))
        value = None
    items = value if isinstance(value, tuple) else (None,) * len(pattern.patterns)
    for inner, item in zip(pattern.patterns, items, strict=True):
        names.update(bind(session, inner, Given(item, span), module))
    return names
