"""The recipe's optimizer over the parameters of a network: which of them are decayed, and which are matrices.

The loop sets the rate of each group anew in each step: `group["lr"] = lr * group.get("lr_scale", 1)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from archdsl.backends.pytorch_modules import Aux, Scale
from archdsl.recipe.recipe import Adam, AdamW, Muon, Optimizer

LAYERS = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)


def make_optimizer(model: nn.Module, recipe: Optimizer, device: torch.device) -> torch.optim.Optimizer:
    """The recipe's optimizer over all parameters, fused into one kernel where torch can.

    Biases, and the scales of normalizations and channels, are in a group without weight decay, unless the recipe
    decays them. The model must be on its device and in its memory format, for the state takes them over.
    """
    fused = device.type in ("cpu", "cuda")
    if isinstance(recipe, Muon):
        return MuonAndAdamW(model, recipe, fused)
    groups = _groups(model.parameters(), model, recipe)
    if isinstance(recipe, Adam):
        return torch.optim.Adam(groups, lr=recipe.lr, fused=fused)
    if isinstance(recipe, AdamW):
        return torch.optim.AdamW(groups, lr=recipe.lr, fused=fused)
    return torch.optim.SGD(groups, recipe.lr, recipe.momentum, nesterov=recipe.nesterov, fused=fused)


class MuonAndAdamW(torch.optim.Optimizer):
    """Muon for the weights of layers, AdamW for biases, scales and the last layers, in one step.

    torch's Muon takes matrices alone (Jordan et al. 2024). So it is given the weights of a convolution as the matrix
    of its filters, (out, in * height * width), that shares their memory; where that lies channels last, the columns
    are in another order, which does not matter to a matrix that is made orthogonal.
    """

    def __init__(self, model: nn.Module, recipe: Muon, fused: bool) -> None:
        last = {id(weight) for weight in _last_weights(model)}
        matrices = {id(module.weight) for module in model.modules() if isinstance(module, LAYERS)} - last
        weights = [parameter for parameter in model.parameters() if id(parameter) in matrices]
        others = [parameter for parameter in model.parameters() if id(parameter) not in matrices]
        groups = _groups(others, model, recipe)
        for group in groups:
            group.update(lr=recipe.adamw_lr, lr_scale=recipe.adamw_lr / recipe.lr)
        self.matrices = [(weight, nn.Parameter(_as_matrix(weight.detach(), weight))) for weight in weights]
        assert all(matrix.data_ptr() == weight.data_ptr() for weight, matrix in self.matrices)
        self.inner: list[torch.optim.Optimizer] = []
        if weights:
            given = [matrix for _, matrix in self.matrices]
            self.inner.append(torch.optim.Muon(given, recipe.lr, recipe.weight_decay, recipe.momentum))
            groups.insert(0, {"params": weights, "lr": recipe.lr})
        self.inner.append(torch.optim.AdamW(groups[bool(weights) :], fused=fused))
        super().__init__(groups, {"lr": recipe.lr})

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        """One step of both, at the rates of `param_groups`."""
        inner = [group for optimizer in self.inner for group in optimizer.param_groups]
        for group, own in zip(self.param_groups, inner, strict=True):
            own["lr"] = group["lr"]
        for weight, matrix in self.matrices:
            matrix.grad = None if weight.grad is None else _as_matrix(weight.grad, weight)
        for optimizer in self.inner:
            optimizer.step()
        for _, matrix in self.matrices:
            matrix.grad = None  # It would keep the gradient's memory.

    def state_dict(self) -> dict[str, Any]:
        return {str(i): optimizer.state_dict() for i, optimizer in enumerate(self.inner)}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for i, optimizer in enumerate(self.inner):
            optimizer.load_state_dict(state_dict[str(i)])


def _groups(parameters: Iterable[nn.Parameter], model: nn.Module, recipe: Optimizer) -> list[dict[str, Any]]:
    """The parameters in one group, or in two where some are not decayed."""
    scales = {id(module.weight) for module in model.modules() if isinstance(module, Scale)}
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for parameter in parameters:
        is_weight = parameter.ndim > 1 and id(parameter) not in scales
        groups[is_weight or recipe.decay_norms_and_biases or not recipe.weight_decay].append(parameter)
    return [
        {"params": group, "weight_decay": recipe.weight_decay if is_decayed else 0.0}
        for is_decayed, group in groups.items()
        if group
    ]


def _last_weights(model: nn.Module) -> Iterator[Tensor]:
    """The weights of the layer that gives the classes, and of that of each auxiliary head."""
    heads = [module for module in model.modules() if isinstance(module, Aux)]
    within = {id(module) for head in heads for module in head.modules()}
    chain = [module for module in model.modules() if id(module) not in within]
    for modules in (chain, *(list(head.modules()) for head in heads)):
        layers = [module for module in modules if isinstance(module, LAYERS)]
        if layers:
            yield layers[-1].weight


def _as_matrix(tensor: Tensor, weight: Tensor) -> Tensor:
    """(out, in, height, width) as (out, ...), its columns in the order in which `weight` lies in memory."""
    if weight.ndim == 4 and not weight.is_contiguous():
        tensor = tensor.permute(0, 2, 3, 1)
    return tensor.reshape(len(tensor), -1)
