"""Names that nothing uses: lets, parameters, loop variables, blocks and imports, from the text alone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from archdsl.checker.patterns import names_of
from archdsl.checker.scope import Module
from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic, Edit, Fix
from archdsl.source import Source, Span
from archdsl.syntax import nodes


def name_warnings(file: nodes.File, module: Module, exports: bool) -> list[Diagnostic]:
    """What a file names and never uses.

    Args:
        exports: the file has definitions alone; its blocks and lets are for others, and none of them is unused.
    """
    reader = _Reader(module)
    reader.file(file)
    found = []
    for binding in reader.bindings:
        if not (binding.used or binding.name.text.startswith("_") or (exports and binding.of_file)):
            span = module.span(binding.name)
            found.append(diagnose("unused-name", span, name=binding.name.text, kind=binding.kind))
    seen: set[int] = set()
    for statement, imported in module.imports:
        used = reader.imported_words & imported.blocks.keys() or reader.imported_values & imported.lets.keys()
        if not used or id(imported) in seen:
            span = module.span(statement)
            fix = Fix("delete the import", (Edit(whole_line(with_keyword(span)), ""),))
            again = id(imported) in seen
            found.append(diagnose("unused-import", span, path=statement.path, again=again)._replace(fix=fix))
        seen.add(id(imported))
    return found


class _Binding:
    """A name that is bound: the kind of it, in words, and whether it is used. `of_file`: others may import it."""

    __slots__ = ("kind", "name", "of_file", "used")

    def __init__(self, name: nodes.Name, kind: str, of_file: bool = False) -> None:
        self.name = name
        self.kind = kind
        self.of_file = of_file
        self.used = False


_Scope = tuple[dict[str, _Binding], ...]
"""The names bound here, those of the innermost body first."""


class _Reader:
    """Reads a file without errors once, from its top: every name that is used is bound above."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.bindings: list[_Binding] = []
        self.blocks: dict[str, _Binding] = {}
        self.imported_words: set[str] = set()
        self.imported_values: set[str] = set()

    def bind(self, scope: dict[str, _Binding], name: nodes.Name, kind: str, of_file: bool = False) -> None:
        binding = scope[name.text] = _Binding(name, kind, of_file)
        self.bindings.append(binding)

    def file(self, file: nodes.File) -> None:
        lets: dict[str, _Binding] = {}
        for statement in file.statements:
            if isinstance(statement, nodes.Block):
                # A block may be used above its definition.
                self.bind(self.blocks, statement.name, "block", of_file=True)
        for statement in file.statements:
            if isinstance(statement, nodes.Let):
                self.value(statement.value, (lets,))
                self.bind(lets, statement.name, "let", of_file=True)
            elif isinstance(statement, nodes.Block):
                own: dict[str, _Binding] = {}
                for parameter in statement.parameters:
                    if parameter.default is not None:
                        self.value(parameter.default, (own, lets))
                    for name in names_of(parameter.pattern):
                        self.bind(own, name, "parameter")
                self.body(statement.body, (own, lets))
            elif not isinstance(statement, nodes.Import | nodes.Broken):
                self.item(statement, (lets,))

    def body(self, body: nodes.Body, scope: _Scope) -> None:
        for chain in body.chains:
            lets: dict[str, _Binding] = {}
            for item in chain:
                if isinstance(item, nodes.Let):
                    self.value(item.value, (lets, *scope))
                    self.bind(lets, item.name, "let")
                else:
                    self.item(item, (lets, *scope) if lets else scope)

    def item(self, item: nodes.Item, scope: _Scope) -> None:
        if isinstance(item, nodes.Layer):
            self.word(item.word)
            for argument in item.args or ():
                self.value(argument, scope)
            if item.body is not None:
                self.body(item.body, scope)
        elif isinstance(item, nodes.If):
            for condition, body in item.arms:
                self.value(condition, scope)
                self.body(body, scope)
            if item.otherwise is not None:
                self.body(item.otherwise, scope)
        elif isinstance(item, nodes.For):
            self.value(item.values, scope)
            variables: dict[str, _Binding] = {}
            for name in names_of(item.pattern):
                self.bind(variables, name, "loop variable")
            self.body(item.body, (variables, *scope))
        elif isinstance(item, nodes.Labelled):
            if isinstance(item.item, nodes.Body):
                self.body(item.item, scope)
            else:
                self.item(item.item, scope)

    def word(self, word: nodes.Name) -> None:
        block = self.blocks.get(word.text)
        if block is not None:
            block.used = True
        elif word.text in self.module.imported_blocks:
            self.imported_words.add(word.text)

    def value(self, value: nodes.Argument, scope: _Scope) -> None:
        """Mark the names in a value. A bare word that is bound to nothing is a flag."""
        if isinstance(value, nodes.Number):
            return
        for name in names_in(value):
            for names in scope:
                binding = names.get(name.text)
                if binding is not None:
                    binding.used = True
                    break
            else:
                if name.text in self.module.imported_lets:
                    self.imported_values.add(name.text)


def names_in(value: nodes.Argument) -> Iterator[nodes.Name]:
    """The names of values in an expression. Signs may stand before each other without end, so none calls itself."""
    waiting: list[nodes.Argument] = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, nodes.Name):
            yield node
        elif isinstance(node, nodes.Keyword):
            waiting.append(node.value)
        elif isinstance(node, nodes.Unary):
            waiting.append(node.operand)
        elif isinstance(node, nodes.Operation):
            waiting.append(node.first)
            waiting += [operand for _, operand in node.rest]
        elif isinstance(node, nodes.Tuple):
            waiting += node.items
        elif isinstance(node, nodes.Call):
            waiting += node.args


def with_keyword(path: Span) -> Span:
    """The path of an import with the word before it."""
    match = re.search(r"import(?:[ \t\r\n]|#[^\r\n]*)*\Z", path.source.text[: path.start])
    return path._replace(start=match.start()) if match else path


def whole_line(span: Span) -> Span:
    """The characters, with their line where nothing else stands on it."""
    source: Source = span.source
    line_start = source.text.rfind("\n", 0, span.start) + 1
    line_end = source.text.find("\n", span.end)
    line_end = len(source.text) if line_end < 0 else line_end + 1
    rest = source.text[line_start : span.start] + source.text[span.end : line_end]
    return span if rest.strip() else Span(source, line_start, line_end)
