"""Several processes that train one network, as torchrun starts them; two, on the CPU."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
import torch
from torch.distributed import HashStore, Store  # type: ignore[attr-defined]

from archdsl.errors import TrainingError
from archdsl.training.checkpoint import load_newest
from archdsl.training.loop import parts_of_step
from archdsl.training.resume import not_exact_because
from archdsl.training.start import is_one_of_many
from archdsl.training.world import Processes, World, of_this_start

SPEC = "input(1, 16, 16)\nconv(8, 3, s2) relu flatten fc(10)\n"
RECIPE = """
data: {train: 62, validation: 9, test: 21}
augmentation: {flip: true, shift: 2, erase: 0.5, mixup: 0.4, cutmix: 1.0}
epochs: 3
batch_size: 13
accumulation: 2
label_smoothing: 0.1
clip_gradient: 1.0
ema: 0.9
"""
"""53 images in batches of 13: the last batch of an epoch has one image, which one of two processes has not."""

COUNTED = ("train_loss", "train_accuracy", "validation_loss", "validation_accuracy")


class Rank(World):
    def __init__(self, rank: int, size: int) -> None:
        self.rank = rank
        self.size = size


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("accumulation", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_each_image_of_a_step_counts_once(batch: int, accumulation: int, size: int) -> None:
    counted = []
    worlds = [parts_of_step(batch, accumulation, Rank(rank, size)) for rank in range(size)]
    assert len({len(parts) for parts in worlds}) == 1  # All add up as often.
    for parts in worlds:
        for part in parts:
            rows = list(range(part.start, part.stop))[part.rows]
            assert rows
            counted += rows * part.weight
    assert sorted(counted) == list(range(batch))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.arch").write_text(SPEC)
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return tmp_path


def words(folder: Path, out: str, *more: str, processes: int) -> list[str]:
    launch = ["--standalone", "--max-restarts", "3", "--nproc-per-node", str(processes), "-m"]
    train = ["archdsl", "train", "net.arch", "--recipe", "recipe.yaml", "--device", "cpu", "--out", out, *more]
    return [sys.executable, "-m", *(["torch.distributed.run", *launch] if processes > 1 else []), *train]


@contextmanager
def started(folder: Path, out: str, *more: str, processes: int = 2) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        words(folder, out, *more, processes=processes),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # Those that torchrun started too.


def trained(folder: Path, out: str, *more: str, processes: int = 2) -> str:
    """What a training printed that came to its end."""
    with started(folder, out, *more, processes=processes) as process:
        printed, complaints = process.communicate(timeout=300)
    assert process.returncode == 0, complaints
    return printed


def process_ids(process: subprocess.Popen[str]) -> list[int]:
    """Of the processes that torchrun started."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [each for each in map(int, children) if b"archdsl" in Path(f"/proc/{each}/cmdline").read_bytes()]


def metrics(folder: Path) -> list[dict[str, float]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_two_processes_come_to_what_one_does(folder: Path) -> None:
    trained(folder, "one", processes=1)
    printed = trained(folder, "two")
    one, two = metrics(folder / "one"), metrics(folder / "two")
    assert len(one) == len(two) == 3
    for alone, together in zip(one, two, strict=True):
        assert [together[name] for name in COUNTED] == pytest.approx([alone[name] for name in COUNTED], rel=2e-5)
    first, second = (load_newest(folder / name)[0]["model"] for name in ("one", "two"))
    for name, tensor in first.items():
        assert second[name].sub(tensor).abs().max() < 1e-5, name
    # One alone writes and prints.
    assert {path.name for path in (folder / "one").iterdir()} == {path.name for path in (folder / "two").iterdir()}
    assert len(re.findall("^epoch", printed, re.MULTILINE)) == 3
    assert printed.count("test accuracy") == 1
    assert "in batches of 13 on 2 processes, each on cpu" in printed


@pytest.mark.slow
@pytest.mark.parametrize("ema", ["", "ema: 0.9"])
def test_all_processes_evaluate_the_weights_that_are_kept(folder: Path, ema: str) -> None:
    """Running statistics come from the images of one process alone, and so do their averages."""
    (folder / "net.arch").write_text(SPEC.replace("relu", "batchnorm relu"))
    (folder / "recipe.yaml").write_text(f"data: {{train: 62, validation: 9, test: 21}}\nbatch_size: 12\n{ema}\n")
    trained(folder, "two", "--epochs", "1")
    words = [sys.executable, "-m", "archdsl", "eval", "two", "--part", "validation", "--format", "json"]
    found = json.loads(subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout)
    assert metrics(folder / "two")[-1]["validation_loss"] == pytest.approx(found["loss"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes by /proc")
def test_a_process_that_is_killed_is_started_again(folder: Path) -> None:
    long = ("--epochs", "40", "--save-every", "0.5")
    trained(folder, "calm", *long)
    with started(folder, "killed", *long, "--resume", "auto") as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 5/"):
                os.kill(process_ids(process)[1], signal.SIGKILL)
                break
        printed, complaints = process.communicate(timeout=300)
    assert process.returncode == 0, complaints
    told = re.search(r"killed goes on after step (\d+)", printed)
    assert told, printed
    assert int(told[1]) >= 20
    assert (folder / "killed" / "weights.safetensors").read_bytes() == (
        folder / "calm" / "weights.safetensors"
    ).read_bytes()


IMPATIENT = """
import datetime
from archdsl.__main__ import main
from archdsl.training import world
world.PATIENCE = datetime.timedelta(seconds=15)
main()
"""


@pytest.mark.slow
def test_a_process_that_hangs_is_taken_for_dead(folder: Path) -> None:
    (folder / "impatient.py").write_text(IMPATIENT)
    command = [sys.executable, "impatient.py", *words(folder, "run", "--epochs", "100000", processes=1)[3:]]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    both = []
    try:
        for rank in "01":
            environment = {**os.environ, **ALONE, "MASTER_PORT": port, "RANK": rank, "OMP_NUM_THREADS": "1"}
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
            both.append(subprocess.Popen(command, cwd=folder, env=environment, **pipes))  # type: ignore[call-overload]
        first, second = both
        line = next(line for line in first.stdout if line.startswith("epoch 2/"))
        assert line
        second.send_signal(signal.SIGSTOP)
        _, complaints = first.communicate(timeout=120)
    finally:
        for process in both:
            process.kill()
            process.communicate()
    assert first.returncode == 3
    assert complaints.startswith("archdsl: another process of the training was lost: ")
    assert complaints.count("\n") == 1
    assert load_newest(folder / "run")[0]["step"] >= 8


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds the processes by /proc")
def test_a_signal_to_one_stops_all(folder: Path) -> None:
    (folder / "net.arch").write_text(SPEC.replace("relu", "batchnorm relu"))  # Each has running statistics of its own.
    long = ("--epochs", "40")
    trained(folder, "calm", *long)
    with started(folder, "stopped", *long) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("epoch 5/"):
                process.send_signal(signal.SIGTERM)  # Which torchrun passes on.
                break
        _, complaints = process.communicate(timeout=300)
    told = re.search(r"archdsl: stopped after step (\d+); ", complaints)
    assert told, complaints
    assert load_newest(folder / "stopped")[0]["step"] == int(told[1])
    trained(folder, "stopped", *long, "--resume", "auto")
    assert (folder / "stopped" / "weights.safetensors").read_bytes() == (
        folder / "calm" / "weights.safetensors"
    ).read_bytes()
    calm, stopped = metrics(folder / "calm"), metrics(folder / "stopped")
    assert [[each[name] for name in COUNTED] for each in stopped] == [[each[name] for name in COUNTED] for each in calm]
    # One process finds nothing to do, and so nothing that would differ; where there is something, it tells.
    printed = trained(folder, "stopped", *long, "--resume", "auto", processes=1)
    assert printed.startswith("stopped is done\n")
    assert not_exact_because({"processes": 2}, {"processes": 1}) == ["2 processes then, 1 process now"]


HANGS = """
import time, torch
from torch import distributed
from archdsl.training import world
world.MEETING = 0.5
distributed.init_process_group = lambda *_, **__: time.sleep(60)
world.of_this_start = lambda store, *_: store
world.Processes(torch.device("cpu"))
"""
ALONE = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0", "RANK": "0", "WORLD_SIZE": "2"}


@pytest.mark.slow
def test_a_process_that_waits_for_others_in_vain_ends() -> None:
    environment = {**os.environ, **ALONE}
    ended = subprocess.run([sys.executable, "-c", HANGS], env=environment, capture_output=True, text=True, timeout=50)
    assert ended.stderr == "archdsl: the other processes of the training were not there after 0.5 seconds\n"
    assert ended.returncode == 3


@pytest.mark.parametrize(("size", "rank", "expected"), [("2", "0", True), ("1", "0", False), ("2", "", False)])
@pytest.mark.parametrize("junk", ["", "two", "-1", "²"])
def test_what_torchrun_has_not_set_is_no_torchrun(
    monkeypatch: pytest.MonkeyPatch, size: str, rank: str, expected: bool, junk: str
) -> None:
    monkeypatch.setenv("WORLD_SIZE", size)
    monkeypatch.setenv("RANK", rank)
    assert is_one_of_many() == expected
    monkeypatch.setenv("WORLD_SIZE", junk)
    assert not is_one_of_many()


def test_a_process_that_is_told_of_no_others_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ALONE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MASTER_ADDR")
    with pytest.raises(TrainingError, match=r"^the other processes can't be reached: .*MASTER_ADDR"):
        Processes(torch.device("cpu"))


def test_processes_that_are_started_again_meet_apart_from_those_before() -> None:
    store = HashStore()

    def meet(rank: int, after: float) -> Store:
        time.sleep(after)
        return of_this_start(store, rank, 3)

    with ThreadPoolExecutor() as threads:
        for start, waits in enumerate([(0.0, 0.0, 0.0), (0.1, 0.0, 0.2), (0.0, 0.2, 0.1)]):
            parts = list(threads.map(meet, range(3), waits))
            assert not parts[0].check(["address"])
            parts[start].set("address", "here")
            assert all(part.get("address") == b"here" for part in parts)


STARTED_AGAIN = """
import os, signal, time, torch
from archdsl.training import world
start, rank = (int(os.environ[name]) for name in ("TORCHELASTIC_RESTART_COUNT", "RANK"))
time.sleep(2.0 if start and rank == 0 else 0.0)
world.MEETING = 30.0
processes = world.Processes(torch.device("cpu"))
processes.wait()
os.write(1, f"{rank} is there at start {start}\\n".encode())
if start < 2:
    time.sleep(0.5 if rank else 60)
    os.kill(os.getpid(), signal.SIGKILL)
os._exit(0)  # As `archdsl train` does: torch may abort a process that Python takes down.
"""


@pytest.mark.slow
def test_a_process_does_not_look_for_those_of_an_earlier_start(tmp_path: Path) -> None:
    (tmp_path / "again.py").write_text(STARTED_AGAIN)
    launch = ["--standalone", "--max-restarts", "2", "--nproc-per-node", "2", "--monitor-interval", "0.1", "again.py"]
    ended = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", *launch],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    assert sorted(ended.stdout.splitlines()) == [
        f"{rank} is there at start {start}" for rank in "01" for start in "012"
    ]


@pytest.mark.slow
def test_an_error_is_told_once(folder: Path) -> None:
    (folder / "taken").mkdir()
    (folder / "taken" / "file").touch()
    with started(folder, "taken") as process:
        _, complaints = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "archdsl: --out: taken is not empty; a run is never written over another" in complaints
    assert "archdsl: process 1" not in complaints


@pytest.mark.slow
@pytest.mark.parametrize(("broken", "more"), [("cnov(8, 3)", ()), ("", ("--epochs", "none"))])
def test_what_is_wrong_before_a_training_is_told_once(folder: Path, broken: str, more: tuple[str, ...]) -> None:
    (folder / "net.arch").write_text(SPEC + broken)
    command = words(folder, "run", *more, processes=2)
    command[command.index("--max-restarts") + 1] = "0"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert done.returncode != 0
    assert "exitcode  : 0" not in done.stderr
    assert len(re.findall(r"^(?:error\[|archdsl: )", done.stderr, re.M)) == (1 if broken else 2)  # And "see --help".
