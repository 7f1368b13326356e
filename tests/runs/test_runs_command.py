"""`archdsl runs` and `archdsl compare`: what they tell of folders of runs, and that they need no torch for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from archdsl.commands.compare import compare
from archdsl.commands.runs import runs
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FAILED
from archdsl.formats.schema import SCHEMAS
from archdsl.runs.folder import RunFolder
from archdsl.runs.summary import time_text, when_text

from .folders import SPEC, epochs, make_run
from .pages import read


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """runs/net-1, finished; net-2, stopped, with validation and other values; net-10, in a wider network."""
    monkeypatch.chdir(tmp_path)
    make_run(Path("runs/net-10"), {"epochs": 100, "evaluate_every": 5}, epochs(7, every=5), SPEC.replace("(4", "(8"))
    held_back = {"epochs": 10, "optimizer": {"lr": 0.05}, "data": {"validation": 100}}
    make_run(Path("runs/net-2"), held_back, epochs(4, held_back=True), environment={"torch": "2.15.0"})
    make_run(Path("runs/net-1"), {"epochs": 10}, epochs(10), result={"test_accuracy": 0.875})
    return tmp_path


def columns(output: str) -> list[list[str]]:
    return [line.split() for line in output.splitlines() if not line.startswith("---")]


def test_runs_are_listed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunFolder(Path("runs/net-2")).lock():
        assert runs() == 0
    head, *rows = columns(capsys.readouterr().out)
    assert head[:9] == ["run", "network", "data", "status", "epochs", "accuracy", "best", "last", "time"]
    assert rows[0][:9] == ["runs/net-1", "net", "shapes", "finished", "10/10", "test", "0.8946", "0.8946", "2"]
    assert rows[1][:9] == ["runs/net-2", "net", "shapes", "running", "4/10", "validation", "0.7834", "0.7834", "50.0"]
    assert rows[2][:8] == ["runs/net-10", "net", "shapes", "stopped", "7/100", "test", "0.8748", "0.8748"]


def test_the_list_as_json_has_the_facts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs("runs", format="json") == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMAS["runs"]).validate(document)
    first, second, _ = document["runs"]
    assert document["version"] == 1
    assert (first["status"], first["epochs_done"], first["epochs"], first["seconds"]) == ("finished", 10, 10, 125.0)
    assert (first["test_accuracy"], first["best_epoch"], first["started"]) == (0.875, 10, "2026-11-27T22:00:00Z")
    assert (second["evaluated_on"], second["test_accuracy"], second["images_per_second"]) == ("validation", None, 800.0)


def test_what_is_no_run_or_damaged_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "runs/net-1/environment.json").write_text('{"torch": "2.1')
    (folder / "empty").mkdir()
    assert runs() == 0
    out = capsys.readouterr().out
    assert columns(out)[1][3] == "damaged"
    assert out.splitlines()[-1] == "runs/net-1/environment.json: damaged: no JSON object"
    assert runs("empty") == 0
    assert capsys.readouterr().out == "there are no runs in empty\n"
    assert runs("none") == 2
    assert capsys.readouterr().err == "archdsl: none: there is no such folder\n"
    assert compare(["runs/net-1", "runs/net-2"]) == 2
    assert capsys.readouterr().err == "archdsl: runs/net-1/environment.json: damaged: no JSON object\n"
    assert compare(["runs/net-2"]) == 2
    assert capsys.readouterr().err == "archdsl: compare takes two runs or more\n"
    assert compare(["runs"]) == 2
    told = "; there are 3 in runs: name them, as runs/net-1"
    assert capsys.readouterr().err == f"archdsl: compare takes two runs or more{told}\n"
    assert compare(["runs/net-2", "runs"]) == 2
    assert capsys.readouterr().err.startswith("archdsl: runs: not the folder of a run")
    assert compare(["runs/net-2", "runs/net-10"], output="none/c.html") == 2
    assert capsys.readouterr().err.startswith("archdsl: none/c.html: ")


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (TrainingError("the loss is nan in epoch 3\nmore", EXIT_FAILED), "the loss is nan in epoch 3"),
        (OSError(28, "No space left on device", "x\x1b"), "OSError: [Errno 28] No space left on device: 'x\\x1b'"),
        (TrainingError("another recipe"), None),
        (KeyboardInterrupt(), None),
    ],
)
def test_why_a_run_failed_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str], error: BaseException, told: str | None
) -> None:
    run = RunFolder(Path("runs/net-2"))
    with pytest.raises(type(error)), run.noting_failure():
        raise error
    assert run.failure() == told
    assert runs() == 0
    out = capsys.readouterr().out
    assert columns(out)[2][3] == ("stopped" if told is None else "failed")
    assert (f"\nruns/net-2: {told}\n" in out) == (told is not None)
    run.forget_failure()
    assert run.failure() is None
    with pytest.raises(type(error)), RunFolder(folder).noting_failure():  # No run has begun here.
        raise error
    assert not (folder / "failure.json").exists()


def test_only_what_differs_is_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(["runs/net-1", "runs/net-2", "runs/net-10"]) == 0
    made_of, results = capsys.readouterr().out.split("\n\n")
    rows = [line.split("  ") for line in made_of.splitlines() if not line.startswith("---")]
    assert [[cell.strip() for cell in row if cell.strip()] for row in rows] == [
        ["what differs", "net-1", "net-2", "net-10"],
        ["network", "the same", "1 change"],
        ["data.validation", "0", "100", "0"],
        ["epochs", "10", "10", "100"],
        ["optimizer.lr", "0.0005", "0.05", "0.0005"],
        ["evaluate_every", "1", "1", "5"],
        ["torch", "2.14.0", "2.15.0", "2.14.0"],
    ]
    told = {line[:30].strip(): line[30:].split() for line in results.splitlines()}
    assert told["parameters"] == ["6,810", "6,810", "13,610"]
    assert told["epochs"] == ["10/10", "4/10", "7/100"]
    assert told["accuracy"][1] == "▁▅▇█"


def test_the_comparison_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(["runs/net-1", "runs/net-2"], format="json", output="c.html") == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMAS["comparison"]).validate(document)
    assert document["networks"] == ["the same", "the same"]
    assert {"key": "optimizer.lr", "values": [0.0005, 0.05]} in document["differences"]
    assert [len(each["metrics"]) for each in document["runs"]] == [10, 4]
    assert document["runs"][0]["parameters"] == 6810


def test_the_page_overlays_the_curves(folder: Path) -> None:
    assert compare(["runs/net-1", "runs/net-2", "runs/net-10"], output="c.html") == 0
    page = read((folder / "c.html").read_text())
    assert page.tags["figure"] == 6
    assert page.tags["polyline"] == 18
    evaluated = [value for tag, name, value in page.attributes if (tag, name) == ("polyline", "data-x")][:3]
    assert [each.split() for each in evaluated] == [[*map(str, range(1, 11))], ["1", "2", "3", "4"], ["5", "7"]]
    assert "test or validation accuracy" in page.texts["figcaption"]


HOSTILE = "<script>alert(1)</script>&\"'\x1b]0;title\x07"


def test_texts_from_files_start_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = {"data": {"name": f"folder:{HOSTILE}"}}
    environment = {"device": HOSTILE, HOSTILE: "x", "started": HOSTILE}
    make_run(Path("runs/a<b>"), recipe, epochs(2), name="<b>&.arch", environment=environment)
    make_run(Path("runs/b"), metrics=epochs(2))
    assert runs() == 0
    assert compare(["runs/a<b>", "runs/b"], output="c.html") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    page = read((tmp_path / "c.html").read_text())
    assert page.texts["h1"] == ["a<b> and b"]
    assert any("<script>alert(1)</script>&\"'\\x1b" in text for text in page.texts["td"])


def test_runs_of_the_same_name_are_told_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("here", "there"):
        make_run(tmp_path / place / "net-1", metrics=epochs(1))
    assert compare([str(tmp_path / "here/net-1"), str(tmp_path / "there/net-1")]) == 0
    assert f"{tmp_path}/here/net-1  {tmp_path}/there/net-1" in capsys.readouterr().out


def test_a_terminal_without_blocks_gets_letters(folder: Path) -> None:
    code = (
        "import sys; from archdsl.commands.compare import compare\n"
        "code = compare(['runs/net-1', 'runs/net-2'], output='c.html')\n"
        "assert not {'torch', 'rich'} & {*sys.modules}, 'slow to import'\n"
        "sys.exit(code)"
    )
    root = str(Path(__file__).parents[2])
    environment = {"PYTHONIOENCODING": "ascii", "PYTHONPATH": root}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
    assert "_=*#" in result.stdout
    assert "\\u" not in result.stdout


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(8.24, "8.2 s"), (59.97, "1 min 00 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (3599.7, "1 h 00 min")],
)
def test_times_are_told_as_people_say_them(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_moments_are_told_in_the_time_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert when_text("2026-11-27T22:00:00Z") == "2026-11-28 03:45"
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert when_text("yesterday") == when_text(None) == "-"
