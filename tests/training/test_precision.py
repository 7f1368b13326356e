"""The precision that a network is computed in."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from archdsl.training.precision import autocast_for

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)


def test_a_cpu_computes_in_fp32_unless_it_is_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = torch.nn.Linear(2, 2), torch.ones(1, 2)
    for precision, dtype in (("auto", torch.float32), ("fp32", torch.float32), ("bf16", torch.bfloat16)):
        autocast, _ = autocast_for(precision, CPU)
        for _ in range(2):
            with autocast():
                assert layer(x).dtype == dtype
    for units, is_told in (({"avx512_bf16": True}, False), ({"avx512_bf16": False, "avx2": True}, True)):
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda units=units: units, raising=False)
        assert (autocast_for("bf16", CPU)[1] is not None) == is_told
        assert autocast_for("auto", CPU)[1] is autocast_for("fp32", CPU)[1] is None


@pytest.mark.parametrize("has_units", [True, False])
def test_a_gpu_computes_in_bf16_where_it_has_units_for_it(has_units: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_units)
    assert (autocast_for("auto", CUDA)[0] is nullcontext) != has_units
    assert autocast_for("auto", CUDA)[1] is None
    assert (autocast_for("bf16", CUDA)[1] is None) == has_units
