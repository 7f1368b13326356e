"""Where a step first came to a value that is no number, or infinite: told before the weights take it.

A step whose loss or gradient is not finite is computed once more, from the same weights, images and seeds, with an eye
on every module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FAILED
from archdsl.network import Network, Place
from archdsl.recipe.recipe import Recipe
from archdsl.runs.folder import RunFolder
from archdsl.source import Span
from archdsl.training.precision import computed_in

FILE = "not_finite.json"
SHOWN = 20


class First(NamedTuple):
    """The first value that was not finite.

    what: "weights" before the step; "input", what the network is given; the "output" of a module; the "loss"; the
        "gradient" that a module passes back; the "norm" of gradients that are finite each; "nothing" where all is
        finite.
    module: its key in the network, `features.0`; of weights and gradients of parameters too.
    """

    what: str
    module: str = ""


class Failure(NamedTuple):
    """A step that can't be taken.

    epoch, step: counted from 1. loss, norm: the mean of the losses, and the norm of the gradient.
    images: what the step learns from, by their places in the set.
    """

    first: First
    epoch: int
    step: int
    loss: float
    norm: float
    images: list[int]


class NotFiniteError(TrainingError):
    """Raised before the weights take a step."""

    def __init__(self, failure: Failure) -> None:
        # Another process may have had the images at fault, and then tells of them itself.
        super().__init__(_headline(failure, None), EXIT_FAILED, of_all=failure.first.what == "nothing")
        self.failure = failure


def find(model: nn.Module, again: Callable[[], Tensor]) -> First:
    """Compute a step once more and tell the first value that is not finite, in the order of the computation.

    model: the modules themselves, not what torch.compile made of them.
    again: computes the loss, which it returns, and puts the gradients in place; the weights stay as they are.
    """
    for name, parameter in model.named_parameters():
        if not _is_finite(parameter):
            return First("weights", name.rpartition(".")[0])
    seen: list[First] = []
    with ExitStack() as hooks:
        for handle in _watch(model, seen):
            hooks.callback(handle.remove)
        loss = again()
    if seen and seen[0].what != "gradient":
        return seen[0]
    if not _is_finite(loss):
        return First("loss")
    if seen:
        return seen[0]
    gradients = {name: each.grad for name, each in model.named_parameters() if each.grad is not None}
    if not _is_finite(torch.nn.utils.get_total_norm(gradients.values())):
        largest = max(gradients, key=lambda name: gradients[name].abs().max().item())
        return First("norm", largest.rpartition(".")[0])
    return First("nothing")


@contextmanager
def not_finite_told(
    folder: RunFolder, network: Network, recipe: Recipe, device: torch.device, is_first: bool = True
) -> Iterator[None]:
    """Let a NotFiniteError that is raised within tell the layer as the spec has it, and keep all that is known.

    is_first: whether this is the process that writes, to `not_finite.json` in the run's folder.
    """
    try:
        yield
    except NotFiniteError as error:
        failure, kept = error.failure, ""
        if is_first:
            with suppress(OSError):  # The line below is what matters, and it tells as much.
                folder.write_json(FILE, _as_json(failure, network))
                kept = f"; all that is known is in {folder.path / FILE}"
        lines = [
            _headline(failure, network),
            _images(failure) + kept,
            _help(failure.first, failure.step, recipe, device),
        ]
        raise TrainingError(printable("\n".join(lines)), EXIT_FAILED, of_all=error.of_all) from None


def require_finite(model: nn.Module, network: Network, step: int) -> None:
    """Let no weights be kept that a step, of finite gradients, has made too large; steps are counted from 1.

    Raises TrainingError (exit code 3) where a parameter or a running statistic is not finite.
    """
    tensors = {name: tensor for name, tensor in model.state_dict().items() if tensor.is_floating_point()}
    if _is_finite(torch.nn.utils.get_total_norm(tensors.values())):
        return
    for name, tensor in tensors.items():
        if not _is_finite(tensor):
            where = printable(_where(network, name.rpartition(".")[0]))
            after = f"after step {step}" if step else "before the first step"
            raise TrainingError(f"{after} the weights of {where} are not finite; they are not kept", EXIT_FAILED)


def _watch(model: nn.Module, seen: list[First]) -> Iterator[Any]:
    """Hooks on all that a step computes, in the order in which it does; the first that is not finite is noted."""

    def note(what: str, name: str, value: Tensor) -> None:
        if not seen and not _is_finite(value):
            seen.append(First(what, name))

    def before(name: str, module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        for x in inputs:
            if module is model:
                note("input", name, x)
            elif x.requires_grad and not any(True for _ in module.children()):
                x.register_hook(partial(note, "gradient", name))  # type: ignore[no-untyped-call]

    def after(name: str, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        note("output", name, output)

    for name, module in model.named_modules():
        yield module.register_forward_pre_hook(partial(before, name))
        yield module.register_forward_hook(partial(after, name))
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            yield parameter.register_hook(partial(note, "gradient", name.rpartition(".")[0]))  # type: ignore[no-untyped-call]


def _is_finite(value: Tensor) -> bool:
    return bool(torch.isfinite(value.detach()).all().item())


def _headline(failure: Failure, network: Network | None) -> str:
    what, module = failure.first
    where = _where(network, module)
    number = f"the loss is {failure.loss:g}" if not math.isfinite(failure.loss) else "the gradient is not finite"
    told = {
        "weights": f"the weights of {where} are not finite before it",
        "input": "the images are not finite as the network gets them",
        "output": f"the first value that is not finite is in the output of {where}",
        "loss": "all outputs are finite, and their loss is not",
        "gradient": f"the loss is {failure.loss:.4g}, and on the way back from it {where} is the first to be so",
        "norm": f"each is finite, but they are too large for their norm, most in {where}",
        "nothing": "the images of this process are finite all through; it may be those of another, or a fault of the "
        "machine's memory",
    }[what]
    return f"{number} in epoch {failure.epoch}, step {failure.step}: {told}"


def _images(failure: Failure) -> str:
    count = len(failure.images)
    some = ", ".join(map(str, failure.images[:SHOWN])) + (", ..." if count > SHOWN else "")
    return f"the {count} images of the step are {some}" if count > 1 else f"the image of the step is {some}"


def _help(first: First, step: int, recipe: Recipe, device: torch.device) -> str:
    kept = "no weights have changed by the step"
    if first.what == "weights" and step == 1:
        return f"{kept}; look at the file that they come from"
    if first.what == "input":
        return f"{kept}; look at the images"
    helps = [f"a lower optimizer.lr than {recipe.optimizer.lr:g}", "a longer schedule.warmup"]
    if recipe.clip_gradient is None:
        helps.append("clip_gradient: 1")
    if computed_in(recipe.precision, device) != "fp32":
        helps.append("precision: fp32")
    return f"{kept}; what may help: {', '.join(helps)}"


def _where(network: Network | None, module: str) -> str:
    """A module as the spec has it: by its text and line, the block call that it is of, and its key."""
    place = None if network is None else _place(network, module)
    if place is None:
        return f"module {module}" if module else "the network"
    spans = [place.node.span, *(call.span for call in place.calls[:1])]
    texts = [f"`{_text(span)}` in line {span.line} of {span.source.name}" for span in spans]
    return f"{', of '.join(texts)} (module {module})"


def _place(network: Network, module: str) -> Place | None:
    return next((place for place in network.walk() if ".".join(place.keys) == module), None)


def _text(span: Span) -> str:
    first, *more = span.text.splitlines() or [""]
    return first + (" ..." if more else "")


def _as_json(failure: Failure, network: Network) -> dict[str, Any]:
    place = _place(network, failure.first.module)
    span = None if place is None else (place.calls[0].span if place.calls else place.node.span)
    return {
        "epoch": failure.epoch,
        "step": failure.step,
        "first": failure.first.what,
        "module": failure.first.module,
        "layer": None if place is None else place.node.span.text,
        "file": None if span is None else span.source.name,
        "line": None if span is None else span.line,
        "loss": failure.loss if math.isfinite(failure.loss) else str(failure.loss),  # JSON has no NaN.
        "norm": failure.norm if math.isfinite(failure.norm) else str(failure.norm),
        "images": failure.images,
    }
