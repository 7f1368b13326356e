"""The weights that a training starts from."""

from __future__ import annotations

from torch import nn


def initialize(model: nn.Module, way: str) -> None:
    """Draw the weights of convolutions and linear layers anew: by "he", "xavier", or not at all ("default").

    He: normal, with variance 2 / fan-in, which keeps the signal's size through ReLUs (He et al. 2015); biases 0.
    Xavier: uniform, with variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010); biases stay as torch draws them.
    Fans are torch's, which takes those of a transposed convolution for each other.
    """
    for module in model.modules():
        if not isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            continue
        if way == "he":
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif way == "xavier":
            nn.init.xavier_uniform_(module.weight)
