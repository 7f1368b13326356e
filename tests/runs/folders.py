"""Folders of runs as `archdsl train` leaves them, made by hand: no test of what reads them needs a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import archdsl
from archdsl.recipe.recipe import Recipe
from archdsl.runs.folder import ENVIRONMENT, RECIPE, RESULT, RunFolder
from archdsl.runs.metrics import EpochMetrics
from archdsl.source import Source
from archdsl.weights.files import origin_of

SPEC = "input(1, 28, 28)\nconv(4, 3, s2) relu flatten fc(10)\n"


def epochs(count: int, held_back: bool = False, best: float = 0.9, every: int = 1) -> list[EpochMetrics]:
    """Metrics of a run that learns; evaluated after every so many epochs."""
    found = []
    for epoch in range(1, count + 1):
        done = 1 - 0.6**epoch
        value = (2.3 - 2 * done, best * done) if epoch % every == 0 or epoch == count else (None, None)
        evaluated = (*value, None, None) if held_back else (None, None, *value)
        found.append(
            EpochMetrics(epoch, 10 * epoch, 0.01 / epoch, 2.4 - 2 * done, 0.95 * done, *evaluated, 12.5, 800.0)
        )
    return found


def make_run(
    path: Path,
    recipe: Mapping[str, Any] | None = None,
    metrics: Sequence[EpochMetrics] = (),
    spec: str = SPEC,
    name: str = "net.arch",
    environment: Mapping[str, Any] | None = None,
    result: Mapping[str, Any] | None = None,
) -> RunFolder:
    """Make the folder of a run."""
    path.mkdir(parents=True)
    run = RunFolder(path)
    (path / RECIPE).write_text(Recipe.model_validate(recipe or {}).to_yaml(), encoding="utf-8")
    started = {"torch": "2.14.0", "device": "cpu", "started": "2026-11-27T22:00:00Z", "command": ["train", name]}
    run.write_json(ENVIRONMENT, {**started, **(environment or {})})
    run.write_metrics(metrics)
    network = archdsl.check(spec).network
    assert network is not None
    run.write_spec(origin_of(Source(name, spec), (), network.input, {}))
    if result is not None:
        run.write_json(RESULT, {"test_loss": 1.0, **result})
    return run
