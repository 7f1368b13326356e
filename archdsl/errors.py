"""What ends a training, an evaluation or a look at a run, as values that the command line prints in one line."""

from __future__ import annotations

from archdsl.exit_codes import EXIT_USAGE


class TrainingError(Exception):
    """A mistake of the user's, or a run that can't go on. Its text is for the user; a traceback would tell no more.

    exit_code: 1 for weights of another network, 2 for wrong use or a file that can't be read, 3 for a training that
        failed.
    of_all: whether each of the processes that train together raises it, so that the first alone needs to tell.
    """

    def __init__(self, message: str, exit_code: int = EXIT_USAGE, *, of_all: bool = False) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.of_all = of_all


class CallersError(Exception):
    """What a function raised that the caller of a training gave it, which is no failure of the training's own.

    error: what it raised. The text names its class.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(f"{type(error).__name__}: {error}".rstrip(": "))
        self.error = error
