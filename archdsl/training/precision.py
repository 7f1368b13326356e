"""In which precision a network is computed: the recipe's wish, and what the device is good at.

Weights, gradients and the optimizer's state are in single precision always; bfloat16 has the range of these, so that
gradients need no scaling (Kalamkar et al. 2019).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch

BFLOAT16_UNITS = ("avx512_bf16", "amx_bf16", "bf16", "sve_bf16")
"""What torch calls the instructions of a CPU that multiply in bfloat16."""


def computed_in(precision: str, device: torch.device) -> str:
    """ "fp32" or "bf16" for a recipe's precision, which "auto" leaves to the device.

    A CPU computes in fp32 then: where it has no units for bfloat16 that is 3 to 10 times as fast, and where it has,
    some networks gain by bfloat16 and others lose (AlexNet 1.5, a ResNet 1.6, VGG-11 0.95, LeNet 0.9; two cores of an
    EPYC with AVX-512 BF16, torch 2.14).
    """
    if precision != "auto":
        return precision
    return "bf16" if device.type == "cuda" and _has_units(device) else "fp32"


def autocast_for(
    precision: str, device: torch.device
) -> tuple[Callable[[], AbstractContextManager[object]], str | None]:
    """What makes the context in which the network is computed, and a line where the device is slow at what is asked."""
    if computed_in(precision, device) == "fp32":
        return nullcontext, None
    line = (
        None if _has_units(device) else f"precision: bf16 is slower than fp32 on {_name(device)}, which only mimics it"
    )
    return partial(torch.autocast, device.type, dtype=torch.bfloat16), line


def _has_units(device: torch.device) -> bool:
    """Whether the device multiplies in bfloat16 itself."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        # Older versions of torch do not tell.
        can: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        return any(can.get(unit) for unit in BFLOAT16_UNITS)
    return True


def _name(device: torch.device) -> str:
    return "this CPU" if device.type == "cpu" else str(device)
