"""Checkpoints: a whole one at every instant, what is not whole is found, and no code in them."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tries import TRIES

from archdsl import writer
from archdsl.errors import TrainingError
from archdsl.runs.folder import RunFolder
from archdsl.training import checkpoint
from archdsl.training.checkpoint import checkpoints, load_checkpoint, load_newest, save_checkpoint

from .forks import forks


def content(step: int) -> dict[str, Any]:
    """Two tensors that belong together, so that a mixture would be seen."""
    return {"step": step, "model": {"a": torch.full((30, 100), float(step)), "b": torch.full((7,), float(step))}}


def save(folder: Path, step: int) -> Path:
    return save_checkpoint(folder, step, content(step))


def whole_step(loaded: dict[str, Any]) -> int:
    step = loaded["step"]
    assert loaded["model"]["a"].eq(step).all()
    assert loaded["model"]["b"].eq(step).all()
    assert isinstance(step, int)
    return step


def newest_step(folder: Path) -> int:
    return whole_step(load_newest(folder)[0])


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def file_of(step: int) -> str:
    return f"checkpoint-{step:010d}.pt"


def test_a_checkpoint_is_what_was_saved(tmp_path: Path) -> None:
    path = save(tmp_path, 120)
    assert path.name == "checkpoint-0000000120.pt"
    assert whole_step(load_checkpoint(path)) == 120
    assert load_newest(tmp_path)[1:] == (path, [])
    assert names(tmp_path) == [path.name]


def test_plain_torch_reads_it_too(tmp_path: Path) -> None:
    assert whole_step(torch.load(save(tmp_path, 3), weights_only=True)) == 3


def test_the_newest_two_are_kept_by_number(tmp_path: Path) -> None:
    for step in (9, 10, 99_999_999_999, 100_000_000_000):
        save(tmp_path, step)
    assert [path.name for path in checkpoints(tmp_path)] == [file_of(100_000_000_000), file_of(99_999_999_999)]
    (tmp_path / "checkpoint-best.pt").touch()
    save(tmp_path, 100_000_000_000)  # The same step once more.
    assert len(names(tmp_path)) == 3


def test_what_a_run_that_began_again_left_behind_is_deleted(tmp_path: Path) -> None:
    for step in (10, 20):
        save(tmp_path, step)
    damage(tmp_path / file_of(20))
    assert newest_step(tmp_path) == 10
    save(tmp_path, 15)
    assert names(tmp_path) == [file_of(10), file_of(15)]
    assert newest_step(tmp_path) == 15


# Faults while saving.


class Faults:
    """Counts the calls of write, flush, fsync, replace and unlink, and fails the n-th of them, or each from it on."""

    def __init__(self, patch: pytest.MonkeyPatch, fail_at: int, each_after: bool, error: int = errno.ENOSPC) -> None:
        self.calls: list[str] = []
        self.fail_at = fail_at
        self.each_after = each_after
        self.error = error
        faults = self

        class File(io.BufferedWriter):
            def write(self, data: Any) -> int:
                try:
                    faults.count("write")
                except OSError:
                    super().write(bytes(data)[: len(data) // 2])  # A disk fills up in the middle.
                    raise
                return super().write(data)

            def flush(self) -> None:
                faults.count("flush")
                super().flush()

            def close(self) -> None:
                super().flush()
                self.raw.close()

        def counted(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **more: Any) -> Any:
                faults.count(name)
                return real(*arguments, **more)

            return call

        for name in ("fsync", "replace", "unlink"):
            patch.setattr(os, name, counted(name, getattr(os, name)))
        patch.setattr(
            writer,
            "open",
            lambda path, mode, opener: File(io.FileIO(path, mode.replace("b", ""), opener=opener)),
            raising=False,
        )

    def count(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.fail_at or (self.each_after and 0 < self.fail_at < len(self.calls)):
            raise OSError(self.error, os.strerror(self.error))


def calls_of_a_save(folder: Path, before: int) -> list[str]:
    for step in range(before):
        save(folder, step)
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(patch, 0, False)
        save(folder, before)
    return faults.calls


@pytest.mark.parametrize("each_after", [False, True], ids=["once", "from then on"])
@pytest.mark.parametrize("before", [0, pytest.param(1, marks=pytest.mark.slow), 2])
def test_a_fault_at_any_call_leaves_the_old_or_the_new(tmp_path: Path, before: int, each_after: bool) -> None:
    calls = calls_of_a_save(tmp_path / "counted", before) if (tmp_path / "counted").mkdir() is None else []
    assert calls.count("write") >= 4
    assert calls.count("fsync") == 2  # The file, and the folder that names it.
    assert calls.index("flush") < calls.index("fsync") < calls.index("replace")
    # Nothing is deleted before the new name is on the disk.
    assert calls[calls.index("replace") + 1 :] == ["fsync"] + ["unlink"] * (before > 1)
    outcomes = set()
    for n in range(1, len(calls) + 1):
        folder = tmp_path / str(n)
        folder.mkdir()
        for step in range(before):
            save(folder, step)
        told = None
        with pytest.MonkeyPatch.context() as patch:
            Faults(patch, n, each_after)
            try:
                save(folder, before)
            except TrainingError as error:
                told = (str(error), error.exit_code)
        path = folder / file_of(before)
        assert told in (None, (f"{path} could not be written: no space left on device", 3))
        renamed = n > calls.index("replace") + 1
        assert path.exists() == renamed
        if before or renamed:
            assert newest_step(folder) == (before if renamed else before - 1)
            assert all(whole_step(load_checkpoint(each)) >= 0 for each in checkpoints(folder))
        outcomes.add((told is None, renamed))
        if not each_after:  # Else what is unfinished can't be deleted either.
            assert not [name for name in names(folder) if "unfinished" in name]
            save(folder, before + 1)
            assert newest_step(folder) == before + 1
            assert len(names(folder)) == min(before + renamed + 1, 2)
    assert {(False, False), (False, True)} <= outcomes  # Before the name is taken, and at the sync of the folder.


def test_a_folder_that_can_not_be_synced_has_nothing_to_sync(tmp_path: Path) -> None:
    calls = calls_of_a_save(tmp_path, 0)
    with pytest.MonkeyPatch.context() as patch:
        Faults(patch, len(calls), False, errno.EINVAL)
        save(tmp_path, 1)
    assert newest_step(tmp_path) == 1


def test_the_fault_test_sees_a_save_that_is_not_careful(tmp_path: Path) -> None:
    path = save(tmp_path, 1)
    with pytest.MonkeyPatch.context() as patch:
        Faults(patch, 3, False)
        with pytest.raises((OSError, RuntimeError)), writer.open(path, "wb", None) as file:  # type: ignore[attr-defined]
            torch.save(content(2), file)
    with pytest.raises(TrainingError):
        load_newest(tmp_path)


def test_a_stop_in_the_middle_of_a_save_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path, 1)

    def interrupt(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        save(tmp_path, 2)
    assert newest_step(tmp_path) == 1
    assert names(tmp_path) == [file_of(1)]


def test_a_folder_that_is_gone_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"0001.pt could not be written: no such file or directory"):
        save(tmp_path / "none", 1)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_not_writable_is_one_line(tmp_path: Path) -> None:
    save(tmp_path, 1)
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(TrainingError, match=r"0002.pt could not be written: permission denied"):
            save(tmp_path, 2)
    finally:
        tmp_path.chmod(0o700)
    assert newest_step(tmp_path) == 1


def test_a_disk_that_is_full_is_one_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A real one: the system itself refuses to let a file grow."""
    size = save(tmp_path, 1).stat().st_size
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    capfd.readouterr()
    try:
        for limit in (0, size // 3, size - 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
            with pytest.raises(TrainingError, match=r"^\S+0002.pt could not be written: file too large$") as caught:
                save(tmp_path, 2)
            assert caught.value.exit_code == 3
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert capfd.readouterr() == ("", "")
    assert names(tmp_path) == [file_of(1)]
    assert newest_step(tmp_path) == 1


@pytest.mark.parametrize("value", [torch.__version__, torch.nn.Linear(1, 1), {1, 2}, [{"a": Path("x")}], torch.float32])
def test_what_could_not_be_read_again_is_not_written(tmp_path: Path, value: object) -> None:
    with pytest.raises(TypeError, match="can't be part of a checkpoint"):
        save_checkpoint(tmp_path, 1, {"value": value})
    assert not list(tmp_path.iterdir())


# Damage on the disk.


def damage(path: Path, at: int | None = None, bit: int = 0) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2 if at is None else at] ^= 1 << bit
    path.write_bytes(data)


def refused(folder: Path, damaged: Path, data: bytes) -> None:
    """The file with this content is named, and the one before it is used."""
    damaged.write_bytes(data)
    loaded, path, lines = load_newest(folder)
    assert (whole_step(loaded), path.name) == (1, file_of(1))
    (line,) = lines
    assert line.startswith(f"{damaged}: ")
    assert line.endswith("; the one before it is used")
    assert line.isprintable()


def test_any_flipped_bit_is_found(tmp_path: Path) -> None:
    save(tmp_path, 1)
    path = save(tmp_path, 2)
    data = path.read_bytes()
    last_line = range(len(data) - 120, len(data))
    for at in {*range(0, len(data), 97), *last_line}:
        flipped = bytearray(data)
        flipped[at] ^= 1 << at % 8
        refused(tmp_path, path, bytes(flipped))


def test_any_cut_is_found(tmp_path: Path) -> None:
    save(tmp_path, 1)
    path = save(tmp_path, 2)
    data = path.read_bytes()
    for length in {*range(0, len(data), 211), *range(len(data) - 120, len(data), 3)}:
        refused(tmp_path, path, data[:length])
        refused(tmp_path, path, data[length + 1 :])
    refused(tmp_path, path, data[:300] + data[400:])
    refused(tmp_path, path, data + b"\n")


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    save(tmp_path, 1)
    path = save(tmp_path, 2)
    data = path.read_bytes()
    damage(path)
    assert load_newest(tmp_path)[2] == [
        f"{path}: changed since it was written: its checksum differs; the one before it is used"
    ]
    path.write_bytes(data[:1234])
    assert load_newest(tmp_path)[2] == [
        f"{path}: cut after 1,234 bytes, or no checkpoint of archdsl: the line with its checksum is not there; "
        "the one before it is used"
    ]
    damage(tmp_path / file_of(1))
    with pytest.raises(TrainingError) as caught:
        load_newest(tmp_path)
    assert caught.value.exit_code == 2
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert lines[2] == f"{tmp_path}: there is no whole checkpoint in it"


def test_the_test_of_damage_could_fail(tmp_path: Path) -> None:
    """Torch alone loads nearly all files with a flipped bit, and other numbers."""
    data = save(tmp_path, 2).read_bytes()
    at = data.index(torch.full((7,), 2.0).numpy().tobytes())
    flipped = bytearray(data)
    flipped[at] ^= 1
    loaded = torch.load(io.BytesIO(flipped), weights_only=True)
    assert loaded["model"]["a"].ne(2).any()


# Files of others.


def sealed(payload: bytes, version: int = checkpoint.VERSION) -> bytes:
    """A payload with a last line that is right, as one who means harm would write."""
    return payload + f"\narchdsl checkpoint {version} sha256 {hashlib.sha256(payload).hexdigest()}\n".encode()


def saved(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def renamed(archive: bytes, rename: Callable[[str], str]) -> bytes:
    """The archive with other names in it."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w") as new:
        for name in old.namelist():
            new.writestr(rename(name), old.read(name))
    return buffer.getvalue()


def foreign(sentinel: Path) -> dict[str, bytes]:
    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (sentinel,)

    whole = saved({"format": checkpoint.FORMAT, "step": 2})
    return {
        "a pickle": pickle.dumps(Hostile()),
        "a pickle as torch saves it": saved({"format": checkpoint.FORMAT, "model": Hostile()}),
        "a whole module": saved(torch.nn.Linear(2, 2)),
        "another project's": saved({"model": torch.zeros(3), "epoch": 3}),
        "a tensor": saved(torch.zeros(3)),
        "no dict": saved([1, 2]),
        "names that lead out": renamed(whole, lambda name: f"../../{name}"),
        "names too long": renamed(whole, lambda name: name * 1000),
        "an empty archive": b"PK\x05\x06" + bytes(18),
        "nothing": b"",
        "text": b"hello",
        "a web page": b"<!DOCTYPE html><html></html>",
    }


@pytest.mark.parametrize("kind", foreign(Path("x")))
def test_other_files_are_refused_in_one_line_and_run_no_code(tmp_path: Path, kind: str) -> None:
    sentinel = tmp_path / "ran"
    path = tmp_path / "c.pt"
    payload = foreign(sentinel)[kind]
    for data, told in ((payload, "no checkpoint of archdsl"), (sealed(payload), "not a checkpoint of archdsl")):
        path.write_bytes(data)
        with pytest.raises(TrainingError, match=told) as caught:
            load_checkpoint(path)
        assert str(caught.value).isprintable()
        assert caught.value.exit_code == 2
        assert not sentinel.exists()


def test_other_versions_and_what_is_no_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    with pytest.raises(TrainingError, match=r"c\.pt: no such file or directory"):
        load_checkpoint(path)
    with pytest.raises(TrainingError, match=r": a folder, not a file"):
        load_checkpoint(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TrainingError, match=r"pipe: not a regular file"):
        load_checkpoint(tmp_path / "pipe")
    path.write_bytes(sealed(saved({"format": checkpoint.FORMAT}), 99))
    with pytest.raises(TrainingError, match=r"another version of archdsl \(format 99\)"):
        load_checkpoint(path)
    with pytest.raises(TrainingError, match=r"none: no such file or directory"):
        load_newest(tmp_path / "none")


# Kills, and memory.


def save_forever(name: str) -> None:
    folder = Path(name)
    with RunFolder(folder).lock():
        step = load_newest(folder)[0]["step"]
        while True:
            step += 1
            tensors = {"a": torch.full((300, 1000), float(step)), "b": torch.full((7,), float(step))}
            save_checkpoint(folder, step, {"step": step, "model": tensors})


@pytest.mark.slow
@pytest.mark.chance
def test_kill_at_any_time_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    """Killed again and again in one folder, as a night's run on a machine that is taken away."""
    save(tmp_path, 1)
    steps, left, moments = [1], 0, random.Random(0)
    with forks(__name__, "save_forever") as process:
        while len(steps) <= 50 * TRIES or left <= 10:  # Until enough of the kills fell into a save.
            process.start(tmp_path)
            newest = checkpoints(tmp_path)[0]
            if moments.random() < 0.8:  # Else it may be killed before it saves.
                process.wait(lambda newest=newest: checkpoints(tmp_path)[0] != newest)
            time.sleep(moments.uniform(0, 0.05))
            assert process.kill() == -signal.SIGKILL
            loaded, path, lines = load_newest(tmp_path)
            assert lines == []  # Not even one that is found to be broken.
            assert path == checkpoints(tmp_path)[0]
            steps.append(whole_step(loaded))
            unfinished = [name for name in names(tmp_path) if "unfinished" in name]
            assert len(unfinished) <= 1  # The next start deletes what a kill left.
            left += len(unfinished)
    assert steps == sorted(steps)
    assert steps[-1] > 30


@pytest.mark.slow
def test_a_save_copies_no_tensors() -> None:
    """The peak of memory grows by less than one tensor, of ten."""
    code = """
import resource, sys, tempfile, torch
from pathlib import Path
from archdsl.training.checkpoint import save_checkpoint
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
save_checkpoint(Path(sys.argv[1]), 0, {"a": torch.zeros(10)})
tensors = {str(i): torch.ones(4_000_000) for i in range(10)}
before = peak()
save_checkpoint(Path(sys.argv[1]), 1, {"model": tensors})
print(peak() - before)
"""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        result = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True)
    assert int(result.stdout) < 16_000
