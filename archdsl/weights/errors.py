"""What is said of a file of weights that can't be used."""

from __future__ import annotations


class WeightsError(Exception):
    """A file of weights can't be read or written, or does not fit. Its text, of one or a few lines, is for the user.

    does_not_fit: the file is whole, and its tensors are those of another network.
    """

    def __init__(self, message: str, does_not_fit: bool = False) -> None:
        super().__init__(message)
        self.does_not_fit = does_not_fit
