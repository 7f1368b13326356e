"""A step that comes to a value that is not finite: where it began, and what is told and kept of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - as all of torch writes it.

import archdsl
from archdsl.backends.pytorch import auxiliary_outputs
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FAILED
from archdsl.recipe.recipe import Augmentation, Data, Recipe
from archdsl.runs.folder import RunFolder
from archdsl.training import loop, setup
from archdsl.training.augment import Augment
from archdsl.training.checkpoint import load_newest
from archdsl.training.not_finite import Failure, First, NotFiniteError, find, not_finite_told
from archdsl.training.run import train
from archdsl.training.subject import Subject

from .networks import TINY_SPEC, tiny

SPEC = """input(2, 8, 8)
block branch(n) { conv(n, 3, p1, nobias) batchnorm relu }
stem: seq { conv(4, 3, p1) relu }
add { branch(4) | identity }
aux(0.5) { flatten fc(3) }
flatten dropout(0.5) fc(3)
"""

CPU = torch.device("cpu")
INF = float("inf")


class RootOfNothing(nn.Module):
    """Its value at 0 is 0, its gradient infinite."""

    def forward(self, x: Tensor) -> Tensor:
        return (x * 0).sqrt() + x


def network() -> tuple[archdsl.Network, nn.Sequential]:
    checked = archdsl.check(SPEC)
    assert checked.network is not None, checked.diagnostics
    torch.manual_seed(0)
    return checked.network, archdsl.build(checked.network)


def step_of(
    model: nn.Sequential, images: Tensor | None = None, dtype: torch.dtype | None = None
) -> Callable[[], Tensor]:
    """What computes a step: forward, with the head, in parts of the batch, and back."""
    x = torch.randn(6, 2, 8, 8, generator=torch.Generator().manual_seed(0)) if images is None else images
    y = torch.arange(6) % 3

    def again() -> Tensor:
        torch.manual_seed(3)
        model.zero_grad()
        total = torch.zeros(())
        for rows in (slice(0, 4), slice(4, 6)):
            with torch.autocast("cpu", dtype=dtype or torch.bfloat16, enabled=dtype is not None):
                logits = model(x[rows])
                losses = [(1.0, logits), *auxiliary_outputs(model)]
            loss = sum((weight * F.cross_entropy(out.float(), y[rows]) for weight, out in losses), torch.zeros(()))
            loss.backward()
            total += loss.detach()
        return total

    return again


def keys(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if not list(module.children())]


def test_all_is_finite_and_nothing_is_left_on_the_model() -> None:
    _, model = network()
    again = step_of(model)
    before = [parameter.clone() for parameter in model.parameters()]
    assert find(model, again) == First("nothing")
    assert all(torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))
    for module in model.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks
    assert all(not parameter._backward_hooks for parameter in model.parameters())


@pytest.mark.parametrize("dtype", [None, torch.bfloat16])
def test_the_first_output_that_overflows_is_found(dtype: torch.dtype | None) -> None:
    for place in ("stem.0", "1.0.0", "2.1", "5"):
        _, model = network()
        with torch.no_grad():
            model.get_submodule(place).weight.fill_(3e38)  # type: ignore[operator, union-attr]
        assert find(model, step_of(model, dtype=dtype)) == First("output", place)


def test_weights_and_images_that_are_not_finite_are_told_first() -> None:
    _, model = network()
    images = torch.randn(6, 2, 8, 8)
    images[5, 1, 2, 3] = float("nan")  # In the second part.
    assert find(model, step_of(model, images)) == First("input")
    with torch.no_grad():
        model[-1].bias[1] = INF
    assert find(model, step_of(model, images)) == First("weights", keys(model)[-1])


def test_a_gradient_that_is_not_finite_is_found_where_it_begins() -> None:
    _, model = network()
    model.stem.append(RootOfNothing())
    model.append(nn.Identity())
    again = step_of(model)
    assert torch.isfinite(again())
    assert find(model, again) == First("gradient", "stem.2")


def test_a_loss_that_is_not_finite_and_gradients_too_large_for_their_norm() -> None:
    _, model = network()
    whole = step_of(model)

    def lost() -> Tensor:
        return whole() * INF

    def large() -> Tensor:
        loss = whole()
        model[0][0].weight.grad.fill_(3e38)
        return loss

    assert find(model, lost) == First("loss")
    assert find(model, large) == First("norm", "stem.0")


def failure(first: First, count: int = 30, step: int = 120) -> Failure:
    return Failure(first, 3, step, float("nan") if first.what == "output" else 0.25, INF, list(range(count)))


def told(
    tmp_path: Path,
    first: First,
    recipe: Recipe = Recipe(),  # noqa: B008
    **more: int,
) -> list[str]:
    with pytest.raises(TrainingError) as raised, not_finite_told(RunFolder(tmp_path), network()[0], recipe, CPU):
        raise NotFiniteError(failure(first, **more))
    assert raised.value.exit_code == EXIT_FAILED
    return str(raised.value).splitlines()


def test_what_is_told_names_the_layer_the_images_and_what_helps(tmp_path: Path) -> None:
    head, images, help = told(tmp_path, First("output", "1.0.0"))
    assert head == (
        "the loss is nan in epoch 3, step 120: the first value that is not finite is in the output of "
        "`conv(n, 3, p1, nobias)` in line 2 of <text>, of `branch(4)` in line 4 of <text> (module 1.0.0)"
    )
    assert images.startswith("the 30 images of the step are 0, 1, 2,")
    assert images.endswith(f" 19, ...; all that is known is in {tmp_path / 'not_finite.json'}")
    assert help == (
        "no weights have changed by the step; what may help: a lower optimizer.lr than 0.0005, a longer "
        "schedule.warmup, clip_gradient: 1"
    )
    kept = json.loads((tmp_path / "not_finite.json").read_text(), parse_constant=pytest.fail)
    assert kept == {
        "epoch": 3,
        "step": 120,
        "first": "output",
        "module": "1.0.0",
        "layer": "conv(n, 3, p1, nobias)",
        "file": "<text>",
        "line": 4,
        "loss": "nan",
        "norm": "inf",
        "images": list(range(30)),
    }


def test_each_kind_is_told_in_its_own_words(tmp_path: Path) -> None:
    for first, words in {
        First("gradient", "stem.1"): "on the way back from it `relu` in line 3 of <text> (module stem.1) is the first",
        First("weights", "5"): "what may help: a lower optimizer.lr",
        First("input"): "look at the images",
        First(
            "norm", "stem.0"
        ): "too large for their norm, most in `conv(4, 3, p1)` in line 3 of <text> (module stem.0)",
        First("nothing"): "a fault of the machine's memory",
        First("loss"): "all outputs are finite",
    }.items():
        assert words in "\n".join(told(tmp_path, first)), first
    assert "precision: fp32" in told(tmp_path, First("loss"), Recipe(precision="bf16", clip_gradient=1.0))[-1]
    assert "clip_gradient" not in told(tmp_path, First("loss"), Recipe(clip_gradient=1.0))[-1]
    at_first = told(tmp_path, First("weights", "5"), step=1)
    assert at_first[-1] == "no weights have changed by the step; look at the file that they come from"
    assert told(tmp_path, First("loss"), count=1)[1].startswith("the image of the step is 0; ")


def test_a_run_stops_before_its_weights_take_the_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = Recipe(
        data=Data(train=60, test=20),
        epochs=3,
        batch_size=16,
        accumulation=2,
        augmentation=Augmentation(flip=True, mixup=0.2),
        ema=0.9,
    )
    calls: list[Tensor] = []
    real_augment, real_find = Augment.__call__, loop.find
    models: list[nn.Module] = []
    before: list[Tensor] = []

    def augment(self: Augment, images: Tensor, *args: object) -> object:
        x, targets = real_augment(self, images, *args)  # type: ignore[arg-type]
        calls.append(images.clone())
        if len(calls) > 11 and torch.equal(images, calls[11]):  # The second part of step 6, now and when it is sought.
            x[3] = float("nan")
        return x, targets

    def look(model: nn.Module, again: Callable[[], Tensor]) -> First:
        models.append(model)
        before.extend(parameter.clone() for parameter in model.parameters())
        return real_find(model, again)

    monkeypatch.setattr(Augment, "__call__", augment)
    monkeypatch.setattr(loop, "find", look)
    with pytest.raises(TrainingError, match="epoch 2, step 6: the images are not finite") as raised:
        train(Subject(*tiny()), recipe, device="cpu", out=tmp_path / "run")
    assert raised.value.exit_code == EXIT_FAILED
    assert len(calls) == 14  # Twelve parts, and those of the step once more.
    kept = json.loads((tmp_path / "run" / "not_finite.json").read_text())
    assert kept["images"] == loop.epoch_order(60, 0, 1)[16:32].tolist()
    assert all(torch.equal(old, new) for old, new in zip(before, models[0].parameters(), strict=True))
    content, _, damaged = load_newest(tmp_path / "run")
    assert (content["step"], damaged) == (4, [])
    assert all(torch.isfinite(tensor).all() for tensor in content["model"].values())


def test_weights_that_a_step_makes_infinite_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, steps = torch.optim.AdamW.step, []

    def step(self: torch.optim.AdamW, *args: object) -> object:
        result = real(self, *args)  # type: ignore[arg-type]
        steps.append(1)
        if len(steps) == 3:
            with torch.no_grad():
                self.param_groups[0]["params"][0][0] = INF
        return result

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    recipe = Recipe(data=Data(train=60, test=20), epochs=3, batch_size=16)
    with pytest.raises(
        TrainingError, match=r"after step 3 the weights of `conv\(4, 3, s2\)` in line 3 of tiny"
    ) as raised:
        train(Subject(*tiny()), recipe, device="cpu", out=tmp_path / "run", save_every=0)
    assert raised.value.exit_code == EXIT_FAILED
    assert load_newest(tmp_path / "run")[0]["step"] == 2


def test_a_gradient_that_is_not_finite_stops_a_run_whose_loss_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, seen = setup.initialize, []

    def initialize(model: nn.Sequential, way: str) -> None:
        real(model, way)

        def overflow(gradient: Tensor) -> Tensor:
            seen.append(1)
            return gradient * (INF if len(seen) > 5 else 1)

        model[0].weight.register_hook(overflow)

    monkeypatch.setattr(setup, "initialize", initialize)
    recipe = Recipe(data=Data(train=60, test=20), epochs=3, batch_size=16, clip_gradient=1.0)
    with pytest.raises(TrainingError) as raised:
        train(Subject(*tiny()), recipe, device="cpu", out=tmp_path / "run")
    assert re.match(
        r"the gradient is not finite in epoch 2, step 6: the loss is \d\.\d+, and on the way back from it "
        r"`conv\(4, 3, s2\)` in line 3 of tiny\.arch \(module 0\) is the first to be so\n",
        str(raised.value),
    )
    assert load_newest(tmp_path / "run")[0]["step"] == 4


# Of two processes, the second has an image that is not finite in the third step.
SCRIPT = """
import os, sys
import torch
from pathlib import Path
from commands import train
from archdsl.training.augment import Augment
real, calls = Augment.__call__, []
def augment(self, images, *more):
    x, targets = real(self, images, *more)
    calls.append(images.clone())
    if os.environ["RANK"] == "1" and len(calls) > 5 and torch.equal(images, calls[5]):
        x[0] = float("nan")
    return x, targets
Augment.__call__ = augment
flags = {"epochs": 3, "limit_train": 60, "limit_test": 20, "batch_size": 16, "set_recipe": ("accumulation=2",)}
sys.exit(train(sys.argv[1], device="cpu", out=Path(sys.argv[2]), **flags))
"""


@pytest.mark.slow
def test_of_two_processes_the_one_that_has_the_image_tells(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "tiny.arch").write_text(TINY_SPEC)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, Path(__file__).parents[:2]), os.getcwd()])}
    words = [
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc-per-node",
        "2",
        tmp_path / "script.py",
        tmp_path / "tiny.arch",
        tmp_path / "run",
    ]
    done = subprocess.run(
        [sys.executable, *map(str, words)], env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode != 0
    where = "the loss is nan in epoch 1, step 3: the images"
    assert f"archdsl: process 1: {where} are not finite as the network gets them\n" in done.stderr
    assert f"archdsl: {where} of this process are finite all through; it may be those of another" in done.stderr
    assert len(json.loads((tmp_path / "run" / "not_finite.json").read_text())["images"]) == 16
    assert load_newest(tmp_path / "run")[0]["step"] == 0
