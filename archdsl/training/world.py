"""The processes that train one network together: most often one."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class World:
    """One process alone. Each method does for several processes what its name says.

    rank: which process this is, from 0. size: how many there are.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and prints."""
        return self.rank == 0

    @property
    def rows(self) -> slice:
        """Which images of a batch, or of a set, are this process's."""
        return slice(self.rank, None, self.size)

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        return values

    def from_first(self, value: Any) -> Any:
        """What the first process has: text, numbers, and lists and dicts of them."""
        return value

    def wait(self) -> None:
        """Until all processes are here."""

    def parallel(self, model: torch.nn.Module) -> torch.nn.Module:
        """The model whose gradients are the mean of those of all processes."""
        return model
