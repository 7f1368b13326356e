"""What makes a step faster and changes no number: ReLUs in place, and an allocator that keeps its memory."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import archdsl
from archdsl.recipe.recipe import Augmentation, Data, Recipe
from archdsl.training import allocator, setup
from archdsl.training.in_place import relu_in_place
from archdsl.training.run import train
from archdsl.training.subject import Subject

SPEC = """input(1, 16, 16)
block branch { relu conv(4, 3, p1, nobias) batchnorm relu }
conv(4, 3, p1) relu dropout(0.2) relu
conv(4, 3, p1)
add { branch | branch | identity }
relu
sigmoid relu add { conv(4, 1) | relu }
aux(0.5) { relu flatten fc(10) }
pool(2) relu flatten fc(16) relu fc(10)
"""
IN_PLACE = ["1", "5.0.3", "5.1.3", "15"]


def built() -> nn.Sequential:
    checked = archdsl.check(SPEC)
    assert checked.network is not None, checked.diagnostics
    torch.manual_seed(0)
    return archdsl.build(checked.network)


def test_only_what_nobody_else_reads_is_written_over() -> None:
    model = built()
    relu_in_place(model)
    relus = {name: module for name, module in model.named_modules() if isinstance(module, nn.ReLU)}
    assert [name for name, module in relus.items() if module.inplace] == IN_PLACE


def test_no_number_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in a training with all that could read what is written over, nor in its evaluations."""
    recipe = Recipe(
        data=Data(train=24, test=12),
        augmentation=Augmentation(mixup=0.4),
        epochs=2,
        batch_size=8,
        accumulation=2,
        ema=0.9,
        clip_gradient=1.0,
    )
    network = archdsl.check(SPEC).network
    assert network is not None
    models: list[nn.Module] = []

    def noted(model: nn.Module) -> None:
        relu_in_place(model)
        models.append(model)

    found = []
    for name, change in (("in place", noted), ("plain", lambda model: None)):
        monkeypatch.setattr(setup, "relu_in_place", change)
        result = train(Subject(network, network.root.span.source), recipe, device="cpu", out=tmp_path / name)
        weights = (result.folder / "weights.safetensors").read_bytes()
        found.append((weights, [each[:9] for each in result.epochs], result.test_loss))
    assert len(models) == 1
    assert found[0] == found[1]


FAULTS = """
import resource, sys
from archdsl.training.allocator import keep_memory
if sys.argv[1] == "kept":
    keep_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(2**26)
before = faults()
for _ in range(8):
    bytearray(2**26)
print(faults() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the allocator of glibc")
def test_memory_is_kept() -> None:
    """What is freed is had again without the system's help, which is asked a page at a time."""
    told = {}
    for how in ("plain", "kept"):
        command = [sys.executable, "-c", FAULTS, how]
        told[how] = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert int(told["plain"]) > 1000
    assert int(told["kept"]) < 100


@pytest.mark.parametrize(
    ("most", "set_to"), [(2**40, {-3: 2**30, -1: 2**30}), (2**25, {-3: 2**25, -1: 2**30}), (0, {})]
)
def test_an_older_allocator_keeps_what_it_can(
    monkeypatch: pytest.MonkeyPatch, most: int, set_to: dict[int, int]
) -> None:
    """Its manual: M_MMAP_THRESHOLD is at most 32 MiB. To set the other one alone would be worse than nothing."""
    given: dict[int, int] = {}

    class Old:
        gnu_get_libc_version = "2.28"

        def mallopt(self, option: int, value: int) -> int:
            if option == allocator.M_MMAP_THRESHOLD and value > most:
                return 0
            given[option] = value
            return 1

    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda _: Old())
    allocator.keep_memory()
    assert given == set_to
