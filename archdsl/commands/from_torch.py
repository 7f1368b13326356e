"""`archdsl from-torch`: the spec of a module that is there in PyTorch."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from archdsl.commands.output import complain, refuse, refuse_file, wants_color, write_exactly, wrong_output
from archdsl.diagnostics.render import render, visible
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FINE, EXIT_USAGE
from archdsl.reader import STDIN
from archdsl.settings import read_input
from archdsl.source import Source
from archdsl.syntax.format import UnfaithfulLayout
from archdsl.training.start import load_torch
from archdsl.weights.files import SUFFIX, origin_of
from archdsl.writer import write_bytes

if TYPE_CHECKING:
    from archdsl.from_torch.convert import Converted
    from archdsl.from_torch.graph import Refusal


def from_torch(target: str, *, input: str, output: str | None, call: str = "", weights: str | None = None) -> int:
    """Write the spec of the module that a name stands for, and its weights where asked; returns the exit code."""
    if weights is not None and Path(weights).suffix.lower() != SUFFIX:
        return refuse(f"--weights writes safetensors: name a file that ends in {SUFFIX}, not {visible(weights)}")
    if output == STDIN:
        output = None  # As elsewhere, `-` is what comes in or goes out.
    shape, wrong = read_input(input)
    if shape is None:
        print(render(wrong, wants_color(sys.stderr)), file=sys.stderr)
        return EXIT_USAGE
    try:
        load_torch()
    except TrainingError as error:
        return complain(error)
    from archdsl.from_torch.agree import Unfaithful
    from archdsl.from_torch.convert import convert
    from archdsl.from_torch.graph import Refusal
    from archdsl.from_torch.load import load, read_arguments

    try:
        module = load(target, read_arguments(call))
        converted = convert(module, shape, f"{target.rpartition(':')[2]}, written by `archdsl from-torch {target}`.")
    except Refusal as refusal:
        print(told(refusal), file=sys.stderr)
        return EXIT_USAGE if refusal.is_usage else EXIT_ERRORS
    except (Unfaithful, UnfaithfulLayout):
        print(
            f"error: a spec of `{visible(target)}` would not say what was found in it, so it is not written; this is "
            "a mistake of archdsl, please report it",
            file=sys.stderr,
        )
        return EXIT_ERRORS
    python = getattr(sys.modules.get(target.partition(":")[0]), "__file__", None)
    for file in (output, weights):
        if file is not None and (misplaced := wrong_output(file, [] if python is None else [Path(python)])) is not None:
            return refuse(misplaced)
    if weights is not None:
        if converted.built is None:
            return refuse(f"--weights: `{visible(target)}` has no numbers in its weights")
        from archdsl.weights.tensors import save_weights

        source = Source(output or f"{target.rpartition(':')[2]}.arch", converted.text)
        try:
            save_weights(Path(weights), converted.built, origin_of(source, (), shape, {}))
        except OSError as error:
            return refuse_file(weights, error)
    if output is None:
        write_exactly(converted.text)
    else:
        try:
            write_bytes(Path(output), converted.text.encode("utf-8"))
        except OSError as error:
            return refuse_file(output, error)
    print(_summary(converted, "the spec" if output is None else output, target), file=sys.stderr)
    return EXIT_FINE


def _summary(converted: Converted, name: str, target: str) -> str:
    lines = f"{len(converted.text.splitlines())} lines"
    text = f"{visible(name)}: {lines}, {converted.network.cost.parameters:,} parameters"
    if converted.verified is None:
        text += "; not run beside the module, which has no numbers in its weights"
    else:
        apart = max(converted.verified)
        how = "to the last bit" if apart == 0 else f"to {apart:.0e} of the largest"
        text += f"; built with the weights of `{visible(target)}` it gives the same outputs, {how}"
    for unused in converted.unused:
        text += f"\nnote: `{visible(unused)}` is left out, for in evaluation the module does not use it"
    for idle in converted.idle:
        text += f"\nnote: `{visible(idle)}` is left out, for in evaluation it does nothing"
    return text


def told(refusal: Refusal) -> str:
    """A refusal as it is shown: its headline, the line of Python, notes and help."""
    if refusal.is_usage and refusal.place is None and not refusal.notes:
        help = f"; {refusal.help}" if refusal.help else ""
        return f"archdsl: {visible(refusal.message)}{visible(help)}"
    lines = [f"error: {visible(refusal.message)}"]
    width = 1
    place = refusal.place
    if place is not None:
        width = len(str(place.line))
        inside = f", in {place.function} of `{place.module}`" if place.module else f", in {place.function}"
        lines.append(f"{' ' * width}--> {visible(_near(place.file))}:{place.line}{visible(inside)}")
        if place.text:
            text = place.text.expandtabs(1)
            indent = len(text) - len(text.lstrip())
            marks = " " * (place.start - indent) + "^" * max(1, place.end - place.start)
            lines += [
                f"{' ' * width} |",
                f"{place.line} | {visible(text[indent:])}",
                f"{' ' * width} | {marks}",
            ]
        lines.append(f"{' ' * width} |")
    lines += [f"{' ' * width} = note: {visible(note)}" for note in refusal.notes]
    if refusal.help:
        lines.append(f"{' ' * width} = help: {visible(refusal.help)}")
    return "\n".join(lines).removesuffix(f"\n{' ' * width} |")


def _near(file: str) -> str:
    """A file's path from here, where it lies below."""
    here = os.path.join(os.getcwd(), "")
    return file.removeprefix(here)
