"""A model to the bytes of a file that others read: ONNX, or torch's own exported program (`.pt2`).

Both are written and never read here: what they hold runs as a program.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.export import Dim, ExportedProgram

from archdsl.backends.pytorch import build
from archdsl.backends.pytorch_modules import Aux
from archdsl.network import Network
from archdsl.shapes import Shape

INPUT, OUTPUT, BATCH = "input", "output", "batch"
"""What the input, the output and the size of the batch are called in the file."""

MOST_BYTES = 10**9
"""No file of ONNX has more weights: its format ends at 2^31 bytes, and so it would need a second file beside it."""


class TooLarge(Exception):
    """The weights have more bytes than a single file of ONNX should hold."""


def build_with_seed(network: Network, seed: int) -> nn.Module:
    """Build the network with the weights that torch draws by this seed."""
    torch.manual_seed(seed)
    return build(network)


def without_heads(model: nn.Module) -> nn.Module:
    """Take the auxiliary heads out of a model, in place, for in evaluation they do nothing. Other keys stay."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if isinstance(child, Aux):
                setattr(module, name, nn.Identity())
    return model


def as_onnx(model: nn.Module, input: Shape) -> bytes:
    """The model in evaluation mode as an ONNX file, which a checker of ONNX's own has found right.

    Its input is called `input`, of shape (batch, *input) for any size of batch, its output `output`.

    Raises:
        ImportError: onnx or onnxscript is not installed.
        TooLarge: the weights have more than MOST_BYTES.
    """
    import onnx
    import onnxscript  # noqa: F401 - torch asks for it late, and in words of its own.

    size = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    if size > MOST_BYTES:
        raise TooLarge(size)
    with _quiet():
        program = torch.onnx.export(
            without_heads(model).eval(),
            (_batch(model, input),),
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=({0: Dim(BATCH)},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    # Torch notes the lines of source that each node came from, with the folders of this machine.
    graph = proto.graph
    for part in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        part.ClearField("metadata_props")
    onnx.checker.check_model(proto, full_check=True)
    return bytes(proto.SerializeToString())


def as_exported_program(model: nn.Module, input: Shape) -> bytes:
    """The model in evaluation mode as a file that `torch.export.load` reads, for any size of batch."""
    with _quiet():
        program: ExportedProgram = torch.export.export(
            without_heads(model).eval(), (_batch(model, input),), dynamic_shapes=({0: Dim(BATCH)},), strict=False
        )
        for node in program.graph.nodes:
            node.meta.pop("stack_trace", None)
        buffer = io.BytesIO()
        torch.export.save(program, buffer)
    return buffer.getvalue()


def _batch(model: nn.Module, input: Shape) -> torch.Tensor:
    """A batch to trace with: of two, for torch takes a size of one as fixed."""
    some = next(iter(model.state_dict().values()), torch.empty(0))
    return torch.zeros(2, *input, dtype=some.dtype if some.is_floating_point() else torch.float32)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of the exporters, which are on their own insides."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
