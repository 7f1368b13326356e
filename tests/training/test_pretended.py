"""A training on a device that is not the CPU, where there is none: one is pretended, by `pretended.py`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import torch

from archdsl.training.transfer import to_device

RUNS = ["adamw", "adam", "sgd", "muon", "files"]
OTHERS = ["find-lr", "eval and predict", "not finite"]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    words = [sys.executable, "-m", "tests.training.pretended", str(tmp_path_factory.mktemp("pretended"))]
    done = subprocess.run(words, cwd=Path(__file__).parents[2], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, Any]] = json.loads(done.stdout)
    assert list(found) == RUNS + OTHERS
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS + OTHERS)
def test_all_tensors_are_on_the_device_and_the_numbers_are_those_of_the_cpu(
    told: dict[str, dict[str, Any]], name: str
) -> None:
    assert "error" not in told[name], told[name]["error"]
    cpu, device = told[name]["cpu"], told[name]["device"]
    assert device.get("told") == cpu.get("told")
    assert device["losses"] == pytest.approx(cpu["losses"], rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_a_step_waits_for_the_device_once(told: dict[str, dict[str, Any]], name: str) -> None:
    assert told[name]["device"]["waits"] == 1


@pytest.mark.slow
def test_an_evaluation_waits_for_the_device_in_the_end_alone(told: dict[str, dict[str, Any]]) -> None:
    assert told["eval and predict"]["device"]["waits"] == 5  # For five columns of answers, and not for each batch.


@pytest.mark.parametrize(("device", "waits"), [("cuda", False), ("mps", True)])
def test_apples_gpus_have_read_a_tensor_before_it_may_be_gone(device: str, waits: bool) -> None:
    sent = Mock(spec=torch.Tensor)
    to_device(sent, torch.device(device))
    sent.to.assert_called_once_with(torch.device(device), non_blocking=not waits)
