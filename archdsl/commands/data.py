"""`archdsl data show`: what is learned from, as a sheet of images and in numbers."""

from __future__ import annotations

import sys
from pathlib import Path

from archdsl.commands.asked import Asked
from archdsl.commands.output import complain, refuse, wrong_output
from archdsl.diagnostics.render import visible
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_FINE
from archdsl.recipe.read import read_recipe
from archdsl.settings import read_input
from archdsl.shapes import Image
from archdsl.training.start import load_torch


def show(asked: Asked, *, output: str | None = None) -> int:
    """Draw images to learn from as a network sees them; without a spec, as one would that takes them as they are.

    output: the sheet; None is data.png, which is not written over a picture of other origin.

    Returns:
        0 when drawn, 1 where the spec has errors, 2 on wrong use or where a file can't be read or written.
    """
    if output is not None:
        if wrong := wrong_output(output):
            return refuse(wrong)
        if not output.lower().endswith(".png"):
            return refuse(f"the sheet is a PNG, so -o {visible(output)} must end in .png")
    network, size = None, None
    if asked.spec is not None:
        read = asked.read_network()
        if isinstance(read, int):
            return read
        network = (read.network, read.checked.source)
    elif asked.settings or asked.root is not None:
        return refuse(f"{'--set' if asked.settings else '--root'} is for a spec, and none is given")
    elif asked.input is not None:
        size, wrong_input = read_input(asked.input)
        if wrong_input or not isinstance(size, Image):
            return refuse(f"--input {visible(asked.input)}: without a spec it is an image's size, as 3x96x96")
    try:
        recipe = read_recipe(asked.find_recipe(sys.stdout), asked.overrides())
        load_torch()
        from archdsl.training.show_data import show_data  # Here, for torch takes seconds to import.

        show_data(
            recipe,
            network,
            size=size,
            data_dir=asked.data_dir,
            download=asked.download,
            output=None if output is None else Path(output),
        )
    except TrainingError as error:
        return complain(error)
    return EXIT_FINE
