"""The chain of a file: its input, then its layers, up to the whole network."""

from __future__ import annotations

from archdsl.checker.blame import called_here
from archdsl.checker.expand import Expander
from archdsl.checker.expansion import NO_COST, ExpandedChain, keyed
from archdsl.checker.scope import Module, Scope
from archdsl.checker.session import Options, Session
from archdsl.checker.suggest import meant_word, suggest
from archdsl.checker.trace import Trace
from archdsl.checker.values import NOWHERE, Evaluation
from archdsl.diagnostics.diagnostic import Label
from archdsl.layers import LAYERS
from archdsl.layers.base import Misfit, refuse_too_many_values
from archdsl.network import Head, Leaf, Network, Node, Sequence
from archdsl.shapes import Image, OpenInput, Vector, is_known
from archdsl.source import Span
from archdsl.syntax import nodes
from archdsl.syntax.words import STRUCTURE


class RootChain:
    """The chain of a file: its input, then its layers.

    options.input stands for the file's own input.

    input_span: the word of the input; shape: what it gives.
    open: the input, where sizes of it are names and the options give none.
    first: the first item that is none of the input; before: the item that was expanded last.
    is_broken: a part of the file does not parse.
    """

    def __init__(self, session: Session, module: Module, file: nodes.File, options: Options) -> None:
        self.session = session
        self.module = module
        self.file = file
        self.instead = options.input
        self.max_parameters = options.max_parameters
        self.traced = options.trace
        self.input_span: Span | None = None
        self.shape = options.input
        self.open: OpenInput | None = None
        self.is_library = False
        self.expander = Expander(session, Scope(module, None, "let", {}))
        self.chain = ExpandedChain(self.instead, None)
        self.first: nodes.Item | None = None
        self.before: nodes.Item | None = None
        self.is_broken = False

    def network(self) -> Network | None:
        """The network of the file, or None where there are errors or no layers."""
        session, chain = self.session, self.chain
        session.trace = Trace() if self.traced else None
        for statement in self.file.statements:
            self.read(statement)
        is_input_known = self.input_span is not None or self.instead is not None or self.is_broken
        if self.first is not None and not is_input_known and not session.found("misplaced-input"):
            session.report("missing-input", self.first_word(self.first))
        children = keyed(session, tuple(chain.children))
        if self.is_broken or session.found_errors:
            return None
        if self.first is None:
            self.report_no_layers()
            return None
        if chain.whole and not children:
            session.report("no-layers", self.first_word(self.first))
            return None
        return self.checked_network(children)

    def checked_network(self, children: tuple[tuple[str, Node], ...]) -> Network | None:
        """The network of these nodes, or None where its sizes are not known or the whole of it breaks a rule."""
        part = self.chain.done()
        if self.shape is None or part.output is None or not (is_known(self.shape) and is_known(part.output)):
            # Sizes of the input are names, or there was an error.
            return None
        source = self.module.source
        root = Sequence(children, self.shape, part.output, part.cost, Span(source, 0, len(source.text)))
        network = Network(source.name, self.shape, root)
        if self.session.has_heads:
            self.check_heads(network)
        if network.cost.parameters + network.head_cost.parameters > self.max_parameters:
            self.refuse_parameters(network)
        return None if self.session.found_errors else network

    # Statements

    def read(self, statement: nodes.Statement) -> None:
        """Read a statement; what it adds goes to the end of the chain."""
        if isinstance(statement, nodes.Import | nodes.Block | nodes.Let):
            return
        chain = self.chain
        if isinstance(statement, nodes.Broken):
            self.is_broken = True
            chain.output = chain.last = None
        elif isinstance(statement, nodes.Layer) and statement.word.text == "input":
            self.begin(statement)
        elif self.before is not None and not chain.whole and self.expander.follows_from(self.before, statement):
            chain.output = chain.last = None
        elif isinstance(statement, nodes.Layer) and self.is_meant_as_input(statement):
            self.begin_with_unknown_word(statement)
        else:
            self.expand(statement)

    def begin(self, statement: nodes.Layer) -> None:
        """Read the input; the chain begins with its shape, or with the one that stands for it."""
        self.read_input(statement)
        if self.first is not None or self.is_broken:
            return
        span, trace = self.module.span(statement), self.session.trace
        # Where `--input` stands for it, the statement in the file gave nothing.
        self.chain.output, self.chain.last = self.shape, None if self.instead else span
        if trace is not None:
            trace.begin(span, f"--input {self.instead}" if self.instead else None)
            trace.end(self.shape)

    def begin_with_unknown_word(self, statement: nodes.Layer) -> None:
        """Report `Input(3, 32, 32)`, and go on with the shape that it gives, if it has the form of an input."""
        self.expander.item(statement, None, None)
        if all(isinstance(each, nodes.Number | nodes.Name) for each in statement.args or ()):
            self.read_input(statement)
        else:
            self.input_span = self.module.span(statement.word)
        chain = self.chain
        chain.output, chain.last, chain.whole = self.shape, self.module.span(statement), False

    def expand(self, item: nodes.Item) -> None:
        """Expand an item to the end of the chain."""
        self.before = item
        self.first = self.first or item
        session, chain, span = self.session, self.chain, self.module.span(item)
        if session.trace is not None:
            session.trace.begin(span)
        chain.add(session, self.expander.item(item, chain.output, chain.last), span)
        if session.trace is not None:
            session.trace.end(chain.output)

    # The input

    def is_meant_as_input(self, statement: nodes.Layer) -> bool:
        """Whether an item is the input under another name: `Input(3, 32, 32)`, `inptu(3, 32, 32)`."""
        if self.first is not None or self.input_span is not None:
            return False
        if statement.args is None or statement.body is not None:
            return False
        word = statement.word.text
        if word in LAYERS or word in STRUCTURE or self.module.find_block(word) is not None:
            return False
        return (meant_word(word) or suggest(word, ["input", *LAYERS])) == "input"

    def read_input(self, statement: nodes.Layer) -> None:
        """The shape of `input(C, H, W)` or `input(F)`."""
        session, module = self.session, self.module
        word = module.span(statement.word)
        if self.input_span is not None:
            session.report("input-twice", word, (Label(self.input_span, "first here"),))
            return
        self.input_span = word
        if self.first is not None:
            session.report("misplaced-input", word, where="after the first layer")
            return
        if statement.body is not None:
            session.report("takes-no-body", module.span(statement.body), word="input")
        args = statement.args or ()
        sizes = [each for each in args if not isinstance(each, nodes.Keyword)]
        otherwise = "in order, without names" if len(sizes) < len(args) else None
        if len(args) == 1 and isinstance(args[0], nodes.Tuple):
            otherwise = "without parentheses around them"
        if len(args) not in (1, 3) or otherwise is not None:
            mend = sizes_meant(args, module.source.text)
            session.report("input-sizes", word, found=len(args), otherwise=otherwise, mend=mend)
            return
        evaluation = Evaluation(session, self.expander.scope, NOWHERE)
        names = ("the channels", "the height", "the width") if len(args) == 3 else ("the features",)
        symbols = [self.symbol(each, evaluation) for each in sizes]
        if symbols[0] is not None:
            # So many weights are not known that nothing could be told.
            session.report("channels-not-given", module.span(sizes[0]), name=symbols[0], what=names[0])
            return
        known = [
            None if symbol is not None else evaluation.whole(each, what, at_least=1)
            for each, what, symbol in zip(sizes, names, symbols, strict=True)
        ]
        if any(symbols) and self.instead is None and known[0] is not None:
            height, width = (symbols[axis] or known[axis] for axis in (1, 2))
            if height is not None and width is not None:
                self.open = OpenInput(known[0], height, width)
        if known == [None]:
            # It may have been meant as the three sizes of an image.
            return
        shape = Image(*known) if len(known) == 3 else Vector(*known)
        try:
            refuse_too_many_values(shape, NO_COST)
        except Misfit as misfit:
            session.report(misfit.code, word, **misfit.facts)
            return
        self.shape = self.instead or shape

    def symbol(self, value: nodes.Value, evaluation: Evaluation) -> str | None:
        """The name that stands for a size not given: `H` in `input(3, H, W)`; a value of that name goes first."""
        if not isinstance(value, nodes.Name) or not value.text[0].isupper() or evaluation.scope.lookup(value)[0]:
            return None
        lets = (*self.module.lets, *self.module.imported_lets)
        return None if self.module.incomplete or value.text.lower() in lets else value.text

    # The whole

    def first_word(self, item: nodes.Item) -> Span:
        return Span(self.module.source, item.start, first_word_end(item))

    def report_no_layers(self) -> None:
        """A file of definitions alone is a library; one with an input alone, or with nothing, is an error."""
        if self.input_span is not None:
            self.session.report("no-layers", self.input_span)
        elif self.file.statements:
            self.is_library = True
        else:
            self.session.report("empty-file", Span(self.module.source, 0, 0))

    def refuse_parameters(self, network: Network) -> None:
        """More parameters than are allowed are refused before anybody asks the machine for them."""
        heads = network.head_cost.parameters
        leaves = [place for place in network.walk() if isinstance(place.node, Leaf)]
        place = max(leaves, key=lambda place: place.node.cost.parameters)
        self.session.report(
            "too-many-parameters",
            place.node.span,
            called_here(place.calls),
            parameters=network.cost.parameters + heads,
            here=place.node.cost.parameters,
            limit=self.max_parameters,
        )

    def check_heads(self, network: Network) -> None:
        """Each auxiliary head must give the shape that the network gives, for the same labels are its target."""
        for place in network.walk():
            node = place.node
            if isinstance(node, Head) and is_known(node.gives) and node.gives != network.output:
                word = Span(node.span.source, node.span.start, node.span.start + len("aux"))
                gives, output = str(node.gives), str(network.output)
                self.session.report("head-differs", word, called_here(place.calls), gives=gives, output=output)


def sizes_meant(args: tuple[nodes.Argument, ...], source: str) -> str | None:
    """The input that was meant by sizes in parentheses of their own, with names, or with the batch in front."""
    values: list[nodes.Value] = [each.value if isinstance(each, nodes.Keyword) else each for each in args]
    if len(values) == 1 and isinstance(values[0], nodes.Tuple):
        values = list(values[0].items)
    if len(values) not in (3, 4) or any(isinstance(each, nodes.Tuple) for each in values):
        return None
    return f"input({', '.join(source[each.start : each.end] for each in values[-3:])})"


def first_word_end(item: nodes.Item) -> int:
    """Where the first word of an item ends."""
    if isinstance(item, nodes.Layer):
        return item.word.end
    if isinstance(item, nodes.Labelled):
        return item.label.end
    return item.start + (3 if isinstance(item, nodes.For) else 2)
