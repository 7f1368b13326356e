"""A torch module to the word that builds it.

There is no table: a word's fields know what torch calls them, so each word is tried, and taken where the module that it
builds is like the one at hand in every attribute. A new word needs nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from archdsl.backends.pytorch import build_layer, module_class
from archdsl.layers import LAYERS
from archdsl.layers.base import Field, Join, Layer, Misfit
from archdsl.layers.joining import Aux
from archdsl.layers.regularization import DropPath
from archdsl.shapes import Shape

_MISSING: Any = object()

_NO_DIFFERENCE = ("training", "inplace")
"""Attributes that may differ: what comes out is the same."""


def word_of(module: nn.Module, shape: Shape) -> Layer | None:
    """The layer that builds a module like this one for samples of the given shape; None where no word does."""
    if type(module).__name__ in _STOCHASTIC_DEPTH:
        return _drop_path(module)
    for word in sorted(LAYERS.values(), key=lambda each: len(each.fields)):
        if not issubclass(word, Join | Aux):
            layer = _read(word, vars(module) | _parameters(module))
            if layer is not None and _builds_one_like(layer, module, shape):
                return layer
    return None


def _drop_path(module: nn.Module) -> Layer | None:
    """`drop_path` for torchvision's StochasticDepth by row, and for timm's DropPath, which torch itself lacks."""
    attributes = vars(module)
    p = attributes.get("p", attributes.get("drop_prob"))
    by_row = attributes.get("mode", "row") == "row" and attributes.get("scale_by_keep", True)
    return DropPath(p=p) if by_row and isinstance(p, int | float) and 0 <= p <= 1 and not _tensors(module) else None


_STOCHASTIC_DEPTH = ("StochasticDepth", "DropPath")


def _parameters(module: nn.Module) -> dict[str, Any]:
    """The parameters by name; None where one was left out, as a bias."""
    return dict(module._parameters)


def _read(word: type[Layer], attributes: Mapping[str, Any]) -> Layer | None:
    """The word with the values that the attributes have for its fields; None where one that it needs is not there."""
    values = {}
    for field in word.fields:
        value = _value(field, attributes)
        if value is not _MISSING:
            values[field.name] = value
        elif field.required:
            return None
    return word(**values)


def _value(field: Field, attributes: Mapping[str, Any]) -> Any:
    for name in (field.name, *field.also_called):
        value = attributes.get(name, _MISSING)
        if value is not _MISSING and (value := as_kind(field.kind, value)) is not _MISSING:
            return value
    if field.kind == "flag":
        for name in field.opposite:
            if name in attributes:
                return attributes[name] is None or attributes[name] is False
        # `padding="same"`, `mode="bilinear"`.
        return any(isinstance(value, str) and value == field.name for value in attributes.values())
    return _MISSING


def as_kind(kind: str, value: Any) -> Any:
    """A value of torch's as one of a field's kind: 2 and 2.0 as a whole number, 3 as the pair (3, 3)."""
    if kind == "flag":
        return value if isinstance(value, bool) else _MISSING
    if kind == "pair":
        sides = tuple(value) if isinstance(value, tuple | list) else (value, value)
        whole = tuple(as_kind("whole", side) for side in sides)
        return whole if len(whole) == 2 and _MISSING not in whole else _MISSING
    if isinstance(value, tuple | list) and len(set(value)) == 1 and kind == "whole":
        value = value[0]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _MISSING
    if kind == "decimal":
        return value
    return int(value) if value == int(value) else _MISSING


def _builds_one_like(layer: Layer, module: nn.Module, shape: Shape) -> bool:
    try:
        call = layer.module(shape)
        if call.name != type(module).__name__ or (layer.takes != "any" and layer.takes != _rank(shape)):
            return False
        layer.agrees()
        layer.gives(shape)
    except (Misfit, AssertionError):
        return False
    if type(module).forward is not module_class(call).forward:
        return False
    with torch.device("meta"):
        like = build_layer(layer, shape)
    if _tensors(module) != _tensors(like):
        return False
    return all(
        _same(value, vars(module).get(name, _MISSING))
        for name, value in vars(like).items()
        if not name.startswith("_") and name not in _NO_DIFFERENCE
    )


def _rank(shape: Shape) -> str:
    return "image" if len(shape) == 3 else "vector"


def _tensors(module: nn.Module) -> dict[str, tuple[int, ...]]:
    """The shapes of a module's own parameters and buffers."""
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: tuple(tensor.shape) for name, tensor in named}


def _same(a: Any, b: Any) -> bool:
    """Whether two attributes mean the same: 3 is (3, 3)."""
    if isinstance(a, tuple | list) != isinstance(b, tuple | list):
        pair, one = (a, b) if isinstance(a, tuple | list) else (b, a)
        return all(each == one for each in pair)
    return bool(tuple(a) == tuple(b)) if isinstance(a, tuple | list) else bool(a == b)
