"""`archdsl data show`: what is learned from, as a sheet of images and in numbers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from archdsl.commands.output import complain, refuse, wrong_output
from archdsl.commands.recipe import find_recipe
from archdsl.commands.spec import read_network
from archdsl.diagnostics.render import visible
from archdsl.exit_codes import EXIT_FINE
from archdsl.settings import read_input
from archdsl.shapes import Image


def show(
    spec: str | None,
    *,
    data: str | None = None,
    recipe_path: Path | None = None,
    recipe_settings: Sequence[str] = (),
    output: str | None = None,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
    data_dir: Path | None = None,
    download: bool = False,
) -> int:
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
    if spec is not None:
        read = read_network(spec, input=input, settings=settings, root=root)
        if isinstance(read, int):
            return read
        network = (read.network, read.checked.source)
    elif settings or root is not None:
        return refuse(f"{'--set' if settings else '--root'} is for a spec, and none is given")
    elif input is not None:
        size, wrong_input = read_input(input)
        if wrong_input or not isinstance(size, Image):
            return refuse(f"--input {visible(input)}: without a spec it is an image's size, as 3x96x96")

    from archdsl.errors import TrainingError
    from archdsl.recipe.read import read_overrides, read_recipe

    recipe_path = find_recipe(recipe_path, spec, sys.stdout)
    try:
        recipe = read_recipe(recipe_path, read_overrides(recipe_settings, {"--data": data}))
        from archdsl.training.show_data import show_data  # Here, for torch takes seconds to import.

        show_data(
            recipe,
            network,
            size=size,
            data_dir=data_dir,
            download=download,
            output=None if output is None else Path(output),
        )
    except TrainingError as error:
        return complain(error)
    return EXIT_FINE
