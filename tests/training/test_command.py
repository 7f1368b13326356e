"""`archdsl train` as a user meets it: what is printed, and the exit code."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from commands import train

from archdsl.errors import TrainingError
from archdsl.runs.folder import RunFolder
from archdsl.runs.metrics import EpochMetrics
from archdsl.training.report import Lines, Plan, Silence, Terminal, choose_report

from .networks import TINY_SPEC

QUICK: dict[str, Any] = {"limit_train": 60, "limit_test": 20, "epochs": 2, "batch_size": 16, "device": "cpu"}


def command(tmp_path: Path, **options: Any) -> tuple[int, str, str]:
    (tmp_path / "tiny.arch").write_text(TINY_SPEC)
    with chdir(tmp_path), redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = train("tiny.arch", **{"out": tmp_path / "run", **QUICK, **options})
    return code, out.getvalue(), err.getvalue()


def test_one_plain_line_an_epoch_where_there_is_no_terminal(tmp_path: Path) -> None:
    code, out, err = command(tmp_path)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "tiny.arch: input 1x16x16, 2,010 parameters"
    assert lines[1] == "shapes: 60 images to learn from, 20 to test on, 10 classes"
    assert lines[2].startswith("2 epochs in batches of 16 on cpu (")
    number = r"\d+\.\d{4}"
    for epoch, line in enumerate(lines[3:5], 1):
        assert re.fullmatch(
            rf"epoch {epoch}/2  loss {number}  train accuracy {number}  test accuracy {number}  [\d.]+ s  \d+ images/s",
            line,
        )
    assert re.fullmatch(rf"test accuracy {number} after 2 epochs in \d+ s; the run is in .*run/", lines[5])
    assert len(lines) == 6
    assert "\x1b" not in out


def test_the_time_of_a_run_that_went_on_is_told_as_such(tmp_path: Path) -> None:
    """What it took in all is not known, and what it took since is not what the epochs took."""
    command(tmp_path)
    newest = max(tmp_path.glob("run/checkpoint-*.pt"))
    done = command(tmp_path, out=None, resume=str(tmp_path / "run"))[1].splitlines()[-1]
    assert re.fullmatch(r"test accuracy [\d.]+ after 2 epochs; the run is in .*run/", done)
    newest.unlink()
    gone_on = command(tmp_path, out=None, resume=str(tmp_path / "run"))[1].splitlines()[-1]
    assert re.fullmatch(r"test accuracy [\d.]+ after 2 epochs, \d+ s after it went on; the run is in .*run/", gone_on)


def test_a_batch_of_more_than_all_images_is_told() -> None:
    plan = Plan("net", "1x8x8", 10, "shapes", 60, 20, 10, 2, 60, "cpu", "runs/net-1")
    assert plan.lines()[-1] == "2 epochs in batches of 60 on cpu, kept in runs/net-1"
    told = "2 epochs of one step, as a batch of 61 takes all of the images, on cpu, kept in runs/net-1"
    assert plan._replace(batch_size=61).lines()[-1] == told


def test_quiet_prints_the_result_alone(tmp_path: Path) -> None:
    code, out, _ = command(tmp_path, quiet=True)
    assert code == 0
    assert out.startswith("test accuracy ")
    assert len(out.splitlines()) == 1


def test_flags_win_over_the_recipe(tmp_path: Path) -> None:
    recipe = tmp_path / "r.yaml"
    recipe.write_text("epochs: 50\nseed: 3\noptimizer: {name: sgd, lr: 0.5}\ndata: {name: mnist}\n")
    code, _, _ = command(tmp_path, recipe=recipe, lr=0.01, data="shapes")
    assert code == 0
    kept = (tmp_path / "run" / "recipe.yaml").read_text()
    assert "seed: 3" in kept
    assert "epochs: 2\n" in kept
    assert "lr: 0.01\n" in kept
    assert "name: shapes" in kept


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"epochs": 0}, "archdsl: --epochs: must be at least 1, and is 0"),
        ({"lr": -1.0}, "archdsl: --lr: must be more than 0, and is -1.0"),
        ({"lr": float("nan")}, "archdsl: --lr: must be a finite number, and is nan"),
        ({"batch_size": 0}, "archdsl: --batch-size: must be at least 1"),
        ({"seed": -1}, "archdsl: --seed: must be at least 0"),
        ({"limit_train": 0}, "archdsl: --limit-train: must be at least 1"),
        ({"data": "imagenet"}, "archdsl: --data: there is no data set 'imagenet'"),
        ({"data": "folder:/none"}, "archdsl: /none: there is no such folder"),
        ({"data": "cifar10"}, "archdsl: tiny.arch:2:1: the network takes images of 1 channel"),
        ({"data": "mnist"}, "archdsl: mnist is not on the disk: train-images-idx3-ubyte, "),
        ({"device": "tpu"}, "archdsl: --device: there is no `tpu` on this machine; there are auto, "),
        ({"recipe": Path("none.yaml")}, "archdsl: none.yaml: no such file or directory"),
    ],
)
def test_wrong_use_is_a_line_and_exit_2(tmp_path: Path, flags: dict[str, Any], message: str) -> None:
    code, out, err = command(tmp_path, data_dir=tmp_path, **flags)
    assert code == 2
    assert err.startswith(message), err
    assert (out, err.count("\n")) == ("", 1)
    assert not (tmp_path / "run").exists()


def test_the_data_folder_is_that_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHDSL_DATA", str(tmp_path / "mine"))
    assert f"belong in {tmp_path}/mine/MNIST/raw/" in command(tmp_path, data="mnist")[2]
    assert f"belong in {tmp_path}/yours/MNIST/raw/" in command(tmp_path, data="mnist", data_dir=tmp_path / "yours")[2]
    monkeypatch.delenv("ARCHDSL_DATA")
    monkeypatch.chdir(tmp_path)
    assert "belong in data/MNIST/raw/" in command(tmp_path, data="mnist")[2]


def test_a_training_that_fails_is_a_line_and_exit_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from archdsl.training.augment import mix

    real = mix.F.cross_entropy
    monkeypatch.setattr(mix.F, "cross_entropy", lambda *args, **kwargs: real(*args, **kwargs) * float("inf"))
    code, _, err = command(tmp_path)
    assert code == 3
    head, *lines = err.splitlines()
    assert head == "archdsl: the loss is inf in epoch 1, step 1: all outputs are finite, and their loss is not"
    assert all(line.startswith("archdsl: ") for line in lines)
    assert RunFolder(tmp_path / "run").failure() == head.removeprefix("archdsl: ")


# What is shown.

PLAN = Plan("net", "1x16x16", 2010, "shapes", 100, 20, 10, 2, 10, "cpu", "runs/net-1")
METRICS = EpochMetrics(1, 10, 0.001, 2.25, 0.125, None, None, 2.0, 0.25, 12.5, 8.0)


class Stream(io.StringIO):
    def __init__(self, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


def test_the_stream_decides_how_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(choose_report(Stream(False)), Lines)
    assert isinstance(choose_report(Stream(True)), Terminal)
    assert isinstance(choose_report(Stream(True), quiet=True), Silence)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(choose_report(Stream(True)), Lines)
    monkeypatch.setattr("sys.stdout", None)  # As `archdsl train ... >&-` has it.
    assert isinstance(choose_report(), Silence)


HELD_BACK = METRICS._replace(validation_loss=1.9, validation_accuracy=0.75, test_loss=None, test_accuracy=None)


@pytest.mark.parametrize(
    ("metrics", "told"),
    [
        (METRICS, "test accuracy 0.2500"),
        (HELD_BACK, "validation accuracy 0.7500"),
        (HELD_BACK._replace(test_accuracy=0.5), "validation accuracy 0.7500  test accuracy 0.5000"),
        (HELD_BACK._replace(validation_accuracy=None), "not evaluated"),
    ],
)
def test_a_line_tells_what_was_evaluated(metrics: EpochMetrics, told: str) -> None:
    stream = Stream(False)
    lines = Lines(stream)
    lines.begin(PLAN)
    lines.on_epoch(metrics)
    assert (
        stream.getvalue().splitlines(keepends=True)[-1]
        == f"epoch 1/2  loss 2.2500  train accuracy 0.1250  {told}  12.5 s  8 images/s\n"
    )


def test_a_terminal_gets_a_bar_and_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Stream(True)
    report = Terminal(stream)
    report.begin(PLAN)
    report.on_step(1, 30, 2.3456)
    report.on_epoch(METRICS)
    report.close()
    shown = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue())
    assert "epoch 1/2" in shown
    assert "loss 2.346" in shown
    assert "images/s" in shown
    table = [line.split("\r")[-1] for line in shown.splitlines()]
    header = next(line for line in table if "train acc." in line)
    row = next(line for line in table if "2.2500" in line)
    for name, value in (("loss", "2.2500"), ("train acc.", "0.1250"), ("test acc.", "0.2500"), ("images/s", "8")):
        assert header.index(name) + len(name) == row.rindex(value) + len(value)
    assert stream.getvalue().rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in stream.getvalue()  # The cursor is back.


@pytest.mark.parametrize("soon", [0.0, 60.0])
def test_what_takes_long_is_told(soon: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("archdsl.training.report.SOON", soon)
    for kind in (Lines, Terminal):
        monkeypatch.setattr(kind, "EVERY", 0.0)
    told = {}
    for terminal in (False, True):
        stream = Stream(terminal)
        assert list(choose_report(stream).watch(iter("abc"), 2000, "headers read")) == ["a", "b", "c"]
        told[terminal] = stream.getvalue()
    assert list(Silence().watch("abc", 3, "headers")) == ["a", "b", "c"]
    if soon:
        assert told == {False: "", True: ""}
        return
    assert told[False] == "1 of 2,000 headers read\n2 of 2,000 headers read\n3 of 2,000 headers read\n"
    assert "headers read" in told[True]
    assert "3 of 2,000" in told[True]
    assert told[True].endswith("\x1b[2K")  # It is wiped in the end, and the cursor is back.
    assert told[True].count("\x1b[?25h") == told[True].count("\x1b[?25l") == 1


@pytest.mark.parametrize("terminal", [True, False])
def test_how_far_an_epoch_and_its_evaluation_are_is_told(monkeypatch: pytest.MonkeyPatch, terminal: bool) -> None:
    now = [1000.0]
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setattr("archdsl.training.report.time.monotonic", lambda: now[0])
    stream = Stream(terminal)
    report = choose_report(stream)
    report.begin(PLAN)
    before, shown = stream.tell(), []
    for images_done in range(10, 101, 10):
        now[0] += 25.0
        report.on_step(1, images_done, 2.5)
    shown.append(stream.getvalue()[before:])
    before = stream.tell()
    for _ in report.watch(["aaaaaaaa", "bbbbbbbb", "cccccc"], 20, "images evaluated", each=len):
        now[0] += 25.0
    shown.append(stream.getvalue()[before:])
    report.close()
    if terminal:
        assert "loss 2.500" in shown[0]
        assert [f"{done} of 20 images evaluated" in shown[1] for done in (8, 16, 20)] == [True, True, True]
    else:
        assert shown[0] == "".join(f"epoch 1/2  {done} of 100 images  loss 2.5000\n" for done in (30, 60, 90))
        assert shown[1] == "16 of 20 images evaluated\n"


def test_a_bar_ends_with_what_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("archdsl.training.report.SOON", 0.0)
    stream = Stream(True)

    def items() -> Iterator[int]:
        yield 1
        raise TrainingError("no more")

    with pytest.raises(TrainingError, match="no more"):
        list(Terminal(stream).watch(items(), 2, "headers"))
    assert stream.getvalue().count("\x1b[?25h") == 1


@pytest.mark.parametrize("terminal", [True, False])
def test_text_from_files_is_shown_as_text(terminal: bool) -> None:
    stream = Stream(terminal)
    report = choose_report(stream)
    report.begin(PLAN._replace(data="folder:[red]x[/red] [/nothing] \x1b]0;title\x07 :smile:"))
    report.close()
    assert "[red]x[/red] [/nothing] \\x1b]0;title\\x07 :smile:" in stream.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
def test_an_encoding_that_lacks_characters_is_no_error(terminal: bool) -> None:
    raw = io.BytesIO()

    class Ascii(io.TextIOWrapper):
        def isatty(self) -> bool:
            return terminal

    stream = Ascii(raw, encoding="ascii")
    report = choose_report(stream)
    report.begin(PLAN._replace(data="folder:größe"))
    report.on_step(1, 30, 2.3)
    report.on_epoch(METRICS)
    report.close()
    stream.flush()
    assert b"folder:gr\\xf6\\xdfe" in raw.getvalue()


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("error", [BrokenPipeError(), OSError(5, "Input/output error"), OSError(28, "No space left")])
def test_output_that_nobody_takes_ends_no_training(terminal: bool, error: OSError) -> None:
    class Gone(Stream):
        def write(self, text: str) -> int:
            raise error

    report = choose_report(Gone(terminal))
    report.begin(PLAN)
    report.on_step(1, 30, 2.3)
    report.on_epoch(METRICS)
    report.close()


SCRIPT = """
import sys
from pathlib import Path
from commands import train
sys.exit(train("tiny.arch", epochs=3, limit_train=100, limit_test=20, device="cpu", out=Path(sys.argv[1])))
"""


@pytest.mark.slow
@pytest.mark.parametrize("end", ["| head -n 1", ">&-", ">&- 2>&-"])
def test_a_training_goes_on_where_its_output_is_cut_off(tmp_path: Path, end: str) -> None:
    (tmp_path / "tiny.arch").write_text(TINY_SPEC)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), os.getcwd()])}
    command = ["sh", "-c", f'"{sys.executable}" -c "$0" "$1" {end}', SCRIPT, str(tmp_path / "run")]
    result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")
    assert RunFolder(tmp_path / "run").result() is not None


def test_no_color_is_obeyed_and_a_narrow_terminal_has_one_line_for_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "20")
    stream = Stream(True)
    report = choose_report(stream)
    report.begin(PLAN._replace(validation_images=10))
    stream.truncate(0)
    report.on_step(1, 30, 2.3456)
    assert "\n" not in stream.getvalue()
    report.on_epoch(HELD_BACK)
    report.on_epoch(HELD_BACK._replace(validation_accuracy=None))
    report.close()
    colors = re.findall(r"\x1b\[([0-9;]*)m", stream.getvalue())
    assert not [each for each in colors if re.search(r"\b(3[0-9]|4[0-9]|9[0-9])\b", each)]
    rows = [line.split() for line in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", stream.getvalue()).splitlines()]
    assert ["1", "2.2500", "0.1250", "0.7500", "12.5", "s", "8"] in rows
    assert ["1", "2.2500", "0.1250", "-", "12.5", "s", "8"] in rows


def test_a_run_that_is_resumed_goes_on_in_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Stream(True)
    report = Terminal(stream)
    report.begin(PLAN._replace(epochs=4, images_done=250))
    assert "epoch 3/4" in stream.getvalue()
    assert report.progress is not None
    assert report.progress.tasks[0].completed == 250
    report.close()


def test_the_command_module_imports_no_torch() -> None:
    code = "import sys, archdsl.commands.train; print([m for m in ('torch', 'rich') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "torch" not in shown


def test_standard_input_is_no_file_to_train(capsys: pytest.CaptureFixture[str]) -> None:
    assert train("-") == 2
    assert capsys.readouterr().err == "archdsl: train reads a file, and `-` is none\n"


def test_of_many_processes_the_first_tells_of_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setenv("WORLD_SIZE", "2")
    wrong: list[dict[str, Any]] = [{"epochs": 0}, {"settings": ["width=3"]}, {"weights": Path("x"), "resume": "y"}]
    for options in wrong:
        monkeypatch.setenv("RANK", "1")
        assert command(tmp_path, **options) == (2, "", "")
        assert waited.pop() == 5.0  # Whoever ends first, torchrun ends the others.
        monkeypatch.setenv("RANK", "0")
        code, out, err = command(tmp_path, **options)
        assert (code, out, waited) == (2, "", [])
        assert err
