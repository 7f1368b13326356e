"""Patterns: a value taken apart into names."""

from __future__ import annotations

from archdsl.checker.scope import Given, Module
from archdsl.checker.session import Session
from archdsl.diagnostics.diagnostic import Label
from archdsl.source import Span
from archdsl.syntax import nodes


def names_of(pattern: nodes.Pattern) -> list[nodes.Name]:
    """The names that a pattern binds, from left to right."""
    if isinstance(pattern, nodes.Name):
        return [pattern]
    return [name for inner in pattern.patterns for name in names_of(inner)]


def bind(session: Session, pattern: nodes.Pattern, given: Given, module: Module) -> dict[str, Given]:
    """The names of a pattern with their values; not known where the value does not have the pattern's form."""
    if isinstance(pattern, nodes.Name):
        return {pattern.text: given}
    value = given.value
    names: dict[str, Given] = {}
    if value is not None and (not isinstance(value, tuple) or len(value) != len(pattern.patterns)):
        place = module.span(pattern)
        related = (Label(place, "taken apart here"),)
        session.report(
            "pattern-mismatch", given, related, pattern=place.text, value=value, wanted=len(pattern.patterns)
        )
        value = None
    items = value if isinstance(value, tuple) else (None,) * len(pattern.patterns)
    for index, (inner, item) in enumerate(zip(pattern.patterns, items, strict=True)):
        names.update(bind(session, inner, given.item(index, item), module))
    return names


def turns_of(session: Session, pattern: nodes.Pattern, given: Given, module: Module) -> list[Given]:
    """The values that `for` goes through, one for each turn; none where they are not known."""
    values = given.value
    if values is None:
        return []
    if not isinstance(values, tuple):
        session.report("wrong-kind", given, what="what `for` goes through", expected="a tuple", found=values)
        return []
    wanted = len(pattern.patterns) if isinstance(pattern, nodes.Unpack) else None
    if len(values) == wanted and all(isinstance(value, int | float) for value in values):
        # The values of one turn, without the tuple of turns around them.
        place = module.span(pattern)
        related = (Label(place, "taken apart here"),)
        facts = {"pattern": place.text, "value": values[0], "wanted": wanted, "row": values}
        session.report("pattern-mismatch", given, related, **facts)
        return [given]
    return [given.item(index, value) for index, value in enumerate(values)]


def check_names(session: Session, names: list[nodes.Name], module: Module, kind: str) -> None:
    """Report names that no value may take, and those that one pattern or list of parameters binds twice."""
    seen: set[str] = set()
    for name in names:
        check_bindable(session, module.span(name))
        if name.text in seen:
            session.report("name-taken", module.span(name), name=name.text, by=kind)
        seen.add(name.text)


def check_bindable(session: Session, name: Span) -> bool:
    """Report a name that no value may take; whether it may."""
    if name.text in ("in_channels", "in_features"):
        session.report("name-reserved", name, name=name.text)
        return False
    return True
