"""`archdsl predict`: what a trained network takes pictures for."""

from __future__ import annotations

from collections.abc import Sequence

from archdsl.commands.output import complain, refuse, write
from archdsl.commands.trained import find_target, pictures_in, read_pixels, read_weights, recipe_of
from archdsl.errors import TrainingError
from archdsl.exit_codes import EXIT_ERRORS, EXIT_FINE, EXIT_USAGE
from archdsl.formats.prediction import json, text


def predict(
    target: str,
    images: Sequence[str],
    *,
    top: int = 5,
    device: str = "auto",
    mean: str | None = None,
    std: str | None = None,
    format: str = "text",
) -> int:
    """Print a line for each picture, with the classes that it is most probably of.

    Args:
        images: files, and folders of files.
        top: how many classes are told.
        mean, std: the normalization of weights that keep none, "0.5,0.5,0.5".
        format: "text" or "jsonl".

    Returns:
        0 when done, 1 where some pictures can't be read, each with a line on standard error, or the weights are not
        those of the network; 2 where none can be read, or on wrong use; 3 where memory does not suffice.
    """
    found = find_target(target)
    if isinstance(found, int):
        return found
    files, failed = pictures_in(images)
    for error in failed:
        complain(error)
    done = 0
    try:
        pixels = read_pixels(mean, std)
        trained = read_weights(found, recipe_of(found), device, pixels)
        # Only now, for torch takes seconds to import, and a wrong option none.
        from archdsl.training.trained import predict as ask

        for each in ask(trained, files, top):
            if isinstance(each, TrainingError):
                failed.append(each)
                complain(each)
                continue
            done += 1
            write(json(each, trained.names) if format == "jsonl" else text(each, trained.names))
    except TrainingError as error:
        return complain(error)
    if failed and done + len(failed) > 1:
        refuse(f"{len(failed)} of {done + len(failed)} pictures could not be read")
    return EXIT_FINE if not failed else EXIT_ERRORS if done else EXIT_USAGE
