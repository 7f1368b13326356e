"""`archdsl report`: a page with all that a run was, whatever its texts are and whatever is missing."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest
import torch

from archdsl.backends.pytorch import build
from archdsl.commands.report import report
from archdsl.runs.evaluation import Evaluation, Mistake
from archdsl.runs.folder import WEIGHTS, RunFolder
from archdsl.runs.report_page import Evaluated, RunReport, report_page
from archdsl.runs.summary import summary_of
from archdsl.training.data.figures import FIGURES, draw_figures
from archdsl.training.review import png_of
from archdsl.weights.files import Normalization
from archdsl.weights.tensors import save_weights

from .folders import epochs, make_run
from .pages import Page, read

HOSTILE = "<script>alert(1)</script>&\"'\x1b]0;title\x07"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run on 40 test images, with weights that have learned nothing."""
    monkeypatch.chdir(tmp_path)
    command = {"command": ["train", "my nets/net.arch"]}
    made = make_run(
        Path("runs/net-1"), {"data": {"test": 40}}, epochs(3), environment=command, result={"test_accuracy": 0.125}
    )
    network = made.check().network
    assert network is not None
    torch.manual_seed(0)
    origin = made.origin()._replace(classes=tuple(FIGURES), normalization=Normalization((0.5,), (0.5,)))
    save_weights(made.path / WEIGHTS, build(network), origin)
    return made


def text_of(page: Page, tag: str) -> str:
    return " ".join(" ".join(page.texts.get(tag, [])).split())


def test_the_page_has_what_the_run_was_and_gets_wrong(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert report("runs/net-1", device="cpu") == 0
    assert capsys.readouterr().out == "the report is in runs/net-1/report.html\n"
    text = (run.path / "report.html").read_text()
    page = read(text)
    assert page.texts["h1"] == ["runs/net-1"]
    assert page.tags["figure"] == 3
    facts = dict(zip(page.texts["dt"], page.texts["dd"], strict=True))
    assert (facts["test accuracy"], facts["epochs"], facts["parameters"]) == ("0.1250", "3/5", "6,810")
    assert "conv(4, 3, s2)" in text_of(page, "span")
    assert "fc(10)" in text_of(page, "pre")
    assert "optimizer:" in text_of(page, "pre")
    assert "archdsl train 'my nets/net.arch'" in text_of(page, "pre")
    assert "2.14.0" in text_of(page, "td")

    # Every test image is in the matrix, and those shown are the images of the test set, bit for bit.
    table = re.search(r'<table class="confusion".*?</table>', text, re.DOTALL)
    assert table
    assert sum(map(int, re.findall(r">(\d+)</td>", table[0]))) == 40
    images, labels = draw_figures(40, 1, 28, 28, seed=0, part="test")
    shown = re.findall(r'src="data:image/png;base64,([^"]*)" alt="image (\d+) of class (\w+), taken for (\w+)"', text)
    assert len(shown) == 24
    for data, index, label, predicted in shown:
        assert label == tuple(FIGURES)[labels[int(index)]] != predicted
        assert torch.equal(pixels(b64decode(data)), images[int(index), 0])


def pixels(png: bytes) -> torch.Tensor:
    """A PNG as uint8 (height, width), or (height, width, 3) where it has colors."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png))
    assert picture.format == "PNG"
    found = torch.tensor(list(picture.tobytes()), dtype=torch.uint8)
    return found.view(picture.height, picture.width, *([3] if picture.mode == "RGB" else []))


def test_colors_are_kept_and_large_images_made_smaller() -> None:
    image = torch.randint(0, 256, (3, 5, 7), dtype=torch.uint8)
    assert torch.equal(pixels(png_of(image)), image.permute(1, 2, 0))
    assert pixels(png_of(torch.zeros(3, 300, 600, dtype=torch.uint8))).shape == (112, 224, 3)


def test_what_can_not_be_evaluated_is_left_out_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(Path("net-1"), {"data": {"name": "folder:none"}}, epochs(2))
    assert report("net-1/recipe.yaml", output="page.html") == 0
    told = "The kept weights could not be evaluated: the run has kept none yet"
    assert capsys.readouterr().out == f"the report is in page.html\n{told}\n"
    assert told in text_of(read(Path("page.html").read_text()), "p")
    network = run.check().network
    assert network is not None
    save_weights(run.path / WEIGHTS, build(network), run.origin()._replace(normalization=Normalization((0.5,), (0.5,))))
    assert report("net-1", output="page.html", device="cpu") == 0
    assert "could not be evaluated: none: there is no such folder" in capsys.readouterr().out
    assert report("net-1", output="page.html", evaluated=False) == 0
    assert capsys.readouterr().out == "the report is in page.html\n"
    page = read(Path("page.html").read_text())
    assert page.tags["polyline"] == 5
    assert "The kept weights were not evaluated." in text_of(page, "p")


def test_wrong_use_is_a_line(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    assert report("runs") == 2
    assert capsys.readouterr().err.startswith("archdsl: runs: not the folder of a run")
    assert report("runs/net-1", output="none/page.html", evaluated=False) == 2
    assert capsys.readouterr().err.startswith("archdsl: none/page.html: ")
    assert report("runs/net-1", output="") == 2
    capsys.readouterr()
    kept = (run.path / "recipe.yaml").read_text()
    assert report("runs/net-1", output="runs/net-1/recipe.yaml", evaluated=False) == 2
    assert capsys.readouterr().err == "archdsl: the page is HTML, so -o runs/net-1/recipe.yaml must end in .html\n"
    assert (run.path / "recipe.yaml").read_text() == kept
    (run.path / "metrics.jsonl").write_text('{"epoch": 1}\n')
    capsys.readouterr()
    assert report("runs/net-1") == 2
    assert (
        capsys.readouterr().err == "archdsl: runs/net-1/metrics.jsonl:1: not a line of metrics as archdsl writes it\n"
    )


def evaluated(classes: tuple[str, ...]) -> Evaluated:
    """One in ten of each class is taken for the next one."""
    count = len(classes)
    confusion = tuple(
        tuple({row: 90, (row + 1) % count: 10}.get(column, 0) for column in range(count)) for row in range(count)
    )
    worst = (Mistake(7, 0, 1, 0.875, 0.01),)
    found = Evaluation(100 * count, 0.5, 0.9, None, 0.025, (), confusion, worst)
    return Evaluated("validation", found, classes, (b"\x89PNG",), 28)


def report_on(run: RunFolder, found: Evaluated | None, drawing: str | None = None) -> RunReport:
    network, files = run.check().network, run.origin().files
    assert network is not None
    recipe, environment = run.recipe_text(), run.environment()
    return RunReport(
        summary_of(run), tuple(run.metrics()), network, drawing, files, recipe, environment, found, HOSTILE
    )


def test_texts_from_files_start_nothing(tmp_path: Path) -> None:
    environment = {"device": HOSTILE, HOSTILE: HOSTILE, "command": ["train", HOSTILE]}
    spec = f"# {HOSTILE.replace(chr(27), '').replace(chr(7), '')}\ninput(1, 28, 28)\nflatten fc(2)\n"
    recipe = {"data": {"name": f"folder:{HOSTILE}"}}
    run = make_run(tmp_path / "<b>&", recipe, epochs(2), spec, "<i>.arch", environment)
    for found in (evaluated((HOSTILE, "other", "x" * 300)), None):
        page = read(report_page(report_on(run, found, drawing=f"<svg>{HOSTILE}</svg>")))
        assert not {"b>&", "i"} & page.tags.keys()
        shown = "".join(page.texts["main"])
        assert "<script>alert(1)</script>&\"'\\x1b]0;title\\x07" in shown


def test_of_many_classes_the_most_frequent_confusions_are_told(run: RunFolder) -> None:
    names = tuple(f"class-{i}" for i in range(1000))
    text = report_page(report_on(run, evaluated(names)))
    assert len(text) < 500_000
    assert 'class="confusion"' not in text
    table = re.search(r'aria-label="the most frequent confusions">.*?</table>', text, re.DOTALL)
    assert table
    assert table[0].count("<tr>") == 21
    assert (
        '<th scope="row">class-0</th><td>class-1</td><td class="number">10</td><td class="number">0.100</td>'
        in table[0]
    )


def test_where_nothing_is_confused_it_is_told(run: RunFolder) -> None:
    found = evaluated(tuple(f"class-{i}" for i in range(50)))
    right = tuple(tuple(100 if row == column else 0 for column in range(50)) for row in range(50))
    page = read(report_page(report_on(run, found._replace(evaluation=found.evaluation._replace(confusion=right)))))
    assert "No image was taken for one of another class." in page.texts["p"]


def test_the_command_of_another_program_is_not_called_ours(tmp_path: Path) -> None:
    for number, (command, is_told) in enumerate(((["train", "x.arch"], True), (["--fast", "x"], False), ([], False))):
        run = make_run(tmp_path / f"net-{number}", environment={"command": command})
        assert ("archdsl train x.arch" in report_page(report_on(run, None))) == is_told
        assert ("archdsl --fast" in report_page(report_on(run, None))) is False


def test_weights_that_were_deleted_are_told(run: RunFolder, capsys: pytest.CaptureFixture[str]) -> None:
    (run.path / WEIGHTS).unlink()
    assert report("runs/net-1", output="page.html") == 0
    told = "The kept weights could not be evaluated: weights.safetensors is not there any more"
    assert capsys.readouterr().out.endswith(f"\n{told}\n")


def test_a_folder_that_takes_no_page_is_told_before_the_evaluation(
    run: RunFolder, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os.access", lambda path, mode: False)  # As root, all may be written to.
    assert report("runs/net-1") == 2
    told = "archdsl: runs/net-1 can't be written to; say with -o where the page is to go\n"
    assert capsys.readouterr().err == told
    assert report("runs/net-1", output="page.html", evaluated=False) == 0


def test_a_run_that_has_just_begun_has_a_page(tmp_path: Path) -> None:
    page = read(report_page(report_on(make_run(tmp_path / "net-1"), None)))
    assert "figure" not in page.tags


def test_without_evaluation_no_torch_is_needed(run: RunFolder) -> None:
    code = (
        "import sys; from archdsl.commands.report import report\n"
        "code = report('runs/net-1', evaluated=False)\n"
        "assert not {'torch', 'rich'} & {*sys.modules}, 'slow to import'\n"
        "sys.exit(code)"
    )
    environment = {"PYTHONPATH": str(Path(__file__).parents[2])}
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert (result.returncode, result.stderr) == (0, "")
