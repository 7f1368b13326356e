"""Tensors from files into networks, and from networks into files. The one module here that imports torch."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from archdsl.diagnostics.render import visible
from archdsl.reader import reason_of
from archdsl.weights.errors import WeightsError
from archdsl.weights.explain import difference_lines
from archdsl.weights.files import Header, Origin, first_bytes, header_of, is_safetensors, metadata_of, read_header
from archdsl.weights.match import Match, Pair, match
from archdsl.weights.state import Entry, OwnEntry
from archdsl.writer import replacing

_STATE_DICTS = ("state_dict", "model_state_dict", "model")
"""Where checkpoints of trainings have their state dict: Lightning's, those of torch's tutorials, ours and timm's."""


_DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""What safetensors calls the kinds of numbers that a module's tensors are of."""


class Weights(NamedTuple):
    """The tensors of a file by key, in its order; `header` is what a safetensors file says of itself."""

    path: Path
    tensors: Mapping[str, Tensor]
    header: Header | None

    @property
    def entries(self) -> list[Entry]:
        if self.header is not None:
            return list(self.header.entries)
        return [Entry(key, tuple(tensor.shape)) for key, tensor in self.tensors.items()]

    @property
    def in_order(self) -> bool:
        return self.header is None or self.header.in_order


def read_weights(path: Path) -> Weights:
    """Read a file of weights: safetensors, or a state dict that torch saved. No code in it is run.

    Raises WeightsError for any other file.
    """
    if is_safetensors(path):
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        header = read_header(path)
        try:
            return Weights(path, load_file(path), header)
        except (SafetensorError, OSError, KeyError, RuntimeError, ValueError):
            raise WeightsError(f"{visible(str(path))}: not a whole safetensors file") from None
    # Torch saves as a zip archive, and before 1.6 as a pickle.
    if not first_bytes(path, 2).startswith((b"PK", b"\x80")):
        raise WeightsError(f"{visible(str(path))}: neither a safetensors file nor one that torch saved")
    return Weights(path, _state_dict_in(_loaded(path), visible(str(path))), None)


def _is_program(path: Path) -> bool:
    """Whether an archive is not one of torch.save: that has its pickle as `data.pkl`, and no constants beside it."""
    try:
        with zipfile.ZipFile(path) as archive:
            ends = {name.partition("/")[2] for name in archive.namelist()}
    except (OSError, ValueError, zipfile.BadZipFile):
        return False
    return "data.pkl" not in ends or "constants.pkl" in ends


def _loaded(path: Path) -> Any:
    name = visible(str(path))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # What torch says of foreign files is said below, in one line.
            return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{name}: {visible(reason_of(error))}") from None
    except Exception as error:  # What torch raises on files that are cut, foreign or hostile is of every kind.
        # Torch asks for everything but tensors, numbers and text to be allowed by its name.
        if "Unsupported" in str(error) or "GLOBAL" in str(error):
            raise WeightsError(
                f"{name}: it holds more than tensors, numbers and text, which could run code, and is not read; save "
                "the state dict alone: torch.save(model.state_dict(), file)"
            ) from None
        if _is_program(path):
            raise WeightsError(
                f"{name}: a program of torch.export or TorchScript, and no state dict; "
                "save the weights with torch.save(model.state_dict(), file)"
            ) from None
        raise WeightsError(f"{name}: not a whole file of weights, of safetensors or torch") from None


def _state_dict_in(content: Any, name: str) -> dict[str, Tensor]:
    """The state dict that a file is, or holds."""
    if isinstance(content, dict):
        nested = next((content[key] for key in _STATE_DICTS if isinstance(content.get(key), dict)), content)
        if nested and all(isinstance(key, str) and isinstance(each, Tensor) for key, each in nested.items()):
            return dict(nested)
        if nested is content and not nested:
            raise WeightsError(f"{name}: there are no tensors in it")
        wrong = next(key for key, each in nested.items() if not isinstance(each, Tensor) or not isinstance(key, str))
        raise WeightsError(f"{name}: no state dict: `{visible(str(wrong)[:100])}` is no tensor")
    raise WeightsError(f"{name}: no state dict, but a {type(content).__name__}")


def fit(weights: Weights, ours: Sequence[OwnEntry], name: str, leave_out: Sequence[str] = ()) -> Match:
    """What of a file goes where in a network.

    leave_out: modules, by their keys in the file or in the network, that are left as they are.

    Raises WeightsError with the first difference where they do not fit, or where there is no such module.
    """
    theirs = weights.entries
    for module in leave_out:
        keys = [*(each.key for each in ours), *(each.key for each in theirs)]
        if not any(_is_in(key, module) for key in keys):
            raise WeightsError(_no_such_module(module, keys))
    theirs = [each for each in theirs if not any(_is_in(each.key, module) for module in leave_out)]
    own = [each for each in ours if not any(_is_in(each.key, module) for module in leave_out)]
    found = match(theirs, own, weights.in_order)
    file = visible(str(weights.path))
    if found.difference is not None:
        differs = difference_lines(found.difference, theirs, ours, weights.in_order)
        lines = [f"{file} does not fit {visible(name)}", *differs]
        raise WeightsError("\n".join(lines), does_not_fit=True)
    for pair in found.pairs:
        tensor = weights.tensors[pair.theirs.key]
        if tensor.is_complex() or tensor.layout != torch.strided or not _is_number(tensor, pair):
            key = visible(pair.theirs.key)
            raise WeightsError(f"{file}: `{key}` is {str(tensor.dtype).removeprefix('torch.')}, not floating-point")
    return found


def _is_number(tensor: Tensor, pair: Pair) -> bool:
    return tensor.is_floating_point() or pair.ours.shape == ()


def _is_in(key: str, module: str) -> bool:
    return key == module or key.startswith(f"{module}.")


def _no_such_module(module: str, keys: Iterable[str]) -> str:
    from difflib import get_close_matches

    known: dict[str, None] = {}
    for key in keys:
        parts = key.split(".")[:-1]
        known.update(dict.fromkeys(".".join(parts[: depth + 1]) for depth in range(min(len(parts), 20))))
    near = get_close_matches(module, list(known)[:10_000], n=1)
    hint = f"; did you mean {visible(near[0])}?" if near else ""
    return f"--except: neither the file nor the network has a module `{visible(module)}`{hint}"


def put(weights: Weights, found: Match, model: nn.Module) -> None:
    """Copy tensors to where they go, as the model's kind of number and on its device."""
    state = model.state_dict()  # Its tensors are the model's own.
    with torch.no_grad():
        for pair in found.pairs:
            target = state[pair.ours.key]
            target.copy_(weights.tensors[pair.theirs.key].reshape(target.shape))


def save_weights(path: Path, model: nn.Module, origin: Origin) -> None:
    """Write the tensors of a model as safetensors, with the network that they belong to; whole or not at all.

    One tensor after the other goes to the file, for safetensors itself takes three times the memory of the model.

    Raises OSError where the folder or the disk refuses.
    """
    state = model.state_dict()
    # The widest numbers come first, so that each tensor begins where numbers of its kind may.
    ordered = sorted(state, key=lambda key: (-state[key].element_size(), key))
    facts = [(key, _DTYPES[state[key].dtype], tuple(state[key].shape), state[key].nbytes) for key in ordered]
    with replacing(path) as file:
        file.write(header_of(facts, metadata_of(origin, list(state))))
        for key in ordered:
            file.write(state[key].detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
