"""A file expanded for one input: all that is found in it, and the network where nothing is."""

from __future__ import annotations

from collections.abc import Sequence as Many
from pathlib import Path

from archdsl.checker.expand import Expander
from archdsl.checker.expand_root import RootChain
from archdsl.checker.modules import Loader
from archdsl.checker.patterns import bind, check_names, names_of
from archdsl.checker.scope import BlockDefinition, Given, Module, Scope
from archdsl.checker.session import GivenUp, Options, Session
from archdsl.checker.values import Evaluation
from archdsl.diagnostics.diagnostic import Diagnostic
from archdsl.network import Network
from archdsl.shapes import Image, OpenInput, Shape
from archdsl.source import Span
from archdsl.syntax import nodes


class Expanded:
    """A file expanded for one input.

    open: the file's input, where sizes of it are names and the options give none.
    depends_on_size: where the text first asks for `in_features` that depend on a size that is not known.
    """

    def __init__(self, file: nodes.File, options: Options) -> None:
        self.file = file
        self.options = options
        session = Session(options.max_layers)
        path, files = file.source.path, file.source.files
        root = options.root or (files and files.root) or (Path.cwd() if path is None else path.parent)
        loader = Loader(session, root)
        self.network: Network | None = None
        self.library: tuple[str, ...] | None = None
        self.module: Module | None = None
        self.open: OpenInput | None = None
        self.shape: Shape | None = None
        self.input_span = Span(file.source, 0, 0)
        size = options.max_layers
        try:
            module = self.module = loader.load(file, options.set)
            for each in loader.modules:
                for block in each.blocks.values():
                    check_definition(session, block)
            session.unknown_features = None
            chain = RootChain(session, module, file, options)
            self.network = chain.network()
            size = chain.chain.size
            self.library = tuple(module.blocks) if chain.is_library else None
            self.open, self.shape = chain.open, chain.shape
            self.input_span = chain.input_span or self.input_span
        except GivenUp:
            pass
        self.steps = session.steps
        self.size = size
        self.depends_on_size = session.unknown_features
        self.diagnostics: Many[Diagnostic] = [*loader.diagnostics, *session.findings()]
        self.imports = tuple(each.source for each in loader.modules if each.source is not file.source)

    @property
    def opened(self) -> OpenInput | None:
        """The input with names for its height and width, or None where it is no image."""
        channels = self.shape.channels if isinstance(self.shape, Image) else None
        return None if channels is None else OpenInput(channels, "H", "W")

    def at(self, input: Image) -> Expanded:
        """The same file expanded for another input."""
        return Expanded(self.file, self.options._replace(input=input))


def check_definition(session: Session, block: BlockDefinition) -> None:
    """Check a block once with nothing known of its parameters and of what enters it, called or not."""
    module = block.module
    parameters = block.node.parameters
    check_names(session, [name for each in parameters for name in names_of(each.pattern)], module, "parameter")
    scope = Scope(module, None, "parameter", {})
    for parameter in parameters:
        if parameter.default is not None:
            value = Evaluation(session, scope, None).value(parameter.default)
            bind(session, parameter.pattern, Given(value, parameter.default, scope), module)
        scope.names.update({name.text: Given(None, name, scope) for name in names_of(parameter.pattern)})
    session.made = 0
    session.active_blocks[id(block)] = block
    session.rank_in_doubt = False
    Expander(session, scope).block_body(block, scope, None, block.span)
    session.rank_in_doubt = False
    session.active_blocks.popitem()
    session.made = 0
