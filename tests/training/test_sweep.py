"""`archdsl sweep`: each point is a run as any other, and a sweep that was stopped comes to what it would have."""

from __future__ import annotations

import json
import random
import signal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from commands import sweep, train
from tries import TRIES

from archdsl.commands.compare import compare
from archdsl.formats.schema import SCHEMAS
from archdsl.runs.folder import RunFolder, runs
from archdsl.runs.sweep import PLAN, names_of
from archdsl.training.report import Silence

from .forks import forks
from .networks import TINY_SPEC

RECIPE = """
epochs: 2
batch_size: 16
data: {train: 64, test: 16, validation: 16}
augmentation: {flip: true, mixup: 0.2}
optimizer: {name: sgd, lr: 0.01}
"""
OVER = ["optimizer.lr=0.01,0.05", "data.seed=1,2"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.arch").write_text(TINY_SPEC)
    (tmp_path / "net.yaml").write_text(RECIPE)
    return tmp_path


def go(out: str | None = None, over: Any = OVER, **more: Any) -> int:
    given = {"device": "cpu", "quiet": True, "out": None if out is None else Path(out), **more}
    return sweep("net.arch", over=over, **given)


def outcome(place: Path) -> dict[str, Any]:
    """What each run came to, but for times and the path of the folder."""
    return {
        run.path.name: (
            (run.path / "weights.safetensors").read_bytes(),
            [each[:9] for each in run.metrics()],
            run.result(),
        )
        for run in runs(place)
    }


def test_the_points_are_the_runs_of_a_grid_told_best_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go(format="json", quiet=False) == 0
    said = capsys.readouterr()
    table = json.loads(said.out)
    jsonschema.Draft202012Validator(SCHEMAS["sweep"]).validate(table)
    assert "1 of 4: optimizer.lr=0.01 data.seed=1\n" in said.err
    assert (table["sweep"], table["ranked_by"]) == ("sweeps/net-1", "validation")
    accuracies = [each["accuracy"] for each in table["points"]]
    assert accuracies == sorted(accuracies, reverse=True)
    assert {(each["values"]["optimizer.lr"], each["values"]["data.seed"]) for each in table["points"]} == {
        (0.01, 1), (0.01, 2), (0.05, 1), (0.05, 2)
    }  # fmt: skip
    for each in table["points"]:
        run = RunFolder(Path(each["name"]))
        assert each["accuracy"] == max(epoch.validation_accuracy or 0 for epoch in run.metrics())
    alone = ["optimizer.lr=0.05", "data.seed=2"]
    assert train("net.arch", set_recipe=alone, device="cpu", out=Path("alone"), quiet=True) == 0
    swept = outcome(Path("sweeps/net-1"))
    assert swept["optimizer.lr=0.05,data.seed=2"] == outcome(Path("alone"))["alone"]
    assert len(swept) == len({weights for weights, _, _ in swept.values()}) == 4

    capsys.readouterr()
    assert sweep(None, resume="sweeps/net-1") == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].split() == ["optimizer.lr", "data.seed", "status", "epochs", "validation", "test", "time"]
    assert len(told) == 8
    best = table["points"][0]["name"]
    assert told[-1] == f"the best is in {best}/"
    assert compare([str(path) for path in Path("sweeps/net-1").iterdir()]) == 0


def test_where_no_images_are_held_back_the_table_says_what_it_is_ranked_by(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go("s", ["optimizer.lr=0.01,0.05"], set_recipe=["data.validation=0", "epochs=1"]) == 0
    *_, found, told = capsys.readouterr().out.splitlines()
    assert found.startswith("the best is in s/optimizer.lr=0.0")
    assert told.startswith("ranked by the test images, which are then what one tunes on; ")


def test_mistakes_in_any_point_are_told_at_once_and_before_the_first_run(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert go("s", ["optimizer.lr=-1,0.03", "optimizer.name=sgd,admw", "batch_size=16,0"]) == 2
    assert sorted(capsys.readouterr().err.splitlines()) == [
        "archdsl: --over batch_size: must be at least 1, and is 0",
        "archdsl: --over optimizer.lr: must be more than 0, and is -1",
        "archdsl: --over optimizer.name: 'admw' is none of adam, adamw, sgd, muon; did you mean adamw?",
    ]
    assert go("s", ["lr=1,2", "epochs", "seed=1,1", "seed=2"], seed=3) == 2
    assert capsys.readouterr().err.splitlines() == [
        "archdsl: --over lr: there is no such key; did you mean optimizer.lr?",
        "archdsl: --over takes KEY=VALUE,VALUE,..., as optimizer.lr=0.01,0.1, not `epochs`",
        "archdsl: --over seed: 1 is given twice",
        "archdsl: --seed and --over seed are one key; give one",
        "archdsl: --over seed is given twice",
    ]
    assert go("s", ["augmentation.shift=1,400"]) == 2  # Known only when the images are there.
    assert "augmentation.shift: 400 pixels leave nothing of images of 16x16" in capsys.readouterr().err
    assert go("s", [f"seed={','.join(map(str, range(1001)))}"]) == 2
    assert "these are 1,001 points" in capsys.readouterr().err
    assert not Path("s").exists()


def test_a_training_that_fails_is_noted_and_the_others_go_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go("s", ["optimizer.lr=100,0.01"], set_recipe=["optimizer.momentum=0.99", "epochs=9"]) == 3
    said = capsys.readouterr()
    assert said.err.startswith("archdsl: optimizer.lr=100: the ")
    rows = [line.split() for line in said.out.splitlines()[2:4]]
    assert [(row[0], row[1], row[3] == "-") for row in rows] == [("0.01", "finished", False), ("100", "failed", True)]
    assert RunFolder(Path("s/optimizer.lr=100")).failure() is not None


class Interrupts(Silence):
    """Ctrl-C in the first step of the second epoch."""

    def on_step(self, epoch: int, images_done: int, loss: float) -> None:
        if (epoch, images_done) == (2, 16):
            signal.raise_signal(signal.SIGINT)


def test_a_sweep_that_was_stopped_goes_on_to_the_same_end(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    over = OVER[:1]
    assert go("undisturbed", over) == 0
    with monkeypatch.context() as patch:
        patch.setattr("archdsl.training.report.choose_report", lambda *_: Interrupts())
        assert go("s", over) == 130
    assert capsys.readouterr().err == (
        "archdsl: stopped in point 1 of 2 after step 5; `archdsl sweep --resume s` goes on from there\n"
    )
    assert go("s", over) == 2
    assert capsys.readouterr().err == "archdsl: --out: s is not empty; a run is never written over another\n"
    assert go("s", ["optimizer.lr=0.01"], resume="auto") == 2
    assert "--over: optimizer.lr=0.01,0.05 then, optimizer.lr=0.01 now" in capsys.readouterr().err
    assert go(None, over, resume="s", set_recipe=["ema=0.9"]) == 2
    assert "  ema: None then, 0.9 now" in capsys.readouterr().err
    (folder / "net.arch").write_text(TINY_SPEC.replace("conv(4", "conv(6"))
    assert go("s", over, resume="auto") == 2
    assert "out 4 -> 6" in capsys.readouterr().err
    (folder / "net.arch").unlink()  # The plan has all that it needs.
    assert sweep(None, resume="s", device="cpu", quiet=True) == 0
    assert outcome(Path("s")) == outcome(Path("undisturbed"))


def test_a_sweep_of_fine_tuning_starts_each_point_from_the_weights(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("net.arch", device="cpu", out=Path("before"), quiet=True) == 0
    Path("w.safetensors").write_bytes(Path("before/weights.safetensors").read_bytes())
    tuned: dict[str, Any] = {"weights": Path("w.safetensors"), "leave_out": ["4"], "over": OVER[:1]}
    alone = {**tuned, "set_recipe": ["optimizer.lr=0.05"]}
    del alone["over"]
    assert train("net.arch", device="cpu", out=Path("alone"), quiet=True, **alone) == 0
    with monkeypatch.context() as patch:
        patch.setattr("archdsl.training.report.choose_report", lambda *_: Interrupts())
        assert go("s", **tuned) == 130
    capsys.readouterr()
    for other, told in (
        ({"weights": None, "leave_out": []}, "/w.safetensors (SHA-256 "),
        ({"leave_out": []}, ") --except 4 then, "),
    ):
        assert go("s", resume="auto", **{**tuned, **other}) == 2
        assert told in capsys.readouterr().err
    assert sweep(None, resume="s", weights=Path("w.safetensors")) == 2
    assert capsys.readouterr().err == "archdsl: --resume SWEEP has its network and recipes; --weights is for a SPEC\n"

    Path("w.safetensors").rename("moved.safetensors")
    assert sweep(None, resume="s", device="cpu", quiet=True) == 2
    assert "w.safetensors: no such file or directory" in capsys.readouterr().err
    Path("w.safetensors").write_bytes(Path("alone/weights.safetensors").read_bytes())
    assert sweep(None, resume="s", device="cpu", quiet=True) == 2
    assert "is another file than the sweep was started with, " in capsys.readouterr().err
    assert go("s", resume="auto", **{**tuned, "weights": Path("moved.safetensors")}) == 0
    assert outcome(Path("s"))["optimizer.lr=0.05"] == outcome(Path("alone"))["alone"]
    Path("moved.safetensors").unlink()
    assert sweep(None, resume="s", device="cpu", quiet=True) == 0

    assert go("t", weights=Path("none.safetensors")) == 2
    assert go("t", leave_out=["4"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "archdsl: none.safetensors: no such file or directory",
        "archdsl: --except leaves out a part of --weights FILE, which is not given",
    ]
    assert not Path("t").exists()


def test_a_plan_that_was_tampered_with_leads_out_of_no_folder(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert go("s", ["seed=1"], set_recipe=["epochs=1"]) == 0
    plan = json.loads(Path("s", PLAN).read_text())
    for name in ("../elsewhere", "/tmp/elsewhere", "..", 3, ""):
        plan["points"][0]["name"] = name
        Path("s", PLAN).write_text(json.dumps(plan))
        assert sweep(None, resume="s") == 2
        assert capsys.readouterr().err == "archdsl: s/sweep.json: damaged: not a plan as archdsl writes it\n"


def test_two_points_never_share_a_folder() -> None:
    values = [{"data.name": f"folder:{name}"} for name in ("a/b", "a_b", "A:b", "x" * 200, "x" * 201)]
    names = names_of(values)
    assert names[:3] == ["data.name=folder_a_b", "data.name=folder_a_b-2", "data.name=folder_A_b-3"]
    assert len({name.lower() for name in names}) == 5
    assert max(map(len, names)) <= 150


def sweep_to(out: str) -> None:
    assert go(out, resume="auto", epochs=3, save_every=0.0) == 0


@pytest.mark.slow
@pytest.mark.chance
@pytest.mark.parametrize("seed", range(TRIES))
def test_a_sweep_that_is_killed_again_and_again_comes_to_the_same_end(folder: Path, seed: int) -> None:
    sweep_to("undisturbed")
    kills: list[int] = []
    moments = random.Random(seed)
    with forks(__name__, "sweep_to") as process:
        while sum(kills) < 5:
            place = Path(f"sweep-{len(kills)}")
            kills.append(process.killed_until_done(place, moments, 0.03))
            assert outcome(place) == outcome(Path("undisturbed"))
