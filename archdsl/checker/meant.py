"""What the writer of a call most likely meant: other calls of the same word, each tried before it is told of."""

from __future__ import annotations

import re
from collections.abc import Mapping

from archdsl.checker.scope import Given
from archdsl.layers import LAYERS
from archdsl.shapes import Shape
from archdsl.source import Source
from archdsl.syntax import nodes

_NAME_AND_NUMBER = re.compile(r"([a-z_]*[a-z])([0-9]+)")

_LARGEST_KERNEL = 11
"""No published network has larger windows in its convolutions than AlexNet's, but for a few."""


def without_size_that_enters(
    call: nodes.Layer, values: list[Given | None], entering: Shape | None
) -> nodes.Layer | None:
    """The call in this language's order, where it stands in torch's: the size that comes in first."""
    args = call.args or ()
    first = values[0] if values else None
    if len(args) < 2 or first is None or first.node is not args[0] or entering is None:
        return None
    return call._replace(args=args[1:]) if first.value == entering[0] else None


def with_kernel_second(call: nodes.Layer) -> nodes.Layer | None:
    """The call with its first two arguments the other way round, where channels seem to stand as the kernel."""
    args = call.args or ()
    if len(args) < 2 or not (isinstance(args[0], nodes.Number) and isinstance(args[1], nodes.Number)):
        return None
    first, second = args[0].value, args[1].value
    swapped = isinstance(first, int) and isinstance(second, int) and first <= _LARGEST_KERNEL < second
    return call._replace(args=(args[1], args[0], *args[2:])) if swapped else None


def written(call: nodes.Layer, source: Source) -> str:
    """A call as it is written, without its body."""
    args = ", ".join(source.text[each.start : each.end] for each in call.args or ())
    return f"{call.word.text}({args})" if args else call.word.text


def flag_of(name: str, names: Mapping[str, int], letters: Mapping[str, int]) -> str | None:
    """How `stride2` is written, where `stride` is the name of an argument: `s2`, or `kernel=3` without a letter."""
    found = _NAME_AND_NUMBER.fullmatch(name)
    index = names.get(found[1]) if found else None
    if found is None or index is None:
        return None
    letter = next((letter for letter, at in letters.items() if at == index), None)
    return f"{letter}{found[2]}" if letter else f"{found[1]}={found[2]}"


def words_with_flag(flag: str) -> tuple[str, ...]:
    """The words that have a flag of this name."""
    return tuple(
        word for word, cls in LAYERS.items() if any(each.kind == "flag" and each.name == flag for each in cls.fields)
    )
