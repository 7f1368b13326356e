"""A run: what it learns, what it keeps, and how it ends."""

from __future__ import annotations

import errno
import json
import math
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from archdsl.backends.pytorch import build
from archdsl.errors import TrainingError
from archdsl.layers.joining import Aux
from archdsl.layers.linear import Flatten
from archdsl.layers.pooling import GlobalAvgPool
from archdsl.network import Head, Network
from archdsl.recipe.read import check_recipe
from archdsl.recipe.recipe import SGD, Adam, AdamW, Constant, Data, Muon, Optimizer, Recipe
from archdsl.runs.evaluation import Evaluation
from archdsl.runs.folder import RunFolder
from archdsl.shapes import Image
from archdsl.source import Source
from archdsl.training import loop, run, setup
from archdsl.training.augment import mix
from archdsl.training.checkpoint import checkpoints, load_newest
from archdsl.training.data.image_set import ImageSet
from archdsl.training.data.prepare import Prepare
from archdsl.training.environment import choose_device
from archdsl.training.evaluation import evaluate
from archdsl.training.initialize import initialize
from archdsl.training.loop import EpochMetrics, epoch_order
from archdsl.training.optimizers import make_optimizer
from archdsl.training.report import Silence
from archdsl.training.run import RunResult, failures_told, train
from archdsl.training.signals import StopRequest
from archdsl.training.subject import Subject
from archdsl.training.world import World
from archdsl.weights.files import read_origin

from .networks import chain, linear, tiny

QUICK = Recipe(data=Data(train=60, test=20), epochs=2, batch_size=16, optimizer=AdamW(lr=1e-3))


def quick_run(out: Path, recipe: Recipe = QUICK, spec: tuple[Network, Source] | None = None, **more: Any) -> RunResult:
    made_with = {name: more.pop(name) for name in ("imports", "settings") if name in more}
    return train(Subject(*(spec or tiny()), **made_with), recipe, device="cpu", out=out, **more)


def numbers(result: RunResult) -> list[tuple[float, ...]]:
    """What of the metrics is not time."""
    return [metrics[:9] for metrics in result.epochs]


def test_a_run_keeps_what_it_was(tmp_path: Path) -> None:
    blocks = Source("blocks.arch", "block a { relu }\n")
    result = quick_run(tmp_path / "run", settings={"input": "1x16x16"}, imports=[blocks])
    assert result.folder == tmp_path / "run"
    kept = {path.name for path in result.folder.iterdir()}
    expected = {
        "spec.json",
        "spec",
        "recipe.yaml",
        "environment.json",
        "metrics.jsonl",
        "metrics.csv",
        "result.json",
        "weights.safetensors",
        "run.lock",
    }
    assert kept == expected | {"checkpoint-0000000004.pt", "checkpoint-0000000008.pt"}
    assert (result.folder / "spec" / "tiny.arch").read_text() == tiny()[1].text
    assert check_recipe("r", (result.folder / "recipe.yaml").read_text()) == QUICK
    environment = json.loads((result.folder / "environment.json").read_text())
    assert environment["torch"] == torch.__version__
    files = {"tiny.arch": tiny()[1].text, "blocks.arch": blocks.text}
    network = {"spec": "tiny.arch", "files": files, "input": "1x16x16", "settings": {}}
    assert load_newest(result.folder)[0]["facts"]["network"] == network
    lines = [json.loads(line) for line in (result.folder / "metrics.jsonl").read_text().splitlines()]
    assert [EpochMetrics(**line) for line in lines] == list(result.epochs)
    assert [line["step"] for line in lines] == [4, 8]
    assert all(line["seconds"] > 0 and line["images_per_second"] > 0 for line in lines)


def test_the_checkpoint_gives_the_network_back(tmp_path: Path) -> None:
    result = quick_run(tmp_path / "run")
    content = load_newest(result.folder)[0]
    network, spec = tiny()
    assert content["facts"]["network"]["files"] == {"tiny.arch": spec.text}
    assert content["facts"]["classes"][:3] == ["disc", "ring", "square"]
    assert (len(content["epochs"]), content["step"]) == (2, 8)
    assert check_recipe("r", content["facts"]["recipe"]) == QUICK
    model = build(network)
    model.load_state_dict(content["model"])
    assert all(not key.startswith("_") for key in content["model"])
    normalization = read_origin(result.folder / "weights.safetensors").normalization
    assert normalization is not None
    prepare = Prepare(network.input, normalization, torch.device("cpu"))
    from archdsl.training.data.figures import draw_figures

    images = ImageSet(*draw_figures(20, 1, 16, 16, part="test"))
    found = evaluate(model, images, prepare, World(), StopRequest(), Silence(), classes=10, batch_size=20)
    assert found is not None
    assert found.loss == pytest.approx(result.epochs[-1].test_loss, rel=1e-5)
    assert found.accuracy == result.epochs[-1].test_accuracy
    optimizer = make_optimizer(model, QUICK.optimizer, torch.device("cpu"))
    optimizer.load_state_dict(content["optimizer"])


def test_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    first = quick_run(tmp_path / "a")
    torch.rand(100)
    second = quick_run(tmp_path / "b")
    other = quick_run(tmp_path / "c", QUICK.model_copy(update={"seed": 1}))
    assert numbers(first) == numbers(second) != numbers(other)
    weights = [load_newest(result.folder)[0]["model"] for result in (first, second)]
    assert all(torch.equal(weights[0][key], weights[1][key]) for key in weights[0])


@pytest.mark.parametrize(
    "optimizer", [Adam(lr=3e-3), AdamW(lr=3e-3), SGD(lr=0.05), Muon(adamw_lr=3e-3)], ids=lambda o: o.name
)
def test_each_optimizer_learns(tmp_path: Path, optimizer: Optimizer) -> None:
    recipe = Recipe(data=Data(train=100, test=20), epochs=15, batch_size=10, optimizer=optimizer)
    result = quick_run(tmp_path / "run", recipe)
    assert result.epochs[-1].train_loss < 0.7 * result.epochs[0].train_loss
    assert result.epochs[-1].train_accuracy > 0.4
    assert result.epochs[0].lr > result.epochs[-1].lr > 0


def test_a_vector_network_is_trained(tmp_path: Path) -> None:
    assert quick_run(tmp_path / "run", spec=linear()).step == 8


def test_every_image_is_seen_once_an_epoch_in_an_order_of_its_own() -> None:
    orders = [epoch_order(50, seed, epoch).tolist() for seed in (0, 1, 128, 2**31 - 1) for epoch in (0, 1)]
    assert all(sorted(order) == list(range(50)) for order in orders)
    assert len({tuple(order) for order in orders}) == 8
    assert epoch_order(50, 1, 1).tolist() == orders[3]


def test_the_last_step_of_an_epoch_takes_what_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    class Watch(Silence):
        def on_step(self, epoch: int, images_done: int, loss: float) -> None:
            done.append((epoch, images_done))

    quick_run(tmp_path / "run", report=Watch())
    assert done == [(epoch, images) for epoch in (1, 2) for images in (16, 32, 48, 60)]


# Initialization.


@pytest.mark.parametrize(("way", "variance"), [("he", 2 / 400), ("xavier", 2 / 700), ("default", 1 / 1200)])
def test_initialization(way: str, variance: float) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(400, 300)
    initialize(nn.Sequential(nn.Sequential(layer)), way)
    assert layer.weight.var().item() == pytest.approx(variance, rel=0.03)
    assert layer.bias.any().item() is (way != "he")
    if way != "he":
        assert layer.weight.abs().max() <= math.sqrt(3 * variance) + 1e-6  # Uniform.


# Auxiliary heads.


def with_head(weight: float) -> tuple[Network, Source]:
    """The tiny network with its last layer as an auxiliary head as well."""
    network, source = tiny()
    children = network.root.children
    fc = children[4][1]
    head = Head(Aux(weight=weight), (("0", fc),), fc.input, fc.input, fc.cost, fc.span, fc.output)
    return network._replace(root=network.root._replace(children=(*children[:4], ("4", head), ("5", fc)))), source


def test_an_auxiliary_head_counts_with_its_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    still = Recipe(data=QUICK.data, epochs=1, batch_size=60, optimizer=SGD(lr=1e-9), schedule=Constant())
    monkeypatch.setattr(setup, "initialize", lambda model, way: [nn.init.zeros_(p) for p in model.parameters()])
    losses = [quick_run(tmp_path / f"{w}", still, with_head(w)).epochs[0] for w in (0.0, 0.3, 1.0)]
    chance = math.log(10)  # With weights of 0 each output is that of chance.
    assert [metrics.train_loss for metrics in losses] == pytest.approx([chance, 1.3 * chance, 2 * chance], rel=1e-4)
    assert [metrics.test_loss for metrics in losses] == pytest.approx([chance] * 3, rel=1e-4)


def test_an_auxiliary_head_is_trained(tmp_path: Path) -> None:
    result = quick_run(tmp_path / "run", spec=with_head(0.3))
    weights = load_newest(result.folder)[0]["model"]
    torch.manual_seed(QUICK.seed)
    model = build(with_head(0.3)[0])
    initialize(model, QUICK.initialization)
    before = model.state_dict()
    assert set(weights) == set(before)
    changed = [key for key in weights if not torch.equal(weights[key], before[key])]
    assert set(changed) == set(weights)


# How a run ends before its end.


def test_a_loss_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    wild = QUICK.model_copy(update={"optimizer": AdamW(lr=100.0, weight_decay=10.0), "epochs": 50})
    with pytest.raises(TrainingError, match=r"the loss is (nan|inf) in epoch \d+, step \d+: ") as caught:
        quick_run(tmp_path / "run", wild)
    assert caught.value.exit_code == 3


def test_the_last_good_checkpoint_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = mix.F.cross_entropy, []

    def fails_in_the_second_epoch(*args: Any, **kwargs: Any) -> torch.Tensor:
        calls.append(1)
        return real(*args, **kwargs) * (float("nan") if len(calls) == 6 else 1)

    monkeypatch.setattr(mix.F, "cross_entropy", fails_in_the_second_epoch)
    with pytest.raises(TrainingError, match="the loss is nan in epoch 2, step 6") as caught:
        quick_run(tmp_path / "run")
    assert caught.value.exit_code == 3
    content = load_newest(tmp_path / "run")[0]
    assert (len(content["epochs"]), content["step"]) == (1, 4)
    assert all(tensor.isfinite().all() for tensor in content["model"].values())
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 1


def test_weights_that_turned_bad_in_the_last_step_are_not_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Evaluation(20, float("nan"), 0.1, None, 0.0, (), ())
    monkeypatch.setattr(loop, "evaluate", lambda *_, **__: nothing)
    with pytest.raises(TrainingError, match="the loss on the test images is nan after epoch 1; "):
        quick_run(tmp_path / "run")
    assert [path.name for path in checkpoints(tmp_path / "run")] == ["checkpoint-0000000000.pt"]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory. Tried ..."), MemoryError()])
def test_out_of_memory_says_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def raise_it(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(run, "train_loop", raise_it)
    with pytest.raises(TrainingError, match=r"out of memory on cpu with batches of 16, .* or --batch-size 8") as caught:
        quick_run(tmp_path / "run")
    assert caught.value.exit_code == 3
    assert RunFolder(tmp_path / "run").failure() == str(caught.value)


def test_more_images_than_memory_holds_is_a_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the images do not fit into the memory; take fewer with --limit-train"):
        quick_run(tmp_path / "run", QUICK.model_copy(update={"data": Data(train=10**9)}))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("optimizer", [AdamW(), Muon()])
def test_a_network_without_weights_is_refused(tmp_path: Path, optimizer: Optimizer) -> None:
    source = Source("net.arch", "input(10, 16, 16)\nglobal_avgpool flatten\n")
    network = chain(Image(10, 16, 16), [(GlobalAvgPool(), "global_avgpool"), (Flatten(), "flatten")], source)
    told = r"^net\.arch:2:16: no layer of the network has weights to train; end it with `fc\(10\)`$"
    with pytest.raises(TrainingError, match=told):
        quick_run(tmp_path / "run", QUICK.model_copy(update={"optimizer": optimizer}), (network, source))
    assert not (tmp_path / "run").exists()


def test_an_early_stop_without_images_to_choose_by_is_refused_before_the_first_step(tmp_path: Path) -> None:
    """Of a folder that is known only when it is read; a recipe for other data is refused itself."""
    with pytest.raises(TrainingError, match=r"^early_stop: it needs images to choose by, and .* no `val`"):
        quick_run(tmp_path / "run", QUICK.model_copy(update={"early_stop": 3}))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("file", "told"), [((), "the run's folder"), (("/x/run/.archdsl-7.unfinished",), "/x/run"), (("/x/y",), "/x/y")]
)
def test_a_full_disk_is_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: tuple[str, ...], told: str
) -> None:
    def raise_it(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", *file)

    monkeypatch.setattr(run, "train_loop", raise_it)
    with pytest.raises(TrainingError, match=f"^{told} could not be written: No space left on device") as caught:
        quick_run(tmp_path / "run")
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("steps", [-86_400.0, 86_400.0])
def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: float) -> None:
    """A day back, or on, each time that it is read: durations are told by one that can't be set."""
    calm, now = quick_run(tmp_path / "calm"), [1e9]

    def jumps(*_: object) -> float:
        now[0] += steps
        return now[0]

    monkeypatch.setattr(time, "time", jumps)
    monkeypatch.setattr(time, "gmtime", lambda *_, real=time.gmtime: real(jumps()))
    result = quick_run(tmp_path / "run", save_every=3600.0)
    assert numbers(result) == numbers(calm)
    names = [[path.name for path in checkpoints(each.folder)] for each in (result, calm)]
    assert names[0] == names[1]  # No save came too soon.
    assert all(0 < each.seconds < 60 and each.images_per_second > 1 for each in result.epochs)
    assert 0 < result.seconds < 60


def test_an_error_of_ours_is_not_hidden(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def raise_it(*_: object, **__: object) -> None:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(run, "train_loop", raise_it)
    with pytest.raises(RuntimeError, match="mat1"):
        quick_run(tmp_path / "run")


# Devices and folders.


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    current: list[int] = []
    monkeypatch.setattr(torch.cuda, "set_device", current.append)
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert choose_device("auto").type == choose_device("cpu").type == "cpu"
    for name in ("cuda", "cuda:0", "mps", "gpu", "cpu:1", "cuda:x", ""):
        with pytest.raises(
            TrainingError, match=f"--device: there is no `{name}` on this machine; there are auto, cpu$"
        ):
            choose_device(name)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"
    assert not torch.backends.cudnn.deterministic
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda")
    assert choose_device("cuda:1").index == 1
    assert current == [0, 0, 1]
    assert torch.backends.cudnn.deterministic
    with pytest.raises(TrainingError, match=r"no `cuda:2` on this .* auto, cuda, cuda:0, cuda:1, mps, cpu$"):
        choose_device("cuda:2")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    for name, value in (("RANK", "11"), ("WORLD_SIZE", "16"), ("LOCAL_RANK", "3")):
        monkeypatch.setenv(name, value)
    assert choose_device("auto") == choose_device("cuda") == torch.device("cuda:3")
    with pytest.raises(
        TrainingError, match="--device cuda:1 is for one process; several have each its own by --device cuda"
    ):
        choose_device("cuda:1")
    monkeypatch.delenv("LOCAL_RANK")
    with pytest.raises(TrainingError, match=r"^LOCAL_RANK is not set, .*; torchrun sets it$"):
        choose_device("auto")
    with pytest.raises(TrainingError, match="--device mps is for one process; several are to have --device cpu"):
        choose_device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("auto").type == "cpu"


def test_a_run_is_never_written_over_another(tmp_path: Path) -> None:
    quick_run(tmp_path / "run")
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").rglob("*.*")}
    with pytest.raises(TrainingError, match=r"--out: .*run is not empty") as caught:
        quick_run(tmp_path / "run")
    assert caught.value.exit_code == 2
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").rglob("*.*")} == before


def test_what_a_device_can_not_compute_is_a_line() -> None:
    """As torch says it of Apple's GPUs."""
    error = NotImplementedError(
        "The operator 'aten::adaptive_max_pool2d.out' is not currently implemented for the MPS device. If you want "
        "this op to be considered for addition please comment on https://github.com/pytorch/pytorch/issues/141287"
    )
    network, _ = tiny()
    with pytest.raises(TrainingError) as caught, failures_told(network, Recipe(), torch.device("mps"), World()):
        raise error
    assert str(caught.value) == (
        "torch can't train this on mps: The operator 'aten::adaptive_max_pool2d.out' is not currently implemented for "
        "the MPS device; try --device cpu"
    )
    with pytest.raises(NotImplementedError), failures_told(network, Recipe(), torch.device("cpu"), World()):
        raise error


def test_a_compiler_that_fails_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torch._dynamo.exc import BackendCompilerFailed

    def fails(*_: object) -> None:
        raise BackendCompilerFailed(lambda: None, RuntimeError("No working C++ compiler found"), None)

    monkeypatch.setattr(run, "train_loop", fails)
    with pytest.raises(TrainingError, match=r"torch.compile failed, leave out `compile`: .*") as caught:
        quick_run(tmp_path / "run")
    assert caught.value.exit_code == 3
