"""Names: what a file defines, and what is bound where. Values, words and labels are three name spaces."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from archdsl.source import Source, Span
from archdsl.syntax import nodes

Value: TypeAlias = "int | float | bool | tuple[Value, ...] | None"
"""What an expression gives; None is not known."""


class Given(NamedTuple):
    """A value and what gave it: an expression in the scope where it stands.

    path: the item of the expression's tuple that the value is: (2, 0) is the first item of its third.
    """

    value: Value
    node: nodes.Value
    scope: Scope
    path: tuple[int, ...] = ()

    @property
    def written(self) -> nodes.Value:
        """The expression that gave it: its item, where the tuple is written out."""
        node = self.node
        for index in self.path:
            if not isinstance(node, nodes.Tuple):
                break
            node = node.items[index]
        return node

    @property
    def is_literal(self) -> bool:
        """Whether it is a number that is written out."""
        return isinstance(self.written, nodes.Number)

    @property
    def span(self) -> Span:
        """The characters that gave it."""
        return self.scope.module.span(self.written)

    def item(self, index: int, value: Value) -> Given:
        """An item of its tuple."""
        return self._replace(value=value, path=(*self.path, index))


class BlockDefinition(NamedTuple):
    """A block and the module whose names its body sees."""

    node: nodes.Block
    module: Module

    @property
    def name(self) -> str:
        return self.node.name.text

    @property
    def span(self) -> Span:
        return self.module.span(self.node.name)


class LetDefinition(NamedTuple):
    """A let of a file and its value."""

    node: nodes.Let
    value: Value


class Module:
    """A file as others see it, and the names that its own text sees.

    imports: each import that was read, with the module that it gave.
    incomplete: a part of what it might define could not be read, so a name that is not found is unknown.
    is_library: it ships with archdsl, and is not the user's to edit.
    """

    def __init__(self, source: Source, library: Module | None, is_library: bool = False) -> None:
        self.source = source
        self.library = library
        self.is_library = is_library
        self.blocks: dict[str, BlockDefinition] = {}
        self.lets: dict[str, LetDefinition] = {}
        self.imports: list[tuple[nodes.Import, Module]] = []
        self.imported_blocks: dict[str, BlockDefinition] = {}
        self.imported_lets: dict[str, Value] = {}
        self.imported_from: dict[str, Module] = {}
        self.unknown_blocks: set[str] = set()
        self.unknown_lets: set[str] = set()
        self.incomplete = False

    def span(self, node: nodes.Placed) -> Span:
        return Span(self.source, node.start, node.end)

    def find_block(self, name: str) -> BlockDefinition | None:
        """A block by its name: this file's, what it imports, the library's."""
        found = self.blocks.get(name) or self.imported_blocks.get(name)
        if found is None and self.library is not None and name not in self.unknown_blocks:
            found = self.library.blocks.get(name)
        return found

    def hides(self, name: str) -> bool:
        """Whether a block that could not be read hides what else has this name."""
        return name in self.unknown_blocks and self.find_block(name) is None

    def visible_blocks(self) -> list[str]:
        library = self.library.blocks if self.library is not None else {}
        return [*self.blocks, *self.imported_blocks, *library]


class Scope:
    """The values bound in a body, over those of the body around it, over those of the file.

    kind: "parameter", "loop variable" or "let", for the message that a name is taken.
    """

    __slots__ = ("kind", "module", "names", "parent")

    def __init__(self, module: Module, parent: Scope | None, kind: str, names: dict[str, Given]) -> None:
        self.module = module
        self.parent = parent
        self.kind = kind
        self.names = names

    def lookup(self, name: nodes.Name) -> tuple[bool, Value]:
        """Whether the name is bound to a value here, and the value."""
        text = name.text
        binder = self.binder(text)
        if binder is not None:
            return True, binder.names[text].value
        module = self.module
        let = module.lets.get(text)
        if let is not None and let.node.start < name.start:
            return True, let.value
        if text in module.imported_lets:
            return True, module.imported_lets[text]
        return text in module.unknown_lets, None

    def binder(self, name: str) -> Scope | None:
        """The scope of a body around that binds this name, or None."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope
            scope = scope.parent
        return None

    def visible_names(self) -> list[str]:
        names: list[str] = []
        scope: Scope | None = self
        while scope is not None:
            names += scope.names
            scope = scope.parent
        return [*names, *self.module.lets, *self.module.imported_lets]
