"""A call as torch or Keras has it, in the words of the language: `Conv2d(3, 64, 3, padding=1)` is `conv(64, 3, p1)`."""

from __future__ import annotations

import re
from typing import NamedTuple

from archdsl.checker.suggest import folded, meant_word
from archdsl.layers import LAYERS
from archdsl.layers.base import Field, Layer, SameAs
from archdsl.syntax import nodes
from archdsl.syntax.words import STRUCTURE

_KNOWN = frozenset(
    """
    inchannels infeatures numfeatures numchannels normalizedshape inputshape inputdim inputsize inplanes cin nin
    """.split()  # noqa: SIM905 - as a list it would take a page.
)
"""What other libraries ask for, folded, and is known here: what comes in."""

_WITHOUT_MEANING = frozenset(
    """
    inplace name dataformat device dtype kernelinitializer biasinitializer kernelregularizer trainable training
    trackrunningstats axis dim startdim enddim aligncorners x input inputs self
    """.split()  # noqa: SIM905 - as a list it would take a page.
)
"""What other libraries take, folded, and changes no shape and no value here."""


_QUOTES = "\"'\u2018\u2019\u201c\u201d"


SAID_ELSEWHERE = _KNOWN | _WITHOUT_MEANING
"""What other libraries are told and this language is not."""


class Translation(NamedTuple):
    """A call in the words of the language.

    less: what comes in was said, and is not.
    same: the arguments are those of the call, one for one, or there are none.
    """

    text: str
    less: bool
    same: bool


def translated(name: str, arguments: tuple[nodes.Argument, ...], source: str) -> Translation | None:
    """The call in the words of the language, or None where it is not sure what is meant.

    Args:
        name: the word that was called, a dot and a module in front of it allowed.
        source: the text in which the arguments stand.
    """
    if folded(name) == "activation" and len(arguments) == 1 and isinstance(arguments[0], nodes.Name):
        activation = translated(arguments[0].text.strip(_QUOTES), (), source)
        return activation and activation._replace(same=False)
    word = meant_word(name)
    cls = LAYERS.get(word or "")
    if word is None or cls is None or word in STRUCTURE:
        return None
    called = folded(name)
    orders = [each for each in cls.elsewhere if folded(each.partition("(")[0]) == called]
    orders.sort(key=lambda each: each.partition("(")[0] != name.rpartition(".")[2])
    order = re.findall(r"[(,]\s*(!?\w+)(?:=(\w+))?", orders[0]) if orders else []
    if not orders and word == called:
        order = [(field.name, "") for field in cls.fields if field.positional]
    after = orders[0].partition(")")[2] if orders else ""
    if "." in name and name.rpartition(".")[2].islower() and arguments and not isinstance(arguments[0], nodes.Keyword):
        # `F.relu(x)` takes what comes in.
        call = _Call(cls, order, source, after)
        call.same = False
        return call.translation(arguments[1:])
    return _Call(cls, order, source, after).translation(arguments)


class _Call:
    """One call while its arguments are read.

    after: what stands behind the call, for what the other one does besides.
    order: the parameters that arguments in order fill, each with the default that it has there.
    values: the texts of the fields of the word, by name; "" for a flag that is said.
    """

    def __init__(self, cls: type[Layer], order: list[tuple[str, str]], source: str, after: str) -> None:
        self.cls = cls
        self.order = order
        self.source = source
        self.values: dict[str, str] = {}
        self.after = after
        self.less = False
        self.same = not after

    def translation(self, arguments: tuple[nodes.Argument, ...]) -> Translation | None:
        given = set()
        for index, argument in enumerate(arguments):
            if isinstance(argument, nodes.Keyword):
                parameter, value = argument.name.text, argument.value
            elif index < len(self.order):
                parameter, value = self.order[index][0], argument
            else:
                return None
            given.add(folded(parameter))
            if not self.take(parameter, self.text(value)):
                return None
            written = self.source[value.start : value.end]
            self.same = self.same and argument is value and self.is_field(parameter, index, written)
        for parameter, default in self.order:
            if default and folded(parameter) not in given:
                self.same = False
                if not self.take(parameter, default):
                    return None
        if any(field.required and field.name not in self.values for field in self.cls.fields):
            return None
        return Translation(self.written() + self.after, self.less, self.same)

    def text(self, value: nodes.Value) -> str:
        """A value as it is written here."""
        text = " ".join(self.source[value.start : value.end].split())
        text = {"True": "true", "False": "false"}.get(text, text)
        pair = re.fullmatch(r"\((\w+), *(\w+)\)", text)
        return pair[1] if pair and pair[1] == pair[2] else text

    def is_field(self, parameter: str, index: int, text: str) -> bool:
        """Whether the argument at an index is that of the word itself."""
        field = self.field(parameter)
        fits = field is not None and (field.kind == "pair" or not text.startswith("("))
        return fits and index < len(self.cls.fields) and field is self.cls.fields[index]

    def field(self, parameter: str) -> Field | None:
        """The field that a parameter of another library is."""
        called = folded(parameter)
        for field in self.cls.fields:
            if called in {folded(each) for each in (field.name, field.letter or field.name, *field.also_called)}:
                return field
        return None

    def take(self, parameter: str, text: str) -> bool:
        """Take an argument in; False where it is not sure what it is here."""
        called = folded(parameter.removeprefix("!"))
        if f"!{called}" in {folded(each) for each, _ in self.order}:
            return False
        unquoted = text.strip(_QUOTES)
        if called == "activation":
            word = meant_word(unquoted)
            self.after += f" {word}" if word else ""
            self.same = False
            return word is not None or unquoted in ("None", "linear")
        if text == "None":
            self.same = False
            return True
        if called == "padding" and unquoted != text:
            if unquoted.lower() == "same" and "same" in self.cls.fields_by_name:
                self.values["same"] = ""
                return self.values.get("stride", "1") == "1"
            return unquoted.lower() == "valid"
        opposite = next((field for field in self.cls.fields if called in map(folded, field.opposite)), None)
        if opposite is not None:
            if text == "false":
                self.values[opposite.name] = ""
            return text in ("true", "false")
        field = self.field(parameter)
        if called in ("mode", "interpolation") and unquoted in self.cls.fields_by_name:
            self.values[unquoted] = ""
            return True
        if field is None:
            self.less = self.less or called in _KNOWN
            return called in _KNOWN or called in _WITHOUT_MEANING
        if field.kind == "flag":
            if text == "true":
                self.values[field.name] = ""
            return text in ("true", "false")
        if unquoted != text:
            flag = self.cls.fields_by_name.get(unquoted)
            return flag is not None and flag.kind == "flag"
        if field.kind == "whole" and text.startswith("("):
            return False
        if field.name == "stride" and text != "1" and "same" in self.values:
            return False
        self.values[field.name] = text
        return True

    def written(self) -> str:
        """The call, in order as far as arguments must be said, then flags and names."""
        parts: list[str] = []
        in_order = True
        for field in self.cls.fields:
            text = self.values.get(field.name)
            if text is None or self.is_default(field, text):
                in_order = False
            elif field.kind == "flag":
                parts.append(field.name)
            elif field.required and in_order:
                parts.append(text)
            elif field.letter:
                in_order = False
                parts.append(f"{field.letter}{text}" if text.isdecimal() else f"{field.letter}={text}")
            elif in_order and field.positional:
                parts.append(text)
            else:
                parts.append(f"{field.name}={text}")
        return f"{self.cls.word}({', '.join(parts)})" if parts else self.cls.word

    def is_default(self, field: Field, text: str) -> bool:
        """Whether a value need not be said."""
        default = field.default
        if isinstance(default, SameAs):
            return text == self.values.get(default.field)
        if isinstance(default, tuple) and len(set(default)) == 1:
            default = default[0]
        return not field.required and field.kind != "flag" and text == str(default)
