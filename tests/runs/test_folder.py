"""A run's folder: made, locked, written and read."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import archdsl
from archdsl.errors import TrainingError
from archdsl.runs.folder import HOLDER, LOCK, METRICS, RECIPE, SPEC, RunFolder, runs
from archdsl.runs.metrics import EpochMetrics
from archdsl.weights.files import Normalization, Origin, origin_of

NET = 'import "../blocks.arch"\nlet width = 4\ninput(1, 16, 16)\nstem(width) global_avgpool flatten fc(10)\n'
BLOCKS = "block stem(c) { conv(c, 3, s2) relu }\n"


def origin(tmp_path: Path) -> Origin:
    """Of a spec that imports a file beside its folder, checked with settings and an input."""
    (tmp_path / "project" / "nets").mkdir(parents=True)
    (tmp_path / "project" / "blocks.arch").write_text(BLOCKS)
    net = tmp_path / "project" / "nets" / "net.arch"
    net.write_text(NET)
    settings: dict[str, str] = {"width": "6"}
    checked = archdsl.check(net, "1x20x20", settings, root=tmp_path / "project")
    assert checked.network is not None
    normalization = Normalization((0.5,), (0.25,))
    return origin_of(checked.source, checked.imports, checked.network.input, settings, ["a", "b"], normalization)


def made(tmp_path: Path, name: str = "run") -> RunFolder:
    folder = RunFolder.create(tmp_path / name, "x.arch")
    folder.write_spec(Origin("x.arch", {"x.arch": "input(4)\nfc(2)\n"}, "4"))
    (folder.path / RECIPE).write_text("epochs: 1\n")
    return folder


def test_runs_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = [RunFolder.create(None, name).path for name in ("specs/lenet.arch", "lenet.arch", "<text>", "../x/lenet")]
    assert [str(path) for path in made] == ["runs/lenet-1", "runs/lenet-2", "runs/text-1", "runs/lenet-3"]
    assert all((tmp_path / path).is_dir() for path in made)


def test_a_folder_that_can_not_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "run", tmp_path / "\x1b[31m" / ("x" * 300)):
        with pytest.raises(TrainingError, match=r"the run's folder .* can't be made: ") as caught:
            RunFolder.create(out, "x")
        assert caught.value.exit_code == 2
        assert str(caught.value).isprintable()
    monkeypatch.chdir(tmp_path)
    Path("runs").touch()
    with pytest.raises(TrainingError, match="the run's folder runs can't be made: file exists"):
        RunFolder.create(None, "x")


def test_a_folder_that_is_not_empty_is_refused(tmp_path: Path) -> None:
    folder = made(tmp_path)
    with pytest.raises(TrainingError, match=r"--out: \S+run is not empty"):
        RunFolder.create(folder.path, "x")
    # Nor is what others have put there, by whatever name.
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / RECIPE).write_text("epochs: 1")
    with pytest.raises(TrainingError, match=r"--out: \S+own is not empty"):
        RunFolder.create(tmp_path / "own", "x")


def test_a_network_is_checked_again_by_what_the_folder_has(tmp_path: Path) -> None:
    kept = origin(tmp_path)
    folder = RunFolder.create(tmp_path / "run", "net.arch")
    folder.write_spec(kept)
    for path in (tmp_path / "project").rglob("*.arch"):
        path.unlink()
    assert folder.origin() == kept
    checked = folder.check()
    assert checked.network is not None
    assert str(checked.network.input) == "1x20x20"
    assert checked.network.cost.parameters == 6 * 9 + 6 + 6 * 10 + 10
    # The files are there as they lay, so that every command reads them.
    written = archdsl.check(folder.path / "spec" / "nets" / "net.arch", root=folder.path / "spec")
    assert written.network is not None


@pytest.mark.parametrize(
    "change",
    [
        {"files": ["../../x"], "spec": "../../x"},
        {"files": ["/etc/passwd"], "spec": "/etc/passwd"},
        {"files": [["x"]]},
        {"files": "x.arch"},
        {"files": None},
        {"spec": "y.arch"},
        {"settings": 3},
        {"input": None},
        {"classes": [1]},
        {"normalization": {"mean": [0.1], "std": "x"}},
    ],
    ids=str,
)
def test_facts_that_are_damaged_are_refused(tmp_path: Path, change: dict[str, Any]) -> None:
    folder = made(tmp_path)
    facts = json.loads((folder.path / SPEC).read_text())
    (folder.path / SPEC).write_text(json.dumps({**facts, **change}))
    with pytest.raises(TrainingError, match=r"spec\.json: .*damaged: `\w+` is not as archdsl writes it"):
        folder.origin()


def test_files_that_can_not_be_read_are_named(tmp_path: Path) -> None:
    folder = made(tmp_path)
    assert folder.environment() == {}
    assert folder.result() is None
    assert folder.metrics() == []
    folder.write_json("result.json", {"test_loss": 1.5, "test_accuracy": 0.5})
    assert folder.result() == {"test_loss": 1.5, "test_accuracy": 0.5}
    for text in ("", "{", "[1]", "[" * 100_000):
        (folder.path / "environment.json").write_text(text)
        with pytest.raises(TrainingError, match=r"environment\.json: damaged: no JSON object"):
            folder.environment()
    (folder.path / RECIPE).write_bytes(b"\xff")
    with pytest.raises(TrainingError, match=r"recipe\.yaml: not UTF-8 \(byte 0\)$"):
        folder.recipe_text()
    (folder.path / "spec" / "x.arch").unlink()
    with pytest.raises(TrainingError, match=r"spec/x\.arch: no such file"):
        folder.check()


def test_a_run_is_found_by_its_folder_or_a_file_in_it(tmp_path: Path) -> None:
    folder = made(tmp_path)
    for path in (folder.path, folder.path / RECIPE, folder.path / "spec" / "x.arch"):
        assert RunFolder.open(path) == folder
    with pytest.raises(TrainingError, match=r"none: no such folder"):
        RunFolder.open(tmp_path / "none")
    told = r": not the folder of a run: there is no spec\.json and recipe\.yaml in it"
    with pytest.raises(TrainingError, match=f"{told}; {folder.path} is one$"):
        RunFolder.open(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match=f"{told}$"):
        RunFolder.open(tmp_path / "file")


def test_runs_below_a_folder_are_listed_by_number(tmp_path: Path) -> None:
    for name in ("lenet-10", "lenet-2", "a/deep-1", ".hidden/x-1"):
        made(tmp_path, name)
    assert [run.path.relative_to(tmp_path).as_posix() for run in runs(tmp_path)] == ["a/deep-1", "lenet-2", "lenet-10"]
    assert runs(tmp_path / "lenet-2") == [RunFolder(tmp_path / "lenet-2")]
    assert runs(tmp_path / "none") == []


# Metrics.

FIRST = EpochMetrics(1, 4, 0.1, 2.3, 0.1, None, None, 2.2, 0.2, 1.5, 100.0)
SECOND = FIRST._replace(epoch=2, step=8, validation_loss=2.1, validation_accuracy=0.3)


def test_metrics_are_read_as_written(tmp_path: Path) -> None:
    folder = made(tmp_path)
    folder.write_metrics([FIRST, SECOND])
    assert folder.metrics() == [FIRST, SECOND]
    text = (folder.path / METRICS).read_text()
    for length in {
        *range(0, len(text), 7),
        text.index("\n"),
        text.index("\n") + 1,
        len(text) - 1,
    }:  # A line that is cut was being written as the process was killed.
        (folder.path / METRICS).write_text(text[:length])
        assert folder.metrics() == [FIRST] * (length > text.index("\n"))
    again = SECOND._replace(train_loss=0.5)
    (folder.path / METRICS).write_text(text + json.dumps({**again._asdict(), "later": "key"}) + "\n")
    assert folder.metrics() == [FIRST, again]


@pytest.mark.parametrize("line", ["x", "[]", "{}", '{"epoch": 1}', json.dumps({**FIRST._asdict(), "epoch": True})])
def test_a_line_that_is_none_of_metrics_is_named(tmp_path: Path, line: str) -> None:
    folder = made(tmp_path)
    folder.write_metrics([FIRST])
    with (folder.path / METRICS).open("a") as file:
        file.write(line + "\n")
    with pytest.raises(TrainingError, match=r"metrics\.jsonl:2: not a line of metrics"):
        folder.metrics()


# The lock.

HOLD = """
import sys, time
from pathlib import Path
from archdsl.runs.folder import RunFolder
with RunFolder(Path(sys.argv[1])).lock():
    print("held", flush=True)
    time.sleep(60)
"""


def test_two_at_once_are_locked_out(tmp_path: Path) -> None:
    folder = made(tmp_path)
    assert folder.holder() is None
    with subprocess.Popen([sys.executable, "-c", HOLD, folder.path], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        for _ in range(2):  # The attempt leaves the lock as it was.
            with pytest.raises(TrainingError) as caught, folder.lock():
                pass
            told = str(caught.value)
            assert told.startswith(f"{folder} is in use by process {process.pid} on ")
            assert caught.value.exit_code == 2
            assert folder.holder() == told.partition("in use by ")[2]
        (folder.path / ".archdsl-7.unfinished").touch()
        process.send_signal(signal.SIGKILL)
    assert folder.holder() is None
    with folder.lock():
        assert f"process {os.getpid()} on " in str(folder.holder())
        assert not (folder.path / ".archdsl-7.unfinished").exists()
        with pytest.raises(TrainingError, match=f"in use by process {os.getpid()} on "), folder.lock():
            pass
    assert not (folder.path / HOLDER).exists()


def test_the_lock_is_let_go_when_the_run_fails(tmp_path: Path) -> None:
    folder = made(tmp_path)
    with pytest.raises(ZeroDivisionError), folder.lock():
        raise ZeroDivisionError
    with folder.lock():
        pass


def test_a_folder_that_can_not_be_written_to_is_one_line(tmp_path: Path) -> None:
    folder = made(tmp_path)
    (folder.path / LOCK).mkdir()
    with pytest.raises(TrainingError, match=r"run can't be written to: a folder, not a file"), folder.lock():
        pass
    with (
        pytest.raises(TrainingError, match=r"none: no such folder"),
        RunFolder(tmp_path / "none").lock(),
    ):
        pass


def test_who_may_not_try_the_lock_believes_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = made(tmp_path)
    with folder.lock():
        told = folder.holder()

        def refuse(path: Path, seconds: float) -> object:
            raise PermissionError

        monkeypatch.setattr("archdsl.runs.folder._lock_on", refuse)
        assert folder.holder() == told
        monkeypatch.undo()
    assert folder.holder() is None
