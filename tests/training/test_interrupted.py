"""A training in a process of its own that gets a signal: what it says, what it leaves, and how it goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from archdsl.recipe.recipe import AdamW, Augmentation, Data, Recipe
from archdsl.training.checkpoint import load_newest
from archdsl.training.run import RunResult, train
from archdsl.training.subject import Subject

from .networks import tiny

pytestmark = pytest.mark.slow

RECIPE = Recipe(
    data=Data(train=96, test=20, validation=20),
    epochs=3,
    batch_size=16,
    augmentation=Augmentation(flip=True, mixup=0.2),
    optimizer=AdamW(lr=1e-3),
    ema=0.9,
)

# Says when it comes to a moment of a training, and dwells there for a while.
SCRIPT = """
import functools, sys, time
from pathlib import Path
from archdsl.commands.guard import guarded
from commands import train
from networks import TINY_SPEC
moment, visit, dwell = sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
def at(module, name):
    real, visits = getattr(module, name), []
    def dwelling(*args, **kwargs):
        visits.append(None)
        if len(visits) == visit:
            print("here", flush=True)
            time.sleep(dwell)
        return real(*args, **kwargs)
    setattr(module, name, dwelling)
if moment:
    from archdsl.training import keeper, loop, setup
    at(*{
        "start": (setup, "load_data"),
        "training": (loop, "seed_step"),
        "evaluation": (loop, "evaluate"),
        "saving": (keeper, "save_checkpoint"),
    }[moment])
out = Path(sys.argv[1])
spec = out.with_name("tiny.arch")
spec.write_text(TINY_SPEC)
sys.exit(guarded(lambda: train(str(spec), recipe=Path(sys.argv[5]), device="cpu", out=out)))
"""


@contextmanager
def begun(
    folder: Path, moment: str, visit: int, dwell: float, stdout: int = subprocess.PIPE, **more: object
) -> Iterator[subprocess.Popen[str]]:
    """A training that has come to a moment of its own for the given time, and is to dwell there for so many seconds."""
    recipe = folder.parent / "recipe.yaml"
    recipe.write_text(RECIPE.to_yaml())
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*map(str, Path(__file__).parents[:2]), *sys.path[:1], os.getcwd()]),
    }
    words = [sys.executable, "-c", SCRIPT, folder, moment, visit, dwell, recipe]
    with subprocess.Popen(
        [str(word) for word in words], stdout=stdout, stderr=subprocess.PIPE, text=True, env=environment, **more
    ) as process:  # type: ignore[call-overload]
        try:
            if moment:
                assert any(line == "here\n" for line in process.stdout), process.stderr.read()
            yield process
        finally:
            process.kill()


def end_of(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, err = process.communicate(timeout=60)
    return process.returncode, err


def come_to(folder: Path, resume: bool) -> tuple[RunResult, dict[str, torch.Tensor]]:
    result = train(Subject(*tiny()), RECIPE, device="cpu", out=folder, resume=resume)
    content, _, damaged = load_newest(folder)
    assert damaged == []
    return result, {**content["model"], **{f"average {name}": tensor for name, tensor in content["average"].items()}}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunResult, dict[str, torch.Tensor]]:
    """What the training comes to."""
    return come_to(tmp_path_factory.mktemp("undisturbed") / "run", resume=False)


@pytest.mark.parametrize(
    ("moment", "visit", "number", "step"),
    [
        ("training", 8, signal.SIGTERM, 8),
        ("training", 1, signal.SIGHUP, 1),
        ("evaluation", 2, signal.SIGINT, 10),
        ("evaluation", 3, signal.SIGTERM, 15),
        ("saving", 1, signal.SIGTERM, 1),
        ("saving", 2, signal.SIGINT, 5),
    ],
)
def test_a_signal_stops_a_training_that_then_goes_on_to_the_same_end(
    tmp_path: Path,
    undisturbed: tuple[RunResult, dict[str, torch.Tensor]],
    moment: str,
    visit: int,
    number: signal.Signals,
    step: int,
) -> None:
    folder = tmp_path / "run"
    with begun(folder, moment, visit, 0.5) as process:
        process.send_signal(number)
        code, err = end_of(process)
    assert code == 128 + number, err
    assert err == f"archdsl: stopped after step {step}; `archdsl train --resume {folder}` goes on from there\n"
    content, _, damaged = load_newest(folder)
    assert (content["step"], damaged) == (step, [])
    result, weights = come_to(folder, resume=True)
    assert [each[:9] for each in result.epochs] == [each[:9] for each in undisturbed[0].epochs]
    assert result.test_loss == undisturbed[0].test_loss
    assert all(torch.equal(tensor, undisturbed[1][name]) for name, tensor in weights.items())


@pytest.mark.parametrize(("number", "told"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "ended by SIGTERM")])
def test_a_second_signal_quits_at_once_and_leaves_the_checkpoint_before(
    tmp_path: Path, number: signal.Signals, told: str
) -> None:
    folder = tmp_path / "run"
    with begun(folder, "saving", 2, 60) as process:
        process.send_signal(number)
        time.sleep(1.5)
        assert process.poll() is None
        began = time.monotonic()
        process.send_signal(number)
        assert end_of(process) == (128 + number, f"archdsl: {told}\n")
        assert time.monotonic() - began < 10
    assert load_newest(folder)[0]["step"] == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_the_first_step_ends_with_one_line(tmp_path: Path, number: signal.Signals) -> None:
    with begun(tmp_path / "run", "start", 1, 60) as process:
        process.send_signal(number)
        told = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
        assert end_of(process) == (128 + number, f"archdsl: {told}\n")
    assert not (tmp_path / "run").exists()


def test_a_reader_and_a_terminal_that_go_away_do_not_end_a_training(tmp_path: Path) -> None:
    with begun(tmp_path / "piped", "training", 1, 0.5) as process:
        assert process.stdout is not None
        process.stdout.close()  # As `| head -1` does.
        assert process.wait(timeout=60) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""
    own, its = os.openpty()
    with begun(tmp_path / "closed", "", 0, 0, stdout=its, stdin=its) as process:
        os.close(its)
        assert os.read(own, 100)
        os.close(own)
        assert end_of(process) == (0, "")
    for name in ("piped", "closed"):
        assert json.loads((tmp_path / name / "result.json").read_text())["epochs"] == 3


def test_a_training_under_nohup_goes_on_when_the_terminal_hangs_up(tmp_path: Path) -> None:
    old = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with begun(tmp_path / "run", "training", 3, 0.5) as process:
            process.send_signal(signal.SIGHUP)
            assert end_of(process) == (0, "")
    finally:
        signal.signal(signal.SIGHUP, old)
