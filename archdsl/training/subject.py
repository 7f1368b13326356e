"""What is trained: a network, its text, and how it was made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from archdsl.network import Network
from archdsl.source import Source


class Subject(NamedTuple):
    """A network with its text. imports: the files that this imports. settings: the values of `--set` and `--input`."""

    network: Network
    spec: Source
    imports: Sequence[Source]
    settings: Mapping[str, str]
