"""`archdsl export --to python`: the source builds the network that archdsl builds, and reads as a person's."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
import test_random_specs
import torch
from torch import nn

import archdsl
from archdsl.backends import pytorch_modules
from archdsl.layers import LAYERS
from archdsl.python_source import torch_arguments
from archdsl.python_source.source import python_source
from archdsl.source import Source
from archdsl.specs_page import VARIANTS, Variant

ROOT = Path(__file__).parent.parent
SPECS = sorted([*(ROOT / "specs").glob("*.arch"), *(ROOT / "tests" / "well_known").glob("*.arch")])


def source_of(spec: str | Path | Source, settings: dict[str, str] | None = None) -> tuple[archdsl.Network, str]:
    checked = archdsl.check(spec, set=settings)
    assert checked.network is not None, str(checked)
    return checked.network, python_source(checked, checked.network)


def run(source: str) -> nn.Sequential:
    """The network of a source, whose last function builds it."""
    names: dict[str, Any] = {"__name__": "exported"}
    exec(compile(source, "exported.py", "exec"), names)
    main = [each.name for each in ast.parse(source).body if isinstance(each, ast.FunctionDef)][-1]
    model: nn.Sequential = names[main]()
    return model


def modules_of(model: nn.Module) -> list[tuple[str, str, str]]:
    """Every module with its key, its class and its arguments."""
    return [(key, type(module).__name__, module.extra_repr()) for key, module in model.named_modules()]


def assert_same(spec: str | Path | Source, settings: dict[str, str] | None = None) -> str:
    """The source builds module for module what archdsl builds; returns it."""
    network, source = source_of(spec, settings)
    with torch.device("meta"):
        ours, theirs = archdsl.build(network), run(source)
    assert modules_of(theirs) == modules_of(ours), source
    shapes = [(key, each.shape) for key, each in ours.state_dict().items()]
    assert [(key, each.shape) for key, each in theirs.state_dict().items()] == shapes, source
    return source


FORMS = {
    "a loop that changes its channels": "input(3, 9, 9) for c in (4, 8) { conv(c, 3, p1) relu }",
    "turns with labels": "input(3, 9, 9) for (n, c) in ((1, 4), (2, 8)) { stage: { repeat(n) { conv(c, 1) } } }",
    "a loop in a loop, and what it leaves is not what it found": (
        "input(4, 9, 9) for c in (8, 4) { conv(c, 1) }\n"
        "repeat(2) { seq { for c in (8, 16) { conv(c, 1) } } conv(4, 1) }\n"
        "repeat(3) { for c in (8, 16) { conv(c, 1) relu } conv(4, 1) }"
    ),
    "loops in branches on one input": (
        "input(4, 9, 9) repeat(2) { conv(in_channels + 1, 1) }\n"
        "concat { repeat(2) { conv(in_channels * 2, 1) } | conv(in_channels, 1) | for c in (7, 9) { conv(c, 1) } }"
    ),
    "branches with labels": "input(4, 9, 9) add { one: conv(4, 1) | conv(4, 1) relu | two: identity }",
    "a condition in each turn": (
        "input(4, 9, 9) for (c, pool_it) in ((8, true), (8, false), (6, true)) {\n"
        "  if pool_it { pool(2, 1) } else if c == 8 { conv(c, 1) relu }\n"
        "  conv(c, 1)\n"
        "}"
    ),
    "a block for images and vectors": (
        "block both { batchnorm relu }\ninput(4, 3, 3) both conv(8, 1) both flatten both fc(3)"
    ),
    "parameters of every kind": (
        "block unit((a, (b, c)), k=3, s=1, plain=false, rate=0.1) {\n"
        "  conv(a, k, p=k // 2, s=s, nobias=plain) conv(b, (1, c)) dropout(rate)\n"
        "}\n"
        "input(4, 20, 20) unit((4, (6, 2))) unit((8, (6, 1)), 5, s2) unit((4, (2, 3)), k=1, plain=true, rate=0.5)"
    ),
    "blocks in blocks": (
        "block inner(c) { conv(c, 1) relu }\nblock outer(c, n) { repeat(n) { inner(c / 2) } inner(c) }\n"
        "input(3, 5, 5) outer(8, 2) outer(16, 1) stage: outer(4, 0)"
    ),
    "lets, and functions of values": (
        "let sizes = (8, 12, 20)\nlet deep = 2\n"
        "block unit { let wide = make_divisible(in_channels * 1.3, 4) conv(round(wide / 2.0), 1) "
        "conv(max(wide, len(sizes), min(sizes)), 1) }\n"
        "input(3, 5, 5) for (c, k) in zip(sizes, range(3)) { conv(choose(k == 0, c, c * deep), 1) unit }"
    ),
    "what is skipped": (
        "input(3, 5, 5) repeat(0) { relu } part: { repeat(0) { relu } } for c in (2, 3) { repeat(0) { tanh } if c == 3 "
        "{ conv(c, 1) } } repeat(2) { if false { relu } }"
    ),
    "norms of what the spec does not give": (
        "block unit(groups) { groupnorm(groups) layernorm scale(0.5) instancenorm take_channels(2, in_channels) }\n"
        "input(12, 5, 5) unit(2) unit(5) channel_shuffle(4) pixel_shuffle(2) conv_transpose(6, 2, s2) zero_pad(1) "
        "flatten layernorm scale fc(9)"
    ),
    "auxiliary heads": (
        "block head { global_avgpool flatten fc(3) }\n"
        "input(3, 9, 9) conv(8, 3) aux(0.3) { head } side: aux(0.1) { conv(4, 1) last: head } head"
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_language_is_built_alike(form: str) -> None:
    assert_same(FORMS[form])


@pytest.mark.parametrize("word", LAYERS)
def test_every_word_is_built_alike(word: str) -> None:
    shape, call = LAYERS[word].example.split(": ", 1)
    assert_same(f"input({shape.replace('x', ', ')}) {call}")


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.stem)
def test_every_spec_is_built_alike(spec: Path) -> None:
    """In each of its variants."""
    for variant in VARIANTS.get(spec.stem, (Variant(""),)):
        settings = [setting.partition("=") for setting in variant.settings.split()]
        assert_same(spec, {name: value for name, _, value in settings})


def agree_on_random_specs(seeds: range) -> int:
    count = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for seed in seeds:
            draw = test_random_specs.Draw(seed)
            shape, chain = draw.spec()
            text = test_random_specs.written(draw.blocks, shape, chain)
            if archdsl.check(text).network is not None:
                count += 1
                assert_same(text)
    return count


def test_random_specs_are_built_alike() -> None:
    assert agree_on_random_specs(range(60)) > 10


@pytest.mark.slow
def test_many_random_specs_are_built_alike() -> None:
    assert agree_on_random_specs(range(5000, 10000)) > 800


OUTPUTS = """
import sys, warnings
import torch
import archdsl
from archdsl.python_source.source import python_source
from pathlib import Path

warnings.simplefilter("ignore")
for path in map(Path, sys.argv[1:]):
    checked = archdsl.check(path)
    sizes = archdsl.accepted_sizes(path)
    if sizes is not None:
        # The smallest picture, for the sake of time.
        checked = archdsl.check(path, input=(checked.network.input[0], *sizes.least().values()))
    source = python_source(checked, checked.network)
    names = {"__name__": "exported"}
    exec(compile(source, path.name, "exec"), names)
    ours = archdsl.build(checked.network)
    theirs = [value for value in names.values() if getattr(value, "__module__", "") == "exported"][-1]()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, *checked.network.input)
    with torch.no_grad():
        assert torch.equal(ours.eval()(x), theirs.eval()(x)), path
        torch.manual_seed(1)
        expected = ours.train()(x)
        torch.manual_seed(1)
        assert torch.equal(expected, theirs.train()(x)), path
    print(path.stem)
"""


@pytest.mark.slow
def test_every_spec_gives_the_same_numbers() -> None:
    """In evaluation and in training, with the draws of dropout and of drop_path."""
    result = subprocess.run(
        [sys.executable, "-c", OUTPUTS, *map(str, SPECS)], capture_output=True, text=True, cwd=ROOT, timeout=600
    )
    assert result.stdout.split() == [path.stem for path in SPECS], result.stderr


def test_heads_and_random_draws_give_the_same_numbers() -> None:
    text = (
        "input(3, 9, 9) conv(8, 3) aux(0.3) { global_avgpool flatten dropout(0.5) fc(3) }\n"
        "add { conv(8, 3, p1) drop_path(0.5) | identity } mul { identity | global_avgpool conv(8, 1) sigmoid }\n"
        "layernorm scale(0.5) take_channels(1, 7) concat { conv(2, 1) | identity }\n"
        "dropout2d global_avgpool flatten fc(3)"
    )
    network, source = source_of(text)
    ours, theirs = archdsl.build(network), run(source)
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(6, *network.input)
    for mode in (True, False):
        outputs = []
        for model in (ours.train(mode), theirs.train(mode)):
            torch.manual_seed(1)
            outputs.append(model(x))
        assert torch.equal(*outputs)
    assert "def auxiliary_outputs" in source


@pytest.mark.slow  # To import torchvision takes seconds.
def test_drop_path_draws_as_torchvision_does() -> None:
    from torchvision.ops import StochasticDepth

    x = torch.randn(64, 3, 2, 2)
    for p in (0.0, 0.3, 1.0):
        torch.manual_seed(1)
        theirs = StochasticDepth(p, mode="row").train()(x)
        torch.manual_seed(1)
        assert torch.equal(pytorch_modules.StochasticDepth(p).train()(x), theirs)
        assert torch.equal(pytorch_modules.StochasticDepth(p).eval()(x), x)


# How it reads


def test_a_source_reads_as_a_person_writes() -> None:
    spec = (
        "# Residual units.\n\n"
        "# He et al. 2016.\n"
        "block unit(channels, s=1) {\n"
        "  add {\n"
        "      conv(channels, 3, s=s, p1) relu conv(channels, 3, p1)\n"
        "    | if s == 1 and in_channels == channels { identity } else { conv(channels, 1, s=s) }\n"
        "  }\n"
        "  relu\n"
        "}\n"
        "let classes = 10\n"
        "input(3, 32, 32)\n"
        "conv(16, 3, p1) relu\n"
        "for (n, channels) in ((2, 16), (3, 32)) { unit(channels, s2) repeat(n - 1) { unit(channels) } }\n"
        "global_avgpool flatten fc(classes)\n"
    )
    source = assert_same(Source("small.arch", spec))
    assert source.startswith('"""small.arch as PyTorch, written by archdsl.\n')
    assert (
        source[source.index("# He et al.") :]
        == """\
# He et al. 2016.
def unit(in_channels: int, channels: int, s: int = 1) -> nn.Sequential:
    if s == 1 and in_channels == channels:
        branch2 = nn.Sequential(nn.Identity())
    else:
        branch2 = nn.Sequential(nn.Conv2d(in_channels, channels, kernel_size=1, stride=s))
    return nn.Sequential(
        Add(
            nn.Sequential(
                nn.Conv2d(in_channels, channels, kernel_size=3, stride=s, padding=1),
                nn.ReLU(),
                nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            ),
            branch2,
        ),
        nn.ReLU(),
    )


def small() -> nn.Sequential:
    layers = [nn.Conv2d(3, 16, kernel_size=3, padding=1), nn.ReLU()]
    in_channels = 16
    for n, channels in ((2, 16), (3, 32)):  # 16x32x32 to 32x8x8
        layers += [unit(in_channels, channels, s=2), *[unit(channels, channels) for _ in range(n - 1)]]
        in_channels = channels
    return nn.Sequential(
        *layers,
        nn.AdaptiveAvgPool2d(1),  # 32x1x1
        nn.Flatten(1),  # 32
        nn.Linear(in_channels, CLASSES),  # 10
    )


if __name__ == "__main__":
    print(small().eval()(torch.zeros(1, 3, 32, 32)).shape)
"""
    )


def test_googlenet_is_a_page_and_resnet_152_no_longer() -> None:
    """Each with the classes that it needs, and the comments of its spec."""
    assert len(source_of(ROOT / "specs" / "googlenet.arch")[1].splitlines()) <= 105
    checked = archdsl.check(ROOT / "specs" / "resnet.arch", set={"depth": 152})
    assert checked.network is not None
    assert len(python_source(checked, checked.network).splitlines()) <= 105


@pytest.mark.parametrize(
    "specs", [list(FORMS.values()), pytest.param(SPECS, marks=pytest.mark.slow)], ids=["forms", "specs"]
)
def test_formatters_and_linters_have_nothing_to_say(specs: list[str | Path], tmp_path: Path) -> None:
    ruff = [Path(sys.executable).with_name("ruff")]
    for number, spec in enumerate(specs):
        (tmp_path / f"net_{number}.py").write_text(source_of(spec)[1])
    options = ["--isolated", "--no-cache", "--line-length", "120", str(tmp_path)]
    for command in (["format", "--diff"], ["check"]):
        result = subprocess.run([*ruff, *command, *options], capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


# Names and text that mean something in Python


def test_names_that_python_or_torch_takes_are_changed() -> None:
    spec = (
        "let torch = 8\n"
        "block lambda(class, print) { conv(class, 1) conv(print, 1) }\n"
        "block nn(lambda) { lambda: conv(lambda, 1) None: relu class: lambda(lambda, 3) }\n"
        "block Concat(range) { repeat(range) { conv(in_channels * 2, 1) } }\n"
        "block def { concat { conv(torch, 1) | identity } }\n"
        "block in_shape(self, len) { conv(self, len) }\n"
        "input(3, 5, 5)\n"
        "nn(4) nn(6) Concat(2) Concat(1) def import_: def in_shape(4, 1) in_shape(2, 3)\n"
    )
    assert_same(Source("class.arch", spec))


@pytest.mark.parametrize(
    "name", ["nn.arch", "1.arch", "x y.arch", "é.arch", '"""\nimport os\n"""', "a\\", "..", "-", "print.arch", "*/$(x)"]
)
def test_no_file_name_becomes_code(name: str) -> None:
    source = assert_same(Source(name, "input(3, 5, 5) conv(2, 1)"))
    body = ast.parse(source).body
    assert [type(each) for each in body] == [ast.Expr, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.If]
    assert "os" not in [alias.name for each in body if isinstance(each, ast.Import) for alias in each.names]


def test_no_comment_becomes_code() -> None:
    hostile = [
        '"""',
        "\\",
        "'''",
        "%s {x} \\N{BULLET}",
        "\x0b\x0c import os",
        "\u2028import os",
        "-*- coding: utf-7 -*-",
    ]
    for comment in hostile:
        spec = f"# {comment}\n\n# {comment}\nblock b(c) {{ conv(c, 1) }}\ninput(3, 5, 5) b(3) # {comment}\nb(4)\n"
        checked = archdsl.check(spec)
        if checked.network is None:  # Control characters stand in no spec.
            continue
        body = ast.parse(assert_same(spec)).body
        kinds = [ast.Expr, ast.Import, ast.ImportFrom, ast.FunctionDef, ast.FunctionDef, ast.If]
        assert [type(each) for each in body] == kinds


def test_settings_are_told_and_are_no_code() -> None:
    checked = archdsl.check("let width = 3\ninput(3, 5, 5) conv(width, 1)", set={"width": 7})
    assert checked.network is not None
    source = python_source(checked, checked.network, {"width": '7"""\nimport os'})
    assert source.startswith('"""<text>, width=7\\"\\"\\" import os as PyTorch')
    assert "WIDTH = 7\n" in source
    run(source)


def test_deep_and_wide_specs_are_written_all_the_same() -> None:
    """Python takes no more than 20 loops and 200 parentheses in each other."""
    loops = "".join(f"for c{n} in ({n % 3 + 1}, 2) {{ " if n < 4 else "repeat(1 + 0) { " for n in range(40))
    assert_same(f"input(3, 5, 5) {loops} conv(4, 1) {'}' * 40}")
    assert_same(f"input(3, 5, 5) {'seq { ' * 95} conv(4, 1) {'}' * 95}")
    assert_same(f"input(3, 5, 5) {'add { identity | ' * 50} conv(3, 1) {'}' * 50}")
    assert_same("input(3, 5, 5) repeat(500) { relu }" + " relu" * 500)


def test_what_is_taken_as_torch_s_defaults_is_so() -> None:
    for word in LAYERS:
        shape, call = LAYERS[word].example.split(": ", 1)
        network = archdsl.check(f"input({shape.replace('x', ', ')}) {call}").network
        assert network is not None
        for place in network.walk():
            layer = getattr(place.node, "layer", None)
            made = layer.module(place.node.input) if layer is not None else None
            cls = getattr(nn, made.name, None) or getattr(pytorch_modules, made.name) if made else None
            if cls is None or made is None:
                continue
            parameters = inspect.signature(cls).parameters
            for keyword, value in torch_arguments.DEFAULTS.items():
                field = torch_arguments.SWITCHED.get(keyword, torch_arguments.FIELDS.get(keyword, keyword))
                has_default = keyword in parameters and parameters[keyword].default is not inspect.Parameter.empty
                if (
                    has_default
                    and field in LAYERS[word].fields_by_name
                    and not (keyword == "stride" and "Pool" in made.name)
                ):
                    assert parameters[keyword].default == value, (made.name, keyword)
    assert set(torch_arguments.OWN_MODULES) == {
        name
        for name, value in vars(pytorch_modules).items()
        if inspect.isclass(value) and value.__module__ == pytorch_modules.__name__
    }
