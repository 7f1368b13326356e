"""Files as modules: their blocks, their lets with values, and what they import."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

from archdsl.checker.patterns import check_bindable
from archdsl.checker.scope import BlockDefinition, LetDefinition, Module, Scope, Value
from archdsl.checker.session import Session
from archdsl.checker.suggest import suggest
from archdsl.checker.values import NOWHERE, Evaluation, kind_of
from archdsl.diagnostics.catalog.values import shown
from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.reader import read_source, reason_of, source_of
from archdsl.source import Source, Span
from archdsl.syntax import nodes
from archdsl.syntax.parse import parse
from archdsl.syntax.words import STRUCTURE

MAX_IMPORTS = 100

LIBRARY = Path(__file__).parent.parent / "library"


@cache
def library() -> Module:
    """The blocks that ship with archdsl, written in the language itself."""
    module = Module(Source("library", ""), None, is_library=True)
    for path in sorted(LIBRARY.glob("*.arch")):
        source, _ = read_source(path, f"library/{path.name}")
        file, errors = parse(source)
        assert not errors, errors
        own = Module(source, module, is_library=True)
        for statement in file.statements:
            assert isinstance(statement, nodes.Block)
            module.blocks[statement.name.text] = BlockDefinition(statement, own)
    return module


class Loader:
    """Loads a file and all that it imports.

    root: the folder that imports may not leave, links resolved.
    modules: every module loaded but the library, the imported ones first.
    """

    def __init__(self, session: Session, root: Path) -> None:
        self.session = session
        self.root = root.resolve()
        self.modules: list[Module] = []
        self.diagnostics: list[Diagnostic] = []
        self._by_path: dict[Path, Module] = {}
        self._loading: list[tuple[Path, str]] = []
        self._imports = 0
        self._read: Callable[[Path, str], tuple[Source, list[Diagnostic]]] = read_source

    def load(self, file: nodes.File, settings: dict[str, Value] | None = None) -> Module:
        """Load a file that was parsed; `settings` stand for the values of its lets."""
        source = file.source
        if source.files is not None:
            read = source.files.read
            self._read = lambda path, name: source_of(read(path), name, path)
        module = Module(source, library())
        if source.path is not None:
            self._loading.append((source.path.resolve(), source.name))
        if settings:
            self._refuse_unknown_settings(file, settings)
        first_other: nodes.Statement | None = None
        for statement in file.statements:
            if isinstance(statement, nodes.Import):
                if first_other is not None:
                    self.session.report("misplaced-import", module.span(statement))
                self._import(module, statement)
                continue
            if not (isinstance(statement, nodes.Broken) and statement.imports):
                first_other = first_other or statement
            if isinstance(statement, nodes.Block):
                self._define_block(module, statement)
            elif isinstance(statement, nodes.Let):
                self._define_let(module, statement, settings or {})
            elif isinstance(statement, nodes.Broken):
                module.unknown_blocks.update(statement.blocks)
                module.unknown_lets.update(statement.lets)
                module.incomplete = module.incomplete or statement.imports
        if source.path is not None:
            self._loading.pop()
        self.modules.append(module)
        return module

    def _define_block(self, module: Module, block: nodes.Block) -> None:
        name = block.name.text
        if name in STRUCTURE:
            self.session.report("block-name-reserved", module.span(block.name), name=name)
            module.unknown_blocks.add(name)
        elif name in module.blocks:
            related = (Label(module.blocks[name].span, "first here"),)
            self.session.report("name-taken", module.span(block.name), related, name=name, by="block")
        else:
            module.blocks[name] = BlockDefinition(block, module)

    def _define_let(self, module: Module, let: nodes.Let, settings: dict[str, Value]) -> None:
        name = let.name.text
        check_bindable(self.session, module.span(let.name))
        if name in module.lets:
            related = (Label(module.span(module.lets[name].node.name), "first here"),)
            self.session.report("name-taken", module.span(let.name), related, name=name, by="let")
            return
        scope = Scope(module, None, "let", {})
        if name in settings:
            # Its own value is not used, so a mistake in it is none; its kind is that which is wanted.
            kind = Evaluation(Session(), scope, NOWHERE).value(let.value)
            module.lets[name] = LetDefinition(let, self._set(name, settings[name], kind))
        else:
            value = Evaluation(self.session, scope, NOWHERE).value(let.value)
            module.lets[name] = LetDefinition(let, value)

    # What `--set` gives

    def _set(self, name: str, value: Value, old: Value) -> Value:
        """The value that stands for that of a let: one of the same kind, or a whole number for a decimal."""
        if old is None:
            return value
        if isinstance(old, float) and type(value) is int:
            return float(value)
        if kind_of(old) == kind_of(value) and not (isinstance(value, float) and isinstance(old, int)):
            return value
        span = given_setting(name, value)
        span = span._replace(start=len(name) + 1)
        facts = {"what": f"`{name}`", "expected": name_of_kind(old), "found": value, "literal": True}
        self.session.report("wrong-kind", span, **facts)
        return None

    def _refuse_unknown_settings(self, file: nodes.File, settings: dict[str, Value]) -> None:
        lets = {each.name.text for each in file.statements if isinstance(each, nodes.Let)}
        unparsed = {name for each in file.statements if isinstance(each, nodes.Broken) for name in each.lets}
        for name, value in settings.items():
            if name not in lets and name not in unparsed:
                span = given_setting(name, value)._replace(end=len(name))
                known = tuple(sorted(lets))
                self.session.report("unknown-setting", span, name=name, suggestion=suggest(name, lets), known=known)

    # Imports

    def _import(self, module: Module, statement: nodes.Import) -> None:
        """Take the names of another file in; where it can't be read, any name may be one of its own."""
        imported = self._imported(module, statement)
        if imported is None:
            module.incomplete = True
            return
        module.imports.append((statement, imported))
        for name, block in imported.blocks.items():
            known = module.imported_blocks.get(name)
            if known is not None and known.module is not imported:
                self._report_conflict(module, statement, name, known.module, imported)
            module.imported_blocks[name] = block
        for name, let in imported.lets.items():
            first = module.imported_from.get(name)
            if first is not None and first is not imported:
                self._report_conflict(module, statement, name, first, imported)
            module.imported_lets[name] = let.value
            module.imported_from[name] = imported
        module.incomplete = module.incomplete or imported.incomplete
        module.unknown_blocks |= imported.unknown_blocks
        module.unknown_lets |= imported.unknown_lets

    def _report_conflict(
        self, module: Module, statement: nodes.Import, name: str, first: Module, second: Module
    ) -> None:
        facts = {"name": name, "first": first.source.name, "second": second.source.name}
        self.session.report("import-conflict", module.span(statement), **facts)

    def _imported(self, module: Module, statement: nodes.Import) -> Module | None:
        """The module of an imported file, or None after a report."""
        span = module.span(statement)
        report = self.session.report
        folder = Path.cwd() if module.source.path is None else module.source.path.parent
        try:
            path = (folder / statement.path).resolve()
            if not statement.path or not path.is_relative_to(self.root):
                report("import-outside-root", span, path=statement.path)
                return None
            if path in self._by_path:
                return self._by_path[path]
            for index, (active, _) in enumerate(self._loading):
                if active == path:
                    chain = [*(name for _, name in self._loading[index:]), self._loading[index][1]]
                    report("import-cycle", span, chain=tuple(chain))
                    return None
            self._imports += 1
            if self._imports > MAX_IMPORTS:
                report("too-many-imports", span, limit=MAX_IMPORTS)
                return None
            name = os.path.normpath(Path(module.source.name).parent / statement.path)
            source, found = self._read(path, name)
        except (OSError, RuntimeError) as error:
            # Before Python 3.13 a circle of links is a RuntimeError.
            reason = reason_of(error) if isinstance(error, OSError) else "a circle of links"
            near = None
            if isinstance(error, FileNotFoundError) and path.parent.is_dir():
                near = suggest(path.name, (each.name for each in path.parent.glob("*.arch")))
            report("import-unreadable", span, path=statement.path, reason=reason, suggestion=near)
            return None
        self.diagnostics += found
        if found:
            return None
        file, errors = parse(source)
        self.diagnostics += errors
        for item in file.statements:
            if isinstance(item, nodes.Layer | nodes.For | nodes.If | nodes.Labelled):
                related = (Label(Span(source, item.start, item.end), "this would be built"),)
                report("import-has-layers", span, related, path=statement.path)
                break
        loaded = self.load(file)
        self._by_path[path] = loaded
        return loaded


def given_setting(name: str, value: Value) -> Span:
    """What `--set` gives, as a place."""
    text = f"{name}={shown(value)}"
    return Span(Source("--set", text), 0, len(text))


def name_of_kind(value: Value) -> str:
    """The kind of a value, in words."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, tuple):
        return "a tuple"
    return "a whole number" if isinstance(value, int) else "a number"
