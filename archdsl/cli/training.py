"""The commands that train, and those on what is trained by: data and recipes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from archdsl.cli.options import (
    BatchSize,
    Command,
    DataDir,
    DataName,
    Device,
    Download,
    Epochs,
    Except,
    Input,
    LimitTest,
    LimitTrain,
    Rate,
    Recipe,
    Root,
    SaveEvery,
    Seed,
    Set,
    SetRecipe,
    Spec,
    StartingWeights,
    TextOrJson,
)

commands = typer.Typer()


@commands.command()
def train(
    spec: Annotated[str | None, typer.Argument(help="The .arch file; for --resume RUN it can be left out.")] = None,
    data: DataName = None,
    recipe: Recipe = None,
    set_recipe: SetRecipe = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    lr: Rate = None,
    seed: Seed = None,
    device: Device = "auto",
    limit_train: LimitTrain = None,
    limit_test: LimitTest = None,
    settings: Set = None,
    input: Input = None,
    root: Root = None,
    data_dir: DataDir = None,
    download: Download = False,
    out: Annotated[Path | None, typer.Option(help="The run's folder; by default a new one in ./runs.")] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="RUN", help="Go on with a stopped run; `auto`: with that in --out, if there is one."),
    ] = None,
    save_every: SaveEvery = None,
    tensorboard: Annotated[bool, typer.Option("--tensorboard", help="Write files for TensorBoard too.")] = False,
    weights: StartingWeights = None,
    leave_out: Except = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result alone.")] = False,
) -> Command:
    """Train a network, or go on with a run that was stopped.

    Exits with 0 when done, 1 where the spec has errors, 2 on wrong use or an unreadable file, 3 where training
    failed, 130 and 143 when interrupted.
    """
    from archdsl.commands.asked import Asked
    from archdsl.commands.train import train as run_train

    return partial(
        run_train,
        Asked(
            spec,
            input=input,
            settings=settings or (),
            root=root,
            recipe=recipe,
            set_recipe=set_recipe or (),
            flags={
                "--data": data,
                "--epochs": epochs,
                "--batch-size": batch_size,
                "--lr": lr,
                "--seed": seed,
                "--limit-train": limit_train,
                "--limit-test": limit_test,
            },
            weights=weights,
            leave_out=leave_out or (),
            device=device,
            data_dir=data_dir,
            download=download,
        ),
        out=out,
        resume=resume,
        save_every=save_every,
        tensorboard=tensorboard,
        quiet=quiet,
    )


@commands.command()
def sweep(
    spec: Annotated[str | None, typer.Argument(help="The .arch file; for --resume SWEEP it can be left out.")] = None,
    over: Annotated[
        list[str] | None,
        typer.Option(
            "--over",
            metavar="KEY=VALUE,...",
            help="Values of a key of the recipe, as optimizer.lr=0.01,0.1; each with each where it is repeated.",
        ),
    ] = None,
    data: DataName = None,
    recipe: Recipe = None,
    set_recipe: SetRecipe = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    lr: Rate = None,
    seed: Seed = None,
    device: Device = "auto",
    limit_train: LimitTrain = None,
    limit_test: LimitTest = None,
    settings: Set = None,
    input: Input = None,
    root: Root = None,
    data_dir: DataDir = None,
    download: Download = False,
    out: Annotated[Path | None, typer.Option(help="The sweep's folder; by default a new one in ./sweeps.")] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="SWEEP", help="Go on with a stopped sweep; `auto`: with that in --out, if there is one."),
    ] = None,
    save_every: SaveEvery = None,
    weights: StartingWeights = None,
    leave_out: Except = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the table alone.")] = False,
    format: Annotated[TextOrJson, typer.Option("--format", help="For people or for programs.")] = "text",
) -> Command:
    """Train by each recipe of a grid, and tell which is best.

    They are trained one after the other.

    Exits with 0 when all are done, 1 where the spec has errors, 2 on wrong use or an unreadable file, 3 where some
    trainings failed, 130 and 143 when interrupted.
    """
    from archdsl.commands.asked import Asked
    from archdsl.commands.sweep import sweep as run_sweep

    return partial(
        run_sweep,
        Asked(
            spec,
            input=input,
            settings=settings or (),
            root=root,
            recipe=recipe,
            set_recipe=set_recipe or (),
            flags={
                "--data": data,
                "--epochs": epochs,
                "--batch-size": batch_size,
                "--lr": lr,
                "--seed": seed,
                "--limit-train": limit_train,
                "--limit-test": limit_test,
            },
            weights=weights,
            leave_out=leave_out or (),
            device=device,
            data_dir=data_dir,
            download=download,
        ),
        over=over or (),
        out=out,
        resume=resume,
        save_every=save_every,
        quiet=quiet,
        format=format,
    )


@commands.command(name="find-lr")
def find_lr(
    spec: Spec,
    low: Annotated[float, typer.Option("--from", help="The lowest rate.")] = 1e-6,
    high: Annotated[float, typer.Option("--to", help="The highest rate.")] = 10.0,
    steps: Annotated[int, typer.Option(min=20, max=100_000, help="Steps from the one to the other.")] = 100,
    data: DataName = None,
    recipe: Recipe = None,
    set_recipe: SetRecipe = None,
    batch_size: BatchSize = None,
    seed: Seed = None,
    device: Device = "auto",
    limit_train: LimitTrain = None,
    settings: Set = None,
    input: Input = None,
    root: Root = None,
    data_dir: DataDir = None,
    download: Download = False,
    weights: StartingWeights = None,
    leave_out: Except = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.html", help="Write a page with the curve, too.")
    ] = None,
    format: Annotated[TextOrJson, typer.Option("--format", help="For people or for programs.")] = "text",
) -> Command:
    """Tell at which learning rates a network learns.

    It does a few steps at rates that rise, and keeps nothing.

    Exits with 0 when done, 1 where the spec has errors, 2 on wrong use or where a file can't be read or written, 3
    where memory does not suffice, 130 and 143 when interrupted.
    """
    from archdsl.commands.asked import Asked
    from archdsl.commands.find_lr import find_lr as run_find_lr

    return partial(
        run_find_lr,
        Asked(
            spec,
            input=input,
            settings=settings or (),
            root=root,
            recipe=recipe,
            set_recipe=set_recipe or (),
            flags={"--data": data, "--batch-size": batch_size, "--seed": seed, "--limit-train": limit_train},
            weights=weights,
            leave_out=leave_out or (),
            device=device,
            data_dir=data_dir,
            download=download,
        ),
        low=low,
        high=high,
        steps=steps,
        output=output,
        format=format,
    )


data_app = typer.Typer(help="Look at what is learned from.")
commands.add_typer(data_app, name="data")


@data_app.command("show")
def data_show(
    spec: Annotated[str | None, typer.Argument(help="The .arch file whose input and recipe are taken.")] = None,
    data: DataName = None,
    recipe: Recipe = None,
    set_recipe: SetRecipe = None,
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.png", help="The sheet; by default data.png.")
    ] = None,
    settings: Set = None,
    input: Input = None,
    root: Root = None,
    data_dir: DataDir = None,
    download: Download = False,
) -> Command:
    """Draw a sheet of images to learn from as the network sees them, and tell how many there are.

    Exits with 0 when drawn, 1 where the spec has errors, 2 on wrong use or where a file can't be read or written.
    """
    from archdsl.commands.asked import Asked
    from archdsl.commands.data import show as run_data_show

    return partial(
        run_data_show,
        Asked(
            spec,
            input=input,
            settings=settings or (),
            root=root,
            recipe=recipe,
            set_recipe=set_recipe or (),
            flags={"--data": data},
            data_dir=data_dir,
            download=download,
        ),
        output=output,
    )


recipe_app = typer.Typer(help="Explain the keys of recipes, and show whole ones.")
commands.add_typer(recipe_app, name="recipe")


@recipe_app.command("explain")
def recipe_explain(
    key: Annotated[
        str | None, typer.Argument(help="As optimizer.lr, or a section, or an optimizer; all keys without one.")
    ] = None,
) -> Command:
    """Explain a key of a recipe: what it means, which values it takes, and its default."""
    from archdsl.commands.recipe import explain as run_recipe_explain

    return partial(run_recipe_explain, key)


@recipe_app.command("show")
def recipe_show(
    spec: Annotated[str | None, typer.Argument(help="The .arch file whose own recipe is taken.")] = None,
    recipe: Recipe = None,
    set_recipe: SetRecipe = None,
) -> Command:
    """Print a recipe with every key, as it would be trained by.

    Exits with 0 when done, 2 where the recipe is wrong or can't be read.
    """
    from archdsl.commands.recipe import show as run_recipe_show

    return partial(run_recipe_show, spec, recipe_path=recipe, recipe_settings=set_recipe or [])
