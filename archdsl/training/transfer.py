"""Tensors on their way from the CPU to the device that trains."""

from __future__ import annotations

import torch
from torch import Tensor


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on a device, where the program need not wait until this has done all that it was told.

    CUDA first takes a copy of memory that is not pinned. Apple's GPUs read it where it lies, perhaps when it is given
    back already (https://github.com/pytorch/pytorch/issues/189690), so there the program waits.
    """
    return tensor.to(device, non_blocking=device.type != "mps")
