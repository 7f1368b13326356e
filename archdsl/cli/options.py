"""What commands have in common: options that several take, and what they give back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import typer

Command: TypeAlias = Callable[[], int]
"""What is to be run, to its exit code. It runs outside of typer, which makes of some exceptions what it thinks best."""

Color = Literal["auto", "always", "never"]
TextOrJson = Literal["text", "json"]

Spec = Annotated[str, typer.Argument(help="The .arch file.")]
Input = Annotated[
    str | None, typer.Option("--input", metavar="CxHxW", help="Stands for the spec's own input: 3x224x224.")
]
InputOrRange = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="CxHxW",
        help="Stands for the spec's own input: 3x224x224. A range, 3x64..256x64..256, asks which sizes are accepted.",
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="Stands for the value of a let of the spec; may be repeated."),
]
Root = Annotated[str | None, typer.Option("--root", metavar="FOLDER", help="The folder that imports may not leave.")]
Except = Annotated[
    list[str] | None,
    typer.Option(
        "--except",
        metavar="MODULE",
        help="Leave out a module, `fc`, that the file or the network calls so; may be repeated.",
    ),
]
Recipe = Annotated[
    Path | None,
    typer.Option("--recipe", metavar="FILE.yaml", help="How to train; `default` is none, not that beside the spec."),
]
SetRecipe = Annotated[
    list[str] | None,
    typer.Option(
        "--set-recipe", metavar="KEY=VALUE", help="A key of the recipe, as optimizer.lr=0.05; may be repeated."
    ),
]
Device = Annotated[
    str,
    typer.Option(metavar="DEVICE", help="auto (the first there is of cuda, mps, cpu), or one: cpu, mps, cuda, cuda:1."),
]
DataName = Annotated[
    str | None,
    typer.Option(
        "--data",
        help="shapes (drawn here, the default), digits, fashion-mnist, mnist, cifar10, cifar100, or folder:PATH.",
    ),
]
DataDir = Annotated[Path | None, typer.Option(help="Where data sets lie; by default $ARCHDSL_DATA, else ./data.")]
Download = Annotated[bool, typer.Option("--download", help="Fetch a data set that is not there.")]
Epochs = Annotated[int | None, typer.Option(min=1, help="Passes over the training images.")]
BatchSize = Annotated[int | None, typer.Option(min=1, help="Images a step.")]
Rate = Annotated[float | None, typer.Option(help="The learning rate, at its highest.")]
Seed = Annotated[int | None, typer.Option(min=0, help="The same seed gives the same numbers.")]
LimitTrain = Annotated[int | None, typer.Option(min=1, help="Train on so many images only.")]
LimitTest = Annotated[int | None, typer.Option(min=1, help="Test on so many images only.")]
SaveEvery = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", min=0, help="Save in the middle of an epoch too; 300 by default."),
]
StartingWeights = Annotated[
    Path | None,
    typer.Option(
        "--weights", metavar="FILE", help="Start from these weights: safetensors, or a state dict that torch saved."
    ),
]
Weights = Annotated[
    str,
    typer.Argument(metavar="RUN|WEIGHTS", help="The folder of a run, or weights that archdsl wrote (.safetensors)."),
]
Mean = Annotated[
    str | None,
    typer.Option(metavar="M,M,M", help="For weights that keep no normalization: what is taken from each channel."),
]
Std = Annotated[str | None, typer.Option(metavar="D,D,D", help="And what it is then divided by.")]
