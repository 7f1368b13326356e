"""What is trained: a network, its text, and how it was made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from archdsl.network import Network
from archdsl.source import Source
from archdsl.weights.files import Origin, origin_of


class Subject(NamedTuple):
    """A network with its text. imports: the files that this imports. settings: the values of `--set` and `--input`."""

    network: Network
    spec: Source
    imports: Sequence[Source] = ()
    settings: Mapping[str, Any] = MappingProxyType({})

    def origin(self, classes: Sequence[str] | None = None) -> Origin:
        """What a file of its weights keeps of it, with the names of its classes."""
        lets = {name: value for name, value in self.settings.items() if name != "input"}
        return origin_of(self.spec, self.imports, self.network.input, lets, classes)
