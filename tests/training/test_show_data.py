"""`archdsl data show`: the counts, the sheet, and what it is never written over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy
import pytest
from commands import show_data as show
from PIL import Image as Pictures

from archdsl.cli.command_line import run_words
from archdsl.training.augment import Augment

from .test_data import write_fashion_mnist

SPEC = "input(1, 28, 28)\nconv(4, 3, s2) relu\nflatten fc(10)\n"
COUNTS = """\
shapes: 30 images to learn from, 10 held back, 20 to test on, 10 classes
images of 1x28x28
"""
FEW = ["data.train=40", "data.test=20", "data.validation=5"]
EVERYTHING = [
    "augmentation.flip=true",
    "augmentation.shift=2",
    "augmentation.crop=0.3",
    "augmentation.brightness=0.4",
    "augmentation.erase=0.5",
    "augmentation.cutmix=0.4",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.arch").write_text(SPEC)
    (tmp_path / "wrong.arch").write_text(SPEC.replace("conv", "cnov"))
    return tmp_path


def test_the_sheet_has_the_images_as_they_are_and_the_counts_are_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "net.yaml").write_text("data: {train: 40, test: 20, validation: 10}\n")
    assert show("net.arch") == 0
    output = capsys.readouterr().out
    assert output.startswith("recipe: net.yaml\n" + COUNTS)
    assert "\ndisc                  3              1              2\n" in output
    assert output.endswith("\na sheet of images is in data.png\n")

    from archdsl.training.data.figures import draw_figures

    images, labels = draw_figures(40, 1, 28, 28, seed=0, part="train")
    sheet = numpy.asarray(Pictures.open("data.png").convert("L"))
    columns = set()
    for image, label in zip(images[:, 0].numpy(), labels.tolist(), strict=True):
        found = places_of(image.repeat(4, 0).repeat(4, 1), sheet)
        rows = {(top - 65) // (112 + 15 + 10) for top, _ in found}
        assert rows <= {label}, "an image stands in a row of another class"
        columns |= {left for _, left in found}
    assert len(columns) == 8  # Where nothing is changed, all columns are images as they are.


def places_of(image: numpy.ndarray, sheet: numpy.ndarray) -> list[tuple[int, int]]:
    """Where on the sheet an image is, pixel for pixel."""
    flat, first, found, at = sheet.tobytes(), image[0].tobytes(), [], -1
    while (at := flat.find(first, at + 1)) >= 0:
        top, left = divmod(at, sheet.shape[1])
        part = sheet[top : top + len(image), left : left + len(image[0])]
        if part.shape == image.shape and (part == image).all():
            found += [(top, left)]
    return found


def test_with_augmentation_the_first_column_alone_is_as_it_is(folder: Path) -> None:
    from archdsl.training.data.figures import draw_figures

    settings = [*FEW, *EVERYTHING]
    assert show(None, input="1x28x28", set_recipe=settings, output="a.png") == 0
    words = [word for setting in settings for word in ("--set-recipe", setting)]
    assert run_words(["data", "show", "--data", "shapes", "--input", "1x28x28", *words, "-o", "b.png"]) == 0
    assert (folder / "a.png").read_bytes() == (folder / "b.png").read_bytes()
    assert show(None, input="1x28x28", set_recipe=[*settings, "seed=1"], output="b.png") == 0
    assert (folder / "a.png").read_bytes() != (folder / "b.png").read_bytes()
    images, _ = draw_figures(40, 1, 28, 28, seed=0, part="train")
    sheet = numpy.asarray(Pictures.open("a.png").convert("L"))
    found = [place for image in images[:, 0].numpy() for place in places_of(image.repeat(4, 0).repeat(4, 1), sheet)]
    assert len(found) == 10
    assert len({left for _, left in found}) == 1


def test_files_that_are_not_the_published_ones_are_shown_where_the_recipe_takes_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_fashion_mnist(folder / "data")
    options = {"data": "fashion-mnist", "data_dir": folder / "data", "output": "a.png"}
    assert show(None, **options) == 2
    assert "--set-recipe data.verify=false" in capsys.readouterr().err
    assert show(None, **options, set_recipe=["data.verify=false"]) == 0
    assert "\nankle boot              4              2\n" in capsys.readouterr().out


def test_pictures_in_folders_are_shown_as_they_are_read(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    cropped: list[bool] = []
    pixels = Augment.pixels

    def spy(self: Augment, images: Any, labels: Any, draws: Any, crops_done: bool) -> Any:
        cropped.append(crops_done)
        return pixels(self, images, labels, draws, crops_done)

    monkeypatch.setattr(Augment, "pixels", spy)
    for i in range(40):
        (folder / "pictures" / f"kind {i:02}").mkdir(parents=True)
        for number in range(2):
            Pictures.new("RGB", (30, 20), (6 * i, 80, 90)).save(folder / "pictures" / f"kind {i:02}" / f"{number}.png")
    for in_memory in ("true", "false"):
        settings = [f"data.in_memory={in_memory}", "augmentation.crop=0.5", "augmentation.saturation=0.5"]
        assert show(None, data="folder:pictures", input="3x24x24", set_recipe=settings, output="a.png") == 0
        output = capsys.readouterr().out
        assert "40 images to learn from, 40 to test on, 40 classes\nimages of 3x24x24\n" in output
        assert "\nkind 28              1              1\n11 more         1 to 1         1 to 1\n" in output
        sheet = numpy.asarray(Pictures.open("a.png").convert("RGB"))
        for row in range(10):  # Ten classes of the forty, spread evenly.
            assert sheet[100 + row * (96 + 15 + 10), 60].tolist() == [24 * row, 80, 90]

    assert cropped == [False] * 7 + [True] * 7


def test_names_of_classes_may_be_in_any_script(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from archdsl.training.sheet import _in_ascii

    for name in ("日本", "caf\N{LATIN SMALL LETTER E}\N{COMBINING ACUTE ACCENT}", "Zebra"):
        (folder / "pictures" / name).mkdir(parents=True)
        for number in range(2):
            Pictures.new("RGB", (30, 20), (6, 80, 90)).save(folder / "pictures" / name / f"{number}.png")
    assert show(None, data="folder:pictures", input="3x24x24", output="a.png") == 0
    output = capsys.readouterr().out
    assert "\nZebra              1" in output
    assert "\n日本               1" in output  # Each sign is two columns wide.
    assert "\ncafe\u0301               1" in output
    assert _in_ascii("café 日 \\") == r"cafe \u65e5 \\".replace(r"\\", "\\")


def test_names_below_mixed_images_have_both_classes() -> None:
    import torch

    from archdsl.training.augment import Targets
    from archdsl.training.data.image_set import DataSet, ImageSet
    from archdsl.training.sheet import _mixture

    empty = ImageSet(torch.zeros(0, 1, 2, 2).byte(), torch.zeros(0).long())
    data = DataSet("x", ("cat\x1b", "dog"), empty, empty)
    assert _mixture(data, Targets(torch.tensor([0]), torch.tensor([1]), 0.7), 0) == ("70% cat\\x1b", "30% dog")
    assert _mixture(data, Targets(torch.tensor([1])), 0) == ("dog",)


def test_no_picture_of_other_origin_is_written_over(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(None, input="1x28x28", set_recipe=FEW) == 0
    first = (folder / "data.png").read_bytes()
    assert show(None, input="1x28x28", set_recipe=[*FEW, "seed=1"]) == 0
    assert (folder / "data.png").read_bytes() != first
    Pictures.new("L", (4, 4)).save("data.png")
    mine = (folder / "data.png").read_bytes()
    capsys.readouterr()
    assert show(None, input="1x28x28", set_recipe=FEW) == 2
    assert (folder / "data.png").read_bytes() == mine
    assert "data.png is there, and no sheet of archdsl's; say with -o" in capsys.readouterr().err
    assert show(None, input="1x28x28", set_recipe=FEW, output="data.png") == 0
    assert (folder / "data.png").read_bytes() != mine


@pytest.mark.parametrize(
    ("spec", "options", "code", "message"),
    [
        ("wrong.arch", {}, 1, "cnov"),
        ("missing.arch", {}, 2, "missing.arch"),
        (None, {"output": "x.jpg"}, 2, "the sheet is a PNG, so -o x.jpg must end in .png"),
        (None, {"output": "no/x.png", "set_recipe": FEW}, 2, "no/x.png: there is no folder no"),
        (None, {"input": "784"}, 2, "--input 784: without a spec it is an image's size, as 3x96x96"),
        (None, {"settings": ["width=3"]}, 2, "--set is for a spec, and none is given"),
        (None, {"data": "shape"}, 2, "--data: there is no data set 'shape'; did you mean shapes?"),
        (
            "net.arch",
            {"set_recipe": ["augmentation.hue=0.1", *FEW]},
            2,
            "changes colours, and the images are grey",
        ),
        ("net.arch", {"set_recipe": ["augmentation.shift=28", *FEW]}, 2, "28 pixels leave nothing of images of"),
    ],
)
def test_what_can_not_be_shown_is_told_in_one_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    spec: str | None,
    options: dict[str, object],
    code: int,
    message: str,
) -> None:
    assert show(spec, **options) == code
    assert message in capsys.readouterr().err
    assert not list(folder.glob("*.png"))
