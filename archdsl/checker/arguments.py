"""Arguments to what they are given to: one way of matching for words and for blocks."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, NamedTuple

from archdsl.checker.meant import flag_of, without_size_that_enters, words_with_flag, written
from archdsl.checker.scope import BlockDefinition, Given, Scope, Value
from archdsl.checker.session import Session
from archdsl.checker.suggest import folded, meant_value, meant_word
from archdsl.checker.values import Evaluation, is_name
from archdsl.diagnostics.diagnostic import Edit
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
    also_called: the name that is meant by what people from elsewhere call it, folded.
    opposites: the flag that is meant where the argument of another library, folded, is false.
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
    opposites: dict[str, str]
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
        {folded(alias): field.name for field in cls.fields for alias in (field.name, *field.also_called)},
        {folded(alias): field.name for field in cls.fields for alias in field.opposite},
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
    size = len(shown)
    return Signature(block.name, call, tuple(range(size)), names, letters, {}, required, {}, {}, size, None)


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
        self._unknown_argument(argument)

    def _unknown_argument(self, argument: nodes.Keyword) -> None:
        """Report an argument that the word does not have, with what is meant by it elsewhere."""
        from archdsl.checker.translate import SAID_ELSEWHERE  # Needed only where there is a mistake.

        signature, module = self.signature, self.evaluation.scope.module
        name, text = argument.name.text, module.source.text[argument.value.start : argument.value.end]
        unquoted = text.strip("\"'\u2018\u2019\u201c\u201d")
        called = folded(name)
        meant = signature.also_called.get(called)
        mend: str | None = None
        edits: tuple[Edit, ...] = ()
        if called == "activation" and meant_word(unquoted) in LAYERS and text not in LAYERS:
            mend = f"{signature.word}(...) {meant_word(unquoted)}"
        elif unquoted in signature.flags and not is_name(text):
            mend = unquoted
        elif called in signature.opposites and unquoted.lower() in ("false", "true"):
            mend = signature.opposites[called] if unquoted.lower() == "false" else ""
            edits = (Edit(module.span(argument), mend),) if mend else ()
        elif called in SAID_ELSEWHERE or unquoted.lower() == "valid":
            mend = ""
        elif meant is not None and meant not in signature.flags and is_name(unquoted) == is_name(text):
            mend = f"{meant}={text}"
            edits = (Edit(module.span(argument.name), meant),)
        is_text = isinstance(argument.value, nodes.Name) and not is_name(text)
        place = argument if is_text else argument.name
        suggestion = meant or self.evaluation.session.suggest(name, signature.names)
        self.fine = False
        self.evaluation.session.report(
            "unknown-argument",
            module.span(place),
            (),
            None,
            edits,
            word=signature.word,
            name=name,
            suggestion=suggestion,
            known=tuple(signature.names),
            flag=meant is not None and meant in signature.flags,
            layer=argument.value.text if isinstance(argument.value, nodes.Name) and is_layer(argument.value) else None,
            mend=mend,
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
        if self._mistyped_flag(argument):
            return
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

    def _mistyped_flag(self, argument: nodes.Value) -> bool:
        """`p-1`, `-p1`, `p == 1`, `pad(1)`, `not same`: what was meant as a flag or by name, and is read as a value."""
        signature, scope = self.signature, self.evaluation.scope
        text = scope.module.source.text
        mend: str | None = None
        if isinstance(argument, nodes.Call) and argument.function.text in signature.names and len(argument.args) == 1:
            (inner,) = argument.args
            mend = f"{argument.function.text}={text[inner.start : inner.end]}"
        elif isinstance(argument, nodes.Operation) and len(argument.rest) == 1:
            (_, operand) = argument.rest[0]
            first = argument.first
            if isinstance(first, nodes.Name) and isinstance(operand, nodes.Number) and first.text in signature.names:
                mend = None if self._is_bound(first) else f"{first.text}={text[operand.start : operand.end]}"
        elif isinstance(argument, nodes.Unary) and isinstance(argument.operand, nodes.Name):
            name = argument.operand
            letter = _LETTER_FLAG.fullmatch(name.text)
            is_flag = name.text in signature.flags or (letter is not None and letter[1] in signature.letters)
            if is_flag and not self._is_bound(name):
                mend = name.text if argument.operator == "-" else ""
        if mend is None:
            return False
        self.fine = False
        whole = text[argument.start : argument.end]
        self._report_unknown_flag(argument, whole, None, mend)
        return True

    def _is_bound(self, name: nodes.Name) -> bool:
        module = self.evaluation.scope.module
        known = name.text in ("in_channels", "in_features") or name.text in module.lets or not is_name(name.text)
        return known or module.incomplete or self.evaluation.scope.lookup(name)[0]

    def _unknown_word(self, name: nodes.Name) -> None:
        """A bare word that is bound to nothing was perhaps meant as a flag."""
        signature, session = self.signature, self.evaluation.session
        suggestion = signature.also_called.get(folded(name.text))
        if suggestion not in signature.flags:
            suggestion = meant_value(name.text) or flag_of(name.text, signature.names, signature.letters)
        if suggestion is None and not is_layer(name):
            suggestion = session.suggest(name.text, [*signature.flags, *self.evaluation.scope.visible_names()])
        self._report_unknown_flag(name, name.text, suggestion, None)

    def _report_unknown_flag(self, place: nodes.Value, name: str, suggestion: str | None, mend: str | None) -> None:
        signature = self.signature
        self._report(
            "unknown-flag",
            place,
            name=name,
            word=signature.word,
            suggestion=suggestion,
            flags=(*signature.flags, *(f"{letter}1" for letter in signature.letters)),
            layer=name in LAYERS,
            flag_of=words_with_flag(name),
            mend=mend,
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
