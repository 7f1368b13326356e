"""A moving average of the weights, which is often better than the weights themselves (Polyak and Juditsky 1992)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The exponential moving average of a model's parameters, and of the running statistics of its normalizations.

    In the first steps, where the weights change most, less is kept of the past than `decay`, in step t from 0
    (1 + t) / (10 + t) at most (as TensorFlow's ExponentialMovingAverage), so that a short run has an average too.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.averages = {name: tensor.detach().clone() for name, tensor in _averaged(model)}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        """Take in the weights after a step, counted from 0."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.averages.values()), [tensor for _, tensor in _averaged(model)], 1 - decay)

    @contextmanager
    def applied(self, model: nn.Module) -> Iterator[None]:
        """Within, the model has the averages for its weights; after it its own again, bit for bit.

        Nothing may train the model, update or save this within.
        """
        self._swap(model)
        try:
            yield
        finally:
            self._swap(model)

    def state_dict(self) -> dict[str, Tensor]:
        """The averages, under the names that the model's own state has for them."""
        return dict(self.averages)

    @torch.no_grad()
    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Take over what `state_dict` gave. Raises KeyError where one is missing."""
        for name, average in self.averages.items():
            average.copy_(state[name])

    @torch.no_grad()
    def _swap(self, model: nn.Module) -> None:
        # By copies, for optimizers and compiled graphs know the model's memory.
        for name, tensor in _averaged(model):
            own = tensor.clone()
            tensor.copy_(self.averages[name])
            self.averages[name].copy_(own)


def _averaged(model: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from model.named_parameters()
    for name, buffer in model.named_buffers():
        if buffer.is_floating_point():  # The others count.
            yield name, buffer
