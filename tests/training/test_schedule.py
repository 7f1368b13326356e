"""The learning rate of each step."""

from __future__ import annotations

import pytest

from archdsl.recipe.recipe import Constant, Cosine, Linear, Schedule, Step
from archdsl.training.schedule import learning_rate


def rates(schedule: Schedule, steps_per_epoch: int = 10, epochs: int = 4, peak: float = 0.5) -> list[float]:
    return [learning_rate(step, steps_per_epoch, epochs, peak, schedule) for step in range(steps_per_epoch * epochs)]


def test_constant() -> None:
    assert rates(Constant()) == [0.5] * 40
    warm = rates(Constant(warmup=0.1))
    assert warm[:4] == [0.125, 0.25, 0.375, 0.5]
    assert warm[4:] == [0.5] * 36


def test_cosine_falls_from_the_peak_to_nearly_0() -> None:
    got = rates(Cosine(warmup=0))
    assert got[0] == 0.5
    assert got[20] == pytest.approx(0.25)
    assert got == sorted(got, reverse=True)
    assert 0 < got[-1] < 0.001


def test_cosine_after_a_warmup() -> None:
    got = rates(Cosine(warmup=0.2))
    assert got[:8] == [pytest.approx(0.5 * (i + 1) / 8) for i in range(8)]
    assert max(got) == got[7] == got[8] == 0.5
    assert got[24] == pytest.approx(0.25)


def test_linear_falls_in_equal_parts_after_a_warmup() -> None:
    got = rates(Linear(warmup=0.2))
    assert got[:8] == [pytest.approx(0.5 * (i + 1) / 8) for i in range(8)]
    assert got[8:] == [pytest.approx(0.5 * (32 - i) / 32) for i in range(32)]


def test_step_is_a_staircase_of_epochs() -> None:
    got = rates(Step(every=2, factor=0.1))
    assert got == [pytest.approx(0.5)] * 20 + [pytest.approx(0.05)] * 20


@pytest.mark.parametrize(
    "schedule", [Constant(warmup=0.99), Cosine(warmup=0.99), Linear(warmup=0.99), Step(every=1, warmup=0.99)]
)
def test_a_run_of_one_step(schedule: Schedule) -> None:
    assert rates(schedule, 1, 1) == [0.5]


@pytest.mark.parametrize("schedule", [Constant(), Cosine(), Cosine(warmup=0), Linear(), Step(every=1, factor=0.5)])
def test_every_rate_is_above_0(schedule: Schedule) -> None:
    assert all(0 < rate <= 0.5 for rate in rates(schedule, 3, 7))
