"""What a learning-rate range test found: the loss at each rate, and the rate that it suggests. No torch.

Rates rise from step to step, by the same factor (Smith 2015, arXiv 1506.01186, section 3.3). Suggested is a tenth of
the rate at which the smoothed loss is lowest, as fastai's "minimum" has it: a guess, not a measurement. Where the loss
falls fastest, another rule of fastai's, says less: often that is where the first weights' large outputs shrink.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from archdsl.runs.chart import curve, figure, text_plot
from archdsl.runs.page import charts, page, section

VERSION = 1

WORSE = 4.0
"""A test ends when the smoothed loss is so many times its best."""


class RangeTest(NamedTuple):
    """The steps of a test: the rate of each, and the loss before it.

    steps: how many there were to be; there are fewer rates where the loss had grown too large, or was no number.
    """

    rates: tuple[float, ...]
    losses: tuple[float, ...]
    steps: int

    @property
    def smoothed(self) -> tuple[float, ...]:
        """The losses as a moving average, each weighted by its age, without a bias to 0 at the start."""
        return smooth(self.losses, self.steps)

    @property
    def ended_early(self) -> bool:
        return len(self.rates) < self.steps

    @property
    def suggestion(self) -> float | None:
        """A tenth of the rate at which the smoothed loss is lowest; None where that is in the first tenth of all."""
        if not self.losses:
            return None
        smoothed = self.smoothed
        lowest = smoothed.index(min(smoothed))
        return None if lowest < self.steps // 10 else self.rates[lowest] / 10


def rates_of(low: float, high: float, steps: int) -> tuple[float, ...]:
    """The rates of a test: from low to high, by the same factor from each to the next."""
    return tuple(low * (high / low) ** (step / (steps - 1)) for step in range(steps))


def smooth(losses: Sequence[float], steps: int) -> tuple[float, ...]:
    """The moving average of losses; what it forgets in a step is two parts of `steps`, as 0.98 of 100."""
    keep, average, found = 1 - 2 / steps, 0.0, []
    for count, loss in enumerate(losses, 1):
        average = keep * average + (1 - keep) * loss
        found.append(average / (1 - keep**count))
    return tuple(found)


def is_over(losses: Sequence[float], steps: int) -> bool:
    """Whether the last loss, smoothed, is too large for the test to go on."""
    smoothed = smooth(losses, steps)
    return not math.isfinite(losses[-1]) or smoothed[-1] > WORSE * min(smoothed)


def lines_of(test: RangeTest, about: str) -> list[str]:
    """The curve and the suggestion for people. about: what was trained, and how."""
    return [
        f"{about}: {told_of(test)}",
        "",
        *text_plot([math.log10(rate) for rate in test.rates], test.smoothed, lambda x: f"{10**x:.2g}"),
        "",
        advice(test),
    ]


def told_of(test: RangeTest) -> str:
    if not test.rates:
        return "the loss of the first step is no number"
    ended = f", where the loss was more than {WORSE:g} times its best" if test.ended_early else ""
    return f"{len(test.rates)} steps, at rates from {test.rates[0]:.2g} to {test.rates[-1]:.2g}{ended}"


def advice(test: RangeTest) -> str:
    if test.suggestion is None:
        return "no suggestion: the loss falls at none of these rates"
    return (
        f"suggestion: optimizer.lr={test.suggestion:.2g}, a tenth of the rate where the loss is lowest; it is a guess, "
        "good to begin a sweep around"
    )


def page_of(test: RangeTest, about: str) -> str:
    """A page with the curve."""

    highest = max(test.smoothed[: test.smoothed.index(min(test.smoothed)) + 1]) * 1.5 if test.losses else 0.0

    def points(losses: Sequence[float]) -> list[tuple[float, float | None]]:
        pairs = zip(test.rates, losses, strict=True)
        return [(math.log10(rate), loss if loss <= highest else None) for rate, loss in pairs]

    curves = [curve("smoothed", points(test.smoothed)), curve("of each step", points(test.losses), 7, True)]
    drawn = figure("loss", curves, "learning rate", lambda x: f"{10**x:.3g}")
    note = "Before each step, by the step's rate; what is much higher than at the start is left out."
    body = section("Loss", charts([drawn]), f"{note} Point at it to read its values.")
    return page(f"rates of {about}", [told_of(test), advice(test)], body)


def document_of(test: RangeTest) -> dict[str, Any]:
    """The test for programs."""
    steps = zip(test.rates, test.losses, test.smoothed, strict=True)
    return {
        "version": VERSION,
        "suggestion": test.suggestion,
        "ended_early": test.ended_early,
        "steps": [{"lr": rate, "loss": loss, "smoothed": smoothed} for rate, loss, smoothed in steps],
    }
