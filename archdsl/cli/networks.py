"""The commands on networks: to check and lay out, to look at, to take from elsewhere and to give away."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

import typer

from archdsl.checker.session import MAX_LAYERS, MAX_PARAMETERS
from archdsl.cli.options import Color, Command, Except, Input, InputOrRange, Root, Set, Spec, TextOrJson

commands = typer.Typer()

Format = Literal["text", "concise", "json", "jsonl", "github", "sarif"]
"""How findings are printed."""


@commands.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Files and folders of .arch files; `-` is standard input.")],
    input: InputOrRange = None,
    settings: Set = None,
    root: Root = None,
    max_layers: Annotated[int, typer.Option("--max-layers", min=1, help="A larger network is refused.")] = MAX_LAYERS,
    max_parameters: Annotated[
        int, typer.Option("--max-parameters", min=1, help="A network of more is refused.")
    ] = MAX_PARAMETERS,
    least_input: Annotated[
        bool, typer.Option("--least-input", help="Tell the smallest input that is accepted, instead of the table.")
    ] = False,
    format: Annotated[
        Format, typer.Option("--format", help="For people, for editors, or for programs; see docs/formats.md.")
    ] = "text",
    color: Annotated[Color, typer.Option("--color", help="Whether to color what is for people.")] = "auto",
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
    """Tell the shapes of a network, or what is wrong with it.

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
        format=format,
        color=color,
        quiet=quiet,
        fix=fix,
        warnings_as_errors=warnings_as_errors,
        trace=trace,
        stdin_filename=stdin_filename,
        watch=watch,
    )


@commands.command()
def fmt(
    files: Annotated[
        list[str], typer.Argument(help="The .arch files, folders of them, or `-` for standard input to output.")
    ],
    check: Annotated[bool, typer.Option("--check", help="Change nothing; name the files that would change.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Change nothing; print what would change.")] = False,
    color: Annotated[Color, typer.Option(help="Whether to color what is for people.")] = "auto",
) -> Command:
    """Lay specs out in the one canonical way.

    Words and comments stay; a file is replaced whole or not at all.

    Exits with 0 where all is well, 1 where a spec does not parse or, with --check or --diff, would change, 2 where a
    file can't be read or written.
    """
    from archdsl.commands.fmt import fmt as run_fmt

    return partial(run_fmt, files, check=check, diff=diff, color=color)


@commands.command()
def explain(
    name: Annotated[
        str,
        typer.Argument(help="A word, an argument, a function, a block of the library, a code, or `words`, `codes`."),
    ],
) -> Command:
    """Explain a word, a library block, or the code of a finding."""
    from archdsl.commands.explain import explain as run_explain

    return partial(run_explain, name)


@commands.command()
def schema(
    name: Annotated[
        Literal[
            "diagnostics", "lines", "cost", "evaluation", "prediction", "runs", "comparison", "sweep", "rates", "recipe"
        ],
        typer.Argument(
            help="Of what `check` prints as json (diagnostics) or jsonl (lines), `show`, `eval`, `predict`, `runs`, "
            "`compare`, `sweep` and `find-lr` (cost, evaluation, prediction, runs, comparison, sweep, rates), or of a "
            "recipe."
        ),
    ],
) -> Command:
    """Print the JSON Schema of an output, or of a recipe.

    It is for programs that read the output, and for editors that help to write a recipe.
    """
    from archdsl.commands.schema import schema as run_schema

    return partial(run_schema, name)


@commands.command()
def show(
    spec: Spec,
    depth: Annotated[
        int | None, typer.Option(min=1, help="Sum what lies deeper than so many levels into the rows above.")
    ] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Forecast the memory of a batch of this size.")] = None,
    optimizer: Annotated[
        Literal["sgd", "momentum", "adam", "adamw"] | None,
        typer.Option(help="That of the forecast; momentum where none is given."),
    ] = None,
    precision: Annotated[Literal["fp32", "bf16"], typer.Option(help="fp32, or bf16 by autocast.")] = "fp32",
    fits: Annotated[
        str | None, typer.Option(metavar="SIZE", help="Tell the largest batch that fits: 8GB, 512MiB.")
    ] = None,
    inference: Annotated[bool, typer.Option("--inference", help="What is to fit is inference, not training.")] = False,
    format: Annotated[
        Literal["text", "json", "csv"], typer.Option("--format", help="For people or for programs.")
    ] = "text",
    settings: Set = None,
    input: Input = None,
    root: Root = None,
) -> Command:
    """Tell what a network costs and sees, and its memory.

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
        format=format,
        batch=batch,
        optimizer=optimizer,
        precision=precision,
        fits=fits,
        inference=inference,
    )


@commands.command()
def diagram(
    spec: Spec,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="Ends in .svg, .html, .md, .mmd or .dot; `-` prints."),
    ] = None,
    format: Annotated[
        Literal["svg", "html", "markdown", "mermaid", "dot"] | None,
        typer.Option("--format", help="What to draw, where no ending tells it."),
    ] = None,
    by: Annotated[
        Literal["parameters", "multiply-adds"], typer.Option("--by", help="What boxes are colored by.")
    ] = "parameters",
    depth: Annotated[
        int | None,
        typer.Option(
            "--depth", min=0, help="So many blocks in each other are open; by default as many as are legible."
        ),
    ] = None,
    direction: Annotated[Literal["down", "right"], typer.Option("--direction", help="Where the data flows.")] = "down",
    bare: Annotated[bool, typer.Option("--bare", help="Of an SVG, leave out the heading and the legend.")] = False,
    input: Input = None,
    settings: Set = None,
    root: Root = None,
) -> Command:
    """Draw a network, as a picture or a page whose blocks open.

    Exits with 0 when drawn, 1 where the spec has errors, 2 on wrong use, where a file can't be read or written, or
    where there is too much to draw.
    """
    from archdsl.commands.diagram import diagram as run_diagram

    return partial(
        run_diagram,
        spec,
        output=output,
        format=format,
        by=by,
        depth=depth,
        direction=direction,
        bare=bare,
        input=input,
        settings=settings or [],
        root=root,
    )


@commands.command()
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
    format: Annotated[TextOrJson, typer.Option("--format", help="For people or for programs.")] = "text",
    color: Annotated[Color, typer.Option("--color", help="Whether to color what is for people.")] = "auto",
) -> Command:
    """Tell how two networks differ by what they compute.

    Texts are not compared. --set and --input are for both.

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
        format=format,
        color=color,
    )


@commands.command()
def export(
    spec: Spec,
    to: Annotated[
        Literal["python", "onnx", "pt2"] | None,
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
    """Write a network as Python source, as ONNX, or as a .pt2.

    The file needs no archdsl.

    Exits with 0 when it is written, 1 where the spec has errors or the weights do not fit, 2 on wrong use or where a
    file can't be read or written.
    """
    from archdsl.commands.export import export as run_export

    return partial(
        run_export,
        spec,
        to=to,
        output=output,
        weights=weights,
        seed=seed,
        input=input,
        settings=settings or [],
        root=root,
        quiet=quiet,
    )


@commands.command(name="from-torch")
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
    """Write the spec of a module that is there in PyTorch.

    Its outputs are held against the module's. Imports and runs the Python that is named.

    Exits with 0 where the spec is written, 1 where the language can't say
    what the module does, 2 on wrong use or where a file can't be written.
    """
    from archdsl.commands.from_torch import from_torch as run_from_torch

    return partial(run_from_torch, target, input=input, output=output, call=call, weights=weights)


weights_app = typer.Typer(help="Load weights of other tools into networks.")
commands.add_typer(weights_app, name="weights")


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
