"""Other tools that tell the shapes of a network, and the same network in the format of each.

Each writer takes a checked network without auxiliary heads and gives a text; it knows the words that the benchmarks
use, and raises a KeyError for any other. Each tool runs in a process of its own, and prints the shape that comes out.
"""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from archdsl.network import Branches, Leaf, Network, Node
from archdsl.shapes import Shape


class Step(NamedTuple):
    """One operation of a network laid flat.

    layer: the archdsl layer, whose word says what is done.
    number: the number of its result; that of the network's input is 0.
    inputs: the numbers of the results that enter.
    """

    layer: Any
    number: int
    inputs: tuple[int, ...]
    entering: Shape
    output: Shape

    @property
    def word(self) -> str:
        return str(self.layer.word)


def steps(network: Network) -> list[Step]:
    """The layers and joins of a network, in the order in which they can be computed."""
    result: list[Step] = []

    def lay(node: Node, entering: int) -> int:
        if isinstance(node, Leaf):
            number = len(result) + 1
            result.append(Step(node.layer, number, (entering,), node.input, node.output))
            return number
        if isinstance(node, Branches):
            ends = tuple(lay(child, entering) for _, child in node.children)
            number = len(result) + 1
            result.append(Step(node.layer, number, ends, node.input, node.output))
            return number
        for _, child in node.children:
            entering = lay(child, entering)
        return entering

    lay(network.root, 0)
    return result


def with_batch(shape: Shape) -> list[int]:
    """The shape of a batch of one sample."""
    return [1, *(size for size in shape if size is not None)]


# PyTorch, with the annotations that Pyrefly reads


def as_pytorch(network: Network) -> str:
    """A Python module with a class `Net`: each layer an attribute, `forward` a line for each.

    Its function `main` holds the shape of the result against ours, so that a tool that infers no shape fails there.
    """
    construct: list[str] = []
    forward: list[str] = []
    for step in steps(network):
        source = f"x{step.inputs[0]}"
        if step.word == "concat":
            forward.append(f"x{step.number} = torch.cat(({', '.join(f'x{n}' for n in step.inputs)}), dim=1)")
            continue
        construct.append(f"self.l{step.number} = nn.{step.layer.module(step.entering)}")
        forward.append(f"x{step.number} = self.l{step.number}({source})")
    last = forward[-1].partition(" ")[0]
    entering, output = with_batch(network.input), with_batch(network.output)
    lines = [
        "from __future__ import annotations",
        "import torch",
        "from torch import Tensor, nn",
        "class Net(nn.Module):",
        "    def __init__(self) -> None:",
        "        super().__init__()",
        *(f"        {line}" for line in construct),
        f"    def forward(self, x0: Tensor[{entering}]) -> Tensor[{output}]:",
        *(f"        {line}" for line in forward),
        f"        return {last}",
        "def main() -> None:",
        "    from shape_extensions import assert_shape",
        f"    assert_shape(Net()(torch.zeros({', '.join(map(str, entering))})).shape, ({', '.join(map(str, output))}))",
    ]
    return "\n".join(lines) + "\n"


# NNEF, the Khronos exchange format


def as_nnef(network: Network) -> str:
    """A graph.nnef. Weights are `variable`s whose files are not read, for shapes do not need them."""
    entering = with_batch(network.input)
    lines = [f"x0 = external<scalar>(shape = {entering});"]
    for step in steps(network):
        result = f"x{step.number}"
        source = f"x{step.inputs[0]}"
        layer = step.layer

        def weights(name: str, shape: list[int], result: str = result) -> str:
            lines.append(f"{name}{result} = variable<scalar>(shape = {shape}, label = '{name}{result}');")
            return name + result

        if step.word in ("conv", "fc"):
            channels = with_batch(step.entering)[1]
            kernel = list(layer.kernel) if step.word == "conv" else []
            filters = weights("w", [layer.out, channels // getattr(layer, "groups", 1), *kernel])
            bias = weights("b", [1, layer.out])
        match step.word:
            case "conv":
                call = f"conv({source}, {filters}, {bias}, {_nnef_window(layer)}, groups = {layer.groups})"
            case "fc":
                call = f"linear({source}, {filters}, {bias})"
            case "pool":
                size = f"size = [1, 1, {layer.kernel[0]}, {layer.kernel[1]}]"
                call = f"max_pool({source}, {size}, {_nnef_window(layer, 2)}, border = 'ignore')"
            case "global_avgpool":
                call = f"mean_reduce({source}, axes = [2, 3])"
            case "flatten":
                call = f"reshape({source}, shape = [1, -1])"
            case "concat":
                call = f"concat([{', '.join(f'x{number}' for number in step.inputs)}], axis = 1)"
            case _:
                call = f"{_NNEF_OPERATIONS[step.word]}({source})"
        lines.append(f"{result} = {call};")
    last = lines[-1].partition(" ")[0]
    body = "\n".join(f"    {line}" for line in lines)
    return f"version 1.0;\ngraph net(x0) -> ({last})\n{{\n{body}\n}}\n"


_NNEF_OPERATIONS = {"relu": "relu", "dropout": "copy"}
"""Layers without arguments. NNEF is a format for inference: what only training needs is a copy."""


def _nnef_window(layer: Any, unmoved: int = 0) -> str:
    """The stride, padding and dilation of a window; a pool has them for batch and channels too."""
    strides = [1] * unmoved + list(layer.stride)
    pads = [(0, 0)] * unmoved + [(pad, pad) for pad in layer.pad]
    dilations = [1] * unmoved + list(layer.dilation)
    return f"stride = {strides}, padding = {pads}, dilation = {dilations}"


# ONNX, in its text format


def as_onnx(network: Network) -> str:
    """A model for `onnx.parser`. Weights are inputs of the graph, so that no numbers need stand in the text."""
    inputs = [f"float{with_batch(network.input)} x0"]
    lines: list[str] = []
    for step in steps(network):
        result = f"x{step.number}"
        source = f"x{step.inputs[0]}"
        layer = step.layer
        if step.word in ("conv", "fc"):
            channels = with_batch(step.entering)[1]
            kernel = list(layer.kernel) if step.word == "conv" else []
            inputs.append(f"float{[layer.out, channels // getattr(layer, 'groups', 1), *kernel]} w{result}")
            inputs.append(f"float{[layer.out]} b{result}")
        match step.word:
            case "conv":
                call = f"Conv<{_onnx_window(layer)}, group = {layer.groups}>({source}, w{result}, b{result})"
            case "fc":
                call = f"Gemm<transB = 1>({source}, w{result}, b{result})"
            case "pool":
                call = f"MaxPool<{_onnx_window(layer)}>({source})"
            case "concat":
                call = f"Concat<axis = 1>({', '.join(f'x{number}' for number in step.inputs)})"
            case _:
                call = f"{_ONNX_OPERATIONS[step.word]}({source})"
        lines.append(f"{result} = {call}")
    last = lines[-1].partition(" ")[0]
    head = '<ir_version: 10, opset_import: ["" : 20]>'
    # The output's rank must be declared; its sizes are left to be inferred.
    output = ", ".join(f"n{axis}" for axis in range(len(network.output) + 1))
    body = "\n".join(f"    {line}" for line in lines)
    return f"{head}\nnet ({', '.join(inputs)}) => (float[{output}] {last})\n{{\n{body}\n}}\n"


_ONNX_OPERATIONS = {"relu": "Relu", "dropout": "Identity", "global_avgpool": "GlobalAveragePool", "flatten": "Flatten"}


def _onnx_window(layer: Any) -> str:
    height, width = layer.pad
    return (
        f"kernel_shape = {list(layer.kernel)}, strides = {list(layer.stride)}, "
        f"pads = {[height, width, height, width]}, dilations = {list(layer.dilation)}"
    )


# Keras


def as_keras(network: Network) -> str:
    """A Python module whose function `main` builds the functional model and returns its symbolic output."""
    channels_first = "data_format='channels_first'"
    lines = [f"x0 = keras.Input({tuple(with_batch(network.input)[1:])}, batch_size=1)"]
    for step in steps(network):
        result = f"x{step.number}"
        source = f"x{step.inputs[0]}"
        layer = step.layer
        if any(getattr(layer, "pad", ())):
            lines.append(f"p{result} = layers.ZeroPadding2D({layer.pad}, {channels_first})({source})")
            source = f"p{result}"
        match step.word:
            case "conv":
                window = f"{layer.kernel}, strides={layer.stride}, dilation_rate={layer.dilation}"
                call = f"layers.Conv2D({layer.out}, {window}, groups={layer.groups}, {channels_first})({source})"
            case "fc":
                call = f"layers.Dense({layer.out})({source})"
            case "pool":
                call = f"layers.MaxPooling2D({layer.kernel}, {layer.stride}, {channels_first})({source})"
            case "avgpool":
                call = f"layers.AveragePooling2D({layer.kernel}, {layer.stride}, {channels_first})({source})"
            case "sigmoid":
                call = f"layers.Activation('sigmoid')({source})"
            case "dropout":
                call = f"layers.Dropout({layer.p})({source})"
            case "global_avgpool":
                call = f"layers.GlobalAveragePooling2D({channels_first}, keepdims=True)({source})"
            case "concat":
                call = f"layers.Concatenate(axis=1)([{', '.join(f'x{number}' for number in step.inputs)}])"
            case _:
                call = f"layers.{_KERAS_LAYERS[step.word]}()({source})"
        lines.append(f"{result} = {call}")
    last = lines[-1].partition(" ")[0]
    body = "\n".join(f"    {line}" for line in lines)
    return f"import keras\nfrom keras import layers\n\n\ndef main():\n{body}\n    return {last}\n"


_KERAS_LAYERS = {"relu": "ReLU", "flatten": "Flatten"}


# The tools

_NNEF = """
import sys, nnef
graph = nnef.parse_file(sys.argv[1])
nnef.infer_shapes(graph)
print(graph.tensors[graph.outputs[0]].shape)
"""

_ONNX = """
import sys, onnx.parser, onnx.shape_inference
model = onnx.parser.parse_model(open(sys.argv[1]).read())
model = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
print([size.dim_value for size in model.graph.output[0].type.tensor_type.shape.dim])
"""

_META = """
import runpy, sys, torch
with torch.device("meta"):
    net = runpy.run_path(sys.argv[1])["Net"]()
    print(list(net(torch.empty(*map(int, sys.argv[2:]))).shape))
"""

_TORCHINFO = """
import runpy, sys, torch, torchinfo
with torch.device("meta"):
    net = runpy.run_path(sys.argv[1])["Net"]()
found = torchinfo.summary(net, input_size=tuple(map(int, sys.argv[2:])), device="meta", verbose=0)
print(found.summary_list[0].output_size)
str(found)
"""

_KERAS = """
import os, runpy, sys
os.environ["KERAS_BACKEND"] = "torch"
print(list(runpy.run_path(sys.argv[1])["main"]().shape))
"""


class Peer(NamedTuple):
    """A tool to be measured against.

    needs: the distributions that must be installed.
    does: what it does with a network, in a few words.
    suffix: that of its files.
    command: the arguments that run it, from the file and the shape of a batch.
    largest: the most layers that it is given, where more would take minutes.
    """

    name: str
    needs: tuple[str, ...]
    does: str
    suffix: str
    write: Callable[[Network], str]
    command: Callable[[Path, list[int]], list[str]]
    largest: int = 100_000


def _python(code: str) -> Callable[[Path, list[int]], list[str]]:
    return lambda path, shape: [sys.executable, "-c", code, str(path), *map(str, shape)]


def _pyrefly(path: Path, shape: list[int]) -> list[str]:
    """Pyrefly is told where the packages are, which spares it to ask Python."""
    program = str(Path(sys.executable).with_name("pyrefly"))
    places = [each for each in sys.path if each.endswith("site-packages")] or [sysconfig.get_path("purelib")]
    return [
        program,
        "check",
        "--skip-interpreter-query",
        *(f"--site-package-path={each}" for each in places),
        str(path),
    ]


PEERS = (
    Peer(
        "Pyrefly",
        ("pyrefly", "pyrefly-torch-stubs", "pyrefly-shape-extensions"),
        "types of the PyTorch code, with shapes",
        ".py",
        as_pytorch,
        _pyrefly,
    ),
    Peer("NNEF", ("nnef",), "parses its text, infers shapes", ".nnef", as_nnef, _python(_NNEF)),
    Peer("ONNX", ("onnx",), "parses its text, infers shapes (C++)", ".onnxtxt", as_onnx, _python(_ONNX)),
    Peer("PyTorch, meta", ("torch",), "builds and runs it without numbers", ".py", as_pytorch, _python(_META), 10_000),
    Peer(
        "torchinfo",
        ("torch", "torchinfo"),
        "builds and runs it so, makes a table",
        ".py",
        as_pytorch,
        _python(_TORCHINFO),
        10_000,
    ),
    Peer("Keras", ("keras", "torch"), "builds it, with weights (torch)", ".py", as_keras, _python(_KERAS), 1_000),
)
