"""Whether a run that was stopped is still the same: what must be, and what its numbers depend on besides."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from archdsl.api import check
from archdsl.compare.compare import compare
from archdsl.compare.text import Printed, text_of
from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.network import Network
from archdsl.recipe.read import check_recipe
from archdsl.recipe.recipe import recipe_differences
from archdsl.runs.folder import SPEC_FILES
from archdsl.source import Source
from archdsl.weights.files import Origin

EXACT = {
    "archdsl": "archdsl {}",
    "torch": "torch {}",
    "device_name": "a {}",
    "device": "the device {}",
    "threads": "{} threads",
    "processes": "{} processes",
}
"""What of the environment the last bits of a number depend on, and how one says it."""


class Facts(NamedTuple):
    """What makes a run the run that it is.

    network: what it was made of, as `Origin` has it. recipe: as YAML. classes: their names.
    data: a digest of the images and labels.
    environment: what it was computed with, `describe_environment` has it.
    heads: a digest of how the files of images begin that are read step by step; None where there are none, and of a
        run that was begun before it was kept.
    """

    network: dict[str, Any]
    recipe: str
    classes: list[str]
    data: str
    environment: dict[str, Any]
    heads: str | None = None


def network_facts(origin: Origin) -> dict[str, Any]:
    """Of a network's origin, what a checkpoint keeps."""
    facts = origin._asdict()
    return {name: facts[name] for name in ("spec", "files", "input", "settings")}


def refuse_other_network(kept: dict[str, Any], network: Network, spec: Source, run: str) -> None:
    """Raise TrainingError with all that differs, where a network is not the one that a checkpoint keeps the facts of.

    What is only written in another way, or lies in other files, is no difference.
    """
    differs = network_difference(kept, network, spec, run)
    if differs is not None:
        is_own = Path(spec.name).is_relative_to(Path(run, SPEC_FILES))
        other = "put its spec back as it was" if is_own else "leave the spec out to go on with its own"
        raise TrainingError(
            f"{printable(run)} was started with another network; {other}, or start from its weights: "
            f"--weights {printable(run)}/weights.safetensors\n{differs}"
        )


def network_difference(kept: Mapping[str, Any], network: Network, spec: Source, run: str) -> str | None:
    """How a network differs from the one of a run that facts are kept of, in lines; None where it does not."""
    origin = Origin(**kept)
    source, _ = origin.source(Path(run, "checkpoint"))
    before = check(source, origin.input, origin.settings)
    if before.network is None:
        raise TrainingError(f"{printable(run)} was started by another version of archdsl, which knew its spec")
    comparison = compare(before.network, network)
    if comparison.equal:
        return None
    names = f"{run} as it was started", spec.name
    return text_of(comparison, Printed(names, (before.source, spec), False))


def refuse_other_facts(kept: Facts, given: Facts, run: str) -> None:
    """Raise TrainingError with what differs, where a run would go on by another recipe, or with other images."""
    differs = []
    if kept.recipe != given.recipe:
        before, after = (check_recipe("recipe.yaml", each.recipe) for each in (kept, given))
        differs += [
            f"  {key}: {was!r} then, {now!r} now"
            for key, was, now in recipe_differences(before, after)
            if not (key == "data.name" and _has_moved(kept, given, was, now))
        ]
    if kept.classes != given.classes:
        differs.append(_classes_differ(kept.classes, given.classes))
    elif kept.data != given.data and not differs:
        differs.append("  data: the images or their labels are others than then")
    elif None not in (kept.heads, given.heads) and kept.heads != given.heads and not differs:
        differs.append("  data: the files have the names and sizes that they had then, and others are in them")
    if differs:
        raise TrainingError(
            "\n".join(
                [
                    f"{printable(run)} can't go on by other rules than it was started with; to train on from where it "
                    f"is, start a new run with --weights {printable(run)}/weights.safetensors",
                    *differs,
                ]
            )
        )


def not_exact_because(kept: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
    """For all that may change the last bits of what is computed, a clause: "torch 2.14 then, torch 2.15 now"."""
    return [
        f"{_said(key, kept.get(key))} then, {_said(key, given.get(key))} now"
        for key in EXACT
        if kept.get(key) != given.get(key)
    ]


def _said(key: str, value: object) -> str:
    said = EXACT[key].format(printable(str(value)))
    return {"1 threads": "1 thread", "1 processes": "1 process"}.get(said, said)


def _has_moved(kept: Facts, given: Facts, was: str, now: str) -> bool:
    """Whether a folder of images is another one with the same images."""
    return was.startswith("folder:") and now.startswith("folder:") and kept.data == given.data


def _classes_differ(kept: list[str], given: list[str]) -> str:
    if len(kept) != len(given):
        return f"  classes: {len(kept)} then, {len(given)} now"
    index = next(i for i, (was, now) in enumerate(zip(kept, given, strict=True)) if was != now)
    return f"  class {index}: {printable(kept[index])} then, {printable(given[index])} now"
