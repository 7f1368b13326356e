"""What ends a run, as a value that the command line prints in one line."""

from __future__ import annotations

from archdsl.diagnostics.render import unobeyed, visible

WEIGHTS_DO_NOT_FIT = 1
WRONG_USE = 2
TRAINING_FAILED = 3


class TrainingError(Exception):
    """A mistake of the user's, or a run that can't go on. Its text is for the user; a traceback would tell no more.

    exit_code: 1 for weights of another network, 2 for wrong use or a file that can't be read, 3 for a training that
        failed.
    of_all: whether each of the processes that train together raises it, so that the first alone needs to tell.
    """

    def __init__(self, message: str, exit_code: int = WRONG_USE, *, of_all: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.of_all = of_all


def printable(text: str) -> str:
    """Lines with what a terminal or a CI runner would obey written out, so that a name from a file can't steer it."""
    return unobeyed("\n".join(map(visible, text.split("\n"))))
