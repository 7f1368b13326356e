"""The command line: typer reads the arguments, and what it read is run when it is done."""

from __future__ import annotations

import sys
from collections.abc import Callable
from enum import Enum
from functools import partial
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from archdsl.checker.session import MAX_LAYERS, MAX_PARAMETERS
from archdsl.commands.guard import guarded
from archdsl.diagnostics.render import visible
from archdsl.exit_codes import EXIT_FINE, EXIT_USAGE

app = typer.Typer(
    name="archdsl",
    help="Networks as text: shapes checked before a run, plain PyTorch behind.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


Command: TypeAlias = Callable[[], int]
"""What is to be run, to its exit code. It runs outside of typer, which makes of some exceptions what it thinks best."""


class Format(str, Enum):
    """How findings are printed."""

    text = "text"
    concise = "concise"
    json = "json"
    jsonl = "jsonl"
    github = "github"
    sarif = "sarif"


class DiffFormat(str, Enum):
    """How a comparison is printed."""

    text = "text"
    json = "json"


class Color(str, Enum):
    """Whether to color; auto does on a terminal."""

    auto = "auto"
    always = "always"
    never = "never"


class SchemaName(str, Enum):
    """What has a JSON Schema."""

    diagnostics = "diagnostics"
    lines = "lines"
    cost = "cost"
    evaluation = "evaluation"
    prediction = "prediction"
    recipe = "recipe"


class DiagramFormat(str, Enum):
    """As what a diagram is written."""

    svg = "svg"
    html = "html"
    markdown = "markdown"
    mermaid = "mermaid"
    dot = "dot"


class CostKind(str, Enum):
    """What of the cost is meant."""

    parameters = "parameters"
    multiply_adds = "multiply-adds"


class Direction(str, Enum):
    """Where the data of a diagram flows."""

    down = "down"
    right = "right"


class CostFormat(str, Enum):
    """How a network's cost is printed."""

    text = "text"
    json = "json"
    csv = "csv"


class OptimizerName(str, Enum):
    """Whose state and steps are forecast; momentum is SGD with momentum."""

    sgd = "sgd"
    momentum = "momentum"
    adam = "adam"
    adamw = "adamw"


class Precision(str, Enum):
    """What a network is computed in; bf16 is autocast, with weights in single precision."""

    fp32 = "fp32"
    bf16 = "bf16"


class Device(str, Enum):
    """Where to train; auto takes what is there."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"


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
MaxLayers = Annotated[int, typer.Option("--max-layers", min=1, help="A larger network is refused.")]


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Files and folders of .arch files; `-` is standard input.")],
    input: InputOrRange = None,
    settings: Set = None,
    root: Root = None,
    max_layers: MaxLayers = MAX_LAYERS,
    max_parameters: Annotated[
        int, typer.Option("--max-parameters", min=1, help="A network of more is refused.")
    ] = MAX_PARAMETERS,
    least_input: Annotated[
        bool, typer.Option("--least-input", help="Tell the smallest input that is accepted, instead of the table.")
    ] = False,
    format: Annotated[
        Format, typer.Option("--format", help="For people, for editors, or for programs; see docs/formats.md.")
    ] = Format.text,
    color: Annotated[Color, typer.Option("--color", help="Whether to color what is for people.")] = Color.auto,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="One line a file instead of a table.")] = False,
    fix: Annotated[bool, typer.Option("--fix", help="First mend in the files what can be mended safely.")] = False,
    warnings_as_errors: Annotated[
        bool, typer.Option("--warnings-as-errors", help="Exit with 1 where there are warnings.")
    ] = False,
    trace: Annotated[
        bool, typer.Option("--trace", help="Show the way from the input to a shape that does not fit.")
    ] = False,
    stdin_filename: Annotated[
        str | None,
        typer.Option("--stdin-filename", metavar="FILE", help="Whose text `-` is, for messages and imports."),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a file changes, until Ctrl-C.")] = False,
) -> Command:
    """Tell the shapes of a network, or what is wrong with it, without torch.

    Exits with 0 where all is fine, 1 where a spec has errors, 2 where a file can't be read or written or on wrong use.
    """
    from archdsl.commands.check import check as run_check

    return partial(
        run_check,
        files,
        input=input,
        settings=settings or [],
        root=root,
        max_layers=max_layers,
        max_parameters=max_parameters,
        least_input=least_input,
        format=format.value,
        color=color.value,
        quiet=quiet,
        fix=fix,
        warnings_as_errors=warnings_as_errors,
        trace=trace,
        stdin_filename=stdin_filename,
        watch=watch,
    )


@app.command()
def fmt(
    files: Annotated[
        list[str], typer.Argument(help="The .arch files, folders of them, or `-` for standard input to output.")
    ],
    check: Annotated[bool, typer.Option("--check", help="Change nothing; name the files that would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing; print what would change.")] = False,
    color: Annotated[Color, typer.Option(help="Whether to color what is for people.")] = Color.auto,
) -> Command:
    """Lay specs out in the one canonical way. Words and comments stay; a file is replaced whole or not at all.

    Exits with 0 where all is well, 1 where a spec does not parse or, with --check or --diff, would change, 2 where a
    file can't be read or written.
    """
    from archdsl.commands.fmt import fmt as run_fmt

    return partial(run_fmt, files, check=check, diff=diff, color=color.value)


@app.command()
def schema(
    name: Annotated[
        SchemaName,
        typer.Argument(
            help="Of what `check` prints as json (diagnostics) or jsonl (lines), `show`, `eval` and `predict` (cost, "
            "evaluation, prediction), or of a recipe."
        ),
    ],
) -> Command:
    """Print a JSON Schema, for programs that read the output, and editors that help to write a recipe."""
    from archdsl.commands.schema import schema as run_schema

    return partial(run_schema, name.value)


@app.command()
def explain(
    name: Annotated[
        str,
        typer.Argument(help="A word, an argument, a function, a block of the library, a code, or `words`, `codes`."),
    ],
) -> Command:
    """Explain a word of the language, a block of the library, or the code of a finding."""
    from archdsl.commands.explain import explain as run_explain

    return partial(run_explain, name)


class ExportFormat(str, Enum):
    """What a network is exported to."""

    python = "python"
    onnx = "onnx"
    pt2 = "pt2"


@app.command()
def export(
    spec: Spec,
    to: Annotated[
        ExportFormat | None,
        typer.Option(
            "--to", help="Source that needs torch alone, ONNX, or torch.export's file; by default as -o ends."
        ),
    ] = None,
    output: Annotated[
        str | None, typer.Option("-o", "--output", metavar="FILE", help="The file; source is printed without one.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="FILE", help="The weights for onnx and pt2; else random ones.")
    ] = None,
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Of random weights; 0 if not given.")] = None,
    settings: Set = None,
    input: Input = None,
    root: Root = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing but source.")] = False,
) -> Command:
    """Write a network as a file that needs no archdsl: Python source, ONNX, or a program of torch.export.

    Exits with 0 when it is written, 1 where the spec has errors or the weights do not fit, 2 on wrong use or where a
    file can't be read or written.
    """
    from archdsl.commands.export import export as run_export

    return partial(
        run_export,
        spec,
        to=None if to is None else to.value,
        output=output,
        weights=weights,
        seed=seed,
        input=input,
        settings=settings or [],
        root=root,
        quiet=quiet,
    )


@app.command()
def show(
    spec: Spec,
    depth: Annotated[
        int | None, typer.Option(min=1, help="Sum what lies deeper than so many levels into the rows above.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Forecast the memory of a batch of this size.")] = None,
    optimizer: Annotated[
        OptimizerName | None, typer.Option(help="That of the forecast; momentum where none is given.")
    ] = None,
    precision: Annotated[Precision, typer.Option(help="fp32, or bf16 by autocast.")] = Precision.fp32,
    fits: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Tell the largest batch that fits: 8GB, 512MiB.")
    ] = None,
    inference: Annotated[bool, typer.Option("--inference", help="What is to fit is inference, not training.")] = False,
    format: Annotated[CostFormat, typer.Option("--format", help="For people or for programs.")] = CostFormat.text,
    settings: Set = None,
    input: Input = None,
    root: Root = None,
) -> Command:
    """Tell what a network costs and sees, layer by layer, and forecast its memory, without torch.

    Exits with 0 when done, 1 where the spec has errors or the batch does not fit, 2 on wrong use.
    """
    from archdsl.commands.show import show as run_show

    return partial(
        run_show,
        spec,
        input=input,
        settings=settings or [],
        root=root,
        depth=depth,
        format=format.value,
        batch=batch,
        optimizer=None if optimizer is None else optimizer.value,
        precision=precision.value,
        fits=fits,
        inference=inference,
    )


@app.command()
def train(
    spec: Annotated[str | None, typer.Argument(help="The .arch file; for --resume RUN it can be left out.")] = None,
    data: DataName = None,
    recipe: Recipe = None,
    set_recipe: SetRecipe = None,
    epochs: Epochs = None,
    batch_size: BatchSize = None,
    lr: Rate = None,
    seed: Seed = None,
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.auto,
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
    weights: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Start from these weights: safetensors, or a state dict that torch saved."),
    ] = None,
    leave_out: Except = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result alone.")] = False,
) -> Command:
    """Train a network.

    Exits with 0 when done, 1 where the spec has errors, 2 on wrong use or an unreadable file, 3 where training
    failed, 130 and 143 when interrupted.
    """
    from archdsl.commands.train import train as run_train

    return partial(
        run_train,
        spec,
        input=input,
        settings=settings or [],
        root=root,
        data=data,
        recipe_path=recipe,
        recipe_settings=set_recipe or [],
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        seed=seed,
        device=device.value,
        limit_train=limit_train,
        limit_test=limit_test,
        data_dir=data_dir,
        download=download,
        out=out,
        resume=resume,
        save_every=save_every,
        tensorboard=tensorboard,
        weights=weights,
        leave_out=leave_out or [],
        quiet=quiet,
    )


@app.command()
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
    device: Annotated[Device, typer.Option(help="Where to train.")] = Device.auto,
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
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the table alone.")] = False,
    format: Annotated[DiffFormat, typer.Option("--format", help="For people or for programs.")] = DiffFormat.text,
) -> Command:
    """Train a network by each recipe of a grid, one after the other, and tell which is best.

    Exits with 0 when all are done, 1 where the spec has errors, 2 on wrong use or an unreadable file, 3 where some
    trainings failed, 130 and 143 when interrupted.
    """
    from archdsl.commands.sweep import sweep as run_sweep

    return partial(
        run_sweep,
        spec,
        over=over or [],
        input=input,
        settings=settings or [],
        root=root,
        recipe_path=recipe,
        recipe_settings=set_recipe or [],
        flags={
            "--data": data,
            "--epochs": epochs,
            "--batch-size": batch_size,
            "--lr": lr,
            "--seed": seed,
            "--limit-train": limit_train,
            "--limit-test": limit_test,
        },
        device=device.value,
        data_dir=data_dir,
        download=download,
        out=out,
        resume=resume,
        save_every=save_every,
        quiet=quiet,
        format=format.value,
    )


class Part(str, Enum):
    """A part of a data set."""

    test = "test"
    validation = "validation"
    train = "train"


class TextOrJson(str, Enum):
    """For people or for programs."""

    text = "text"
    json = "json"


class TextOrLines(str, Enum):
    """For people or for programs."""

    text = "text"
    jsonl = "jsonl"


Weights = Annotated[
    str,
    typer.Argument(metavar="RUN|WEIGHTS", help="The folder of a run, or weights that archdsl wrote (.safetensors)."),
]
Mean = Annotated[
    str | None,
    typer.Option(metavar="M,M,M", help="For weights that keep no normalization: what is taken from each channel."),
]
Std = Annotated[str | None, typer.Option(metavar="D,D,D", help="And what it is then divided by.")]


@app.command(name="eval")
def evaluate(
    target: Weights,
    data: Annotated[
        str | None, typer.Option(help="The data set: its name, or folder:PATH; by default that of the run.")
    ] = None,
    part: Annotated[Part, typer.Option("--part", help="Which of its images.")] = Part.test,
    data_dir: DataDir = None,
    download: Download = False,
    limit_test: LimitTest = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images at a time; the numbers stay the same.")] = None,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    mean: Mean = None,
    std: Std = None,
    worst: Annotated[int, typer.Option(min=0, help="Tell so many images that are most wrong, too.")] = 0,
    format: Annotated[TextOrJson, typer.Option("--format", help="For people or for programs.")] = TextOrJson.text,
) -> Command:
    """Tell how good a trained network is: accuracy, loss, each class, what is taken for what, calibration.

    Exits with 0 when done, 1 where the weights do not fit, 2 on wrong use, or where a file can't be read or is not for
    this network, 130 and 143 when interrupted.
    """
    from archdsl.commands.evaluate import evaluate as run_evaluate

    return partial(
        run_evaluate,
        target,
        data=data,
        part=part.value,
        data_dir=data_dir,
        download=download,
        limit_test=limit_test,
        batch_size=batch_size,
        device=device.value,
        mean=mean,
        std=std,
        worst=worst,
        format=format.value,
    )


@app.command()
def predict(
    target: Weights,
    images: Annotated[list[str], typer.Argument(help="Pictures, and folders of pictures.")],
    top: Annotated[int, typer.Option(min=1, help="Tell so many classes.")] = 5,
    device: Annotated[Device, typer.Option(help="Where to compute.")] = Device.auto,
    mean: Mean = None,
    std: Std = None,
    format: Annotated[TextOrLines, typer.Option("--format", help="For people or for programs.")] = TextOrLines.text,
) -> Command:
    """Tell what a trained network takes pictures for, a line each.

    Exits with 0 when done, 1 where some pictures can't be read or the weights do not fit, 2 where none can be read or
    on wrong use.
    """
    from archdsl.commands.predict import predict as run_predict

    return partial(run_predict, target, images, top=top, device=device.value, mean=mean, std=std, format=format.value)


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="A spec, or a file of weights that archdsl wrote.")],
    after: Annotated[str | None, typer.Argument(help="Another one.")] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="REVISION", help="Compare the spec with what it was at a revision of git, as HEAD~1."),
    ] = None,
    settings: Set = None,
    settings_after: Annotated[
        list[str] | None,
        typer.Option(
            "--set-after",
            metavar="NAME=VALUE",
            help="The same for the second alone, by default the first again; may be repeated.",
        ),
    ] = None,
    input: Input = None,
    root: Root = None,
    format: Annotated[DiffFormat, typer.Option("--format", help="For people or for programs.")] = DiffFormat.text,
    color: Annotated[Color, typer.Option("--color", help="Whether to color what is for people.")] = Color.auto,
) -> Command:
    """Tell how two networks differ by what they compute, not by their text; --set and --input are for both.

    Exits with 0 where they are the same, 1 where they differ, 2 where one has errors or can't be read, or on wrong use.
    """
    from archdsl.commands.diff import diff as run_diff

    return partial(
        run_diff,
        before,
        after,
        against=against,
        input=input,
        settings=settings or [],
        settings_after=settings_after or [],
        root=root,
        format=format.value,
        color=color.value,
    )


@app.command()
def runs(
    folder: Annotated[str, typer.Argument(help="Where to look for runs, in it and below it.")] = "runs",
    format: Annotated[DiffFormat, typer.Option("--format", help="For people or for programs.")] = DiffFormat.text,
) -> Command:
    """List runs: how far each has come, and how well it does.

    Exits with 0, or 2 where there is no such folder.
    """
    from archdsl.commands.runs import runs as run_runs

    return partial(run_runs, folder, format=format.value)


@app.command()
def compare(
    runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...", help="The folders of runs.")],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE.html", help="Write a page with the curves, too.")
    ] = None,
    format: Annotated[DiffFormat, typer.Option("--format", help="For people or for programs.")] = DiffFormat.text,
) -> Command:
    """Put runs side by side: what differs in what they were made of, and what they came to.

    Exits with 0, or 2 where a run can't be read or the page can't be written.
    """
    from archdsl.commands.compare import compare as run_compare

    return partial(run_compare, runs, output=output, format=format.value)


@app.command()
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
    device: Annotated[Device, typer.Option(help="Where to evaluate.")] = Device.auto,
) -> Command:
    """Write a page on a run, in one file: its curves, what it gets wrong, its network, recipe and machine.

    Exits with 0, 2 where the run can't be read or the page can't be written, 130 and 143 when interrupted.
    """
    from archdsl.commands.report import report as run_report

    return partial(run_report, run, output=output, evaluated=not no_evaluation, data_dir=data_dir, device=device.value)


weights_app = typer.Typer(help="Weights of other tools into networks.")
app.add_typer(weights_app, name="weights")


@weights_app.command("load")
def weights_load(
    spec: Spec,
    file: Annotated[str, typer.Argument(help="The weights: safetensors, or a state dict that torch saved.")],
    out: Annotated[str, typer.Option("--output", "-o", metavar="FILE.safetensors", help="The file that is written.")],
    settings: Set = None,
    input: Input = None,
    root: Root = None,
    leave_out: Except = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell of each tensor where it went.")] = False,
) -> Command:
    """Load weights into a network, by key, else by names and order, and write both as one file.

    Exits with 0 when done, 1 where the spec has errors or the weights do not fit, 2 on wrong use or an unreadable file.
    """
    from archdsl.commands.weights import load

    return partial(
        load,
        spec,
        file,
        out=out,
        input=input,
        settings=settings or [],
        root=root,
        leave_out=leave_out or [],
        verbose=verbose,
    )


data_app = typer.Typer(help="What is learned from.")
app.add_typer(data_app, name="data")


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
    from archdsl.commands.data import show as run_data_show

    return partial(
        run_data_show,
        spec,
        data=data,
        recipe_path=recipe,
        recipe_settings=set_recipe or [],
        output=output,
        input=input,
        settings=settings or [],
        root=root,
        data_dir=data_dir,
        download=download,
    )


recipe_app = typer.Typer(help="What the keys of a recipe mean, and what a whole recipe is.")
app.add_typer(recipe_app, name="recipe")


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


@app.command()
def diagram(
    spec: Spec,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Ends in .svg, .html, .md, .mmd or .dot; `-` prints."),
    ] = None,
    format: Annotated[
        DiagramFormat | None, typer.Option("--format", help="What to draw, where no ending tells it.")
    ] = None,
    by: Annotated[CostKind, typer.Option("--by", help="What boxes are colored by.")] = CostKind.parameters,
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", min=0, help="So many blocks in each other are open; by default as many as are legible."
        ),
    ] = None,
    direction: Annotated[Direction, typer.Option("--direction", help="Where the data flows.")] = Direction.down,
    bare: Annotated[bool, typer.Option("--bare", help="Of an SVG, leave out the heading and the legend.")] = False,
    input: Input = None,
    settings: Set = None,
    root: Root = None,
) -> Command:
    """Draw a network, as a picture or as a page whose blocks open and close, without torch.

    Exits with 0 when drawn, 1 where the spec has errors, 2 on wrong use, where a file can't be read or written, or
    where there is too much to draw.
    """
    from archdsl.commands.diagram import diagram as run_diagram

    return partial(
        run_diagram,
        spec,
        output=output,
        format=format and format.value,
        by=by.value,
        depth=depth,
        direction=direction.value,
        bare=bare,
        input=input,
        settings=settings or [],
        root=root,
    )


@app.command(name="from-torch")
def from_torch(
    target: Annotated[
        str, typer.Argument(metavar="MODULE:NAME", help="An nn.Module, or a class or function that gives one.")
    ],
    input: Annotated[
        str, typer.Option("--input", metavar="CxHxW", help="The shape of one sample that the module takes.")
    ],
    output: Annotated[
        str | None, typer.Option("--output", "-o", metavar="FILE", help="The spec; by default standard output.")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="FILE.safetensors", help="Write the module's weights too.")
    ] = None,
    call: Annotated[
        str, typer.Option("--call", metavar="NAME=VALUE,...", help="What the class or function is called with.")
    ] = "",
) -> Command:
    """Write the spec of a module that is there in PyTorch, and hold its outputs against the module's.

    Imports and runs the Python that is named. Exits with 0 where the spec is written, 1 where the language can't say
    what the module does, 2 on wrong use or where a file can't be written.
    """
    from archdsl.commands.from_torch import from_torch as run_from_torch

    return partial(run_from_torch, target, input=input, output=output, call=call, weights=weights)


def print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"archdsl {version('archdsl')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Networks as text: shapes checked before a run, plain PyTorch behind."""


def run() -> int:
    """Run the command line of this process; returns the exit code."""
    return guarded(lambda: run_words(sys.argv[1:]))


def run_words(words: list[str]) -> int:
    """Read the words of a command line and run what they ask for; without any, show the help."""
    try:
        command: Command | int | None = app(words or ["--help"], prog_name="archdsl", standalone_mode=False)
    except typer.TyperException as error:
        where = getattr(getattr(error, "ctx", None), "command_path", "archdsl")
        if where == "archdsl" and words[0] in command_names():
            where += f" {words[0]}"  # Of an option without its value typer does not tell the command.
        print(f"archdsl: {visible(in_our_words(error))}\narchdsl: see `{where} --help`", file=sys.stderr)
        return EXIT_USAGE
    if callable(command):
        return command()
    return EXIT_FINE if words else EXIT_USAGE


def command_names() -> set[str | None]:
    """The commands, as they are called on the command line."""
    return {each.name or getattr(each.callback, "__name__", None) for each in app.registered_commands}


_OUR_WORDS = (
    ("Value error, ", ""),
    ("Input should be a valid integer, unable to parse string as an integer", "a whole number is needed"),
    ("Input should be a valid number, unable to parse string as a number", "a number is needed"),
    ("Input should be", "it must be"),
    (". Did you mean", "; did you mean"),
    (". Choose from:\n\t", "; it is one of "),
    (",\n\t", ", "),
)


def in_our_words(error: typer.TyperException) -> str:
    """What typer and pydantic say of wrong use, in the manner of all other messages."""
    near = getattr(error, "possibilities", None)
    message = f"{error.message}; did you mean {near[0]}?" if near else error.format_message()
    for theirs, ours in _OUR_WORDS:
        message = message.replace(theirs, ours)
    return (message[:1].lower() + message[1:]).removesuffix(".")
