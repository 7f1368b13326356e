"""The commands on what was trained: networks with their weights, and runs."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import typer

from archdsl.cli.options import Command, DataDir, Device, Download, LimitTest, Mean, Std, TextOrJson, Weights

commands = typer.Typer()


@commands.command(name="eval")
def evaluate(
    target: Weights,
    data: Annotated[
        str | None, typer.Option(help="The data set: its name, or folder:PATH; by default that of the run.")
    ] = None,
    part: Annotated[
        Literal["test", "validation", "train", "all"], typer.Option("--part", help="Which of its images.")
    ] = "test",
    data_dir: DataDir = None,
    download: Download = False,
    limit_test: LimitTest = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images at a time, by default as suits the network.")
    ] = None,
    device: Device = "auto",
    mean: Mean = None,
    std: Std = None,
    worst: Annotated[int, typer.Option(min=0, help="Tell so many images that are most wrong, too.")] = 0,
    format: Annotated[TextOrJson, typer.Option("--format", help="For people or for programs.")] = "text",
) -> Command:
    """Tell how good a trained network is.

    That is accuracy, loss, each class, what is taken for what, and calibration.

    Exits with 0 when done, 1 where the weights do not fit, 2 on wrong use, or where a file can't be read or is not for
    this network, 130 and 143 when interrupted.
    """
    from archdsl.commands.evaluate import evaluate as run_evaluate

    return partial(
        run_evaluate,
        target,
        data=data,
        part=part,
        data_dir=data_dir,
        download=download,
        limit_test=limit_test,
        batch_size=batch_size,
        device=device,
        mean=mean,
        std=std,
        worst=worst,
        format=format,
    )


@commands.command()
def predict(
    target: Weights,
    images: Annotated[list[str], typer.Argument(help="Pictures, and folders of pictures.")],
    top: Annotated[int, typer.Option(min=1, help="Tell so many classes.")] = 5,
    device: Device = "auto",
    mean: Mean = None,
    std: Std = None,
    format: Annotated[Literal["text", "jsonl"], typer.Option("--format", help="For people or for programs.")] = "text",
) -> Command:
    """Tell what a trained network takes pictures for.

    Exits with 0 when done, 1 where some pictures can't be read or the weights do not fit, 2 where none can be read or
    on wrong use.
    """
    from archdsl.commands.predict import predict as run_predict

    return partial(run_predict, target, images, top=top, device=device, mean=mean, std=std, format=format)


@commands.command()
def runs(
    folder: Annotated[str, typer.Argument(help="Where to look for runs, in it and below it.")] = "runs",
    format: Annotated[TextOrJson, typer.Option("--format", help="For people or for programs.")] = "text",
) -> Command:
    """List runs: how far each has come, and how well it does.

    Exits with 0, or 2 where there is no such folder.
    """
    from archdsl.commands.runs import runs as run_runs

    return partial(run_runs, folder, format=format)


@commands.command()
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="The folders of runs.")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.html", help="Write a page with the curves, too.")
    ] = None,
    format: Annotated[TextOrJson, typer.Option("--format", help="For people or for programs.")] = "text",
) -> Command:
    """Put runs side by side: what differs, and what they came to.

    Exits with 0, or 2 where a run can't be read or the page can't be written.
    """
    from archdsl.commands.compare import compare as run_compare

    return partial(run_compare, runs, output=output, format=format)


@commands.command()
def report(
    run: Annotated[str, typer.Argument(help="The folder of a run.")],
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE.html", help="By default report.html in the run's folder."),
    ] = None,
    no_evaluation: Annotated[
        bool, typer.Option("--no-evaluation", help="Leave out what needs the data: confusions, the images most wrong.")
    ] = False,
    data_dir: DataDir = None,
    device: Device = "auto",
) -> Command:
    """Write a page on a run: curves, mistakes, network, recipe.

    It is one file, which loads nothing.

    Exits with 0, 2 where the run can't be read or the page can't be written, 130 and 143 when interrupted.
    """
    from archdsl.commands.report import report as run_report

    return partial(run_report, run, output=output, evaluated=not no_evaluation, data_dir=data_dir, device=device)
