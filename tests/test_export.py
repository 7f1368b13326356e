"""`archdsl export`: its options, the files that it writes, and what others make of them."""

from __future__ import annotations

import ast
import io
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import archdsl
from archdsl.commands import export as command
from archdsl.commands.export import export

ROOT = Path(__file__).parent.parent
SMALL = "input(3, 9, 9)\nconv(4, 3) relu\nglobal_avgpool flatten fc(2)\n"
EVERY_WORD = (
    "input(4, 16, 16) conv(8, 3, p1, g2) batchnorm relu aux(0.5) { global_avgpool flatten fc(4) }\n"
    "add { conv(8, 3, p1) layernorm scale(0.5) drop_path(0.2) | identity } conv_transpose(8, 2, s2) groupnorm(2)\n"
    "concat { pool(3, 1, p1) take_channels(0, 4) | avgpool(3, 1, p1) channel_shuffle(2) } instancenorm lrn\n"
    "mul { identity | global_avgpool conv(12, 1) hardsigmoid } zero_pad(1, 0, 1, 0) upsample(2) gelu silu mish\n"
    "upsample(2, bilinear) pool(2) dropout2d pixel_shuffle(2) prelu elu leaky_relu(0.1) hardswish relu6\n"
    "adaptive_avgpool(4) adaptive_pool(2) global_pool flatten layernorm scale batchnorm dropout(0.3) tanh sigmoid\n"
    "fc(4) log_softmax\n"
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.arch").write_text(SMALL)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "say what to export to: --to python, --to onnx or --to pt2"),
        ({"output": "net.bin"}, "say what to export to: -o net.bin does not end in .py, .onnx, .pt2"),
        ({"to": "onnx"}, "--to onnx needs a file to write: -o net.onnx"),
        ({"to": "pt2", "output": "-"}, "--to pt2 needs a file to write: -o net.pt2"),
        ({"output": "a.py/"}, "-o a.py/ names a folder, not a file"),
        (
            {"to": "python", "output": "a.onnx"},
            "--to python, and -o a.onnx ends as onnx does; which is meant is not clear",
        ),
        ({"to": "python", "seed": 1}, "--seed is for onnx and pt2; Python source holds no weights"),
        ({"output": "a.py", "weights": "w.pt"}, "--weights is for onnx and pt2; Python source holds no weights"),
        ({"output": "a.pt2", "weights": "w.pt", "seed": 1}, "--seed is for random weights, and --weights gives others"),
        ({"output": "a.pt2", "weights": "w.pt"}, "w.pt: no such file or directory"),
        ({"to": "python", "output": "net.arch"}, "-o net.arch would take the place of net.arch itself, which is read"),
        ({"output": "missing/a.py"}, "missing/a.py: there is no folder missing"),
    ],
)
def test_wrong_use_is_told(
    options: dict[str, str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.iterdir())
    assert export("net.arch", **options) == 2
    assert capsys.readouterr().err == f"archdsl: {message}\n"
    assert sorted(folder.iterdir()) == before
    assert (folder / "net.arch").read_text() == SMALL


def test_source_goes_to_standard_output_or_to_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export("net.arch", to="python") == 0
    printed = capsys.readouterr().out
    assert export("net.arch", output="net.py") == 0
    assert (folder / "net.py").read_text() == printed
    assert capsys.readouterr().out == "net.py: 24 lines, takes batch x 3x9x9, gives batch x 2\n"


def test_a_spec_with_errors_writes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "net.arch").write_text("input(3, 9, 9) conv(4, 30)")
    assert export("net.arch", output="net.py") == 1
    assert "window-too-large" in capsys.readouterr().err
    assert not (folder / "net.py").exists()


def test_a_package_that_is_missing_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert export("net.arch", output="net.onnx", quiet=True) == 2
    assert capsys.readouterr().err == "archdsl: --to onnx needs the package onnx: pip install 'archdsl[onnx]'\n"


@pytest.mark.slow
def test_weights_beyond_one_file_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from archdsl.backends import pytorch_export

    pytest.importorskip("onnx")
    monkeypatch.setattr(pytorch_export, "MOST_BYTES", 100)
    assert export("net.arch", output="net.onnx", quiet=True) == 2
    assert "and a file of ONNX holds" in capsys.readouterr().err
    assert not (folder / "net.onnx").exists()


def outputs(model: nn.Module, spec: str) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Batches of several sizes, with what the model in evaluation mode makes of them."""
    network = archdsl.check(spec).network
    assert network is not None
    with torch.no_grad():
        return [(x := torch.randn(size, *network.input), model.eval()(x)) for size in (1, 2, 5)]


@pytest.mark.slow
@pytest.mark.parametrize("spec", [SMALL, EVERY_WORD], ids=["small", "every word"])
def test_an_exported_program_gives_the_same_numbers(spec: str, folder: Path) -> None:
    (folder / "net.arch").write_text(spec)
    assert export("net.arch", output="net.pt2", seed=3, quiet=True) == 0
    torch.manual_seed(3)
    model = archdsl.build("net.arch")
    data = (folder / "net.pt2").read_bytes()
    assert str(ROOT).encode() not in data
    program = torch.export.load(io.BytesIO(data)).module()
    for x, y in outputs(model, spec):
        torch.testing.assert_close(program(x), y)


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [SMALL, EVERY_WORD, *map(Path, ["specs/lenet.arch", "specs/googlenet_paper.arch", "specs/mobilenet_v3.arch"])],
    ids=["small", "every word", "lenet", "googlenet_paper", "mobilenet_v3"],
)
def test_onnx_gives_the_same_numbers(spec: str | Path, folder: Path) -> None:
    """In onnxruntime, for batches of any size; with weights that were trained, or as good as."""
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    text = spec if isinstance(spec, str) else (ROOT / spec).read_text(encoding="utf-8")
    (folder / "net.arch").write_text(text)
    torch.manual_seed(5)
    model = archdsl.build("net.arch")
    torch.save(model.state_dict(), folder / "net.pt")
    assert export("net.arch", output="net.onnx", weights="net.pt", quiet=True) == 0
    data = (folder / "net.onnx").read_bytes()
    assert str(ROOT).encode() not in data
    assert sorted(path.name for path in folder.iterdir()) == ["net.arch", "net.onnx", "net.pt"]
    session = onnxruntime.InferenceSession(data)
    assert [each.name for each in (*session.get_inputs(), *session.get_outputs())] == ["input", "output"]
    for x, y in outputs(model, text):
        (found,) = session.run(None, {"input": x.numpy()})
        torch.testing.assert_close(torch.from_numpy(found), y, rtol=1e-3, atol=1e-4)


@pytest.mark.slow
def test_every_word_is_among_those_exported() -> None:
    from archdsl.layers import LAYERS

    words = set(EVERY_WORD.replace("(", " ").split())
    assert set(LAYERS) - words == {"softmax"}


def test_an_interrupted_export_leaves_the_old_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "net.py").write_text("old")

    def fail(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(command, "write_bytes", fail)
    assert export("net.arch", output="net.py") == 2
    assert (folder / "net.py").read_text() == "old"


def test_nothing_loads_what_could_run_code() -> None:
    """Exported programs hold programs, and torch's files may hold pickles: none is loaded but as plain tensors."""
    loaded = []
    for path in sorted((ROOT / "archdsl").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            assert called not in ("torch.export.load", "onnx.load", "onnx.load_model", "torch.jit.load"), path
            assert not called.startswith(("pickle.", "torch.hub.", "onnx.load")), path
            if called == "torch.load":
                loaded.append(path.name)
                safe = [each for each in node.keywords if each.arg == "weights_only"]
                assert [ast.unparse(each.value) for each in safe] == ["True"], path
    assert loaded
