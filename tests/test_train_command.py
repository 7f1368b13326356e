"""`archdsl train` from the command line: the spec's own recipe, and what the run's folder keeps."""

from __future__ import annotations

from pathlib import Path

import pytest
from commands import train

from archdsl.runs.folder import RunFolder

SPEC = 'import "blocks.arch"\nlet width = 4\ninput(1, 16, 16)\nstem(width) global_avgpool flatten fc(10)\n'
BLOCKS = "block stem(c) { conv(c, 3, s2) relu }\n"
SMALL = {"epochs": 1, "limit_train": 32, "limit_test": 16, "batch_size": 16, "device": "cpu"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.arch").write_text(SPEC)
    (tmp_path / "blocks.arch").write_text(BLOCKS)
    return tmp_path


def test_a_run_keeps_all_that_it_was_made_of(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("net.arch", settings=["width=6"], input="1x20x20", **SMALL) == 0
    run = folder / "runs" / "net-1"
    assert (run / "spec" / "net.arch").read_text() == SPEC
    assert (run / "recipe.yaml").is_file()
    checked = RunFolder(run).check()
    assert checked.network is not None
    assert str(checked.network.input) == "1x20x20"
    assert checked.network.cost.parameters == 6 * 9 + 6 + 6 * 10 + 10
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 1
    import torch

    checkpoint = torch.load(run / "checkpoint-0000000002.pt", weights_only=True)
    assert checkpoint["facts"]["network"]["input"] == "1x20x20"
    assert checkpoint["facts"]["network"]["files"]["blocks.arch"] == BLOCKS
    assert checkpoint["model"]["0.0.weight"].shape == (6, 1, 3, 3)
    assert "test accuracy" in capsys.readouterr().out
    assert train("net.arch", weights=Path("runs/net-1"), **SMALL) == 2
    assert capsys.readouterr().err == (
        "archdsl: --weights runs/net-1 is a folder; say runs/net-1/weights.safetensors\n"
    )
    assert train("runs/net-1/weights.safetensors", **SMALL) == 0
    assert "weights: drawn anew; --weights runs/net-1/weights.safetensors would start" in capsys.readouterr().out


def test_a_run_is_no_spec(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "run").mkdir()
    (folder / "run" / "spec.json").touch()
    assert train(str(folder / "run")) == 2
    assert "run is a run; `archdsl train --resume " in capsys.readouterr().err


def test_the_recipe_beside_a_spec_is_its_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.yaml").write_text("optimizer:\n  name: sgd\n  lr: 0.5\n")
    assert train("net.arch", **SMALL) == 0
    assert "recipe: net.yaml" in capsys.readouterr().out
    assert "name: sgd" in (folder / "runs" / "net-1" / "recipe.yaml").read_text()
    (folder / "other.yaml").write_text("optimizer:\n  name: adam\n")
    assert train("net.arch", recipe=folder / "other.yaml", set_recipe=["optimizer.lr=1e-2"], **SMALL) == 0
    assert "recipe: net.yaml" not in capsys.readouterr().out
    assert "name: adam\n  lr: 0.01\n" in (folder / "runs" / "net-2" / "recipe.yaml").read_text()
    assert train("net.arch", recipe=Path("default"), **SMALL) == 0
    assert "recipe: net.yaml" not in capsys.readouterr().out
    assert "name: adamw\n" in (folder / "runs" / "net-3" / "recipe.yaml").read_text()


def test_a_wrong_recipe_beside_a_spec_is_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.yaml").write_text("epoch: 3\n")
    assert train("net.arch", **SMALL) == 2
    assert "net.yaml:1: epoch: there is no such key; did you mean epochs?" in capsys.readouterr().err
    assert not (folder / "runs").exists()


def test_a_run_is_meant_by_any_file_in_it_and_has_one_spec(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert train("net.arch", out=Path("run"), **SMALL) == 0
    assert train(None, resume="run/weights.safetensors", device="cpu") == 0
    assert "run is done" in capsys.readouterr().out
    kept = Path("run/spec/net.arch")
    kept.write_text(SPEC.replace("relu", "tanh").replace("width = 4", "width = 5"))
    assert train(None, resume="run", device="cpu") == 2
    told = capsys.readouterr().err
    assert "run was started with another network; put its spec back as it was, or start from its weights" in told
    assert "archdsl: \n" not in told
    kept.write_text(SPEC)
    for checkpoint in Path("run").glob("checkpoint-*"):
        checkpoint.unlink()
    assert train(None, resume="run", device="cpu") == 2
    assert "no whole checkpoint in it; a new run can start from what it had learned: --weights run/weights" in (
        capsys.readouterr().err
    )


def test_a_training_from_weights_begins_or_goes_on_by_one_command(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train("net.arch", out=Path("first"), **SMALL) == 0
    again = {**SMALL, "weights": Path("first/weights.safetensors"), "out": Path("second"), "resume": "auto"}
    assert train("net.arch", **again) == 0
    assert train("net.arch", **again) == 0
    assert "second is done" in capsys.readouterr().out
    assert train("net.arch", **{**again, "weights": Path("second/weights.safetensors")}) == 2
    assert capsys.readouterr().err == (
        "archdsl: second was started from first/weights.safetensors, "
        "and not from --weights second/weights.safetensors\n"
    )
    assert train("net.arch", **{**again, "out": Path("first")}) == 2
    assert "first was started from weights drawn anew, and not from" in capsys.readouterr().err
    Path("first/environment.json").write_text("{")  # Which is of no need otherwise.
    assert train("net.arch", **{**again, "out": Path("first"), "weights": None}) == 0
