"""The learning rate of each step: a pure function, so that a run that goes on needs no state for it."""

from __future__ import annotations

import math

from archdsl.recipe.recipe import Cosine, Linear, Schedule, Step


def learning_rate(step: int, steps_per_epoch: int, epochs: int, peak: float, schedule: Schedule) -> float:
    """The rate of a step, counted from 0.

    With a warm-up it rises in equal parts to `peak`, which it reaches at the last warm-up step, or at the first
    step of all without one.
    """
    steps = steps_per_epoch * epochs
    warmup_steps = math.ceil(schedule.warmup * steps)
    if step < warmup_steps:
        return peak * (step + 1) / warmup_steps
    done = (step - warmup_steps) / (steps - warmup_steps)  # From 0, and never 1: no step has a rate of 0.
    if isinstance(schedule, Cosine):
        return peak * 0.5 * (1 + math.cos(math.pi * done))
    if isinstance(schedule, Linear):
        return peak * (1 - done)
    if isinstance(schedule, Step):
        return peak * schedule.factor ** (step // steps_per_epoch // schedule.every)
    return peak
