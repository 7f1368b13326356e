"""`archdsl.train`, as a caller in Python meets it."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch

import archdsl
from archdsl.runs.folder import RunFolder

from .networks import TINY_SPEC

SMALL: dict[str, Any] = {"epochs": 2, "batch_size": 16, "data": {"train": 32, "test": 16}}
WIDE = "let width = 4\n" + TINY_SPEC.replace("conv(4", "conv(width")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.arch").write_text(WIDE)
    return tmp_path


def test_a_network_trains_by_its_path_by_its_check_and_as_a_value(folder: Path) -> None:
    metrics: list[archdsl.EpochMetrics] = []
    by_path = archdsl.train("net.arch", SMALL, set={"width": 6}, device="cpu", on_epoch=metrics.append)
    assert by_path.folder == Path("runs/net-1")
    assert tuple(metrics) == by_path.epochs
    assert (by_path.step, by_path.signal, len(metrics)) == (4, None, 2)
    assert RunFolder(by_path.folder).origin().settings == {"width": "6"}
    (folder / "recipe.yaml").write_text(archdsl.Recipe.model_validate(SMALL).to_yaml())
    network = archdsl.load("net.arch", set={"width": 6})
    as_value = archdsl.train(network, "recipe.yaml", set={"width": 6}, device="cpu")
    checked = archdsl.check(WIDE.replace("width = 4", "width = 6"))
    of_text = archdsl.train(checked, archdsl.Recipe.model_validate(SMALL), device="cpu", out="runs/text")
    for other in (as_value, of_text):
        assert [each[:9] for each in other.epochs] == [each[:9] for each in by_path.epochs]
        kept = RunFolder(other.folder).check().network
        assert kept is not None
        assert kept.cost == network.cost


def test_a_network_that_its_text_does_not_give_is_refused(folder: Path) -> None:
    with pytest.raises(archdsl.TrainingError, match=r"made with other values of its lets .* as set="):
        archdsl.train(archdsl.load("net.arch", set={"width": 6}), SMALL)
    with pytest.raises(archdsl.ArchitectureError, match="unknown-layer"):
        archdsl.train(archdsl.check("input(3, 8, 8)\ncnov(3, 3)"), SMALL)
    with pytest.raises(TypeError, match="train takes a Network, a Checked, or the path of a spec, not None"):
        archdsl.train(None)  # type: ignore[arg-type]
    assert not Path("runs").exists()


def test_the_recipe_beside_a_spec_is_that_of_its_path(folder: Path) -> None:
    (folder / "net.yaml").write_text("epochs: 3\nepoch: 2\n")
    with pytest.raises(archdsl.TrainingError, match=r"net\.yaml:2: epoch: there is no such key; did you mean epochs"):
        archdsl.train("net.arch")
    wrong = {"epochs": 0, "optimizer": {"lr": "fast"}}
    with pytest.raises(archdsl.TrainingError) as told:
        archdsl.train("net.arch", wrong)
    assert str(told.value).splitlines() == [
        "the recipe: epochs: must be at least 1, and is 0",
        "the recipe: optimizer.lr: must be a number, and is 'fast'",
    ]
    with pytest.raises(TypeError, match="a recipe is a path, a dict of its keys, or a Recipe, not int"):
        archdsl.train("net.arch", 3)  # type: ignore[arg-type]


def test_what_is_natural_in_python_is_taken(folder: Path) -> None:
    small = {**SMALL, "epochs": numpy.int64(2), "data": {"train": numpy.int32(32), "test": 16}}
    result = archdsl.train("net.arch", small, device=torch.device("cpu"), out="first")
    assert len(result.epochs) == 2


@pytest.mark.parametrize(
    ("options", "kind", "told"),
    [
        ({"leave_out": ("fc",)}, archdsl.TrainingError, "leave_out is for weights"),
        ({"leave_out": "fc", "weights": "w.safetensors"}, TypeError, "leave_out takes names of modules"),
        ({"save_every": -1}, archdsl.TrainingError, "save_every: must be a number of seconds, at least 0, and is -1"),
        ({"save_every": float("nan")}, archdsl.TrainingError, "at least 0, and is nan"),
        ({"on_epoch": 3}, TypeError, "on_epoch is called with the metrics of each epoch, and 3 can't be"),
        ({"device": None}, archdsl.TrainingError, "there is no `None` on this machine"),
    ],
)
def test_a_wrong_argument_is_told_before_anything_is_begun(
    folder: Path, options: dict[str, Any], kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        archdsl.train("net.arch", SMALL, **options)
    assert not Path("runs").exists()


@pytest.mark.parametrize("error", [ValueError("no such metric"), ConnectionRefusedError(111, "Connection refused")])
def test_what_on_epoch_raises_ends_the_training_which_goes_on_behind_it(folder: Path, error: Exception) -> None:
    def refuse(metrics: archdsl.EpochMetrics) -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        archdsl.train("net.arch", SMALL, out="stopped", device="cpu", on_epoch=refuse)
    assert raised.value is error
    failure = RunFolder(Path("stopped")).failure()
    assert failure is not None
    assert failure.startswith(type(error).__name__)
    seen: list[int] = []
    result = archdsl.train(
        "net.arch", out="stopped", resume=True, device="cpu", on_epoch=lambda metrics: seen.append(metrics.epoch)
    )
    assert (result.resumed_at, seen, len(result.epochs)) == (2, [2], 2)


def test_in_another_thread_a_training_goes_to_its_end(folder: Path) -> None:
    results: list[archdsl.RunResult] = []
    thread = threading.Thread(target=lambda: results.append(archdsl.train("net.arch", SMALL, device="cpu")))
    thread.start()
    thread.join(60)
    assert [each.step for each in results] == [4]


def test_ctrl_c_saves_the_training_and_raises_nothing(folder: Path) -> None:
    import signal

    def interrupt(metrics: archdsl.EpochMetrics) -> None:
        signal.raise_signal(signal.SIGINT)

    stopped = archdsl.train("net.arch", SMALL, out="stopped", device="cpu", on_epoch=interrupt)
    assert (stopped.signal, stopped.test_accuracy) == (signal.SIGINT, None)
    resumed = archdsl.train("net.arch", SMALL, out="stopped", resume=True, device="cpu")
    whole = archdsl.train("net.arch", SMALL, out="whole", device="cpu")
    assert [each[:9] for each in resumed.epochs] == [each[:9] for each in whole.epochs]
    assert resumed.test_loss == whole.test_loss


def test_importing_archdsl_imports_neither_torch_nor_pydantic() -> None:
    code = (
        "import sys, archdsl; archdsl.train, archdsl.TrainingError, archdsl.EpochMetrics\n"
        "print([name for name in ('torch', 'pydantic', 'rich', 'yaml') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"
