"""`archdsl export`: a spec as a file that needs no archdsl: Python source, ONNX, or torch's exported program."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from archdsl.commands.output import complain, refuse, refuse_file, write, write_exactly, wrong_output
from archdsl.commands.spec import Spec, read_network
from archdsl.diagnostics.render import visible
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FINE
from archdsl.network import Network
from archdsl.reader import STDIN
from archdsl.training.start import load_torch
from archdsl.weights.errors import WeightsError
from archdsl.weights.state import state_of
from archdsl.writer import write_bytes

ENDINGS = {"python": ".py", "onnx": ".onnx", "pt2": ".pt2"}
"""The formats, each with the ending of its files."""


def export(
    spec: str,
    *,
    to: str | None = None,
    output: str | None = None,
    weights: str | None = None,
    seed: int | None = None,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    quiet: bool = False,
) -> int:
    """Write a spec's network in another format.

    Args:
        to: "python", "onnx" or "pt2"; by default what the ending of `output` says.
        output: the file to write. Python source goes to standard output without one.
        weights: a file of weights for onnx and pt2; without one they are random, by `seed`, which is 0 if not given.

    Returns:
        0 when it is written, 1 where the spec has errors or the weights do not fit, 2 on wrong use or where a file
        can't be read or written.
    """
    if output == STDIN and to == "python":
        output = None  # As elsewhere, `-` is what comes in or goes out.
    wrong = wrong_use(to, output, weights, seed)
    if wrong is not None:
        return refuse(wrong)
    read = read_network(spec, input=input, settings=settings, root=root)
    if isinstance(read, int):
        return read
    files = read.files if weights is None else [*read.files, Path(weights)]
    if output is not None and (misplaced := wrong_output(output, files)) is not None:
        return refuse(misplaced)
    if (to or format_of(output)) == "python":
        given = dict(read.settings) if input is None else {**read.settings, "input": input}
        return export_python(read, output, given, quiet)
    assert output is not None
    return export_weights(read, to or format_of(output) or "", output, weights, seed or 0, quiet)


def wrong_use(to: str | None, output: str | None, weights: str | None, seed: int | None) -> str | None:
    """What is wrong with the options, in words, or None."""
    format = to or format_of(output)
    if format is None:
        if output is None:
            return "say what to export to: --to python, --to onnx or --to pt2"
        return f"say what to export to: -o {visible(output)} does not end in {', '.join(ENDINGS.values())}"
    meant = format_of(output)
    if meant is not None and meant != format:
        return f"--to {format}, and -o {visible(output or '')} ends as {meant} does; which is meant is not clear"
    if format == "python":
        for option, value in (("--weights", weights), ("--seed", seed)):
            if value is not None:
                return f"{option} is for onnx and pt2; Python source holds no weights"
    elif output is None or output == STDIN:
        return f"--to {format} needs a file to write: -o net{ENDINGS[format]}"
    if weights is not None and seed is not None:
        return "--seed is for random weights, and --weights gives others"
    return None


def format_of(output: str | None) -> str | None:
    """The format that the ending of a file says, or None."""
    ending = Path(output or "").suffix.lower()
    return next((format for format, its in ENDINGS.items() if its == ending), None)


def export_python(read: Spec, output: str | None, settings: Mapping[str, str], quiet: bool) -> int:
    """Write the network as Python source, which needs torch when it is run, and not here."""
    from archdsl.python_source.source import python_source  # Other formats do without.

    text = python_source(read.checked, read.network, settings)
    if output is None:
        write_exactly(text)
        return EXIT_FINE
    try:
        write_bytes(Path(output), text.encode("utf-8"))
    except OSError as error:
        return refuse_file(output, error)
    if not quiet:
        write(f"{visible(output)}: {text.count(chr(10))} lines, {shapes_of(read.network)}")
    return EXIT_FINE


def export_weights(read: Spec, format: str, output: str, weights: str | None, seed: int, quiet: bool) -> int:
    """Build the network, give it weights, and write it as ONNX or as torch's exported program."""
    try:
        load_torch()
    except TrainingError as error:
        return complain(error)
    # Slow to import, and `--to python` does without.
    from archdsl.backends.pytorch_export import MOST_BYTES, TooLarge, as_exported_program, as_onnx, build_with_seed

    network = read.network
    model = build_with_seed(network, seed)
    given = f"random weights by seed {seed}"
    if weights is not None:
        from archdsl.weights.tensors import fit, put, read_weights

        given = f"the weights of {visible(weights)}"
        try:
            tensors = read_weights(Path(weights))
            put(tensors, fit(tensors, state_of(network), read.checked.source.name), model)
        except WeightsError as error:
            code = refuse("\n  ".join(str(error).splitlines()))
            return EXIT_ERRORS if error.does_not_fit else code
    if not quiet:
        progress = f"exporting {visible(network.name)}: {network.cost.parameters:,} parameters, {given}"
        print(progress, file=sys.stderr, flush=True)
    try:
        data = as_onnx(model, network.input) if format == "onnx" else as_exported_program(model, network.input)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("onnx"):
            raise
        return refuse(f"--to onnx needs the package {error.name}: pip install 'archdsl[onnx]'")
    except TooLarge as error:
        return refuse(
            f"the weights have {error.args[0] / 1e9:.1f} GB, and a file of ONNX holds {MOST_BYTES / 1e9:.0f} GB here; "
            "--to pt2 has no such limit"
        )
    try:
        write_bytes(Path(output), data)
    except OSError as error:
        return refuse_file(output, error)
    if not quiet:
        write(f"{visible(output)}: {len(data) / 1e6:.1f} MB, {shapes_of(network)}")
    return EXIT_FINE


def shapes_of(network: Network) -> str:
    return f"takes batch x {network.input}, gives batch x {network.output}"
