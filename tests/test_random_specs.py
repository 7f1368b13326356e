"""Random specs, held against torch both ways: what checks runs, what torch refuses is refused.

A spec is drawn as a tree. It is written as text for the checker, and run by an interpreter that knows torch and
nothing of archdsl; the two must agree on whether it is a network, on its output, its parameters and multiply-adds.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from tries import TRIES

import archdsl
from archdsl.diagnostics.render import render

Tree = tuple[Any, ...]

BATCH = 2
"""Of one sample, a norm over one value would be refused."""


class Refused(Exception):
    """What the reference refuses and torch would let pass: broadcasting, `fc` on pictures, empty branches."""


def need(condition: bool) -> None:
    if not condition:
        raise Refused


# Drawing


class Draw:
    """Draws the trees of one spec."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.labels = 0
        self.blocks: list[tuple[str, list[tuple[str, int | None]], list[Tree]]] = []

    def spec(self) -> tuple[tuple[int, ...], list[Tree]]:
        for number in range(self.random.randrange(3)):
            parameters: list[tuple[str, int | None]] = [("c", None), ("k", 1), ("n", 1)][: self.random.randrange(1, 4)]
            names = [name for name, _ in parameters]
            body = self.chain(3, names)
            self.blocks.append((f"b{number}", parameters, body))
        shape = self.random.choice([(4, 12, 12), (6, 9, 15), (1, 8, 8), (24,), (8, 1, 1)])
        # At file level a let has no `in_channels`, so the chain stands in a body.
        return shape, [("seq", self.chain(4, []))]

    def chain(self, depth: int, names: list[str]) -> list[Tree]:
        items: list[Tree] = []
        names = list(names)
        for _ in range(self.random.choice((1, 1, 2, 2, 3))):
            if self.random.random() < 0.1:
                name = f"v{self.labels}"
                self.labels += 1
                items.append(("let", name, self.value(names)))
                names.append(name)
            items.append(self.item(depth, names))
        return items

    def item(self, depth: int, names: list[str]) -> Tree:
        if depth == 0 or self.random.random() < 0.55:
            return self.layer(names)
        kind = self.random.choice(("seq", "label", "repeat", "for", "if", "join", "join", "call"))
        if kind == "call" and not self.blocks:
            kind = "join"
        inner = depth - 1
        if kind == "seq":
            return ("seq", self.chain(inner, names))
        if kind == "label":
            self.labels += 1
            return ("label", f"x{self.labels}", self.chain(inner, names))
        if kind == "repeat":
            return ("repeat", self.random.choice((0, 1, 2, 3)), self.chain(inner, names))
        if kind == "for":
            self.labels += 1
            name = f"i{self.labels}"
            values = tuple(self.random.choice((1, 2, 4)) for _ in range(self.random.choice((1, 2, 3))))
            return ("for", name, values, self.chain(inner, [*names, name]))
        if kind == "if":
            condition = (self.value(names), self.random.choice(("==", "<", ">=")), ("n", self.random.choice((1, 2, 4))))
            otherwise = self.chain(inner, names) if self.random.random() < 0.6 else None
            return ("if", condition, self.chain(inner, names), otherwise)
        if kind == "join":
            word = self.random.choice(("concat", "add", "mul"))
            branches = [self.chain(inner, names) for _ in range(self.random.choice((2, 2, 3)))]
            if self.random.random() < 0.5:
                branches[-1] = [("layer", "identity", {})]
            return ("join", word, branches)
        name, parameters, _ = self.random.choice(self.blocks)
        given = [self.value(names) for _, default in parameters if default is None or self.random.random() < 0.5]
        return ("call", name, given)

    def value(self, names: list[str]) -> Tree:
        kind = self.random.random()
        if kind < 0.5 or (kind < 0.7 and not names):
            return ("n", self.random.choice((1, 2, 3, 4, 4, 6, 8)))
        if kind < 0.7:
            return ("name", self.random.choice(names))
        if kind < 0.85:
            return ("in",)
        return ("op", self.random.choice("+*-/%"), self.value(names), self.value(names))

    def layer(self, names: list[str]) -> Tree:
        pick = self.random.choice
        word = pick(LAYERS_DRAWN)
        arguments: dict[str, Any] = {}
        some = self.random.random() < 0.3
        if word == "conv":
            arguments = {"out": self.value(names), "kernel": ("n", pick((1, 1, 3, 3, 5)))}
            arguments["pad"] = ("n", pick((0, 1, 1, 2)))
            if some:
                extra = {"stride": pick((1, 2, 3)), "groups": pick((1, 2, 4)), "dilation": pick((1, 2))}
                arguments |= {name: ("n", value) for name, value in extra.items()}
        elif word == "conv_transpose":
            arguments = {"out": self.value(names), "kernel": ("n", pick((1, 2, 3))), "stride": ("n", pick((1, 2)))}
            arguments |= {"pad": ("n", pick((0, 1, 2))), "output_pad": ("n", pick((0, 0, 1)))}
        elif word in ("pool", "avgpool"):
            arguments = {"kernel": ("n", pick((1, 2, 3))), "stride": ("n", pick((1, 2))), "pad": ("n", pick((0, 0, 1)))}
            arguments["ceil"] = ("truth", some)
        elif word in ("adaptive_avgpool", "upsample", "zero_pad", "groupnorm", "pixel_shuffle"):
            arguments = {ONE_ARGUMENT[word]: ("n", pick((1, 2, 3)))}
        elif word == "fc":
            arguments = {"out": self.value(names)}
        return ("layer", word, arguments)


LAYERS_DRAWN = [
    "conv",
    "conv",
    "conv",
    "conv",
    "conv_transpose",
    "pool",
    "avgpool",
    "adaptive_avgpool",
    "global_avgpool",
    "flatten",
    "fc",
    "fc",
    "batchnorm",
    "relu",
    "identity",
    "upsample",
    "zero_pad",
    "groupnorm",
    "pixel_shuffle",
    "instancenorm",
    "scale",
    "prelu",
]
ONE_ARGUMENT = {
    "adaptive_avgpool": "size",
    "upsample": "scale",
    "zero_pad": "left",
    "groupnorm": "groups",
    "pixel_shuffle": "r",
}

# Writing


def written(blocks: list[Any], shape: tuple[int, ...] | None, chain: list[Tree]) -> str:
    lines = []
    for name, parameters, body in blocks:
        heads = ", ".join(each if default is None else f"{each}={default}" for each, default in parameters)
        lines.append(f"block {name}({heads}) {{\n  {chain_text(body)}\n}}")
    if shape is not None:
        lines.append(f"input({', '.join(map(str, shape))})")
        lines.append(chain_text(chain))
    return "\n".join(lines) + "\n"


def chain_text(chain: list[Tree]) -> str:
    return " ".join(item_text(item) for item in chain)


def item_text(item: Tree) -> str:
    kind = item[0]
    if kind == "layer":
        arguments = ", ".join(f"{name}={value_text(value)}" for name, value in item[2].items())
        if item[1] == "zero_pad":
            arguments = value_text(item[2]["left"])
        return f"{item[1]}({arguments})" if arguments else item[1]
    if kind == "let":
        return f"let {item[1]} = {value_text(item[2])}"
    if kind == "seq":
        return f"seq {{ {chain_text(item[1])} }}"
    if kind == "label":
        return f"{item[1]}: {{ {chain_text(item[2])} }}"
    if kind == "repeat":
        return f"repeat({item[1]}) {{ {chain_text(item[2])} }}"
    if kind == "for":
        return f"for {item[1]} in ({', '.join(map(str, item[2]))},) {{ {chain_text(item[3])} }}"
    if kind == "if":
        left, operator, right = item[1]
        otherwise = "" if item[3] is None else f" else {{ {chain_text(item[3])} }}"
        return f"if {value_text(left)} {operator} {value_text(right)} {{ {chain_text(item[2])} }}{otherwise}"
    if kind == "join":
        return f"{item[1]} {{ {' | '.join(map(chain_text, item[2]))} }}"
    return f"{item[1]}({', '.join(map(value_text, item[2]))})"


def value_text(value: Tree) -> str:
    kind = value[0]
    if kind == "op":
        return f"({value_text(value[2])} {value[1]} {value_text(value[3])})"
    return {"n": lambda: str(value[1]), "name": lambda: value[1], "in": lambda: "in_channels"}.get(
        kind, lambda: "true" if value[1] else "false"
    )()


# Running


class Runner:
    """Runs a tree with torch alone. Repeated chains make modules of their own, as archdsl does."""

    def __init__(self, blocks: list[Any]) -> None:
        self.blocks = {name: (parameters, body) for name, parameters, body in blocks}
        self.made = 0
        self.parameters = 0

    def chain(self, chain: list[Tree], x: Tensor, names: dict[str, int]) -> Tensor:
        names = dict(names)
        for item in chain:
            if item[0] == "let":
                names[item[1]] = self.value(item[2], x, names)
            else:
                x = self.item(item, x, names)
        return x

    def item(self, item: Tree, x: Tensor, names: dict[str, int]) -> Tensor:
        kind = item[0]
        if kind == "layer":
            return self.layer(item[1], {n: self.value(v, x, names) for n, v in item[2].items()}, x)
        if kind in ("seq", "label"):
            self.made += 1
            return self.chain(item[-1], x, names)
        if kind == "repeat":
            for _ in range(item[1]):
                x = self.chain(item[2], x, names)
            return x
        if kind == "for":
            for value in item[2]:
                x = self.chain(item[3], x, {**names, item[1]: value})
            return x
        if kind == "if":
            left, operator, right = item[1]
            a, b = self.value(left, x, names), self.value(right, x, names)
            holds = {"==": a == b, "<": a < b, ">=": a >= b}[operator]
            return self.chain(item[2], x, names) if holds else self.chain(item[3] or [], x, names)
        if kind == "join":
            self.made += 1
            return self.join(item[1], [self.branch(branch, x, names) for branch in item[2]])
        parameters, body = self.blocks[item[1]]
        given = [self.value(value, x, names) for value in item[2]]
        values = [*given, *(default for _, default in parameters[len(given) :])]
        self.made += 1
        return self.chain(body, x, dict(zip([name for name, _ in parameters], values, strict=True)))

    def branch(self, branch: list[Tree], x: Tensor, names: dict[str, int]) -> Tensor:
        before = self.made
        y = self.chain(branch, x, names)
        need(self.made > before)
        return y

    def join(self, word: str, outputs: list[Tensor]) -> Tensor:
        if word == "concat":
            return torch.cat(outputs, dim=1)
        shapes = [y.shape for y in outputs]
        need(len({len(shape) for shape in shapes}) == 1)
        if word == "mul":
            full = max(shapes, key=lambda shape: shape.numel())
            spread = [shape for shape in shapes if len(shape) == 4 and shape[2:] == (1, 1)]
            need(all(shape == full or (shape in spread and shape[:2] == full[:2]) for shape in shapes))
        else:
            need(all(shape == shapes[0] for shape in shapes))
        y = outputs[0]
        for other in outputs[1:]:
            y = y * other if word == "mul" else y + other
        return y

    def value(self, value: Tree, x: Tensor, names: dict[str, int]) -> Any:
        kind = value[0]
        if kind in ("n", "truth"):
            return value[1]
        if kind == "name":
            return names[value[1]]
        if kind == "in":
            need(x.dim() == 4)
            return x.shape[1]
        a, b = self.value(value[2], x, names), self.value(value[3], x, names)
        if value[1] == "/":
            need(b != 0 and a % b == 0)
            return a // b
        if value[1] == "%":
            need(b != 0)
        return {"+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "%": lambda: a % b}[value[1]]()

    def layer(self, word: str, a: dict[str, Any], x: Tensor) -> Tensor:
        if word not in ("flatten", "fc", "batchnorm", "relu", "identity", "groupnorm", "scale", "prelu"):
            need(x.dim() == 4)
        need(word != "fc" or x.dim() == 2)
        need(a.get("out", 1) >= 1)
        # On the `meta` device torch does not look at this.
        need(a.get("output_pad", 0) < max(a.get("stride", 1), 1) or word != "conv_transpose")
        channels = x.shape[1]
        modules: dict[str, Callable[[], nn.Module]] = {
            "conv": lambda: nn.Conv2d(
                channels,
                a["out"],
                a["kernel"],
                a.get("stride", 1),
                a["pad"],
                a.get("dilation", 1),
                a.get("groups", 1),
            ),
            "conv_transpose": lambda: nn.ConvTranspose2d(
                channels, a["out"], a["kernel"], a["stride"], a["pad"], a["output_pad"]
            ),
            "pool": lambda: nn.MaxPool2d(a["kernel"], a["stride"], a["pad"], ceil_mode=a["ceil"]),
            "avgpool": lambda: nn.AvgPool2d(a["kernel"], a["stride"], a["pad"], ceil_mode=a["ceil"]),
            "adaptive_avgpool": lambda: nn.AdaptiveAvgPool2d(a["size"]),
            "global_avgpool": lambda: nn.AdaptiveAvgPool2d(1),
            "flatten": lambda: nn.Flatten(1),
            "fc": lambda: nn.Linear(channels, a["out"]),
            "batchnorm": lambda: nn.BatchNorm2d(channels) if x.dim() == 4 else nn.BatchNorm1d(channels),
            "relu": nn.ReLU,
            "identity": nn.Identity,
            "upsample": lambda: nn.Upsample(scale_factor=a["scale"]),
            "zero_pad": lambda: nn.ZeroPad2d(a["left"]),
            "groupnorm": lambda: nn.GroupNorm(a["groups"], channels),
            "pixel_shuffle": lambda: nn.PixelShuffle(a["r"]),
            "instancenorm": lambda: nn.InstanceNorm2d(channels),
            "scale": lambda: nn.PReLU(channels),
            "prelu": nn.PReLU,
        }
        module = modules[word]().eval()
        self.made += 1
        self.parameters += sum(each.numel() for each in module.parameters())
        y: Tensor = module(x)
        need(y.numel() > 0)
        return y


def test_random_specs_and_torch_agree() -> None:
    seen = {"network": 0, "refused": 0, "definition": 0}
    for seed in range(700):
        compare(seed, seen)
    assert min(seen["network"], seen["refused"]) > 100, seen


@pytest.mark.slow
@pytest.mark.chance
def test_many_random_specs_and_torch_agree() -> None:
    seen = {"network": 0, "refused": 0, "definition": 0}
    for seed in range(1_000, 1_000 + 7_000 * TRIES):
        compare(seed, seen)


def compare(seed: int, seen: dict[str, int]) -> None:
    draw = Draw(seed)
    shape, chain = draw.spec()
    text = written(draw.blocks, shape, chain)
    checked = archdsl.check(text)
    runner = Runner(draw.blocks)
    y: Tensor | None = None
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        try:
            y = runner.chain(chain, torch.empty(BATCH, *shape), {})
            need(runner.made > 0)
        except (Refused, RuntimeError, ValueError, AssertionError, IndexError):
            y = None
    where = f"seed {seed}\n{text}\n{render(checked.diagnostics)}"
    if y is None:
        assert checked.network is None, where
        assert checked.errors, where
        seen["refused"] += 1
    elif checked.network is None:
        # A body is checked called or not, so what a block does wrong in any case is an error.
        assert archdsl.check(written(draw.blocks, None, [])).errors, where
        seen["definition"] += 1
    else:
        seen["network"] += 1
        network = checked.network
        assert (BATCH, *network.output) == tuple(y.shape), where
        assert network.cost.parameters == runner.parameters, where
        assert 2 * BATCH * network.cost.macs == counter.get_total_flops(), where
        with torch.device("meta"):
            model = archdsl.build(network).eval()
            assert model(torch.empty(BATCH, *shape)).shape == y.shape, where
        assert sum(each.numel() for each in model.parameters()) == runner.parameters, where
