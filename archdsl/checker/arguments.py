"""Arguments to what they are given to: one way of matching for words and for blocks."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from archdsl.checker.scope import BlockDefinition, Value
from archdsl.checker.suggest import suggest
from archdsl.checker.values import FUNCTIONS, Evaluation
from archdsl.layers.base import Field, Layer, SameAs
from archdsl.source import Span
from archdsl.syntax import nodes

_LETTER_FLAG = re.compile(r"([a-z])([0-9]+)")


class Signature(NamedTuple):
    """What may be given, by the index of the field or parameter.

    call: how a call looks, for messages: "conv(out, kernel, stride, pad)".
    positions: the indices that arguments in order fill.
    names: the index for each name and letter.
    letters: the index for each letter of a flag with a number.
    flags: the index for each bare word.
    required: the indices that must be given, each with its name.
    also_called: the name that is meant by what people from elsewhere call it.
    """

    word: str
    call: str
    positions: tuple[int, ...]
    names: dict[str, int]
    letters: dict[str, int]
    flags: dict[str, int]
    required: dict[int, str]
    also_called: dict[str, str]
    count: int


class Given(NamedTuple):
    """A value and the characters that gave it."""

    value: Value
    span: Span


@cache
def layer_signature(cls: type[Layer]) -> Signature:
    """The signature of a word."""
    names: dict[str, int] = {}
    letters: dict[str, int] = {}
    for index, field in enumerate(cls.fields):
        names[field.name] = index
        if field.letter:
            names[field.letter] = letters[field.letter] = index
    positional = [(index, field) for index, field in enumerate(cls.fields) if field.positional]
    return Signature(
        cls.word,
        f"{cls.word}({', '.join(field.name for _, field in positional)})",
        tuple(index for index, _ in positional),
        names,
        letters,
        {field.name: index for index, field in enumerate(cls.fields) if field.kind == "flag"},
        {index: field.name for index, field in enumerate(cls.fields) if field.required},
        {alias.lower(): field.name for field in cls.fields for alias in field.also_called},
        len(cls.fields),
    )


def block_signature(block: BlockDefinition) -> Signature:
    """The signature of a block. A parameter of one letter that has a default takes the flag form too."""
    names: dict[str, int] = {}
    letters: dict[str, int] = {}
    required: dict[int, str] = {}
    shown = []
    for index, parameter in enumerate(block.node.parameters):
        text = block.module.source.text[parameter.pattern.start : parameter.pattern.end]
        shown.append(text)
        if isinstance(parameter.pattern, nodes.Name):
            names[text] = index
            if len(text) == 1 and parameter.default is not None:
                letters[text] = index
        if parameter.default is None:
            required[index] = text
    call = f"{block.name}({', '.join(shown)})" if shown else block.name
    return Signature(block.name, call, tuple(range(len(shown))), names, letters, {}, required, {}, len(shown))


def match(call: nodes.Layer, signature: Signature, evaluation: Evaluation) -> list[Given | None] | None:
    """The values given, by index; None for the whole where they can't be matched, after a report.

    First come arguments in order, then names and flags in any order.
    """
    module = evaluation.scope.module
    session = evaluation.session
    given: list[Given | None] = [None] * signature.count
    fine = True
    named = False
    positions = 0
    for argument in call.args or ():
        span = module.span(argument)
        value: Value
        index: int | None
        if argument.__class__ is nodes.Keyword:
            named = True
            index = signature.names.get(argument.name.text)  # type: ignore[union-attr]
            value = evaluation.value(argument.value)  # type: ignore[union-attr]
            span = module.span(argument.value)  # type: ignore[union-attr]
            if index is None:
                name = argument.name  # type: ignore[union-attr]
                session.report(
                    "unknown-argument",
                    module.span(name),
                    word=signature.word,
                    name=name.text,
                    suggestion=signature.also_called.get(name.text.lower()) or suggest(name.text, signature.names),
                    known=tuple(signature.names),
                )
                fine = False
                continue
        elif argument.__class__ is nodes.Name and (flag := read_flag(argument, signature, evaluation)) is not None:  # type: ignore[arg-type]
            named = True
            index, value = flag
        else:
            if named:
                session.report("positional-after-named", span, call=signature.call)
                fine = False
                continue
            value = positional_value(argument, signature, evaluation)  # type: ignore[arg-type]
            if positions == len(signature.positions):
                session.report(
                    "too-many-arguments",
                    span,
                    call=signature.call,
                    word=signature.word,
                    most=len(signature.positions),
                    found=sum(not isinstance(each, nodes.Keyword) for each in call.args or ()),
                    names=tuple(name for name in signature.names if len(name) > 1),
                )
                fine = False
                positions += 1
                continue
            if positions > len(signature.positions):
                continue
            index = signature.positions[positions]
            positions += 1
        if given[index] is not None:
            session.report("argument-given-twice", span, name=_name_of(signature, index), word=signature.word)
            fine = False
            continue
        given[index] = Given(value, span)
    missing = [name for index, name in signature.required.items() if given[index] is None]
    if missing and fine:
        session.report(
            "missing-argument",
            module.span(call.word),
            word=signature.word,
            call=signature.call,
            missing=tuple(missing),
        )
    return given if fine and not missing else None


def positional_value(argument: nodes.Value, signature: Signature, evaluation: Evaluation) -> Value:
    """The value of an argument in order. A bare word that is bound to nothing was perhaps meant as a flag."""
    if argument.__class__ is nodes.Name:
        text = argument.text  # type: ignore[union-attr]
        bound = evaluation.scope.lookup(argument)[0]  # type: ignore[arg-type]
        module = evaluation.scope.module
        if not bound and text not in ("in_channels", "in_features", *FUNCTIONS, *module.lets) and not module.incomplete:
            flags = (*signature.flags, *(f"{letter}1" for letter in signature.letters))
            suggestion = signature.also_called.get(text.lower())
            if suggestion not in signature.flags:
                suggestion = suggest(text, [*signature.flags, *evaluation.scope.visible_names()])
            evaluation.session.report(
                "unknown-flag",
                module.span(argument),
                name=text,
                word=signature.word,
                suggestion=suggestion,
                flags=flags,
            )
            return None
    return evaluation.value(argument)


def _name_of(signature: Signature, index: int) -> str:
    return next((name for name, at in signature.names.items() if at == index), "this argument")


def read_flag(name: nodes.Name, signature: Signature, evaluation: Evaluation) -> tuple[int, Value] | None:
    """The index and value of a bare word that is a flag of what is called, or None."""
    text = name.text
    index = signature.flags.get(text)
    value: Value = True
    instead = f"{text}=true"
    if index is None:
        match = _LETTER_FLAG.fullmatch(text)
        index = signature.letters.get(match[1]) if match else None
        if match is None or index is None:
            return None
        digits = match[2]
        instead = f"{match[1]}={text}"
        if (len(digits) > 1 and digits[0] == "0") or len(digits) > 15:
            span = evaluation.scope.module.span(name)
            evaluation.session.report("malformed-number", span, text=text, mend=match[1] + (digits.lstrip("0") or "0"))
            return index, None
        value = int(digits)
    if evaluation.scope.lookup(name)[0]:
        span = evaluation.scope.module.span(name)
        evaluation.session.report("flag-or-value", span, name=text, word=signature.word, instead=instead)
        return index, None
    return index, None if evaluation.dead else value


def make_layer(
    cls: type[Layer], given: list[Given | None], evaluation: Evaluation, word: Span
) -> tuple[Layer, dict[str, Span]]:
    """The layer with its arguments, those that are wrong not known, and where each argument was given."""
    values: dict[str, Any] = {}
    places: dict[str, Span] = {}
    for field, each in zip(cls.fields, given, strict=True):
        if each is not None:
            values[field.name] = convert(field, each, evaluation)
            places[field.name] = each.span
        elif isinstance(field.default, SameAs) and field.default.field in places:
            # An argument at fault for being as another is: that other one is shown.
            places[field.name] = places[field.default.field]
    return cls(**values), places


def convert(field: Field, given: Given, evaluation: Evaluation) -> Any:
    """The value as the field wants it; None, or a pair of None, where it is not known or was refused."""
    value = given.value
    refused = (None, None) if field.kind == "pair" else None
    if evaluation.dead or value is None:
        return refused
    kind = type(value)
    if field.kind == "pair" and kind is tuple:
        pair: tuple[Value, ...] = value  # type: ignore[assignment]
        if len(pair) != 2 or any(type(each) is not int and each is not None for each in pair):
            return _wrong_kind(field, given, evaluation, refused)
        for each in pair:
            if each is not None and not _in_range(field, each, given, evaluation):
                return refused
        return value
    if field.kind == "flag":
        return value if kind is bool else _wrong_kind(field, given, evaluation, refused)
    if kind is int or (kind is float and field.kind == "decimal"):
        if not _in_range(field, value, given, evaluation):
            return refused
        return (value, value) if field.kind == "pair" else value if field.kind == "whole" else float(value)  # type: ignore[arg-type]
    return _wrong_kind(field, given, evaluation, refused)


_EXPECTED = {
    "whole": "a whole number",
    "pair": "a whole number or a pair (height, width)",
    "decimal": "a number",
    "flag": "true or false",
}


def _wrong_kind(field: Field, given: Given, evaluation: Evaluation, refused: Any) -> Any:
    evaluation.session.report(
        "wrong-kind", given.span, what=f"`{field.name}`", expected=_EXPECTED[field.kind], found=given.value
    )
    return refused


def _in_range(field: Field, value: Any, given: Given, evaluation: Evaluation) -> bool:
    if (field.at_least is None or value >= field.at_least) and (field.at_most is None or value <= field.at_most):
        return True
    evaluation.session.report(
        "value-out-of-range",
        given.span,
        what=f"`{field.name}`",
        value=value,
        at_least=field.at_least,
        at_most=field.at_most,
    )
    return False
