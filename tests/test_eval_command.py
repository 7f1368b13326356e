"""`archdsl eval`: a run or a file of weights held against images."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import jsonschema
import pytest
import torch
from commands import train

from archdsl.commands.evaluate import evaluate
from archdsl.formats.evaluation import EvaluationReport, mean_of, text
from archdsl.formats.schema import SCHEMAS
from archdsl.runs.evaluation import Evaluation
from archdsl.training.signals import StopRequest

SPEC = "input(1, 16, 16)\nconv(4, 3, s2) batchnorm relu dropout(0.5) flatten fc(10)\n"
DATA = "data:\n  validation: 20\n  train: 100\n  test: 70\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in it, `run`, with what it came to in `weights.safetensors`."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "net.arch").write_text(SPEC)
    (folder / "recipe.yaml").write_text(DATA)
    told = {"recipe": folder / "recipe.yaml", "epochs": 1, "lr": 0.003, "device": "cpu", "quiet": True}
    assert train(str(folder / "net.arch"), out=folder / "run", **told) == 0
    return folder


@pytest.fixture
def folder(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that folder, and the place to be."""
    shutil.copytree(trained, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(capsys: pytest.CaptureFixture[str], *arguments: str, **more: object) -> dict[str, object]:
    capsys.readouterr()
    assert evaluate(*arguments, format="json", device="cpu", **more) == 0  # type: ignore[arg-type]
    document = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(SCHEMAS["evaluation"]).validate(document)
    return document


def test_a_run_is_evaluated_on_its_own_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The numbers are those of the weights' own module on the test images that its recipe draws."""
    import archdsl
    from archdsl.training.data.figures import FIGURES, draw_figures
    from archdsl.weights.files import read_origin

    found = told(capsys, "run", worst=3)
    images, labels = draw_figures(70, 1, 16, 16, part="test")
    origin = read_origin(folder / "run" / "weights.safetensors")
    assert origin.normalization is not None
    model = archdsl.build("net.arch").eval()
    archdsl.load_weights(model, folder / "run" / "weights.safetensors")
    with torch.no_grad():
        logits = model((images / 255 - origin.normalization.mean[0]) / origin.normalization.std[0])
    assert found["loss"] == pytest.approx(torch.nn.functional.cross_entropy(logits, labels).item(), rel=1e-5)
    assert found["accuracy"] == (logits.argmax(1) == labels).double().mean().item()
    assert [each["name"] for each in found["classes"]] == list(FIGURES)
    worst = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    worst[logits.argmax(1) == labels] = 0
    assert [each["image"] for each in found["worst"]] == worst.topk(3).indices.tolist()


def test_the_file_of_weights_alone_is_enough(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    expected = told(capsys, "run", worst=2)
    assert told(capsys, "run/weights.safetensors", worst=2)["loss"] == expected["loss"]
    shutil.copy("run/weights.safetensors", "alone.safetensors")
    found = told(capsys, "alone.safetensors", data="shapes", limit_test=70, worst=2, batch_size=7)
    assert found["confusion"] == expected["confusion"]
    assert found["loss"] == pytest.approx(expected["loss"], rel=1e-6)
    assert evaluate("alone.safetensors") == 2
    assert "say --data D" in capsys.readouterr().err


def test_other_parts_of_the_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = {part: told(capsys, "run", part=part) for part in ("test", "validation", "train", "all")}
    assert [parts[part]["images"] for part in parts] == [70, 20, 80, 170]
    confusions = [torch.tensor(parts[part]["confusion"]) for part in parts]
    assert torch.equal(sum(confusions[:3]), confusions[3])
    # They are those of the training, whose weights are in the file to the last bit.
    epoch, result = (json.loads((folder / "run" / name).read_text()) for name in ("metrics.jsonl", "result.json"))
    assert parts["validation"]["loss"] == epoch["validation_loss"]
    assert (parts["test"]["loss"], parts["test"]["accuracy"]) == (result["test_loss"], result["test_accuracy"])
    assert evaluate("run", part="train", limit_test=3) == 2
    assert evaluate("run", part="validation", data="digits") == 2
    assert "--limit-test is for the test images" in capsys.readouterr().err


def test_text_is_for_people(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("run", worst=1) == 0
    out = capsys.readouterr().out
    assert "run/weights.safetensors on shapes: 70 test images, 10 classes\naccuracy 0." in out
    for part in ("calibration error", "mean of all classes", "taken for the class of the column:", "most wrong:"):
        assert part in out
    assert all(len(line) < 100 for line in out.splitlines())
    assert evaluate("run", part="all") == 0
    assert "on shapes: all 170 images, 10 classes\n" in capsys.readouterr().out


def test_many_classes_are_told_in_few_lines() -> None:
    size = 30
    matrix = [[0] * size for _ in range(size)]
    for label in range(size):
        matrix[label][label] = 5
    matrix[3][4] = 9
    matrix[7][7] = 0
    names = tuple(f"class\x1b{label}" for label in range(size))
    found = Evaluation(159, 0.5, 0.9, 1.0, 0.1, (), tuple(map(tuple, matrix)))
    told = text(EvaluationReport("w", "d", "test", names, found))
    assert "\x1b" not in told
    assert len(told.splitlines()) < 30
    assert told.index("class\\x1b4 ") > 0
    assert "     9  class\\x1b3  class\\x1b4\n" in told
    assert "class\\x1b29" not in told
    scores = found.classes
    assert scores[7] == (0, None, None, None)
    assert mean_of(scores).recall == pytest.approx((28 + 5 / 14) / 29)


@pytest.mark.parametrize(
    ("target", "more", "said"),
    [
        ("nothing", {}, "nothing: no such file or folder"),
        ("net.arch", {}, "neither the folder of a run nor a .safetensors file"),
        ("run", {"data": "shaps"}, "--data: there is no data set 'shaps'; did you mean shapes?"),
        ("run", {"mean": "0.5"}, "--std is missing"),
        ("run", {"mean": "x", "std": "1"}, "--mean: x is not a number for each channel"),
        ("run", {"mean": "0,0", "std": "1,1"}, "there are 2 and 2"),
        ("run", {"mean": "0", "std": "0"}, "a deviation of 0 can't be divided by"),
        ("run", {"data": "cifar10"}, "the network takes images of 1 channel, and those of cifar10 have 3"),
        ("run", {"data": "cifar100"}, "cifar100"),
        ("run", {"data": "fashion-mnist", "data_dir": Path("empty")}, "fashion-mnist is not on the disk"),
    ],
)
def test_wrong_use_is_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str], target: str, more: dict[str, object], said: str
) -> None:
    assert evaluate(target, **more) == 2  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert err.startswith("archdsl: ")
    assert not out


def test_other_classes_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from PIL import Image

    for part in ("train", "test"):
        for name in ["disc", "ring", "square", "frame", "triangle", "cross", "star", "moon", "stripes", "zzz"]:
            (folder / "pictures" / part / name).mkdir(parents=True)
            Image.new("L", (16, 16)).save(folder / "pictures" / part / name / "1.png")
    assert evaluate("run", data="folder:pictures") == 2
    assert "class 0 is disc, and there it is cross" in capsys.readouterr().err
    shutil.rmtree(folder / "pictures" / "train" / "zzz")
    shutil.rmtree(folder / "pictures" / "test" / "zzz")
    assert evaluate("run", data="folder:pictures") == 2
    err = capsys.readouterr().err
    assert "`fc(10)` gives 10 values, and folder:pictures has 9 classes\n" in err


def test_weights_of_another_program_need_their_normalization(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import archdsl
    from archdsl.commands.weights import load

    torch.save(archdsl.build("net.arch").state_dict(), "theirs.pth")
    assert load("net.arch", "theirs.pth", out="theirs.safetensors") == 0
    assert evaluate("theirs.safetensors", data="shapes", limit_test=20) == 2
    assert "it keeps no normalization of pixels" in capsys.readouterr().err
    assert told(capsys, "theirs.safetensors", data="shapes", limit_test=20, mean="0.1", std="0.3")["images"] == 20


class Payload:
    """A pickle of it touches a file as it is loaded."""

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, ("ran", "w")


@pytest.mark.parametrize("name", ["run/weights.safetensors", "run"])
def test_a_pickle_in_place_of_weights_runs_no_code(folder: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    payload = pickle.dumps(Payload())
    (folder / "run" / "weights.safetensors").write_bytes(payload)
    assert evaluate(name) == 2
    assert capsys.readouterr().err == "archdsl: run/weights.safetensors: not a whole safetensors file\n"
    assert not (folder / "ran").exists()
    pickle.loads(payload)
    assert (folder / "ran").exists()  # Or the test could not fail.


def test_weights_that_are_cut_or_not_finite_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from archdsl.weights.files import read_origin
    from archdsl.weights.tensors import read_weights, save_weights

    file = folder / "run" / "weights.safetensors"
    import archdsl

    model = archdsl.build("net.arch")
    model.load_state_dict(dict(read_weights(file).tensors))
    with torch.no_grad():
        model[-1].bias[3] = float("nan")
    origin = read_origin(file)
    file.unlink()
    save_weights(file, model, origin)
    assert evaluate("run") == 1
    assert "what the network gives is not finite" in capsys.readouterr().err
    file.write_bytes(file.read_bytes()[:-1])
    assert evaluate("run") == 2
    assert "not a whole safetensors file" in capsys.readouterr().err
    file.unlink()
    assert evaluate("run") == 2
    assert "run: the run is finished, and its weights.safetensors is not there any more" in capsys.readouterr().err
    (folder / "run" / "result.json").unlink()
    assert evaluate("run") == 2
    assert "there are no weights in it yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("tensors.put", "out of memory on cpu with the network's weights"),
        ("_of_channels", "out of memory on cpu with the images"),
        ("evaluate", "out of memory on cpu with batches of 8; try a smaller --batch-size"),
    ],
)
def test_too_little_memory_is_a_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], place: str, told: str
) -> None:
    def fails(*_: object, **more: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried ...")

    monkeypatch.setattr(f"archdsl.training.trained.{place}", fails)
    assert evaluate("run", device="cpu", batch_size=8) == 3
    assert capsys.readouterr().err == f"archdsl: {told}\n"


def test_a_signal_leaves_no_numbers(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(StopRequest):
        def __init__(self) -> None:
            self.signal = 15

    monkeypatch.setattr("archdsl.training.signals.StopRequest", Stopped)
    assert evaluate("run", batch_size=16) == 143
    out, err = capsys.readouterr()
    assert not out
    assert "stopped in the middle of the evaluation" in err
