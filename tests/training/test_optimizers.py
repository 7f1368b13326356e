"""Optimizers, against torch's own, and through a checkpoint."""

from __future__ import annotations

import io
from typing import Any

import pytest
import torch
from torch import nn

from archdsl.backends.pytorch_modules import Aux, Scale
from archdsl.recipe.recipe import SGD, Adam, AdamW, Muon, Optimizer
from archdsl.training.optimizers import make_optimizer

CPU = torch.device("cpu")
DECAY = 0.1


def network() -> nn.Sequential:
    """All kinds of parameters: of convolutions also grouped and transposed, norms, scales, a head, the last layer."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.PReLU(8),
        nn.Conv2d(8, 8, 3, padding=1, groups=8, bias=False),
        Scale((8, 1, 1), 0.5),
        nn.ConvTranspose2d(8, 6, 2),
        nn.Conv2d(6, 6, 1),
        Aux(nn.Flatten(), nn.Linear(6 * 49, 5)),
        nn.Flatten(),
        nn.Linear(6 * 49, 7),
        nn.Linear(7, 5, bias=False),
    )
    return model.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def steps(model: nn.Sequential, optimizer: torch.optim.Optimizer, numbers: range) -> None:
    """Steps at rates that change, each on a batch of its own."""
    for number in numbers:
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * (1 + number) * group.get("lr_scale", 1)
        x = torch.randn(4, 3, 6, 6, generator=torch.Generator().manual_seed(number))
        optimizer.zero_grad(set_to_none=True)
        y = model(x.contiguous(memory_format=torch.channels_last))
        head = next(module for module in model if isinstance(module, Aux)).aux_output
        assert head is not None
        ((y - 1).square().mean() + head.square().mean()).backward()
        optimizer.step()


ALL = [
    Adam(weight_decay=DECAY),
    AdamW(weight_decay=DECAY),
    SGD(weight_decay=DECAY, nesterov=True),
    SGD(momentum=0.0),
    Muon(weight_decay=DECAY),
]


@pytest.mark.parametrize("recipe", ALL, ids=lambda recipe: f"{recipe.name}-{recipe.weight_decay}")
def test_an_optimizer_goes_on_from_its_state_bit_for_bit(recipe: Optimizer) -> None:
    straight = network()
    steps(straight, make_optimizer(straight, recipe, CPU), range(6))
    model = network()
    optimizer = make_optimizer(model, recipe, CPU)
    steps(model, optimizer, range(3))
    file = io.BytesIO()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    kept = torch.load(file, weights_only=True)
    again = network()
    optimizer = make_optimizer(again, recipe, CPU)
    again.load_state_dict(kept["model"])
    optimizer.load_state_dict(kept["optimizer"])
    steps(again, optimizer, range(3, 6))
    start = network().state_dict()
    for name, tensor in straight.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
        assert not torch.equal(tensor, start[name]), name


@pytest.mark.parametrize(
    ("recipe", "oracle"),
    [
        (Adam(weight_decay=DECAY), lambda groups: torch.optim.Adam(groups, weight_decay=DECAY)),
        (AdamW(weight_decay=DECAY), lambda groups: torch.optim.AdamW(groups, weight_decay=DECAY)),
        (SGD(weight_decay=DECAY), lambda groups: torch.optim.SGD(groups, momentum=0.9, weight_decay=DECAY)),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
@pytest.mark.parametrize("decays_all", [False, True])
def test_an_optimizer_does_what_torchs_does(recipe: Optimizer, oracle: Any, decays_all: bool) -> None:
    model, other = network(), network()
    steps(model, make_optimizer(model, recipe.model_copy(update={"decay_norms_and_biases": decays_all}), CPU), range(4))
    decayed = [parameter for name, parameter in other.named_parameters() if is_weight_of_a_layer(name)]
    rest = [parameter for name, parameter in other.named_parameters() if not is_weight_of_a_layer(name)]
    assert (len(decayed), len(rest)) == (7, 8)
    groups = [{"params": decayed}, {"params": rest} if decays_all else {"params": rest, "weight_decay": 0}]
    steps(other, oracle(groups), range(4))
    for (name, mine), theirs in zip(model.named_parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine, theirs, msg=name)


def is_weight_of_a_layer(name: str) -> bool:
    return name.endswith("weight") and name.split(".")[0] not in ("1", "2", "4")


def test_muon_is_torchs_on_matrices_and_adamw_on_the_rest() -> None:
    def chain() -> nn.Sequential:
        torch.manual_seed(1)
        return nn.Sequential(nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 9), nn.ReLU(), nn.Linear(9, 4))

    model, other = chain(), chain()
    optimizer = make_optimizer(model, Muon(lr=0.02, weight_decay=DECAY, adamw_lr=0.004), CPU)
    muon = torch.optim.Muon([other[0].weight, other[2].weight], lr=0.02, weight_decay=DECAY)
    adamw = torch.optim.AdamW(
        [{"params": [other[4].weight]}, {"params": [layer.bias for layer in other[::2]], "weight_decay": 0}],
        lr=0.004,
        weight_decay=DECAY,
        fused=True,
    )
    for number in range(4):
        x = torch.randn(5, 12, generator=torch.Generator().manual_seed(number))
        for each, optimizers in ((model, [optimizer]), (other, [muon, adamw])):
            each.zero_grad()
            each(x).square().mean().backward()
            for one in optimizers:
                one.step()
    assert all(torch.equal(mine, theirs) for mine, theirs in zip(model.parameters(), other.parameters(), strict=True))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_muon_takes_a_convolution_as_the_matrix_of_its_filters(layout: torch.memory_format) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(6, 16, 3), nn.Flatten(), nn.Linear(16, 3)).to(memory_format=layout)  # type: ignore[call-overload]
    before = model[0].weight.detach().clone()
    optimizer = make_optimizer(model, Muon(lr=0.02), CPU)
    model(torch.randn(8, 6, 3, 3)).square().mean().backward()
    optimizer.step()
    step = (model[0].weight.detach() - before).flatten(1) / -0.02  # (16, 54)
    momentum = nn.Parameter(torch.zeros(16, 54))
    momentum.grad = model[0].weight.grad.flatten(1)
    torch.optim.Muon([momentum], lr=1.0, weight_decay=0).step()
    assert (step + momentum.detach()).abs().max() < 0.02  # bfloat16 has two to three digits.
