"""Small networks made by hand, so that the tests of the training need no parser."""

from __future__ import annotations

from archdsl.layers.activation import Relu
from archdsl.layers.base import Cost, Layer
from archdsl.layers.convolution import Conv
from archdsl.layers.linear import Fc, Flatten
from archdsl.layers.pooling import Pool
from archdsl.layers.regularization import Dropout
from archdsl.network import Leaf, Network, Node, Sequence
from archdsl.shapes import Image, Shape, Vector
from archdsl.source import Source, Span

TINY_SPEC = """# A tiny network.
input(1, 16, 16)
conv(4, 3, s2) relu flatten
dropout(0.1) fc(10)
"""

SMALL_SPEC = """input(1, 28, 28)
conv(16, 3, p1) relu pool(2)
conv(32, 3, p1) relu pool(2)
conv(64, 3, p1) relu pool(2)
flatten fc(128) relu fc(10)
"""


def chain(shape: Shape, layers: list[tuple[Layer, str]], source: Source) -> Network:
    """A network of layers in a row, each with the text that it is found by in the source."""
    children: list[tuple[str, Node]] = []
    x, cost, at = shape, Cost(), 0
    for i, (layer, text) in enumerate(layers):
        at = source.text.index(text, at)
        y, own = layer.gives(x), layer.cost(x)
        children.append((str(i), Leaf(layer, x, y, own, Span(source, at, at + len(text)))))
        x, cost, at = y, Cost(cost.parameters + own.parameters, cost.macs + own.macs), at + len(text)
    return Network("tiny", shape, Sequence(tuple(children), shape, x, cost, Span(source, 0, len(source.text))))


def tiny(classes: int = 10, shape: Image = Image(1, 16, 16)) -> tuple[Network, Source]:  # noqa: B008
    """One convolution, dropout and a linear layer; fast, and able to learn a little."""
    text = TINY_SPEC.replace("fc(10)", f"fc({classes})").replace("1, 16, 16", ", ".join(map(str, shape)))
    source = Source("tiny.arch", text)
    layers: list[tuple[Layer, str]] = [
        (Conv(out=4, kernel=(3, 3), stride=(2, 2)), "conv(4, 3, s2)"),
        (Relu(), "relu"),
        (Flatten(), "flatten"),
        (Dropout(p=0.1), "dropout(0.1)"),
        (Fc(out=classes), f"fc({classes})"),
    ]
    return chain(shape, layers, source), source


def small() -> tuple[Network, Source]:
    """Three convolutions, which learn the figures."""
    source = Source("small.arch", SMALL_SPEC)
    layers: list[tuple[Layer, str]] = []
    for out in (16, 32, 64):
        layers += [
            (Conv(out=out, kernel=(3, 3), pad=(1, 1)), f"conv({out}, 3, p1)"),
            (Relu(), "relu"),
            (Pool(kernel=(2, 2)), "pool(2)"),
        ]
    layers += [(Flatten(), "flatten"), (Fc(out=128), "fc(128)"), (Relu(), "relu"), (Fc(out=10), "fc(10)")]
    return chain(Image(1, 28, 28), layers, source), source


def linear(features: int = 256) -> tuple[Network, Source]:
    """A linear layer on a vector."""
    source = Source("linear.arch", f"input({features})\nfc(10)\n")
    return chain(Vector(features), [(Fc(out=10), "fc(10)")], source), source
