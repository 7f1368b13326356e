"""Advice where memory is too little, by the forecast and memories that are made up."""

from __future__ import annotations

import re
import resource
from math import ceil

import pytest
import torch

from archdsl.cost.memory import forecast_training
from archdsl.recipe.recipe import SGD, Recipe
from archdsl.training import out_of_memory
from archdsl.training.data.image_set import DataSet, ImageSet
from archdsl.training.out_of_memory import USABLE, advice, is_out_of_memory, memory_of

from .networks import small

CPU = torch.device("cpu")
NETWORK, _ = small()
SGD_FORECAST = forecast_training(NETWORK, "momentum")


def room_for(batch: int) -> int:
    return ceil(SGD_FORECAST.at(batch).total / USABLE)


def advise(monkeypatch: pytest.MonkeyPatch, free: int | None, **keys: object) -> str:
    monkeypatch.setattr(out_of_memory, "memory_of", lambda device: free)
    processes = int(str(keys.pop("processes", 1)))
    images = ImageSet(torch.zeros(int(str(keys.pop("images", 0))), dtype=torch.uint8), torch.zeros(0))
    recipe = Recipe.model_validate({"optimizer": SGD(), "batch_size": 512, **keys})
    return advice(NETWORK, recipe, CPU, processes, DataSet("", (), images, images.take(torch.arange(0))))


def test_the_largest_batch_that_fits_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    free = room_for(100)
    said = advise(monkeypatch, free)
    assert said.startswith("out of memory on cpu with batches of 512: 100 fit into ")
    assert "accumulation: 6, which learns from the same batches of 512 in parts, or --batch-size 100" in said
    assert room_for(101) > free
    # What else is there leaves less: images that are kept there, the average of the weights, Adam's second moment.
    for more in ({"images": free // 2}, {"ema": 0.9}, {"optimizer": {"name": "adamw"}}):
        fewer = int(re.search(r"(\d+) fit", advise(monkeypatch, free, **more))[1])  # type: ignore[index]
        assert 0 < fewer < 100


def test_what_is_advised_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    for batch, accumulation, processes, fits in [(512, 1, 1, 100), (500, 2, 1, 7), (512, 1, 4, 100), (64, 4, 3, 3)]:
        free = room_for(fits)
        said = advise(monkeypatch, free, batch_size=batch, accumulation=accumulation, processes=processes)
        numbers = re.search(r"accumulation: (\d+), .* --batch-size (\d+)$", said)
        assert numbers is not None, said
        for size, parts in ((batch, int(numbers[1])), (int(numbers[2]), accumulation)):
            assert ceil(ceil(size / parts) / processes) <= fits
        assert int(numbers[1]) > accumulation
        assert int(numbers[2]) < batch


def test_where_no_image_fits_or_the_forecast_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    said = advise(monkeypatch, room_for(1) - 2)
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
    monkeypatch.setattr(resource, "getrlimit", lambda what: (10**13, 10**13))
    assert memory_of(CPU) == pytest.approx(there, rel=0.2)
    monkeypatch.setattr(resource, "getrlimit", lambda what: (10**10, 10**10))
    monkeypatch.setattr(out_of_memory, "_own_pages", lambda: (7 * 10**9, 10**9))
    assert memory_of(CPU) == 4 * 10**9
    assert memory_of(torch.device("mps")) is None


def test_which_exceptions_are_out_of_memory() -> None:
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60)
    library = RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")
    for error in (raised.value, MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), library):
        assert is_out_of_memory(error)
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))
