"""The chain of a file: its input, then its layers, up to the whole network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from archdsl.checker.expand import Expander
from archdsl.checker.expansion import NO_COST, ExpandedChain, keyed
from archdsl.checker.scope import Module, Scope
from archdsl.checker.session import Options, Session
from archdsl.checker.suggest import STRUCTURE, meant_word, suggest
from archdsl.checker.values import NOWHERE, Evaluation
from archdsl.checker.way import Way
from archdsl.diagnostics.diagnostic import Label
from archdsl.layers import LAYERS
from archdsl.layers.base import Misfit, refuse_too_many_values
from archdsl.network import Head, Leaf, Network, Sequence
from archdsl.shapes import Image, OpenInput, Vector, is_known
from archdsl.source import Span
from archdsl.syntax import nodes

if TYPE_CHECKING:
    pass


class RootChain:
    """The chain of a file: its input, then its layers.

    options.input stands for the file's own input.
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
        self.size = 0

    def network(self) -> Network | None:
        """The network of the file, or None where there are errors or no layers."""
        session, module = self.session, self.module
        expander = Expander(session, Scope(module, None, "let", {}))
        chain = ExpandedChain(self.instead, None)
        first: nodes.Item | None = None
        is_broken = False
        way = session.way = Way() if self.traced else None
        before: nodes.Item | None = None
        for statement in self.file.statements:
            if isinstance(statement, nodes.Broken):
                is_broken = True
                chain.output = chain.last = None
            elif isinstance(statement, nodes.Layer) and statement.word.text == "input":
                self.read_input(statement, first)
                if first is None and not is_broken:
                    # Where `--input` stands for it, the statement in the file gave nothing.
                    chain.output, chain.last = self.shape, None if self.instead else module.span(statement)
                    if way is not None:
                        way.begin(module.span(statement), f"--input {self.instead}" if self.instead else None)
                        way.end(self.shape)
            elif not isinstance(statement, nodes.Import | nodes.Block | nodes.Let) and (
                not chain.whole and before is not None and expander.follows_from(before, statement)
            ):
                chain.output = chain.last = None
            elif isinstance(statement, nodes.Layer | nodes.For | nodes.If | nodes.Labelled):
                if self.is_meant_as_input(statement) and first is None and self.input_span is None:
                    expander.item(statement, None, None)
                    assert isinstance(statement, nodes.Layer)
                    self.input_span = module.span(statement.word)
                    if all(isinstance(each, nodes.Number | nodes.Name) for each in statement.args or ()):
                        self.input_span = None
                        self.read_input(statement, None)
                    chain.output, chain.last, chain.whole = self.shape, module.span(statement), False
                    continue
                before = statement
                first = first or statement
                if way is not None:
                    way.begin(module.span(statement))
                part = expander.item(statement, chain.output, chain.last)
                chain.add(session, part, module.span(statement))
                if way is not None:
                    way.end(chain.output)
        self.size = chain.size
        is_misplaced = any(logged.key[0] == "misplaced-input" for logged in session.log)
        if not (first is None or self.input_span or self.instead or is_broken or is_misplaced):
            session.report("missing-input", Span(module.source, first.start, first_word_end(first)))
        children = keyed(session, tuple(chain.children))
        if is_broken or session.found_errors:
            return None
        if first is None:
            self.report_no_layers()
            return None
        if chain.whole and not chain.children:
            session.report("no-layers", Span(module.source, first.start, first_word_end(first)))
            return None
        part = chain.done()
        if self.shape is None or part.output is None or not (is_known(self.shape) and is_known(part.output)):
            # Sizes of the input are names, or there was an error.
            return None
        span = Span(module.source, 0, len(module.source.text))
        root = Sequence(children, self.shape, part.output, part.cost, span)
        network = Network(module.source.name, self.shape, root)
        if session.has_heads:
            self.check_heads(network)
        if network.cost.parameters + network.head_cost.parameters > self.max_parameters:
            self.refuse_parameters(network)
        return None if session.found_errors else network

    def is_meant_as_input(self, statement: nodes.Item) -> bool:
        """Whether an item is the input under another name: `Input(3, 32, 32)`, `inptu(3, 32, 32)`."""
        if not isinstance(statement, nodes.Layer) or statement.args is None or statement.body is not None:
            return False
        word = statement.word.text
        if word in LAYERS or word in STRUCTURE or self.module.find_block(word) is not None:
            return False
        return (meant_word(word) or suggest(word, ["input", *LAYERS])) == "input"

    def read_input(self, statement: nodes.Layer, first: nodes.Item | None) -> None:
        """The shape of `input(C, H, W)` or `input(F)`."""
        session, module = self.session, self.module
        word = module.span(statement.word)
        if self.input_span is not None:
            session.report("input-twice", word, (Label(self.input_span, "first here"),))
            return
        self.input_span = word
        if first is not None:
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
        evaluation = Evaluation(session, Scope(module, None, "let", {}), NOWHERE)
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
        related = tuple(Label(call.span, f"in `{call.block}`, called here") for call in reversed(place.calls))
        self.session.report(
            "too-many-parameters",
            place.node.span,
            related,
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
                related = tuple(Label(call.span, f"in `{call.block}`, called here") for call in reversed(place.calls))
                self.session.report("head-differs", word, related, gives=str(node.gives), output=str(network.output))


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
