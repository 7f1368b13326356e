"""Advice where memory is too little, by the forecast and memories that are made up."""

from __future__ import annotations

import re
from math import ceil

import pytest
import torch

from archdsl.cost.memory import forecast_training
from archdsl.training import out_of_memory
from archdsl.training.out_of_memory import advice, is_out_of_memory, memory_of
from archdsl.training.recipe import SGD, Recipe

from .networks import small

CPU = torch.device("cpu")
NETWORK, _ = small()
SGD_FORECAST = forecast_training(NETWORK, "momentum")


def advise(monkeypatch: pytest.MonkeyPatch, free: int | None, **keys: object) -> str:
    monkeypatch.setattr(out_of_memory, "memory_of", lambda device: free)
    processes = int(str(keys.pop("processes", 1)))
    images = int(str(keys.pop("images", 0)))
    recipe = Recipe.model_validate({"optimizer": SGD(), "batch_size": 512, **keys})
    return advice(NETWORK, recipe, CPU, processes, images)


def test_the_largest_batch_that_fits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    free = SGD_FORECAST.at(100).total
    said = advise(monkeypatch, free)
    assert said.startswith("out of memory on cpu with batches of 512: 100 fit into ")
    assert "accumulation: 6, which learns from the same batches of 512 in parts, or --batch-size 100" in said
    assert SGD_FORECAST.at(101).total > free
    # What else is there leaves less: images that are kept there, the average of the weights, Adam's second moment.
    for more in ({"images": free // 2}, {"ema": 0.9}, {"optimizer": {"name": "adamw"}}):
        fewer = int(re.search(r"(\d+) fit", advise(monkeypatch, free, **more))[1])  # type: ignore[index]
        assert 0 < fewer < 100


def test_what_is_advised_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    for batch, accumulation, processes, fits in [(512, 1, 1, 100), (500, 2, 1, 7), (512, 1, 4, 100), (64, 4, 3, 3)]:
        free = SGD_FORECAST.at(fits).total
        said = advise(monkeypatch, free, batch_size=batch, accumulation=accumulation, processes=processes)
        numbers = re.search(r"accumulation: (\d+), .* --batch-size (\d+)$", said)
        assert numbers is not None, said
        for size, parts in ((batch, int(numbers[1])), (int(numbers[2]), accumulation)):
            assert ceil(ceil(size / parts) / processes) <= fits
        assert int(numbers[1]) > accumulation
        assert int(numbers[2]) < batch


def test_where_no_image_fits_or_the_forecast_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    said = advise(monkeypatch, SGD_FORECAST.at(1).total - 1)
    assert "a single image takes" in said
    assert said.endswith("try a smaller --input, or fewer images with --limit-train")
    for free in (10**15, None):
        said = advise(monkeypatch, free, batch_size=64)
        assert ("although the forecast allows it" in said) == (free is not None)
        assert "accumulation: 2" in said
        assert said.endswith("--batch-size 32")
        assert advise(monkeypatch, free, batch_size=1).endswith("--limit-train")


def test_memory_is_what_is_free_and_what_the_program_has(monkeypatch: pytest.MonkeyPatch) -> None:
    there = memory_of(CPU)
    assert there is not None
    assert 10**8 < there < 10**14
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (3_000, 80_000))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 7_000)
    assert memory_of(torch.device("cuda")) == 10_000
    monkeypatch.setattr(out_of_memory, "_address_space", lambda: 5)
    assert memory_of(CPU) == 5
    assert memory_of(torch.device("mps")) is None


def test_which_exceptions_are_out_of_memory() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60)
    for error in (raised.value, MemoryError(), torch.OutOfMemoryError("CUDA out of memory")):
        assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))
