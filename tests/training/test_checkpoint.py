"""Checkpoints: whole at every instant, and no code in them."""

from __future__ import annotations

import builtins
import errno
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from archdsl.training import checkpoint
from archdsl.training.checkpoint import load_checkpoint, save_checkpoint
from archdsl.training.errors import TrainingError


def content(step: int) -> dict[str, Any]:
    """Two tensors that belong together, so that a mixture would be seen."""
    return {"step": step, "model": {"a": torch.full((300, 100), float(step)), "b": torch.full((7,), float(step))}}


def whole_step(path: Path) -> int:
    loaded = load_checkpoint(path)
    step = loaded["step"]
    assert loaded["model"]["a"].eq(step).all()
    assert loaded["model"]["b"].eq(step).all()
    assert isinstance(step, int)
    return step


class Faults:
    """Counts the calls of write, fsync and replace, and fails the n-th of them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fail_at: int) -> None:
        self.calls: list[str] = []
        self.fail_at = fail_at
        real_fsync, real_replace = os.fsync, os.replace
        faults = self

        def fsync(descriptor: int) -> None:
            faults.count("fsync")
            real_fsync(descriptor)

        def replace(source: Path, target: Path) -> None:
            faults.count("replace")
            real_replace(source, target)

        class File:
            def __init__(self, file: Any) -> None:
                self.file = file

            def write(self, data: Any) -> int:
                if len(faults.calls) + 1 == faults.fail_at:
                    self.file.write(bytes(data)[: len(data) // 2])  # A disk fills up in the middle.
                faults.count("write")
                return self.file.write(data)

            def __getattr__(self, name: str) -> Any:
                return getattr(self.file, name)

            def __enter__(self) -> File:
                return self

            def __exit__(self, *_: object) -> None:
                self.file.close()

        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(os, "replace", replace)
        monkeypatch.setattr(
            checkpoint,
            "open",
            lambda path, mode: File(builtins.open(path, mode)),  # noqa: SIM115
            raising=False,
        )

    def count(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.fail_at:
            raise OSError(errno.ENOSPC, "No space left on device")


def all_calls(tmp_path: Path) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(patch, fail_at=0)
        save_checkpoint(tmp_path / "counted.pt", content(0))
    return faults.calls


def test_a_checkpoint_is_what_was_saved(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "c.pt", content(3))
    assert whole_step(tmp_path / "c.pt") == 3
    assert os.listdir(tmp_path) == ["c.pt"]


@pytest.mark.parametrize("old", [True, False], ids=["over an old one", "the first"])
def test_a_fault_at_any_call_leaves_the_old_or_the_new(tmp_path: Path, old: bool) -> None:
    calls = all_calls(tmp_path)
    assert calls.count("write") >= 3
    assert calls.count("fsync") == 2  # The file, and the folder that names it.
    assert calls.index("replace") > calls.index("fsync")
    outcomes = set()
    for n in range(1, len(calls) + 1):
        path = tmp_path / f"{n}.pt"
        if old:
            save_checkpoint(path, content(1))
        told = None
        with pytest.MonkeyPatch.context() as patch:
            Faults(patch, fail_at=n)
            try:
                save_checkpoint(path, content(2))
            except TrainingError as error:
                told = (str(error), error.exit_code)
        failed = told is not None
        assert told in (None, (f"{path} could not be written: No space left on device", 3))
        if failed and not old:
            assert not path.exists()
            step = None
        else:
            step = whole_step(path)
            assert step == (1 if failed else 2)
        outcomes.add((failed, step))
        assert not [name for name in os.listdir(tmp_path) if "unfinished" in name]
    assert len(outcomes) == 2  # Some faults stopped the save, and that of the folder's sync did not.


def test_the_fault_test_sees_a_save_that_is_not_careful(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, content(1))
    with pytest.MonkeyPatch.context() as patch:
        Faults(patch, fail_at=3)
        with pytest.raises((OSError, RuntimeError)), checkpoint.open(path, "wb") as file:  # type: ignore[attr-defined]
            torch.save(content(2), file)
    with pytest.raises(TrainingError):
        whole_step(path)


def test_a_stop_in_the_middle_of_a_save_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "c.pt"
    save_checkpoint(path, content(1))

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, content(2))
    assert whole_step(path) == 1
    assert os.listdir(tmp_path) == ["c.pt"]


def test_a_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"c.pt could not be written: No such file or directory"):
        save_checkpoint(tmp_path / "none" / "c.pt", content(1))


@pytest.mark.parametrize("value", [torch.__version__, torch.nn.Linear(1, 1), {1, 2}, [{"a": Path("x")}], torch.float32])
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError, match="can't be part of a checkpoint"):
        save_checkpoint(tmp_path / "c.pt", {"value": value})
    assert not list(tmp_path.iterdir())


@pytest.fixture
def hostile(tmp_path: Path) -> Iterator[Path]:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    yield_path = tmp_path / "hostile.pt"
    yield_path.write_bytes(pickle.dumps(Hostile()))
    yield yield_path
    assert not (tmp_path / "ran").exists()


def test_a_pickle_is_not_run(hostile: Path) -> None:
    with pytest.raises(TrainingError, match="not a whole checkpoint"):
        load_checkpoint(hostile)
    torch.save(torch.nn.Linear(2, 2), hostile)
    with pytest.raises(TrainingError, match="not a whole checkpoint") as caught:
        load_checkpoint(hostile)
    assert "\n" not in str(caught.value)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    with pytest.raises(TrainingError, match="No such file"):
        load_checkpoint(path)
    path.write_bytes(b"")
    with pytest.raises(TrainingError, match="not a whole checkpoint"):
        load_checkpoint(path)
    torch.save({"model": torch.zeros(3)}, path)
    with pytest.raises(TrainingError, match="not a checkpoint of archdsl"):
        load_checkpoint(path)
    torch.save({"format": checkpoint.FORMAT, "version": 99}, path)
    with pytest.raises(TrainingError, match=r"another version .*99"):
        load_checkpoint(path)
    save_checkpoint(path, content(1))
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TrainingError, match="not a whole checkpoint"):
        load_checkpoint(path)


SAVE_FOREVER = """
import sys, torch
from pathlib import Path
from archdsl.training.checkpoint import save_checkpoint
step = 0
while True:
    step += 1
    tensors = {"a": torch.full((300, 1000), float(step)), "b": torch.full((7,), float(step))}
    save_checkpoint(Path(sys.argv[1]), {"step": step, "model": tensors})
    if step == 1:
        print("saved", flush=True)
"""


@pytest.mark.slow
def test_kill_at_any_time_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    steps = []
    for i in range(12):
        with subprocess.Popen([sys.executable, "-c", SAVE_FOREVER, path], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"saved\n"
            time.sleep(0.013 * i + 0.001)
            process.send_signal(signal.SIGKILL)
        steps.append(whole_step(path))
    assert max(steps) > 1
