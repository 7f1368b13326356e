"""Weights in and out: the tensors of a network, which of a file go where, and files that are not as they should be."""

from __future__ import annotations

import json
import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import train
from safetensors.torch import save_file
from test_specs import CASES, Case, aligned, fill, name_of, on_meta
from torch import nn

import archdsl
from archdsl.backends.pytorch import build
from archdsl.commands.check import check as check_command
from archdsl.commands.show import show
from archdsl.commands.weights import load as load_command
from archdsl.layers import LAYERS
from archdsl.network import Network
from archdsl.reference import example_network
from archdsl.weights import tensors
from archdsl.weights.errors import WeightsError
from archdsl.weights.files import Origin, metadata_of, read_header, read_origin
from archdsl.weights.match import Match, match
from archdsl.weights.state import Entry, state_of

ROOT = Path(__file__).parent.parent
ALL_SPECS = [*sorted((ROOT / "specs").glob("*.arch")), *sorted((ROOT / "tests" / "well_known").glob("*.arch"))]

SMALL = """let classes = 10
input(3, 8, 8)
stem: { conv(8, 3, nobias) batchnorm relu }
repeat(2) { part: add { conv(8, 3, p1) | identity } }
aux(0.3) { global_avgpool flatten fc(classes) }
global_avgpool flatten fc(classes)
"""


def network_of(text: str, **settings: int) -> Network:
    network = archdsl.check(text, set=settings).network
    assert network is not None
    return network


# The tensors of a network.


def assert_state_is_that_of_torch(network: Network) -> None:
    with torch.device("meta"):
        model = build(network)
    expected = [(key, tuple(tensor.shape)) for key, tensor in model.state_dict().items()]
    ours = state_of(network)
    assert [(each.key, each.shape) for each in ours] == expected
    assert all(isinstance(size, int) for each in ours for size in each.shape)


@pytest.mark.parametrize("word", LAYERS)
def test_the_tensors_of_a_word_are_those_of_torch(word: str) -> None:
    assert_state_is_that_of_torch(example_network(LAYERS[word].example))


@pytest.mark.parametrize(
    "call",
    [
        "conv(8, (3, 1), g=2, nobias)",
        "conv_transpose(6, 3, g=2, nobias)",
        "conv_transpose(6, (1, 2), g=2)",
        "flatten fc(3, nobias)",
        "flatten batchnorm scale layernorm",
        "scale groupnorm(2)",
    ],
)
def test_the_tensors_of_a_call_are_those_of_torch(call: str) -> None:
    assert_state_is_that_of_torch(network_of(f"input(4, 9, 9) {call}"))


@pytest.mark.slow
@pytest.mark.parametrize("path", ALL_SPECS, ids=lambda path: path.stem)
def test_the_tensors_of_a_spec_are_those_of_torch(path: Path) -> None:
    checked = archdsl.check(path)
    network = checked.network or archdsl.check(path, input="3x224x224").network
    assert network is not None
    assert_state_is_that_of_torch(network)


def test_tensors_of_heads_know_their_head() -> None:
    heads = {each.key: each.head for each in state_of(network_of(SMALL))}
    assert heads["3.2.weight"] == "3"
    assert heads["6.weight"] is None


# Which goes where.


def matched(theirs: nn.Module | list[tuple[str, tuple[int, ...]]], network: Network, in_order: bool = True) -> Match:
    if isinstance(theirs, nn.Module):
        theirs = [(key, tuple(tensor.shape)) for key, tensor in theirs.state_dict().items()]
    return match([Entry(*each) for each in theirs], state_of(network), in_order)


def renamed(names: dict[str, str], network: Network) -> list[tuple[str, tuple[int, ...]]]:
    """The tensors of a network, the first parts of their keys renamed, in the order of `names`."""
    entries = [(key.partition("."), shape) for key, shape, *_ in state_of(network)]
    return [(names[old] + dot + rest, shape) for name in names for (old, dot, rest), shape in entries if old == name]


def ways(found: Match) -> dict[str, str]:
    assert found.difference is None, found.difference
    return {pair.ours.key: pair.theirs.key for pair in found.pairs}


def test_the_same_keys_go_to_each_other_in_any_order() -> None:
    network = network_of(SMALL)
    theirs = [(key, shape) for key, shape, *_ in reversed(state_of(network))]
    found = matched(theirs, network)
    assert all(ours == there for ours, there in ways(found).items())
    assert found.by_key == len(theirs)
    assert [pair.ours.key for pair in found.pairs] == [each.key for each in state_of(network)]


def test_a_wrapping_is_taken_off() -> None:
    network = network_of(SMALL)
    theirs = [(f"module.model.{key}", shape) for key, shape, *_ in state_of(network)]
    assert ways(matched(theirs, network)) == {key: f"module.model.{key}" for key, *_ in state_of(network)}


def test_names_of_both_go_to_each_other_and_the_rest_in_order() -> None:
    """As in torchvision's GoogLeNet, whose heads come last but for the classifier."""
    network = network_of("input(4) a: fc(4) aux(0.3) { fc(4) } b: fc(4) c: fc(4)")
    theirs = renamed({"a": "a", "b": "b", "c": "last", "1": "head"}, network)
    ours = ways(matched([*theirs[:4], *theirs[6:], *theirs[4:6]], network))
    assert ours["a.weight"] == "a.weight"
    assert ours["b.bias"] == "b.bias"
    assert ours["1.0.weight"] == "head.0.weight"
    assert ours["c.weight"] == "last.weight"


def test_numbers_are_places_and_no_names() -> None:
    network = network_of("input(4) fc(4) relu fc(4) relu fc(4)")
    theirs = renamed({"0": "0", "2": "1", "4": "2"}, network)
    assert ways(matched(theirs, network))["2.weight"] == "1.weight"


def test_a_tensor_goes_to_one_of_its_own_last_name_alone() -> None:
    network = network_of("input(4, 8, 8) batchnorm")
    theirs = [("bn.bias", (4,)), ("bn.weight", (4,)), ("bn.running_mean", (4,)), ("bn.running_var", (4,))]
    assert ways(matched(theirs, network))["0.weight"] == "bn.weight"
    assert matched([(key.replace("weight", "gamma"), shape) for key, shape in theirs], network).difference is not None


def test_linear_layers_on_pixels_are_convolutions() -> None:
    network = network_of("input(4, 8, 8) conv(8, 1)")
    assert ways(matched(nn.Sequential(nn.Linear(4, 8)), network)) == {"0.weight": "0.weight", "0.bias": "0.bias"}
    model = archdsl.build(network)
    assert model[0].weight.shape == (8, 4, 1, 1)


def test_counters_of_batches_may_be_missing() -> None:
    network = network_of("input(4, 8, 8) conv(4, 1) batchnorm conv(4, 1) batchnorm")
    theirs = [("a" + key, shape) for key, shape, *_ in state_of(network)]
    assert ways(matched(theirs, network))["3.num_batches_tracked"] == "a3.num_batches_tracked"
    found = matched([each for each in theirs if "tracked" not in each[0]], network)
    assert [each.key for each in found.counters] == ["1.num_batches_tracked", "3.num_batches_tracked"]
    assert len(ways(found)) == len(theirs) - 2


def test_a_file_without_order_goes_by_the_order_of_names() -> None:
    named = [(f"{part}{i}.bias", (4,)) for i in (2, 10) for part in ("conv", "bn")]
    named += [(f"{part}{i}.weight", shape) for i in (2, 10) for part, shape in (("conv", (4, 4, 3, 3)), ("bn", (4,)))]
    network = network_of("input(4, 9, 9) conv(4, 3) layernorm conv(4, 3) layernorm")
    ours = ways(matched(sorted(named), network, in_order=False))
    assert ours["0.weight"] == "conv2.weight"
    assert ours["3.bias"] == "bn10.bias"


def test_many_tensors_are_matched_at_once() -> None:
    network = network_of("input(4) repeat(1500) { fc(4) }")
    theirs = [("net.deep." + key, shape) for key, shape, *_ in state_of(network)]
    assert matched(theirs, network).difference is None
    deep = [("a." * 10_000 + "weight", (4, 4))]
    assert matched(deep, network).difference is not None


# What is said where they do not fit.


@pytest.mark.parametrize(
    ("theirs", "ours", "told"),
    [
        ("fc(7)", "fc(10)", ["there: `0.weight`, 7x4", "here:  `0.weight`, 10x4, <text>:1:10 `fc(10)`", "--except 0 "]),
        ("fc(4) fc(7)", "fc(4) fc(10)", ["another number of classes: 7 there, 10 here"]),
        ("fc(4)", "fc(4) fc(10)", ["there: nothing more", "and 1 more", "the network is deeper", "--except 1 "]),
        ("fc(4) fc(10)", "fc(4)", ["here:  nothing more", "deeper network", "--except 1 "]),
        ("fc(6) fc(10)", "fc(5) fc(10)", ["another width"]),
        ("fc(4)", "fc(4, nobias)", ["a bias there, and none here"]),
        ("fc(4, nobias) fc(3)", "fc(4) fc(3)", ["a bias here, and none there"]),
    ],
)
def test_the_first_difference_is_explained(theirs: str, ours: str, told: list[str], tmp_path: Path) -> None:
    torch.save(build(network_of(f"input(4) {theirs}")).state_dict(), tmp_path / "theirs.pt")
    with pytest.raises(WeightsError) as raised:
        archdsl.load_weights(archdsl.check(f"input(4) {ours}"), tmp_path / "theirs.pt")
    for each in told:
        assert each in str(raised.value)
    assert raised.value.does_not_fit


@pytest.mark.parametrize(
    ("theirs", "ours", "told"),
    [
        ("input(3, 9, 9) conv(4, 3)", "input(1, 9, 9) conv(4, 3)", "another input: 3 channels there, 1 here"),
        ("input(3, 9, 9) conv(4, 3) conv(2, 1)", "input(3, 9, 9) conv(4, 5) conv(2, 1)", "another kernel"),
        (
            "input(3, 9, 9) conv(4, 3) flatten fc(5)",
            "input(3, 8, 8) conv(4, 3) flatten fc(5)",
            "196 features come in there, 144 here: another input size",
        ),
        (
            "input(3, 9, 9) repeat(3) { part: { conv(4, 1) batchnorm inner: { conv(4, 1) batchnorm } } }",
            "input(3, 9, 9) repeat(2) { part: { conv(4, 1) batchnorm inner: { conv(4, 1) batchnorm } } }",
            "with --except part3 such parts are not used",
        ),
        (
            "input(3, 9, 9) repeat(2) { part: { conv(4, 1) batchnorm inner: { conv(4, 1) batchnorm } } }",
            "input(3, 9, 9) repeat(3) { part: { conv(4, 1) batchnorm inner: { conv(4, 1) batchnorm } } }",
            "with --except part3 such parts are not loaded",
        ),
        (
            "input(3, 9, 9) conv(4, 3) conv(4, 3)",
            "input(3, 9, 9) conv(4, 3) aux(1) { conv(4, 3) } conv(4, 3)",
            "--except 1",
        ),
    ],
)
def test_what_differs_is_named(theirs: str, ours: str, told: str, tmp_path: Path) -> None:
    torch.save(build(network_of(theirs)).state_dict(), tmp_path / "theirs.pt")
    with pytest.raises(WeightsError) as raised:
        archdsl.load_weights(archdsl.check(ours), tmp_path / "theirs.pt")
    assert told in str(raised.value)


def test_other_classes_keep_what_is_excepted(tmp_path: Path) -> None:
    torch.save(build(network_of(SMALL)).state_dict(), tmp_path / "ten.pt")
    network = network_of(SMALL, classes=7)
    with pytest.raises(WeightsError, match=r"10 there, 7 here; --except 3\.2 --except 6 takes all other weights"):
        archdsl.load_weights(network, tmp_path / "ten.pt")
    torch.manual_seed(1)
    model = archdsl.load_weights(network, tmp_path / "ten.pt", leave_out=("3.2", "6"))
    torch.manual_seed(1)
    assert torch.equal(model.state_dict()["6.weight"], build(network).state_dict()["6.weight"])
    assert torch.equal(model.state_dict()["part1.0.weight"], torch.load(tmp_path / "ten.pt")["part1.0.weight"])
    with pytest.raises(WeightsError, match="neither the file nor the network has a module `prat1`; did you mean part1"):
        archdsl.load_weights(network, tmp_path / "ten.pt", leave_out=("prat1",))


# Files.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nets").mkdir()
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "b.arch").write_text("block stem(c) { conv(c, 3, s2) relu }\n")
    spec = 'import "../common/b.arch"\nlet width = 4\ninput(1, 16, 16)\nstem(width) global_avgpool flatten fc(10)\n'
    (tmp_path / "nets" / "net.arch").write_text(spec)
    return tmp_path


def saved(folder: Path, **settings: int) -> nn.Module:
    network = archdsl.check(folder / "nets" / "net.arch", set=settings, root=folder).network
    assert network is not None
    model = build(network)
    torch.save(model.state_dict(), "net.pt")
    return model


def test_a_file_of_weights_holds_its_network(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = saved(folder, width=6)
    arguments = {"root": ".", "settings": ["width=6"], "out": "net.safetensors"}
    assert load_command("nets/net.arch", "net.pt", verbose=True, **arguments) == 0
    out = capsys.readouterr().out
    assert "0.0.weight   0.0.weight      6x1x3x3  key" in out
    assert "net.pt into nets/net.arch: 4 tensors, all by key" in out
    for path in ("nets/net.arch", "common/b.arch"):
        (folder / path).unlink()
    assert check_command(["net.safetensors"]) == 0
    assert "1x16x16 gives 10" in capsys.readouterr().out
    assert load_command("net.safetensors", "net.safetensors", out="again.safetensors") == 0
    assert Path("again.safetensors").read_bytes() == Path("net.safetensors").read_bytes()
    assert show("net.safetensors") == 0
    assert "made with --set width=6" in capsys.readouterr().out
    origin = read_origin(Path("net.safetensors"))
    assert (origin.spec, origin.input, origin.settings) == ("nets/net.arch", "1x16x16", {"width": "6"})
    assert archdsl.load_weights(model, "net.safetensors") is model
    network = archdsl.load("net.safetensors")
    assert network.cost.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert archdsl.load("net.safetensors", input="1x20x20", set={"width": 8}).root.children[0][1].output[0] == 8
    with pytest.raises(archdsl.ArchitectureError, match=r"net\.pt\.safetensors can't be read: no such file"):
        archdsl.load("net.pt.safetensors")


def test_training_starts_from_weights_and_leaves_some(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short: dict[str, Any] = {"epochs": 1, "limit_train": 16, "limit_test": 16, "batch_size": 16, "device": "cpu"}
    model = saved(folder)
    Path("slow.yaml").write_text("optimizer:\n  name: sgd\n  lr: 1e-9\n")
    options: dict[str, Any] = {"root": ".", "recipe": Path("slow.yaml"), **short}
    assert train("nets/net.arch", weights=Path("net.pt"), **options) == 0
    assert "net.pt into nets/net.arch: 4 tensors, all by key" in capsys.readouterr().out
    header = read_header(Path("runs/net-1/weights.safetensors"))
    assert header.in_order
    assert header.origin is not None
    assert len(set(header.origin.classes or ())) == 10
    assert header.origin.lines[0].startswith("classes: disc, ring, ")
    assert re.fullmatch(r"pixels from 0 to 1, less 0\.\d+, divided by 0\.\d+", header.origin.lines[1])
    assert header.origin.normalization is not None
    assert len(header.origin.normalization.mean) == 1
    after = archdsl.load_weights(build_again(folder), "runs/net-1/weights.safetensors").state_dict()
    for key, tensor in model.state_dict().items():
        torch.testing.assert_close(after[key], tensor, atol=1e-6, rtol=0)
    assert json.loads(Path("runs/net-1/environment.json").read_text())["weights"] == "net.pt"

    assert train("nets/net.arch", weights=Path("net.pt"), settings=["width=6"], **options) == 1
    assert "another width: 4 channels there, 6 here" in capsys.readouterr().err
    assert train("nets/net.arch", weights=Path("nothing.pt"), **options) == 2
    assert train("nets/net.arch", leave_out=["3"], **options) == 2
    assert train("nets/net.arch", weights=Path("net.pt"), leave_out=["3"], **options) == 0
    after = archdsl.load_weights(build_again(folder), "runs/net-2/weights.safetensors").state_dict()
    assert not torch.allclose(after["3.weight"], model.state_dict()["3.weight"])
    torch.testing.assert_close(after["0.0.weight"], model.state_dict()["0.0.weight"], atol=1e-6, rtol=0)


def build_again(folder: Path) -> nn.Module:
    network = archdsl.check(folder / "nets" / "net.arch", root=folder).network
    assert network is not None
    return build(network)


class Bomb:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path("exploded"),))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"w": Bomb()}, "which could run code, and is not read"),
        (nn.Linear(2, 2), "save the state dict alone"),
        ([1, 2], "no state dict, but a list"),
        ({}, "there are no tensors in it"),
        ({"epoch": 3}, "`epoch` is no tensor"),
        ({3: torch.ones(2)}, "`3` is no tensor"),
        ({"\x1b[31m": 3}, "`\\x1b[31m` is no tensor"),
        ({"model": {"0.weight": torch.ones(3, 4), "0.bias": torch.ones(3).int()}}, "`0.bias` is int32, not floating"),
    ],
)
def test_files_of_torch_that_are_no_weights(content: Any, told: str, folder: Path) -> None:
    torch.save(content, "theirs.pt")
    with pytest.raises(WeightsError) as raised:
        archdsl.load_weights(archdsl.check("input(4) fc(3)"), "theirs.pt")
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not Path("exploded").exists()


def test_state_dicts_in_checkpoints_are_found(folder: Path) -> None:
    network = network_of("input(4) fc(3)")
    model = build(network)
    for name in ("state_dict", "model_state_dict", "model"):
        torch.save({"epoch": 3, name: model.state_dict()}, "theirs.pt")
        assert torch.equal(archdsl.load_weights(network, "theirs.pt")[0].weight, model[0].weight)  # type: ignore[index]


def edited(change: Any) -> bytes:
    """The file `net.safetensors` with its header changed."""
    data = Path("net.safetensors").read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    header["__metadata__"]["archdsl"] = json.loads(header["__metadata__"]["archdsl"])
    change(header)
    ours = header["__metadata__"].get("archdsl")
    if not isinstance(ours, str | None):
        header["__metadata__"]["archdsl"] = json.dumps(ours)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def ours(name: str, value: Any) -> Any:
    return lambda header: header["__metadata__"]["archdsl"].update({name: value})


@pytest.mark.parametrize(
    "change",
    [
        lambda header: header["__metadata__"].update(archdsl="{"),
        lambda header: header["__metadata__"].update(archdsl="[" * 100_000),
        lambda header: header["__metadata__"].update(archdsl="[]"),
        lambda header: header["__metadata__"].update(other=3),
        lambda header: header.update(__metadata__=[]) or header.update(__metadata__={"archdsl": "3"}),
        lambda header: header["0.0.bias"].update(shape=[-1]),
        lambda header: header["0.0.bias"].update(shape=[2**70]),
        lambda header: header["0.0.bias"].update(shape="4"),
        lambda header: header["0.0.bias"].update(dtype=None),
        lambda header: header["0.0.bias"].update(data_offsets=[0, 2**50]),
        lambda header: header["0.0.bias"].pop("data_offsets"),
        lambda header: header.pop("0.0.bias"),
        ours("version", 2),
        ours("version", "\x1b[31m"),
        ours("keys", 3),
        ours("keys", ["0.0.bias"]),
        ours("keys", [[]]),
        ours("files", []),
        ours("files", {"net.arch": 3}),
        ours("files", {"../net.arch": ""}),
        ours("files", {"/etc/net.arch": ""}),
        ours("files", {f"{i}.arch": "" for i in range(1000)}),
        ours("spec", "other.arch"),
        ours("spec", None),
        ours("settings", {"width": 6}),
        ours("input", [1, 16, 16]),
        ours("classes", [1]),
        ours("classes", "abc"),
        ours("normalization", [0.5]),
        ours("normalization", {"mean": [float("nan")], "std": [1.0]}),
        ours("normalization", {"mean": [0.5]}),
    ],
)
def test_damaged_headers_are_one_line(change: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(folder)
    assert load_command("nets/net.arch", "net.pt", root=".", out="net.safetensors") == 0
    Path("net.safetensors").write_bytes(edited(change))
    capsys.readouterr()
    assert load_command("nets/net.arch", "net.safetensors", root=".", out="x.safetensors") == 2
    err = capsys.readouterr().err
    assert err.startswith("archdsl: net.safetensors: ")
    assert err.count("\n") == 1
    assert "\x1b" not in err
    assert check_command(["net.safetensors"]) == 2
    assert not Path("x.safetensors").exists()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        struct.pack("<Q", 2**60) + b"{}",
        struct.pack("<Q", 2) + b"{",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 2) + b"\xff\xff",
        struct.pack("<Q", 5) + b"{}   more",
        b"PK\x03\x04" + b"\0" * 100,
        b"\x80\x02.",
    ],
)
def test_foreign_bytes_are_one_line(data: bytes, folder: Path) -> None:
    for name in ("theirs.safetensors", "theirs.pt"):
        Path(name).write_bytes(data)
        with pytest.raises(WeightsError) as raised:
            archdsl.load_weights(archdsl.check("input(4) fc(3)"), name)
        assert str(raised.value).startswith(f"{name}: ")
        assert "\n" not in str(raised.value)


def test_a_spec_in_a_file_goes_through_the_checker(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(folder)
    assert load_command("nets/net.arch", "net.pt", root=".", out="net.safetensors") == 0
    texts = {"net.arch": 'import "../../etc/passwd"\nimport "b.arch"\nimport "c.arch"\ninput(3)\nfc(\x1b)\n'}
    texts["b.arch"] = "block b { fc(\ud800) }"

    def change(header: Any) -> None:
        header["__metadata__"]["archdsl"].update(spec="net.arch", files=texts)

    Path("net.safetensors").write_bytes(edited(change))
    capsys.readouterr()
    assert check_command(["net.safetensors"]) == 1
    out = capsys.readouterr().out
    assert "error[forbidden-character]" in out
    assert "net.safetensors/net.arch:5:4" in out
    assert "\x1b" not in out
    texts["net.arch"] = texts["net.arch"].replace("\x1b", "3")
    Path("net.safetensors").write_bytes(edited(change))
    assert check_command(["net.safetensors"]) == 1
    out = capsys.readouterr().out
    assert "error[import-outside-root]" in out
    assert "error[not-utf-8]" in out
    assert "not in the file of weights" in out
    assert "\x1b" not in out


def test_weights_of_others_have_no_network(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_file({"a.weight": torch.ones(3, 4), "a.bias": torch.ones(3)}, "theirs.safetensors")
    assert archdsl.load_weights(archdsl.check("input(4) fc(3)"), "theirs.safetensors")
    assert check_command(["theirs.safetensors"]) == 2
    assert "no spec is kept in it" in capsys.readouterr().out
    assert load_command("nets/net.arch", "theirs.safetensors", root=".", out="net.pt") == 2


@pytest.mark.parametrize("kinds", [[torch.float16, torch.bool], list(tensors._DTYPES)], ids=["usual", "all"])
def test_what_is_written_is_what_safetensors_writes(tmp_path: Path, kinds: list[torch.dtype]) -> None:
    from safetensors.torch import load_file, save

    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Linear(3, 1)).to(memory_format=torch.channels_last)
    for number, kind in enumerate(kinds):
        model.register_buffer(f"of_{number}", torch.arange(3 + number).to(kind).reshape(1, -1))
    model.register_buffer("none", torch.zeros(0, 3))
    model.register_buffer('ümlaut "quoted"', torch.tensor(2.5))
    origin = Origin("ü.arch", {"ü.arch": "# \x1b é \u2028\n"}, "4", {"a": '"'}, ("b\n",))
    tensors.save_weights(tmp_path / "own.safetensors", model, origin)
    written, state = (tmp_path / "own.safetensors").read_bytes(), model.state_dict()
    contiguous = {key: tensor.contiguous() for key, tensor in state.items()}
    if len(kinds) == 2:  # Of numbers of one width, safetensors has an order of its own.
        assert written == save(contiguous, metadata_of(origin, list(state)))
    loaded = load_file(tmp_path / "own.safetensors")
    assert all(torch.equal(loaded[key], tensor) and loaded[key].dtype == tensor.dtype for key, tensor in state.items())
    assert read_header(tmp_path / "own.safetensors").origin == origin


@pytest.mark.slow
def test_weights_are_written_without_a_copy(tmp_path: Path) -> None:
    """The peak of memory grows by less than one tensor, of ten."""
    code = """
import resource, sys, torch
from pathlib import Path
from archdsl.weights.files import Origin
from archdsl.weights.tensors import save_weights
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
origin = Origin("x.arch", {"x.arch": ""}, "4")
save_weights(Path(sys.argv[1]), torch.nn.Linear(1, 1), origin)
model = torch.nn.Sequential(*(torch.nn.Linear(2000, 2000) for _ in range(10)))
before = peak()
save_weights(Path(sys.argv[1]), model, origin)
print(peak() - before)
"""
    arguments = [sys.executable, "-c", code, str(tmp_path / "w.safetensors")]
    result = subprocess.run(arguments, capture_output=True, text=True, check=True)
    assert int(result.stdout) < 16_000


def test_a_file_that_can_not_be_written_is_told(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    saved(folder)
    assert load_command("nets/net.arch", "net.pt", root=".", out="nowhere/net.safetensors") == 2
    assert "nowhere/net.safetensors: there is no folder nowhere" in capsys.readouterr().err
    assert load_command("nets/net.arch", "net.pt", root=".", out="net.safetensors") == 0
    before = Path("net.safetensors").read_bytes()
    for spec in ("nets/net.arch", "net.safetensors"):
        capsys.readouterr()
        assert load_command(spec, "net.safetensors", root=".", out="./net.safetensors") == 2
        assert "would take the place of net.safetensors itself, which is read" in capsys.readouterr().err
    assert load_command("net.safetensors", "net.pt", out="net.safetensors") == 2
    assert Path("net.safetensors").read_bytes() == before
    with zipfile.ZipFile("net.pt2", "w") as archive:
        archive.writestr("archive/models/model.json", "{}")
    assert load_command("nets/net.arch", "net.pt2", root=".", out="x.safetensors") == 2
    assert "net.pt2: a program of torch.export or TorchScript, and no state dict" in capsys.readouterr().err


# Torchvision's own models.

OF_TORCHVISION = [case for case in CASES if case.keys is None]


@pytest.mark.slow
@pytest.mark.parametrize("case", OF_TORCHVISION, ids=name_of)
def test_weights_of_torchvision_go_where_the_outputs_are_the_same(case: Case) -> None:
    """Where they go is compared with the pairs with which `test_specs.py` proves that the outputs are the same."""
    network = case.network()
    theirs = on_meta(case.reference)
    expected = {mine.key: its.key for mine, its in aligned(on_meta(build, network), theirs)}
    assert ways(matched(theirs, network)) == expected
    by_name = sorted((key, tuple(tensor.shape)) for key, tensor in theirs.state_dict().items())
    found = matched(by_name, network, in_order=False)
    # Without their order they may be refused, and go nowhere else.
    assert found.difference is not None or ways(found) == expected


@pytest.mark.slow
@pytest.mark.parametrize("case", [case for case in OF_TORCHVISION if case.quick and not case.is_large], ids=name_of)
def test_a_file_of_torchvision_gives_its_outputs(case: Case, folder: Path) -> None:
    torch.manual_seed(0)
    theirs = case.reference().eval()
    fill(theirs)
    old = {key: tensor for key, tensor in theirs.state_dict().items() if "num_batches_tracked" not in key}
    torch.save(old, "theirs.pth")
    network = case.network(case.small[0] if case.small else None)
    ours = archdsl.load_weights(network, "theirs.pth").eval()
    x = torch.randn(1, *network.input)
    with torch.no_grad():
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-4)
