"""A device that is not there, for what would go wrong on one that is: tensors of it and of the CPU do not mix.

A tensor of the device holds one of the CPU, which computes in its place: the numbers are real. What CUDA refuses is
refused, which is all that takes tensors from both, but for copies and single numbers; and what Apple's GPUs have not,
which is float64. What the device is waited for is counted: what is read from it, and what is sent to it without
`non_blocking`. The device takes torch's place for one of another maker, once and for all; so it is for a process of
its own:

    python -m tests.training.pretended FOLDER  # prints JSON
"""

from __future__ import annotations

import json
import math
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode, return_and_correct_aliasing
from torch.utils._pytree import tree_leaves, tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

import archdsl
from archdsl.errors import TrainingError
from archdsl.recipe.read import recipe_of_values
from archdsl.runs.evaluation import Prediction
from archdsl.training import find_rate, keeper, run, setup
from archdsl.training.data.load import load_data
from archdsl.training.evaluation import evaluate
from archdsl.training.optimizers import make_optimizer
from archdsl.training.report import Silence
from archdsl.training.signals import StopRequest
from archdsl.training.subject import Subject
from archdsl.training.trained import predict, read_trained
from archdsl.training.world import World
from archdsl.weights.files import read_origin

from .test_folder import write_images

NAME = "pretended"
CPU = torch.device("cpu")
waits = 0


class OnDevice(Tensor):
    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnDevice:
        made: OnDevice = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )
        made.held = held
        return made

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __tensor_flatten__(self) -> tuple[list[str], None]:
        return ["held"], None

    @staticmethod
    def __tensor_unflatten__(inner: Mapping[str, Tensor], *_: Any) -> OnDevice:
        return OnDevice(inner["held"])

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return compute(function, args, kwargs or {})


class Pretended(TorchDispatchMode):
    """While it is open, there is the device."""

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        is_made_of_others = torch._C._dispatch_has_kernel_for_dispatch_key(function.name(), "CompositeImplicitAutograd")
        if torch.is_inference_mode_enabled() and is_made_of_others:
            with self:
                return function.decompose(*args, **(kwargs or {}))
        return compute(function, args, kwargs or {})


def compute(function: Any, args: Any, kwargs: dict[str, Any]) -> Any:
    global waits
    aten = torch.ops.aten
    tensors = [each for each in tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
    there = any(isinstance(each, OnDevice) for each in tensors)
    device = kwargs.get("device")
    goes_there = device.type == NAME if device is not None else there
    if function is aten.copy_.default:
        goes_there = isinstance(args[0], OnDevice)
        crosses = isinstance(args[1], OnDevice) != goes_there
        waits += crosses and not (args[2] if len(args) > 2 else kwargs.get("non_blocking", False))
    elif function is aten._to_copy.default:
        waits += there != goes_there and not kwargs.get("non_blocking", False)
    else:
        waits += there and function in (aten._local_scalar_dense.default, aten.nonzero.default)
        if there and any(each.ndim and not isinstance(each, OnDevice) for each in tensors):
            raise RuntimeError(f"{function} takes tensors of the device and of the CPU")
    held_args, held = tree_map(lambda each: each.held if isinstance(each, OnDevice) else each, (args, kwargs))
    found = function(*held_args, **held | ({} if device is None else {"device": CPU}))
    if not goes_there:
        return found
    if any(isinstance(each, Tensor) and each.dtype == torch.float64 for each in tree_leaves(found)):
        raise RuntimeError(f"{function} gives float64 on the device")
    found = tree_map(lambda each: OnDevice(each) if isinstance(each, Tensor) else each, found)
    return return_and_correct_aliasing(function, args, kwargs, found)


SPEC = "input(3, 16, 16)\nconv(8, 3, s2) batchnorm relu conv(8, 3) relu flatten dropout(0.2) fc(10)\n"

BASE = {"data": {"train": 40, "validation": 10, "test": 20}, "epochs": 2, "batch_size": 10}

RECIPES: dict[str, dict[str, Any]] = {
    "adamw": {"accumulation": 2, "label_smoothing": 0.1, "clip_gradient": 1, "ema": 0.8},
    "adam": {"optimizer": {"name": "adam"}, "augmentation": {"shift": 2, "flip": True, "crop": 0.5, "erase": 0.5}},
    "sgd": {"optimizer": {"name": "sgd", "lr": 0.01}, "channels_last": False, "augmentation": {"cutmix": 0.5}},
    "muon": {
        "optimizer": {"name": "muon"},
        "augmentation": {"brightness": 0.2, "contrast": 0.2, "saturation": 0.2, "hue": 0.1, "pca_noise": 0.1},
    },
    "files": {"accumulation": 2, "augmentation": {"crop": 0.5, "mixup": 0.5}},
}


class Enough(Exception):
    pass


def train(name: str, out: Path, device: torch.device) -> dict[str, Any]:
    """A run that is stopped after an epoch, and gone on with: its losses, and how often each of its steps waits."""
    recipe = recipe_of_values(BASE | RECIPES[name])
    if name == "files":
        folder = out.parent.parent / "pictures"
        if not folder.exists():
            write_images(folder, dict.fromkeys("abcdefghij", 7), colour=True)
        data = {"name": f"folder:{folder}", "validation": 10, "in_memory": False}
        recipe = recipe_of_values({**recipe.model_dump(), "data": data})
    counted: list[int] = []
    subject = Subject(network(), network().root.span.source)

    def step(self: keeper.Keeper, *_: Any) -> None:
        counted.append(waits)

    def stop(*_: Any) -> None:
        raise Enough

    keeper.Keeper.on_step = step
    run.choose_device = lambda _: device
    with suppress(Enough):
        run.train(subject, recipe, out=out, on_epoch=stop)
    result = run.train(subject, recipe, out=out, resume=True)
    found = [result.test_loss, *(each.train_loss for each in result.epochs)]
    of_last_steps = [after - before for before, after in pairwise(counted[-3:])]
    return {"losses": [*found, *(each.validation_loss for each in result.epochs)], "waits": max(of_last_steps)}


def find_a_rate(out: Path, device: torch.device) -> dict[str, Any]:
    find_rate.choose_device = lambda _: device
    recipe = recipe_of_values(BASE)
    return {"losses": find_rate.find_rate(Subject(network(), network().root.span.source), recipe, steps=5).losses}


def use(out: Path, device: torch.device) -> dict[str, Any]:
    """A trained network is evaluated, and asked about pictures."""
    spec = network().root.span.source
    file = out.parent.parent / "cpu" / "adam" / "weights.safetensors"
    trained = read_trained(file, network(), spec, read_origin(file), device)
    images = load_data(recipe_of_values(BASE).data, network(), spec, Path()).test.to(device)
    before = waits
    found = evaluate(
        trained.model, images, trained.prepare, World(), StopRequest(), Silence(), classes=10, batch_size=6, worst=3
    )
    counted = waits - before
    assert found is not None
    (answer,) = predict(trained, [out.parent.parent / "pictures" / "a" / "000.png"], 3)
    assert isinstance(answer, Prediction)
    return {"losses": [found.loss, *(probability for _, probability in answer.classes)], "waits": counted}


def not_finite(out: Path, device: torch.device) -> dict[str, Any]:
    """A step that is not finite is computed once more, to see where that begins."""
    run.choose_device = lambda _: device
    setup.initialize = lambda model, _: model[0].weight.data.fill_(math.inf)
    try:
        run.train(Subject(network(), network().root.span.source), recipe_of_values(BASE), out=out)
    except TrainingError as error:
        return {"told": str(error).replace(str(out), ""), "losses": []}
    return {}


def network(spec: str = SPEC) -> archdsl.Network:
    found = archdsl.check(spec).network
    assert found is not None
    return found


def on_the_cpu(value: Any) -> Any:
    """A checkpoint's content as torch can write it."""
    if isinstance(value, dict):
        return {key: on_the_cpu(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(on_the_cpu, value))
    return value.cpu() if isinstance(value, OnDevice) else value


def main(folder: Path) -> None:
    _setup_privateuseone_for_python_backend(NAME)
    torch._C._set_only_lift_cpu_tensors(True)  # `torch.tensor` makes one on the CPU, and sends it.
    save = keeper.save_checkpoint
    keeper.save_checkpoint = lambda place, step, content: save(place, step, on_the_cpu(content))
    # Fused, as on CUDA.
    setup.make_optimizer = lambda model, recipe, device: make_optimizer(model, recipe, torch.device("cuda"))
    cases: dict[str, Callable[[Path, torch.device], dict[str, Any]]] = {
        **{name: partial(train, name) for name in RECIPES},
        "find-lr": find_a_rate,
        "eval and predict": use,
        "not finite": not_finite,
    }
    told: dict[str, dict[str, Any]] = {}
    for name, case in cases.items():
        told[name] = {"cpu": case(folder / "cpu" / name, CPU)}
        try:
            with Pretended():
                told[name]["device"] = case(folder / NAME / name, torch.device(NAME, 0))
        except Exception as error:
            place = [each for each in traceback.format_tb(error.__traceback__) if "/archdsl/" in each][-1]
            told[name]["error"] = f"{place}{type(error).__name__}: {str(error).splitlines()[0]}"
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
