"""`archdsl predict`: pictures named for what they are taken for, and bad ones that stop nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest
import torch
from commands import train
from PIL import Image

from archdsl.commands.evaluate import evaluate
from archdsl.commands.predict import predict
from archdsl.formats.schema import SCHEMAS

SPEC = "input(3, 16, 20)\nconv(4, 3, s2) relu dropout(0.5) flatten fc(2)\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of two classes in colour, of several sizes, and a run that learned from them."""
    folder = tmp_path_factory.mktemp("predict")
    generator = torch.Generator().manual_seed(0)
    for part in ("train", "test"):
        for name, dark in (("day", 100), ("night [red]", 0)):
            (folder / "pictures" / part / name).mkdir(parents=True)
            for index, (width, height) in enumerate([(16, 16), (40, 20), (9, 31)]):
                pixels = torch.randint(dark, dark + 150, (height, width, 3), dtype=torch.uint8, generator=generator)
                Image.fromarray(pixels.numpy()).save(folder / "pictures" / part / name / f"{index}.png")
    (folder / "net.arch").write_text(SPEC)
    data = f"folder:{folder / 'pictures'}"
    options = {"epochs": 1, "batch_size": 4, "device": "cpu", "quiet": True}
    assert train(str(folder / "net.arch"), data=data, out=folder / "run", **options) == 0
    return folder


@pytest.fixture(autouse=True)
def place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


def test_pictures_are_seen_as_in_training(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The probabilities are those of the images that training reads from the same files."""
    from archdsl.commands.trained import find_target
    from archdsl.recipe.recipe import Data
    from archdsl.training.data.load import load_data
    from archdsl.training.environment import choose_device
    from archdsl.training.trained import read_trained

    found = find_target("run")
    assert not isinstance(found, int)
    network, source = found.spec.network, found.spec.checked.source
    trained = read_trained(found.weights, network, source, found.origin, choose_device("cpu"))
    images = load_data(Data(name="folder:pictures"), network, source, Path()).test.sample()
    with torch.no_grad():
        expected = trained.model(trained.prepare(images)).softmax(1)
    assert predict("run", ["pictures/test"], format="jsonl", device="cpu") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    names = ["day", "night [red]"]
    assert [line["image"] for line in lines] == [f"pictures/test/{name}/{n}.png" for name in names for n in range(3)]
    for line, row in zip(lines, expected, strict=True):
        jsonschema.Draft202012Validator(SCHEMAS["prediction"]).validate(line)
        assert [each["class"] for each in line["predictions"]] == [names[i] for i in row.argsort(descending=True)]
        found_here = {each["label"]: each["probability"] for each in line["predictions"]}
        assert [found_here[0], found_here[1]] == pytest.approx(row.tolist(), abs=1e-6)


def test_weights_of_another_network_in_a_run_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are whole, and would be taken for what the run has learned."""
    shutil.copytree("run", "mixed")
    (folder / "other.arch").write_text(SPEC.replace("conv(4", "conv(5"))
    options = {"epochs": 1, "batch_size": 4, "device": "cpu", "quiet": True}
    assert train("other.arch", data="folder:pictures", out=folder / "other", **options) == 0
    shutil.copy("other/weights.safetensors", "mixed")
    capsys.readouterr()
    for target in ("mixed", "mixed/weights.safetensors"):
        assert evaluate(target, device="cpu") == predict(target, ["pictures/test"], device="cpu") == 2
        told = "it keeps another network than the run's spec; put back the one that was changed\n"
        assert capsys.readouterr().err == f"archdsl: mixed/weights.safetensors: {told}" * 2
    assert predict("other", ["pictures/test"], device="cpu") == 0


def test_an_evaluation_names_the_files_that_are_most_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """Also where the images were held in memory, and only some of them were used."""
    assert evaluate("run", worst=9, limit_test=4, device="cpu", format="json") == 0
    document = json.loads(capsys.readouterr().out)
    assert predict("run", ["pictures/test"], format="jsonl", device="cpu") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = {line["image"]: line["predictions"][0] for line in lines}
    assert document["worst"]
    for each in document["worst"]:
        file = str(Path(each["file"]).relative_to(Path.cwd()))
        assert file.split("/")[2] == document["classes"][each["label"]]["name"]
        assert told[file]["label"] == each["predicted"] != each["label"]
        assert told[file]["probability"] == pytest.approx(each["probability"], abs=1e-6)
    assert evaluate("run", worst=1, limit_test=4, device="cpu") == 0
    assert document["worst"][0]["file"] in capsys.readouterr().out


def test_text_has_a_line_for_each_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = tmp_path / "\x1b[31m.png"
    Image.new("RGB", (16, 16)).save(odd)
    assert predict("run", [str(odd), "pictures/test/day/1.png"], top=1) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{tmp_path}/\\x1b[31m.png: ")
    assert lines[0].count(", ") == 0


def damaged(folder: Path) -> dict[str, Path]:
    """Pictures that can't be read, or are not for this; and two that are odd and fine."""
    picture = Image.effect_noise((64, 64), 50)
    files = {name: folder / name for name in ("cut.png", "text.png", "empty.png", "deep.png", "bomb.png", "none.png")}
    picture.save(files["cut.png"])
    files["cut.png"].write_bytes(files["cut.png"].read_bytes()[:900])
    files["text.png"].write_text("<html>no picture</html>")
    files["empty.png"].write_bytes(b"")
    Image.new("I;16", (16, 16), 40_000).save(files["deep.png"])
    Image.new("1", (20_000, 10_000)).save(files["bomb.png"])
    return files


def test_a_bad_picture_is_a_line_and_the_others_go_on(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = damaged(tmp_path)
    good = {"cmyk.jpg": Image.new("CMYK", (30, 20), (0, 200, 0, 0)), "glass.png": Image.new("RGBA", (20, 20), "#0000")}
    for name, picture in good.items():
        picture.save(tmp_path / name)
    files = [*bad.values(), *(tmp_path / name for name in good)]
    assert predict("run", [str(file) for file in files]) == 1
    out, err = capsys.readouterr()
    assert [line.partition(": ")[0] for line in out.splitlines()] == [str(tmp_path / name) for name in good]
    lines = err.splitlines()
    assert len(lines) == len(bad) + 1
    for file, line in zip(bad.values(), lines, strict=False):
        assert line.startswith(f"archdsl: {file}: ")
    assert lines[-1] == f"archdsl: {len(bad)} of {len(files)} pictures could not be read"
    (tmp_path / "empty").mkdir()
    assert predict("run", [str(tmp_path / "glass.png"), str(tmp_path / "empty"), str(tmp_path / "none.png")]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "archdsl: 2 of 3 pictures could not be read"


def test_too_little_memory_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("CUDA error: out of memory")

    monkeypatch.setattr("archdsl.training.data.prepare.Prepare.__call__", fails)
    assert predict("run", ["pictures/test/day/1.png"], device="cpu") == 3
    assert capsys.readouterr().err == "archdsl: out of memory on cpu with 1 picture at once\n"


def test_where_none_can_be_read_it_is_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict("run", [str(tmp_path)]) == 2
    assert "there are no files in this folder" in capsys.readouterr().err
    assert predict("run", [str(tmp_path / "none.png")]) == 2
    assert predict("run", [""]) == 2
    assert "a picture's name is empty" in capsys.readouterr().err
    assert predict("none", ["pictures"]) == 2
    assert predict("net.arch", ["pictures"]) == 2


def test_hidden_files_of_a_folder_are_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in (".DS_Store", "Thumbs.db", ".git/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no picture")
    Image.new("RGB", (16, 16)).save(tmp_path / "a.PNG")
    assert predict("run", [str(tmp_path)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_grey_network_sees_pictures_in_grey(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "grey.arch").write_text("input(256)\nfc(10)\n")
    options = {"epochs": 1, "limit_train": 30, "limit_test": 20, "device": "cpu", "quiet": True}
    assert train(str(tmp_path / "grey.arch"), out=tmp_path / "run", **options) == 0
    colour = Image.effect_noise((16, 16), 50).convert("RGB")
    colour.putpixel((3, 3), (255, 0, 0))
    colour.save(tmp_path / "colour.png")
    colour.convert("L").save(tmp_path / "grey.png")
    capsys.readouterr()
    assert predict(str(tmp_path / "run"), [str(tmp_path / "colour.png"), str(tmp_path / "grey.png")]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.partition(": ")[2] == second.partition(": ")[2]
    assert first.count(", ") == 4
