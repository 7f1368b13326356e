"""Files as modules: their blocks, their lets with values, and what they import."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

from archdsl.checker.expand import check_bindable
from archdsl.checker.scope import BlockDefinition, LetDefinition, Module, Scope, Value
from archdsl.checker.session import Session
from archdsl.checker.suggest import STRUCTURE, suggest
from archdsl.checker.values import NOWHERE, Evaluation, comparable
from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.reader import read_source
from archdsl.source import Source, Span
from archdsl.syntax import nodes
from archdsl.syntax.parse import parse

MAX_IMPORTS = 100

LIBRARY = Path(__file__).parent.parent / "library"


@cache
def library() -> Module:
    """The blocks that ship with archdsl, written in the language itself."""
    module = Module(Source("library", ""), None)
    for path in sorted(LIBRARY.glob("*.arch")):
        source, _ = read_source(path, f"library/{path.name}")
        file, errors = parse(source)
        assert not errors, errors
        own = Module(source, module)
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

    def load(self, file: nodes.File, replaced: dict[str, Value] | None = None) -> Module:
        """Load a file that was parsed; `replaced` are the values that stand for those of its lets."""
        source = file.source
        module = Module(source, library())
        if source.path is not None:
            self._loading.append((source.path.resolve(), source.name))
        first_other: nodes.Statement | None = None
        for statement in file.statements:
            if isinstance(statement, nodes.Import):
                if first_other is not None:
                    self.session.report("misplaced-import", module.span(statement))
                self._import(module, statement)
                continue
            first_other = first_other or statement
            if isinstance(statement, nodes.Block):
                self._define_block(module, statement)
            elif isinstance(statement, nodes.Let):
                self._define_let(module, statement, replaced or {})
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
        elif name in module.blocks:
            related = (Label(module.blocks[name].span, "first here"),)
            self.session.report("name-taken", module.span(block.name), related, name=name, by="block")
        else:
            module.blocks[name] = BlockDefinition(block, module)

    def _define_let(self, module: Module, let: nodes.Let, replaced: dict[str, Value]) -> None:
        name = let.name.text
        check_bindable(self.session, module.span(let.name))
        if name in module.lets:
            related = (Label(module.span(module.lets[name].node.name), "first here"),)
            self.session.report("name-taken", module.span(let.name), related, name=name, by="let")
            return
        scope = Scope(module, None, "let", {})
        if name in replaced:
            value = replaced[name]
        else:
            value = Evaluation(self.session, scope, NOWHERE).value(let.value)
        module.lets[name] = LetDefinition(let, value)

    def _import(self, module: Module, statement: nodes.Import) -> None:
        """Take the names of another file in; where it can't be read, any name may be one of its own."""
        imported = self._imported(module, statement)
        if imported is None:
            module.incomplete = True
            return
        span = module.span(statement)
        for name, block in imported.blocks.items():
            known = module.imported_blocks.get(name)
            if known is not None and known.module is not imported:
                self.session.report(
                    "import-conflict", span, name=name, first=known.module.source.name, second=imported.source.name
                )
            module.imported_blocks[name] = block
        for name, let in imported.lets.items():
            if name in module.imported_lets and module.imported_from[name] is not imported:
                first = module.imported_from[name].source.name
                self.session.report(
                    "import-conflict", span, name=name, first=first, second=imported.source.name
                )
            module.imported_lets[name] = let.value
            module.imported_from[name] = imported
        module.incomplete = module.incomplete or imported.incomplete
        module.unknown_blocks |= imported.unknown_blocks
        module.unknown_lets |= imported.unknown_lets

    def _imported(self, module: Module, statement: nodes.Import) -> Module | None:
        span = module.span(statement)
        report: Any = self.session.report
        folder = Path.cwd() if module.source.path is None else module.source.path.parent
        path = (folder / statement.path).resolve()
        if not statement.path or not path.is_relative_to(self.root):
            report("import-outside-root", span, path=statement.path, root=self.root.name)
            return None
        for index, (active, _) in enumerate(self._loading):
            if active == path:
                chain = [*(name for _, name in self._loading[index:]), self._loading[index][1]]
                report("import-cycle", span, chain=tuple(chain))
                return None
        if path in self._by_path:
            return self._by_path[path]
        if len(self._by_path) >= MAX_IMPORTS:
            report("too-many-imports", span, limit=MAX_IMPORTS)
            return None
        name = os.path.normpath(Path(module.source.name).parent / statement.path)
        try:
            source, found = read_source(path, name)
        except OSError as error:
            near = None
            if isinstance(error, FileNotFoundError) and path.parent.is_dir():
                near = suggest(path.name, (each.name for each in path.parent.glob("*.arch")))
            report("import-unreadable", span, path=statement.path, suggestion=near)
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


def replaced_lets(session: Session, file: nodes.File, settings: dict[str, Value]) -> dict[str, Value]:
    """The values of `--set` that may stand for a let of the file; the others are reported.

    A literal of the same kind is wanted; a whole number may stand for a decimal.
    """
    lets = {each.name.text: each for each in file.statements if isinstance(each, nodes.Let)}
    plain: dict[str, Value] = {}
    if settings:
        # The kinds are those of the file as it stands; what is wrong with it is reported when it is checked.
        scratch = Loader(Session(), Path())
        statements = tuple(each for each in file.statements if isinstance(each, nodes.Let))
        module = scratch.load(nodes.File(Source(file.source.name, file.source.text), statements))
        plain = {name: let.value for name, let in module.lets.items()}
    replaced: dict[str, Value] = {}
    for name, value in settings.items():
        span = Span(Source("--set", name), 0, len(name))
        if name not in lets:
            if not any(isinstance(each, nodes.Broken) and name in each.lets for each in file.statements):
                session.report("unknown-setting", span, name=name, suggestion=suggest(name, lets), known=tuple(lets))
            continue
        old = plain.get(name)
        widens = isinstance(old, float) and type(value) is int
        same = comparable(old) == comparable(value) and (
            comparable(value) != "number" or isinstance(old, float) == isinstance(value, float)
        )
        if old is not None and not same and not widens:
            session.report("wrong-kind", span, what=f"`{name}`", expected=kind_of(old), found=value)
            continue
        replaced[name] = float(value) if widens and isinstance(value, int) else value
    return replaced


def kind_of(value: Value) -> str:
    """The kind of a value, in words."""
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, tuple):
        return "a tuple"
    return "a whole number" if isinstance(value, int) else "a number"
