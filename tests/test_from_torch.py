"""`archdsl from-torch`: modules become specs that say just what they do, or are refused where they do it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

import archdsl
from archdsl.commands.from_torch import from_torch, told
from archdsl.from_torch.agree import Unfaithful, pairs
from archdsl.from_torch.convert import Converted, convert
from archdsl.from_torch.fold import fold
from archdsl.from_torch.graph import Node, Refusal
from archdsl.from_torch.structure import Branches, Chain, Item, Leaf, structure
from archdsl.from_torch.trace import trace
from archdsl.from_torch.verify import verify, with_weights_of
from archdsl.from_torch.write import write
from archdsl.network import Leaf as NetworkLeaf
from archdsl.network import Network, Sequence
from archdsl.network import Node as NetworkNode
from archdsl.shapes import Image, Vector

ROOT = Path(__file__).parent.parent


def converted(module: nn.Module, *sizes: int) -> Converted:
    return convert(module, Image(*sizes) if len(sizes) == 3 else Vector(*sizes), "A module.")


def chain_of(module: nn.Module, *sizes: int) -> str:
    """What stands below the input of the spec of a module, on one line."""
    return " ".join(converted(module, *sizes).text.partition(")\n")[2].split())


# Whole modules.


class BasicBlock(nn.Module):
    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.downsample = None
        if stride > 1 or channels_in != channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        y += x if self.downsample is None else self.downsample(x)
        return functional.relu(y, inplace=True)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.layer1 = nn.Sequential(BasicBlock(8, 8, 1), BasicBlock(8, 8, 1), BasicBlock(8, 8, 1))
        self.layer2 = nn.Sequential(BasicBlock(8, 16, 2), BasicBlock(16, 16, 1))
        self.layer3 = nn.Sequential(BasicBlock(16, 32, 2), BasicBlock(32, 32, 1))
        self.head = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer3(self.layer2(self.layer1(self.stem(x))))
        return self.head(x.mean((2, 3)))


def test_the_text_is_short_and_says_the_same_again() -> None:
    first, second = converted(Net(), 3, 16, 16), converted(Net(), 3, 16, 16)
    assert first.text == second.text == (ROOT / "tests" / "from_torch.arch").read_text(encoding="utf-8")
    assert first.verified == (0, 0)


def test_the_module_keeps_its_weights_and_statistics() -> None:
    module = Net()
    before = copy.deepcopy(module.state_dict())
    converted(module, 3, 16, 16)
    assert all(torch.equal(before[key], value) for key, value in module.state_dict().items())


@pytest.mark.slow  # What torch needs for `meta` takes seconds to import.
def test_a_module_without_numbers_is_written_and_not_run_beside() -> None:
    with torch.device("meta"):
        result = converted(Net(), 3, 16, 16)
    assert result.verified is None
    assert result.text == converted(Net(), 3, 16, 16).text


# One operation.


class Does(nn.Module):
    """A module of one function."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def shuffled(x: Tensor) -> Tensor:
    n, c, h, w = x.size()
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, -1, h, w)


def split(x: Tensor) -> Tensor:
    a, b = x.chunk(2, dim=1)
    return torch.cat((a, torch.tanh(b)), 1)


def changed_in_place(x: Tensor) -> Tensor:
    y = x.clone()
    y.relu_()
    y *= torch.sigmoid(x)
    return y


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: functional.relu(x).flatten(1), "relu flatten"),
        (lambda x: x.mean([2, 3]), "global_avgpool flatten"),
        (lambda x: x.mean((-1, -2), keepdim=True), "global_avgpool"),
        (lambda x: functional.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1), "global_avgpool flatten"),
        (lambda x: functional.adaptive_max_pool2d(x, (2, 1)).view(x.size(0), -1), "adaptive_pool((2, 1)) flatten"),
        (lambda x: functional.max_pool2d(x, 3, 2, 1, ceil_mode=True), "pool(3, 2, p1, ceil)"),
        (lambda x: functional.avg_pool2d(x, 2, count_include_pad=False), "avgpool(2, nopadcount)"),
        (lambda x: functional.pad(x, (0, 1, 0, 1)), "zero_pad(0, 1, 0, 1)"),
        (lambda x: functional.interpolate(x, scale_factor=2, mode="bilinear"), "upsample(2, bilinear)"),
        (lambda x: functional.interpolate(x, size=(16, 16)), "upsample(2)"),
        (lambda x: functional.pixel_shuffle(x, 2), "pixel_shuffle(2)"),
        (lambda x: functional.leaky_relu(x, 0.2).clamp(0, 6), "leaky_relu(0.2) relu6"),
        (lambda x: functional.dropout(x, 0.3, training=False), "dropout(0.3)"),
        (lambda x: functional.softmax(x.flatten(1), -1), "flatten softmax"),
        (lambda x: x[:, 1:3], "take_channels(1, 3)"),
        (lambda x: x + x, "add { identity | identity }"),
        (lambda x: x + x.relu() + x.tanh(), "add { identity | relu | tanh }"),
        (lambda x: x + (x.relu() + x.tanh()), "add { identity | add { relu | tanh } }"),
        (shuffled, "channel_shuffle(2)"),
        (split, "concat { take_channels(0, 2) | take_channels(2, 4) tanh }"),
        (changed_in_place, "mul { relu | sigmoid }"),
    ],
)
def test_a_function_is_a_word(function: Callable[[Tensor], Tensor], expected: str) -> None:
    assert chain_of(Does(function), 4, 8, 8) == expected


class ChannelsLast(nn.Module):
    """The branch of ConvNeXt, with its channels in the last axis."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(4, 1e-6)
        self.wide = nn.Linear(4, 8)
        self.narrow = nn.Linear(8, 4)
        self.gamma = nn.Parameter(torch.full((4,), 0.5))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm(x.permute(0, 2, 3, 1))
        y = self.gamma * self.narrow(functional.gelu(self.wide(y)))
        return x + y.permute(0, 3, 1, 2)


class SqueezeExcite(nn.Module):
    """Squeeze and excitation with linear layers, as it was first published."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Sequential(nn.Linear(4, 2, bias=False), nn.ReLU(), nn.Linear(2, 4, bias=False), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        n, c, _, _ = x.size()
        return x * self.fc(self.pool(x).view(n, c)).view(n, c, 1, 1).expand_as(x)


class Dense(nn.Module):
    """Each layer takes all that came before."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Conv2d(4 + 2 * turn, 2, 3, padding=1) for turn in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, 1)))
        return torch.cat(features, 1)


class CrossStage(nn.Module):
    """Every step is kept, and goes on: as in the blocks of YOLOv8."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 4, 1)
        self.steps = nn.ModuleList([nn.Conv2d(2, 2, 3, padding=1) for _ in range(2)])

    def forward(self, x: Tensor) -> Tensor:
        kept = list(self.first(x).chunk(2, 1))
        for step in self.steps:
            kept.append(step(kept[-1]))
        return torch.cat(kept, 1)


class UNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(4, 8, 3, padding=1)
        self.down2 = nn.Conv2d(8, 16, 3, padding=1)
        self.up = nn.ConvTranspose2d(16, 8, 2, 2)
        self.last = nn.Conv2d(16, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        high = self.down1(x).relu()
        low = self.down2(functional.max_pool2d(high, 2)).relu()
        return self.last(torch.cat([high, self.up(low)], dim=1))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (ChannelsLast(), "add { identity | layernorm(1e-06) conv(8, 1) gelu conv(4, 1) scale(0.5) }"),
        (
            SqueezeExcite(),
            "mul { identity | global_avgpool conv(2, 1, nobias) relu conv(4, 1, nobias) sigmoid }",
        ),
        (Dense(), "repeat(3) { concat { identity | conv(2, 3, p1) } }"),
        (
            CrossStage(),
            "conv(4, 1) concat { take_channels(0, 2) | take_channels(2, 4) concat { identity "
            "| conv(2, 3, p1) concat { identity | conv(2, 3, p1) } } }",
        ),
        (
            UNet(),
            "conv(8, 3, p1) relu "
            "concat { identity | pool(2) conv(16, 3, p1) relu conv_transpose(8, 2, s2) } conv(2, 1)",
        ),
        (
            nn.Sequential(nn.LazyConv2d(8, 3), nn.Hardswish(inplace=True), nn.Flatten(), nn.LazyLinear(3)),
            "conv(8, 3) hardswish flatten fc(3)",
        ),
        (
            nn.Sequential(nn.ZeroPad2d((1, 0, 1, 0)), nn.Conv2d(4, 4, 3, groups=4)),
            "zero_pad(1, 0, 1, 0) conv(4, 3, g=in_channels)",
        ),
        (
            nn.Sequential(nn.Conv2d(4, 4, 3, padding="same"), nn.AdaptiveAvgPool2d((2, 2))),
            "conv(4, 3, same) adaptive_avgpool(2)",
        ),
        (
            nn.Sequential(nn.ReLU(), nn.Dropout(0.1), nn.Identity(), nn.GroupNorm(2, 4)),
            "relu dropout(0.1) identity groupnorm(2)",
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_a_structure_is_nested_branches(module: nn.Module, expected: str) -> None:
    assert chain_of(module, 4, 8, 8) == expected


class Turns(nn.Module):
    """A class whose calls are too short to be a block, each with an inner module of one name."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(4, channels, 1), nn.Conv2d(channels, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


def test_no_label_is_given_twice_in_a_chain() -> None:
    assert chain_of(nn.Sequential(Turns(2), nn.ReLU(), Turns(3)), 4, 8, 8) == (
        "conv(2, 1) conv(4, 1) relu conv(3, 1) conv(4, 1)"
    )


def layers(channels_in: int, channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_in, 3, stride, 1, groups=channels_in, bias=False),
        nn.BatchNorm2d(channels_in),
        nn.ReLU(),
        nn.Conv2d(channels_in, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
        nn.ReLU(),
    )


class StochasticDepth(nn.Module):
    """As torchvision's."""

    def __init__(self, p: float, mode: str) -> None:
        super().__init__()
        self.p, self.mode = p, mode

    def forward(self, x: Tensor) -> Tensor:
        return x * (torch.rand(len(x), 1, 1, 1) > self.p) / (1 - self.p) if self.training else x


@pytest.mark.parametrize(("mode", "expected", "idle"), [("row", "relu drop_path(0.2)", ()), ("batch", "relu", ("1",))])
def test_what_works_in_training_alone_is_a_word_or_is_told(mode: str, expected: str, idle: tuple[str, ...]) -> None:
    module = nn.Sequential(nn.ReLU(inplace=True), StochasticDepth(0.2, mode), nn.Identity())
    assert chain_of(module, 4, 8, 8) == f"{expected} identity"
    assert converted(module, 4, 8, 8).idle == idle


def test_nameless_chains_that_are_alike_become_a_block() -> None:
    module = nn.Sequential(layers(4, 8, 1), layers(8, 16, 2), layers(16, 16, 1), layers(16, 16, 1), layers(16, 32, 2))
    text = converted(module, 4, 8, 8).text
    assert "block sequential_block(channels, stride=1) {" in text
    assert "repeat(2) { sequential_block(16) }" in text or text.count("sequential_block(16)") == 2


def test_a_module_that_does_nothing_is_one_layer() -> None:
    assert chain_of(nn.Identity(), 4, 8, 8) == "identity"
    assert chain_of(Does(lambda x: x), 4, 8, 8) == "identity"


@pytest.mark.slow  # What torch needs to compile takes seconds to import.
def test_what_torch_compiles_is_what_it_was_made_from() -> None:
    assert chain_of(torch.compile(nn.Sequential(nn.ReLU(), nn.Tanh())), 4, 8, 8) == "relu tanh"  # type: ignore[arg-type]


# What is refused.


class SharedLayer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(self.conv(x).relu())


class Crossing(nn.Module):
    """The first convolution goes into both sums, the second into one: no nesting of branches."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (nn.Conv2d(4, 4, 1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        a, b = self.a(x), self.b(x)
        return (a + b) * self.c(a).relu() + b.tanh()


class Draws(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x + torch.rand_like(x)


class LooksAtValues(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        if x.sum() > 0:
            return x
        return x.relu()


class ComputesMore(nn.Module):
    """What comes to nothing does not matter."""

    def forward(self, x: Tensor) -> Tensor:
        self.norm = (x.cumsum(1) ** 2).relu()
        return x.tanh()


class ChangesAPart(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        x = x.clone()
        x[:, 0] = 0
        return x


def nested(x: Tensor, depth: int) -> Tensor:
    return x.relu() if depth == 0 else x + nested(x.tanh(), depth - 1)


class Pair(nn.Module):
    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, x


class Half(nn.Module):
    """Inner modules are named where they fail."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3), Does(lambda x: x.fft() if hasattr(x, "fft") else x.cumsum(1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x)


@pytest.mark.parametrize(
    ("module", "message", "line"),
    [
        (SharedLayer(), "the weights `conv.weight` are used twice", "return self.conv(self.conv(x).relu())"),
        (Crossing(), "no nesting of branches brings it", "a, b = self.a(x), self.b(x)"),
        (Draws(), "no word of the language does what `rand_like` does", "return x + torch.rand_like(x)"),
        (LooksAtValues(), "depends on the values of a tensor", "if x.sum() > 0:"),
        (ChangesAPart(), "no word of the language changes a tensor, or a part of it", "x[:, 0] = 0"),
        (Does(lambda x: nested(x, 60)), "a spec can't say it: ", None),
        (Pair(), "the module gives a tuple of 2, and a network gives one tensor", None),
        (Half(), "no word of the language does what `cumsum` does", "x.cumsum(1)"),
        (Does(lambda x: x * 0.5), "does what `mul` does with 0.5 that does not come from the input", "x * 0.5"),
        (Does(lambda x: x.view(2, 2, -1)), "does what `view` does from 4x8x8 to 2x128", "x.view(2, 2, -1)"),
        (Does(lambda x: x.view(2, 2, 2, 8, 8)), "has its axes in another order", None),
        (
            Does(lambda x: x.transpose(2, 3)),
            "does what `transpose` does to the order (0, 1, 3, 2)",
            "x.transpose(2, 3)",
        ),
        (Does(lambda x: functional.dropout(x, 0.1)), "does what `dropout` does in evaluation too", "dropout(x, 0.1)"),
        (Does(lambda x: torch.ones(2, 3)), "what the module gives does not depend on its input", None),
        (nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect")), "with mode='reflect'", None),
        (nn.Sequential(nn.CELU()), "no word of the language does what `celu` does", None),
        (
            nn.Sequential(nn.Conv2d(3, 4, 3)),
            "the module fails on an input of 4x8x8: RuntimeError: Given groups=1",
            None,
        ),
        (nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3)), "with weight that is computed", None),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_what_has_no_word_is_refused_at_its_place(module: nn.Module, message: str, line: str | None) -> None:
    with pytest.raises(Refusal) as caught:
        converted(module, 4, 8, 8)
    assert message in caught.value.message
    place = caught.value.place
    if line is not None:
        assert place is not None
        assert Path(place.file) == Path(__file__)
        assert line in place.text


def test_what_comes_to_nothing_does_not_matter() -> None:
    assert chain_of(ComputesMore(), 4, 8, 8) == "tanh"


def test_a_refusal_is_shown_with_the_line_of_python() -> None:
    with pytest.raises(Refusal) as caught:
        converted(Half(), 4, 8, 8)
    lines = told(caught.value).splitlines()
    assert lines[0] == "error: no word of the language does what `cumsum` does"
    assert "tests/test_from_torch.py:" in lines[1]
    assert lines[1].endswith("of `body.1 (Does)`")
    start = lines[4].index("^")
    assert lines[3][start:].startswith("x.cumsum(1)")


# What was written is held against what was found.


def test_other_layers_than_were_found_are_noticed() -> None:
    graph, _, _ = trace(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Dropout(0.2)), Image(3, 8, 8))
    chain = structure(graph)
    network = archdsl.check("input(3, 8, 8) conv(4, 3) dropout(0.2)").network
    other = archdsl.check("input(3, 8, 8) conv(4, 3) dropout(0.3)").network
    assert network is not None
    assert other is not None
    assert len(pairs(chain, network)) == 2
    with pytest.raises(Unfaithful):
        pairs(chain, other)


@pytest.mark.parametrize("word", ["tanh", "relu6"])
def test_other_outputs_than_the_module_gives_are_noticed(word: str) -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    graph, batch, output = trace(module, Image(3, 8, 8))
    network = archdsl.check(f"input(3, 8, 8) conv(4, 3) batchnorm {word}").network
    assert network is not None
    leaves = [place.node for place in network.walk() if isinstance(place.node, NetworkLeaf)]
    found = [item for item in structure(graph) if isinstance(item, Leaf)]
    built = with_weights_of(module, network, list(zip(found, leaves, strict=True)))
    with pytest.raises(Refusal, match="is not what the module gives"):
        verify(module, built, batch * 100, output * 100)


# Without torch: any network folded is the same network.


def chain_from(node: NetworkNode) -> Chain:
    """A checked network as a chain that was found in a module."""
    if isinstance(node, NetworkLeaf):
        return (Leaf(Node(node.layer, (), node.output), node.input),)
    children = [chain_from(child) for _, child in node.children]
    if isinstance(node, Sequence):
        return tuple(item for child in children for item in child)
    joined: Item = Branches(Node(node.layer, (), node.output), tuple(children), node.input)
    return (joined,)


SPECS = [*sorted((ROOT / "tests" / "well_known").glob("*.arch")), *sorted((ROOT / "specs").glob("*.arch"))]


def folded_again(network: Network) -> str:
    chain = chain_from(network.root)
    text = write(fold(chain), network.input)
    again = archdsl.check(text)
    assert again.network is not None, text
    pairs(chain, again.network)
    return text


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_network_that_is_folded_is_the_same(path: Path) -> None:
    checked = archdsl.check(path)
    if checked.network is None or any(place.in_head for place in checked.network.walk()):
        pytest.skip("a library, or one with an auxiliary head, which no trace has")
    folded_again(checked.network)


def test_stages_become_one_loop() -> None:
    network = archdsl.check(
        """
        input(3, 64, 64)
        conv(16, 3, s2) batchnorm relu conv(16, 3) batchnorm relu conv(16, 3) batchnorm relu pool(2)
        conv(32, 3) batchnorm relu conv(32, 3) batchnorm relu conv(32, 3) batchnorm relu pool(2)
        flatten fc(10)
        """
    ).network
    assert network is not None
    text = folded_again(network)
    assert len(text.splitlines()) <= 9, text


# The command.


MODULE = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, channels=4, wide=False):
        super().__init__()
        self.conv = nn.Conv2d(3, channels * (2 if wide else 1), 3)

    def forward(self, x):
        return self.conv(x).relu()

class Needs(nn.Module):
    def __init__(self, channels):
        super().__init__()

class Fails(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, groups=2)

def number():
    return 3

instance = Net()
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_nets.py").write_text(MODULE)
    (tmp_path / "broken.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "wrong.py").write_text("def f(:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_the_spec_goes_to_a_file_or_to_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert from_torch("my_nets:Net", input="3x8x8", output="net.arch") == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(
        "net.arch: 3 lines, 112 parameters; built with the weights of `my_nets:Net` it gives the same"
    )
    written = (folder / "net.arch").read_text()
    assert from_torch("my_nets:instance", input="3x8x8", output="-") == 0
    assert not (folder / "-").exists()
    out, _ = capsys.readouterr()
    assert out == written.replace("my_nets:Net", "my_nets:instance").replace("# Net", "# instance")
    assert from_torch("my_nets:Net", input="3x8x8", output=None, call="channels=2, wide=True") == 0
    assert "conv(4, 3) relu" in capsys.readouterr().out
    assert from_torch("my_nets:instance", input="3x8x8", output="my_nets.py") == 2
    assert "-o my_nets.py would take the place of my_nets.py itself" in capsys.readouterr().err


def test_the_weights_go_to_a_file_that_knows_the_network(folder: Path) -> None:
    import my_nets  # type: ignore[import-not-found]
    from safetensors.torch import load_file

    assert from_torch("my_nets:instance", input="3x8x8", output="net.arch", weights="net.safetensors") == 0
    model = archdsl.build(archdsl.load("net.arch"))
    model.load_state_dict(load_file("net.safetensors"))
    x = torch.randn(2, 3, 8, 8)
    assert torch.equal(model(x), my_nets.instance(x))


@pytest.mark.parametrize(
    ("target", "options", "code", "message"),
    [
        ("my_nets", {}, 2, "a module is named as package.module:attribute, not `my_nets`; write `my_nets:Net`"),
        ("my_nets.py:Net", {}, 2, "not `my_nets.py:Net`; write `my_nets:Net`"),
        ("my_net:Net", {}, 2, "the Python module `my_net` is not installed, nor lies in this folder"),
        ("my_nets.more:Net", {}, 2, "the Python module `my_nets.more` is not there"),
        (
            "broken:Net",
            {},
            2,
            "ModuleNotFoundError: No module named 'nothing_of_this_name'",
        ),
        ("wrong:Net", {}, 2, "`wrong` can't be imported: SyntaxError"),
        ("my_nets:Nett", {}, 2, "`my_nets` has no `Nett`; did you mean `Net`?"),
        ("my_nets:torch", {}, 2, "`my_nets:torch` is neither an nn.Module nor gives one: it is a module"),
        ("my_nets:number", {}, 2, "`my_nets:number` gives a int, not an nn.Module"),
        ("my_nets:Needs", {}, 2, "missing 1 required positional argument: 'channels'"),
        ("my_nets:Fails", {}, 2, "ValueError: in_channels must be divisible by groups"),
        ("my_nets:instance", {"call": "channels=2"}, 2, "is a module already, and is not called"),
        ("my_nets:Net", {"call": "channels"}, 2, "--call takes name=value, ..."),
        ("my_nets:Net", {"call": "channels=print(1)"}, 2, "--call takes name=value, ..."),
        ("my_nets:Net", {"input": "3x8"}, 2, "`3x8` is not the shape of an input"),
        ("my_nets:Net", {"input": "4x8x8"}, 1, "the module fails on an input of 4x8x8: RuntimeError"),
        ("my_nets:Net", {"weights": "net.pt"}, 2, "--weights writes safetensors"),
        ("my_nets:Net", {"output": "no/such/folder.arch"}, 2, "no/such/folder.arch: there is no folder no/such"),
    ],
)
def test_mistakes_are_told_in_a_line(
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    target: str,
    options: dict[str, str],
    code: int,
    message: str,
) -> None:
    given = {"input": "3x8x8", "output": None, "call": "", **options}
    assert from_torch(target, **given) == code  # type: ignore[arg-type]
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err


# All of torchvision.


NOT_CONVOLUTIONAL = ("vit_", "swin_", "maxvit_")


def torchvision_models() -> list[str]:
    from torchvision import models

    return list(models.list_models(module=models))


MOST_LINES = {"resnet50": 24, "resnet152": 24, "vgg19": 14, "densenet201": 24, "mobilenet_v2": 36, "googlenet": 40}
"""How long some of the specs may be, blank lines and the comment counted."""


@pytest.mark.slow
def test_every_convolutional_classifier_of_torchvision_becomes_a_short_spec() -> None:
    from torchvision import models

    for name in torchvision_models():
        options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
        if name.startswith("regnet"):
            # Their sizes are computed with tensors, so they can't be made on `meta`: the largest take too long.
            if name.endswith(("16gf", "32gf", "128gf")):
                continue
            module = models.get_model(name, weights=None)
        else:
            with torch.device("meta"):
                module = models.get_model(name, weights=None, **options)
        shape = Image(3, 299, 299) if name == "inception_v3" else Image(3, 224, 224)
        if name.startswith(NOT_CONVOLUTIONAL):
            with pytest.raises(Refusal, match=r"does what `(reshape|pad)` does"):
                convert(module.to("meta"), shape, name)
            continue
        result = convert(module.to("meta"), shape, name)
        used = {key: value for key, value in module.named_parameters() if not key.startswith(result.unused or "-")}
        assert result.network.cost.parameters == sum(value.numel() for value in used.values()), name
        if name == "resnet50":
            page = (ROOT / "docs" / "from-torch.md").read_text(encoding="utf-8")
            assert result.text.partition("\n")[2] in page
        assert result.idle == ()
        lines = len(result.text.splitlines())
        assert lines <= MOST_LINES.get(name, 110), (name, lines)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "resnet50",
        "densenet121",
        "efficientnet_b0",
        "googlenet",
        "convnext_tiny",
        "shufflenet_v2_x0_5",
        "regnet_y_400mf",
    ],
)
def test_what_torchvision_gives_the_spec_gives(name: str) -> None:
    from torchvision import models

    options = {"init_weights": False} if name == "googlenet" else {}
    result = convert(models.get_model(name, weights=None, **options), Image(3, 64, 64), name)
    assert result.verified is not None
    assert max(result.verified) < 1e-5
    assert result.unused == (("aux1", "aux2") if name == "googlenet" else ())
