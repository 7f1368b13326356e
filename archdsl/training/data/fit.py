"""Whether a network and a data set go together, decided before the first step."""

from __future__ import annotations

import re
from typing import NoReturn

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.layers.base import Cost
from archdsl.layers.normalization import BatchNorm
from archdsl.network import Leaf, Network, Sequence
from archdsl.shapes import Image, Shape, Vector
from archdsl.source import Source, Span

_TOKENS = re.compile(r'#[^\n]*|"[^"\n]*"|\binput\s*\([^)]*\)')


class Fit:
    """The network's side of the question. Each method raises TrainingError with the line to change."""

    def __init__(self, network: Network, spec: Source) -> None:
        self.network = network
        self.spec = spec

    def check_classes(self, data: str, count: int) -> None:
        """Refuse a network whose output is not one number for each class."""
        output = self.network.output
        if output == Vector(count):
            return
        span = self._last_sized_layer()
        place = self._place(span)
        if isinstance(output, Image):
            raise TrainingError(
                f"{place}: the network ends in an image of {output}, and {data} has {count} classes; "
                f"end it with `flatten fc({count})`"
            )
        written = f"`{printable(span.text)}`" if "\n" not in span.text else "this layer"
        let = self._let_in(span)
        better = f"say --set {let}={count}" if let else f"the last layer must give {count}, as in `fc({count})`"
        raise TrainingError(f"{place}: {written} gives {output} values, and {data} has {count} classes; {better}")

    def check_images(self, data: str, channels: int, height: int, width: int) -> None:
        """Refuse a network that can't take images of this size, after resizing, and of these channels."""
        shape = self.network.input
        if isinstance(shape, Vector):
            if shape.features == channels * height * width:
                return
            raise self._input_fault(
                f"the network takes {shape} features, and images of {data} have {channels}x{height}x{width}, which "
                f"is {channels * height * width}",
                str(channels * height * width),
            )
        if shape.channels == channels or (channels, shape.channels) == (1, 3):
            return
        kinds = {1: "1 channel (grey)", 3: "3 channels (red, green, blue)"}
        raise self._input_fault(
            f"the network takes images of {shape.channels} channel{'s' if shape.channels != 1 else ''}, and those of "
            f"{data} have {kinds.get(channels, f'{channels} channels')}",
            f"{channels}x{shape.height}x{shape.width}",
        )

    def check_weights(self) -> None:
        """Refuse a network that has nothing to learn with."""
        if not self.network.cost.parameters:
            raise TrainingError(
                f"{self._place(self._last_sized_layer())}: no layer of the network has weights to train; end it with "
                f"`fc({self.network.output})`",
                of_all=True,
            )

    def check_fewest(self, fewest: int, batch_size: int) -> None:
        """Refuse a network that can't be trained on as few images at once as there come in some step."""
        alone = [leaf for leaf in self._leaves() if isinstance(leaf.layer, BatchNorm) and _is_one_value(leaf.input)]
        if fewest == 1 and alone:
            raise TrainingError(
                f"{self._place(alone[0].span)}: no mean and variance are to be had from one value a channel, "
                f"and with batches of {batch_size} some image comes alone, at the end of an epoch or in a part; "
                "take another --batch-size"
            )

    def refuse_input(self, message: str, better: str) -> NoReturn:
        """Raise the error of an input that does not do, with a shape that would."""
        raise self._input_fault(message, better)

    def _input_fault(self, message: str, better: str) -> TrainingError:
        span = self._input_statement()
        place = self._place(span) if span else printable(self.spec.name)
        statement = f"input({better.replace('x', ', ')})"
        return TrainingError(f"{place}: {message}; write `{statement}`, or say --input {better}")

    def _input_statement(self) -> Span | None:
        for match in _TOKENS.finditer(self.spec.text):
            if match[0].startswith("input"):
                return Span(self.spec, match.start(), match.end())
        return None

    def _last_sized_layer(self) -> Span:
        """The layer that decides the output's size: the last that does not give what comes in."""
        leaves = self._leaves(with_heads=False)
        sized = [leaf for leaf in leaves if leaf.output != leaf.input]
        return (sized or leaves)[-1].span if leaves else self.network.root.span

    def _let_in(self, span: Span) -> str | None:
        """The let with a number that a layer is given alone, as `fc(classes)` is; it can be set from outside."""
        name = re.fullmatch(r"[^()]*\(\s*([a-z_]\w*)\s*\)", span.text)
        if name is None or not re.search(rf"^let {name[1]} *= *\d+\s*(#.*)?$", self.spec.text, re.MULTILINE):
            return None
        return name[1]

    def _leaves(self, with_heads: bool = True) -> list[Leaf]:
        places = self.network.walk()
        return [each.node for each in places if isinstance(each.node, Leaf) and (with_heads or not each.in_head)]

    @staticmethod
    def _place(span: Span) -> str:
        line, column = span.source.position(span.start)
        return f"{printable(span.source.name)}:{line}:{column}"


class NoNetwork(Fit):
    """What every data set goes with: images are to be had at a size, and there is nothing to learn them."""

    def __init__(self, size: Image) -> None:
        nowhere = Source("no network", "")
        root = Sequence((), size, size, Cost(), Span(nowhere, 0, 0))
        super().__init__(Network("none", size, root), nowhere)

    def check_classes(self, data: str, count: int) -> None: ...
    def check_images(self, data: str, channels: int, height: int, width: int) -> None: ...


def _is_one_value(shape: Shape) -> bool:
    """Whether a channel of one sample is a single value."""
    return isinstance(shape, Vector) or (shape.height, shape.width) == (1, 1)
