"""What a user of the library calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from archdsl.backends.table import summary as table
from archdsl.checker.check import Checked, check_source
from archdsl.checker.check import accepted_sizes as sizes_of_source
from archdsl.checker.scope import Value
from archdsl.checker.session import MAX_LAYERS, MAX_PARAMETERS, Options, interpreter_for_checks
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.diagnostics.render import render
from archdsl.lint.lint import lint
from archdsl.network import Network
from archdsl.reader import normalized, read_spec
from archdsl.settings import read_input, read_settings, wrong_root
from archdsl.shapes import OpenInput, Shape
from archdsl.source import Source
from archdsl.weights.errors import WeightsError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from archdsl.input_sizes import InputSizes

InputLike: TypeAlias = str | int | tuple[int, ...] | Shape
"""An input shape: "3x96x96", (3, 96, 96), or a number of features alone: "784", 784, (784,)."""

SetLike: TypeAlias = "Mapping[str, Value | str]"
"""Values for lets, as Python values or as they are written in the language: {"width": 32}, {"width": "32"}."""


class ArchitectureError(Exception):
    """A spec has errors. Its text is the rendered diagnostics; `diagnostics` holds them as data."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(render(diagnostics))
        self.diagnostics = diagnostics


@interpreter_for_checks()
def check(
    text_or_path: str | Path | Source,
    input: InputLike | None = None,
    set: SetLike | None = None,
    root: str | Path | None = None,
    max_layers: int = MAX_LAYERS,
    max_parameters: int = MAX_PARAMETERS,
    trace: bool = False,
) -> Checked:
    """Check a spec: its network, or what is wrong with it. Never raises for a mistake in the spec. Needs no torch.

    Args:
        text_or_path: a Path, a string that ends in ".arch" or ".safetensors", the text of a spec itself, or one that
            was read. A file of weights stands for the network in it, with its own input and settings.
        input: stands for the spec's own input: "3x96x96" or (3, 96, 96).
        set: values that stand for lets of the spec: {"width": 32}.
        root: the folder that imports may not leave; by default the folder of the spec.
        max_layers, max_parameters: a network of more modules, or parameters, is refused.
        trace: a finding of a shape that does not fit has the way from the input to it, as `Diagnostic.trace`.

    Returns:
        The network (None where there are errors, or where the file has definitions alone) and all diagnostics.
    """
    source, unreadable, input, set = _source(text_or_path, input, set)
    options, wrong = _options(input, set, root, max_layers, max_parameters, trace)
    if unreadable or wrong:
        return Checked(source, None, (*unreadable, *wrong))
    checked = check_source(source, options)
    warnings = lint(checked, as_written=input is None and not set)
    return checked._replace(diagnostics=(*checked.diagnostics, *warnings)) if warnings else checked


def load(path: str | Path, input: InputLike | None = None, set: SetLike | None = None) -> Network:
    """The network of a spec.

    Args:
        path: the file.
        input: stands for the spec's own input: "3x96x96" or (3, 96, 96).
        set: values that stand for lets of the spec: {"width": 32}.

    Raises:
        ArchitectureError: the spec has errors, or no layers. Its text is what `archdsl check` prints.
    """
    if not isinstance(path, str | Path):
        raise TypeError(f"load takes the path of a spec, not {_called(path)}")
    checked = check(Path(path), input, set)
    if isinstance(path, str) and ("(" in path or "\n" in path) and checked.diagnostics[:1]:
        first = checked.diagnostics[0]
        if first.code == "unreadable-file":
            text = "load takes the path of a spec; `archdsl.check` takes its text"
            checked = checked._replace(diagnostics=(first._replace(help=(text,)),))
    return network_of(checked)


def network_of(checked: Checked) -> Network:
    """The network of a check. Raises ArchitectureError where it has errors, or no layers."""
    if checked.network is not None:
        return checked.network
    nothing = checked.nothing_to_build
    raise ArchitectureError(checked.errors if nothing is None else (*checked.errors, nothing))


def _called(given: object) -> str:
    """What was given, for an error of a wrong type."""
    return "None" if given is None else f"{type(given).__name__} {given!r}"


def accepted_sizes(
    text_or_path: str | Path | Source,
    input: InputLike | None = None,
    set: SetLike | None = None,
    root: str | Path | None = None,
    max_layers: int = MAX_LAYERS,
    max_parameters: int = MAX_PARAMETERS,
    open: OpenInput | None = None,
) -> InputSizes | None:
    """Which heights and widths a network accepts; None where the spec has other errors, or takes no image.

    The arguments are those of `check`, and `open`: the input with names for the sizes that are asked about, by default
    the spec's own, with H and W for its height and width. What comes back answers `least()`, `step_of("H")` and
    `accepts({"H": 96, "W": 128})`, without expanding the network anew. Needs no torch.
    """
    source, unreadable, input, set = _source(text_or_path, input, set)
    options, wrong = _options(input, set, root, max_layers, max_parameters)
    return None if unreadable or wrong else sizes_of_source(source, options, open)


def build(network: Network | Checked | str | Path) -> nn.Sequential:
    """Build a network, that of a check, or that of a spec's file, as a plain `nn.Sequential`. Imports torch.

    Its input is a batch: (batch, channels, height, width), or (batch, features). The weights are as torch
    initializes them. In training mode, auxiliary heads run beside; see `archdsl.auxiliary_outputs`.

    Raises:
        ArchitectureError: the spec has errors, or no layers.
    """
    whole = _as_network(network, "build")
    from archdsl.backends import pytorch

    return pytorch.build(whole)


def auxiliary_outputs(model: nn.Module) -> list[tuple[float, Tensor]]:
    """Take what the auxiliary heads of a model gave in its last pass in training mode.

    Returns:
        For each head the weight of its loss, and its output, of the shape of the model's own. A second call gives
        nothing, for the outputs are forgotten.
    """
    from archdsl.backends import pytorch

    return pytorch.auxiliary_outputs(model)


def load_weights(
    model: nn.Module | Network | Checked | str | Path, file: str | Path, leave_out: Sequence[str] = ()
) -> nn.Module:
    """Load the weights of a file into a model, or into a network, which is built. Imports torch; runs no code.

    Tensors go by their keys where these are the same, else by names and order; all must find their place, and have its
    shape.

    Args:
        model: what `build` gives, any other module, or what `build` takes.
        file: safetensors, or a state dict that torch saved.
        leave_out: modules, by their keys in the file or in the network, that stay as they are: ("fc",).

    Returns:
        The model, its weights loaded.

    Raises:
        ArchitectureError: the spec has errors, or no layers.
        WeightsError: the file can't be read, or does not fit. Its text says where the two differ.
    """
    refuse_text(leave_out)
    is_network = isinstance(model, Network | Checked | str | Path)
    network = (
        _as_network(cast("Network", model), "load_weights") if is_network or not hasattr(model, "state_dict") else None
    )
    from archdsl.weights.state import OwnEntry, state_of
    from archdsl.weights.tensors import fit, put, read_weights

    weights = read_weights(Path(file))
    built: nn.Module
    if network is not None:
        ours, name, built = state_of(network), network.name, build(network)
    else:
        built = cast("nn.Module", model)
        ours = [OwnEntry(key, tuple(tensor.shape)) for key, tensor in built.state_dict().items()]
        name = f"the {type(built).__name__}"
    put(weights, fit(weights, ours, name, leave_out), built)
    return built


def summary(network: Network | Checked | str | Path) -> str:
    """The table of a network, that of a check, or that of a spec's file: layers, shapes, parameters, multiply-adds.

    Raises:
        ArchitectureError: the spec has errors, or no layers.
    """
    return table(_as_network(network, "summary"))


def _as_network(given: Network | Checked | str | Path, function: str) -> Network:
    if isinstance(given, Network):
        return given
    if isinstance(given, Checked):
        return network_of(given)
    if isinstance(given, str | Path):
        return load(given)
    because = "; a check with errors has no network, and `archdsl.load` raises them" if given is None else ""
    raise TypeError(f"{function} takes a Network, a Checked, or the path of a spec, not {_called(given)}{because}")


def _source(
    text_or_path: str | Path | Source, input: InputLike | None, set: SetLike | None
) -> tuple[Source, list[Diagnostic], InputLike | None, SetLike | None]:
    """The text that is meant, or why its file can't be read; and the input and settings that stand for its own."""
    if isinstance(text_or_path, Source):
        return text_or_path, [], input, set
    if not isinstance(text_or_path, str | Path):
        raise TypeError(f"a spec is a text or a path, not {_called(text_or_path)}")
    text = str(text_or_path)
    if text.endswith(".safetensors") and "\n" not in text:
        from archdsl.weights.files import opened  # Needed by such files alone.

        return tuple(opened(Path(text), input, set or {}))
    is_path = isinstance(text_or_path, Path) or (text.endswith(".arch") and "\n" not in text)
    source, unreadable = read_spec(Path(text)) if is_path else (Source("<text>", normalized(text)), [])
    return source, unreadable, input, set


def _options(
    input: InputLike | None,
    set: SetLike | None,
    root: str | Path | None,
    max_layers: int,
    max_parameters: int,
    trace: bool = False,
) -> tuple[Options, list[Diagnostic]]:
    """How the spec is to be read, and what is wrong with that."""
    shape, wrong_input = read_input(input)
    values, wrong_settings = read_settings(set or {})
    folder = None if root is None else Path(root)
    options = Options(shape, values, folder, max_layers, max_parameters, trace)
    return options, [*wrong_input, *wrong_settings, *wrong_root(root)]


def refuse_text(leave_out: Sequence[str]) -> None:
    """Raise TypeError where the names of modules are one text, whose letters would be taken for them."""
    if isinstance(leave_out, str):
        raise TypeError(f'leave_out takes names of modules, as ("{leave_out}",), not a text')


__all__ = [
    "ArchitectureError",
    "Checked",
    "WeightsError",
    "accepted_sizes",
    "build",
    "check",
    "load",
    "load_weights",
    "summary",
]
