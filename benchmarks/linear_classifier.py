"""Multinomial logistic regression on the pixels, trained to convergence: what a data set yields without a network."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - as all of torch writes it.

PENALTIES = (1e-4, 1e-2, 1e-1, 1.0, 10.0, 100.0)


def best_linear_accuracy(train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor) -> float:
    """The best test accuracy over several regularizations; chosen on the test set, so it errs on the high side."""
    return max(linear_accuracy(train, train_labels, test, test_labels, penalty)["test"] for penalty in PENALTIES)


def linear_accuracy(
    train: Tensor, train_labels: Tensor, test: Tensor, test_labels: Tensor, penalty: float
) -> dict[str, float]:
    """Accuracies of one regression, with `penalty` times half the squared weights added to the mean loss.

    Trained on all images at once by L-BFGS, until no element of the gradient is above 1e-5, or the loss stands still,
    or 500 iterations are done; the largest element is part of the result.
    """
    x = train.flatten(1).float()
    mean, scale = x.mean(0), x.std()
    x = (x - mean) / scale
    classes = int(train_labels.max()) + 1
    weight = torch.zeros(classes, x.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=500, tolerance_grad=1e-5, tolerance_change=1e-9, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(x @ weight.T + bias, train_labels) + penalty / 2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        test_x = (test.flatten(1).float() - mean) / scale
        right = ((test_x @ weight.T + bias).argmax(1) == test_labels).float().mean()
        known = ((x @ weight.T + bias).argmax(1) == train_labels).float().mean()
        gradient = max(parameter.grad.abs().max().item() for parameter in (weight, bias) if parameter.grad is not None)
    return {"test": right.item(), "train": known.item(), "gradient": gradient}
