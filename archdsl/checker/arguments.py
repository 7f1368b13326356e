"""Arguments to what they are given to: one way of matching for words and for blocks."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from archdsl.checker.meant import flag_of, without_size_that_enters, words_with_flag, written
from archdsl.checker.scope import BlockDefinition, Given, Scope, Value
from archdsl.checker.session import Session
from archdsl.checker.values import Evaluation, is_name
from archdsl.layers import LAYERS
from archdsl.layers.base import VECTOR, Field, Layer, Misfit, SameAs
from archdsl.shapes import Image, Shape, Vector, product
from archdsl.syntax import nodes
from archdsl.syntax.tokens import MAX_WHOLE

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
    size: how many fields or parameters there are.
    layer: the class of the word; None for a block.
    """

    word: str
    call: str
    positions: tuple[int, ...]
    names: dict[str, int]
    letters: dict[str, int]
    flags: dict[str, int]
    required: dict[int, str]
    also_called: dict[str, str]
    size: int
    layer: type[Layer] | None


@cache
def layer_signature(word: str) -> Signature:
    """The signature of a layer's word."""
    cls = LAYERS[word]
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
        cls,
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
    return Signature(block.name, call, tuple(range(len(shown))), names, letters, {}, required, {}, len(shown), None)


def match(call: nodes.Layer, signature: Signature, evaluation: Evaluation) -> tuple[list[Given | None], bool]:
    """The values given, by index, and whether all is as it must be; what is not was reported.

    First come arguments in order, then names and flags in any order.
    """
    matching = _Matching(signature, evaluation)
    for argument in call.args or ():
        if isinstance(argument, nodes.Keyword):
            matching.named(argument)
        elif not (isinstance(argument, nodes.Name) and matching.flag(argument)):
            matching.positional(argument)
    given = matching.given
    if matching.extra is not None:
        matching.report_extra(call)
    missing = [name for index, name in signature.required.items() if given[index] is None]
    if missing and matching.fine:
        matching.fine = False
        evaluation.session.report(
            "missing-argument",
            evaluation.scope.module.span(call.word),
            word=signature.word,
            call=signature.call,
            missing=tuple(missing),
        )
    return given, matching.fine


class _Matching:
    """Arguments one after the other, each to the field or parameter that it is for."""

    def __init__(self, signature: Signature, evaluation: Evaluation) -> None:
        self.signature = signature
        self.evaluation = evaluation
        self.given: list[Given | None] = [None] * signature.size
        self.fine = True
        self.extra: nodes.Value | None = None
        self.positions = 0
        self.in_order = True

    def named(self, argument: nodes.Keyword) -> None:
        """`name=value`"""
        self.in_order = False
        name = argument.name.text
        index = self.signature.names.get(name)
        unbound = isinstance(argument.value, nodes.Name) and not self._is_bound(argument.value)
        if isinstance(argument.value, nodes.Name) and unbound and argument.value.text in self.signature.flags:
            self._refuse("flag-after-name", argument, flag=argument.value.text, written=f"{name}={argument.value.text}")
            return
        # What an argument that is not there would be is not looked up: one mistake is one error.
        value = None if index is None and unbound else self.evaluation.value(argument.value)
        if index is not None:
            self._give(index, value, argument.value)
            return
        meant = self.signature.also_called.get(name.lower())
        self._refuse(
            "unknown-argument",
            argument.name,
            name=name,
            suggestion=meant or self.evaluation.session.suggest(name, self.signature.names),
            known=tuple(self.signature.names),
            flag=meant is not None and meant in self.signature.flags,
            layer=argument.value.text if isinstance(argument.value, nodes.Name) and is_layer(argument.value) else None,
        )

    def flag(self, name: nodes.Name) -> bool:
        """A bare word, if it is a flag of what is called."""
        text = name.text
        index = self.signature.flags.get(text)
        value: Value = True
        instead = f"{text}=true"
        if index is None:
            match = _LETTER_FLAG.fullmatch(text)
            index = self.signature.letters.get(match[1]) if match else None
            if match is None or index is None:
                return False
            instead = f"{match[1]}={text}"
            value = self._number(name, match[1], match[2])
        self.in_order = False
        if self.evaluation.scope.lookup(name)[0]:
            self._refuse("flag-or-value", name, name=text, instead=instead)
            return True
        self._give(index, None if self.evaluation.dead else value, name)
        return True

    def _number(self, name: nodes.Name, letter: str, digits: str) -> Value:
        """The number of a flag such as `s2`."""
        shorter = digits.lstrip("0") or "0"
        if len(shorter) < len(digits):
            self._report("malformed-number", name, text=name.text, mend=letter + shorter)
            return None
        if len(digits) > 16 or int(digits) > MAX_WHOLE:
            self._report("number-too-large", name, limit=MAX_WHOLE)
            return None
        return int(digits)

    def positional(self, argument: nodes.Value) -> None:
        """An argument in order."""
        signature = self.signature
        position = self.positions
        if isinstance(argument, nodes.Name) and not is_name(argument.text) and position >= len(signature.positions):
            # Text, as the parser reported.
            return
        is_unknown = isinstance(argument, nodes.Name) and not self._is_bound(argument)
        if is_unknown and isinstance(argument, nodes.Name):
            self._unknown_word(argument)
            if not self.in_order or position >= len(signature.positions):
                return
        if not self.in_order:
            self._refuse("positional-after-named", argument, call=signature.call)
            return
        value = None if is_unknown else self.evaluation.value(argument)
        self.positions += 1
        if position < len(signature.positions):
            self._give(signature.positions[position], value, argument)
        elif self.extra is None:
            self.extra = argument

    def report_extra(self, call: nodes.Layer) -> None:
        """Report the first argument in order that has no place, with the call that was most likely meant."""
        assert self.extra is not None
        signature, evaluation = self.signature, self.evaluation
        cls = signature.layer
        meant, pair = None, None
        entering = evaluation.entering
        if cls is not None and cls.takes == VECTOR and isinstance(entering, Image):
            entering = Vector(product(*entering))
        if cls is not None and isinstance(entering, Image | Vector):
            other = without_size_that_enters(call, self.given, entering)
            if other is not None and works(other, cls, evaluation.scope, entering):
                meant = written(other, evaluation.scope.module.source)
        if cls is not None and len(call.args or ()) == 2 and [field.kind for field in cls.fields] == ["pair"]:
            pair = written(call, evaluation.scope.module.source)[len(signature.word) :]
        self._refuse(
            "too-many-arguments",
            self.extra,
            call=signature.call,
            most=len(signature.positions),
            names=tuple(name for name in signature.names if len(name) > 1),
            meant=meant,
            pair=pair,
        )

    def _is_bound(self, name: nodes.Name) -> bool:
        module = self.evaluation.scope.module
        known = name.text in ("in_channels", "in_features") or name.text in module.lets or not is_name(name.text)
        return known or module.incomplete or self.evaluation.scope.lookup(name)[0]

    def _unknown_word(self, name: nodes.Name) -> None:
        """A bare word that is bound to nothing was perhaps meant as a flag."""
        signature, session = self.signature, self.evaluation.session
        suggestion = signature.also_called.get(name.text.lower())
        if suggestion not in signature.flags:
            suggestion = flag_of(name.text, signature.names, signature.letters)
        layer = is_layer(name)
        if suggestion is None and not layer:
            suggestion = session.suggest(name.text, [*signature.flags, *self.evaluation.scope.visible_names()])
        flags = (*signature.flags, *(f"{letter}1" for letter in signature.letters))
        self._report(
            "unknown-flag",
            name,
            name=name.text,
            word=signature.word,
            suggestion=suggestion,
            flags=flags,
            layer=layer,
            flag_of=words_with_flag(name.text),
        )

    def _give(self, index: int, value: Value, place: nodes.Value) -> None:
        if self.given[index] is None:
            self.given[index] = Given(value, place, self.evaluation.scope)
            return
        name = next(name for name, at in self.signature.names.items() if at == index)
        self._refuse("argument-given-twice", place, name=name)

    def _refuse(self, code: str, place: nodes.Argument, /, **facts: object) -> None:
        self.fine = False
        self._report(code, place, word=self.signature.word, **facts)

    def _report(self, code: str, place: nodes.Argument, /, **facts: object) -> None:
        self.evaluation.session.report(code, self.evaluation.scope.module.span(place), **facts)


def make_layer(cls: type[Layer], given: list[Given | None], session: Session) -> tuple[Layer, dict[str, Given]]:
    """The layer with its arguments, those that are wrong not known, and what gave each argument."""
    values: dict[str, Any] = {}
    places: dict[str, Given] = {}
    for field, each in zip(cls.fields, given, strict=True):
        if each is not None:
            values[field.name] = convert(cls.word, field, each, session)
            places[field.name] = each
        elif field.required:
            values[field.name] = _unknown(field)
        elif isinstance(field.default, SameAs) and field.default.field in places:
            # An argument at fault for being as another is: that other one is shown.
            places[field.name] = places[field.default.field]
    return cls(**values), places


def _unknown(field: Field) -> Any:
    return (None, None) if field.kind == "pair" else None


def works(call: nodes.Layer, cls: type[Layer], scope: Scope, entering: Shape) -> bool:
    """Whether a call of a layer would be without fault; nothing is reported."""
    trial = Evaluation(Session(), scope, entering)
    given, fine = match(call, layer_signature(cls.word), trial)
    layer, _ = make_layer(cls, given, trial.session)
    if not fine or trial.session.found_errors:
        return False
    try:
        layer.agrees()
        layer.gives(entering)
    except Misfit:
        return False
    return True


def is_layer(name: nodes.Name) -> bool:
    """Whether a name is the word of a layer."""
    return name.text in LAYERS


def convert(word: str, field: Field, given: Given, session: Session) -> Any:
    """The value as the field wants it; None, or a pair of None, where it is not known or was refused."""
    value = given.value
    if value is None:
        return _unknown(field)
    if field.kind == "flag":
        return value if isinstance(value, bool) else _wrong_kind(word, field, given, session)
    if field.kind == "pair" and isinstance(value, tuple):
        if len(value) != 2 or any(type(each) is not int and each is not None for each in value):
            return _wrong_kind(word, field, given, session)
        fits = [
            each is None or _in_range(word, field, each, given.item(axis, each), session)
            for axis, each in enumerate(value)
        ]
        return value if all(fits) else _unknown(field)
    if type(value) is int or (type(value) is float and field.kind == "decimal"):
        if not _in_range(word, field, value, given, session):
            return _unknown(field)
        return (value, value) if field.kind == "pair" else value if field.kind == "whole" else float(value)
    return _wrong_kind(word, field, given, session)


_EXPECTED = {
    "whole": "a whole number",
    "pair": "a whole number or a pair (height, width)",
    "decimal": "a number",
    "flag": "true or false",
}


def _wrong_kind(word: str, field: Field, given: Given, session: Session) -> Any:
    facts = {"what": f"`{field.name}`", "expected": _EXPECTED[field.kind], "found": given.value}
    session.report("wrong-kind", given, literal=given.is_literal, word=word, name=field.name, **facts)
    return _unknown(field)


def _in_range(word: str, field: Field, value: Any, given: Given, session: Session) -> bool:
    at_least, at_most = field.at_least, field.at_most
    if (at_least is None or value >= at_least) and (at_most is None or value <= at_most):
        return True
    facts = {"what": f"`{field.name}`", "value": value, "at_least": at_least, "at_most": at_most}
    session.report("value-out-of-range", given, word=word, name=field.name, **facts)
    return False
