"""The average of the weights, against torch's own."""

from __future__ import annotations

from contextlib import suppress

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from archdsl.training.ema import Average


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 3))


def step(model: nn.Module, number: int) -> None:
    model(torch.randn(4, 2, 4, 4, generator=torch.Generator().manual_seed(number)))  # Moves the running statistics.
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number)), alpha=0.1)


def test_it_is_torchs_average_once_warm() -> None:
    model = network()
    average = Average(model, 0.9)
    theirs = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(0.9), use_buffers=True)
    theirs.update_parameters(model)  # The first takes the weights as they are.
    for number in range(5):
        step(model, number)
        average.update(model, 1000 + number)
        theirs.update_parameters(model)
    state = theirs.module.state_dict()
    assert set(average.state_dict()) == set(state) - {"1.num_batches_tracked"}
    for name, tensor in average.state_dict().items():
        torch.testing.assert_close(tensor, state[name], msg=name)


def test_the_first_steps_weigh_more() -> None:
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    average = Average(model, 0.5)
    nn.init.ones_(model.weight)
    seen = []
    for number in range(10):
        average.update(model, number)
        seen.append(1 - average.state_dict()["weight"].item())  # What is left of the first weight.
    kept = [0.1, 2 / 11, 3 / 12, 4 / 13, 5 / 14, 6 / 15, 7 / 16, 8 / 17, 0.5, 0.5]
    assert seen == pytest.approx(torch.tensor(kept).cumprod(0).tolist(), abs=1e-6)


def test_the_average_is_lent_to_the_model_and_taken_back_bit_for_bit() -> None:
    model = network()
    average = Average(model, 0.9)
    step(model, 0)
    average.update(model, 100)
    own = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    kept = {name: tensor.clone() for name, tensor in average.state_dict().items()}
    places = [parameter.data_ptr() for parameter in model.parameters()]
    with average.applied(model):
        lent = model.state_dict()
        assert all(torch.equal(lent[name], kept[name]) for name in kept)
        assert torch.equal(lent["1.num_batches_tracked"], own["1.num_batches_tracked"])
    assert all(torch.equal(tensor, own[name]) for name, tensor in model.state_dict().items())
    assert all(torch.equal(tensor, kept[name]) for name, tensor in average.state_dict().items())
    with suppress(KeyboardInterrupt), average.applied(model):
        raise KeyboardInterrupt
    assert all(torch.equal(tensor, own[name]) for name, tensor in model.state_dict().items())
    assert places == [parameter.data_ptr() for parameter in model.parameters()]


def test_it_goes_on_from_its_state() -> None:
    model = network()
    average, other = Average(model, 0.9), Average(network(), 0.5)
    step(model, 0)
    average.update(model, 0)
    other.load_state_dict(average.state_dict())
    assert all(torch.equal(tensor, average.state_dict()[name]) for name, tensor in other.state_dict().items())
    with pytest.raises(KeyError, match=r"1\.running_mean"):
        other.load_state_dict({k: v for k, v in average.state_dict().items() if "running_mean" not in k})
