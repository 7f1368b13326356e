"""File to Network: names, values, shapes and costs, all decided without torch."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Many
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from archdsl.checker.expand import Expander
from archdsl.checker.expansion import NO_COST, ExpandedChain, keyed
from archdsl.checker.modules import Loader
from archdsl.checker.patterns import bind, check_names, names_of
from archdsl.checker.scope import BlockDefinition, Given, Module, Scope, Value
from archdsl.checker.session import MAX_LAYERS, MAX_PARAMETERS, GivenUp, Session, interpreter_for_checks
from archdsl.checker.suggest import STRUCTURE, meant_word, suggest
from archdsl.checker.values import NOWHERE, Evaluation
from archdsl.checker.way import Way
from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.catalog.layers import sizes_that_work
from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.layers import LAYERS
from archdsl.layers.base import Misfit, refuse_too_many_values
from archdsl.network import Head, Leaf, Network, Sequence
from archdsl.shapes import Image, OpenInput, Shape, Vector, is_known
from archdsl.source import Source, Span
from archdsl.syntax import nodes
from archdsl.syntax.parse import parse

if TYPE_CHECKING:
    from archdsl.input_sizes import InputSizes


class Options(NamedTuple):
    """How a spec is to be read.

    input: stands for the spec's own input.
    set: values that stand for those of its lets.
    root: the folder that imports may not leave; None is the folder of the spec.
    max_layers, max_parameters: a network of more is refused.
    trace: findings of shapes that do not fit are to have the way that led there.
    """

    input: Shape | None = None
    set: dict[str, Value] = {}  # noqa: RUF012 - a NamedTuple's default, never changed.
    root: Path | None = None
    max_layers: int = MAX_LAYERS
    max_parameters: int = MAX_PARAMETERS
    trace: bool = False


class Checked(NamedTuple):
    """A spec after the check.

    network: None where there are errors, or where the file has definitions alone.
    diagnostics: all findings, by their place in the text.
    sizes: where sizes of the input are names, `input(3, H, W)`, what the network accepts for them. It has no errors
        then, and no network, for that has numbers.
    nothing_to_build: why there is no network, where there are no errors.
    library: the names of the blocks, where the file has definitions alone.
    imports: the files that it imports, directly or through others.
    file, module: the syntax tree of the text, and what it defines and imports, where there are no errors.
    """

    source: Source
    network: Network | None
    diagnostics: tuple[Diagnostic, ...]
    library: tuple[str, ...] | None = None
    imports: tuple[Source, ...] = ()
    sizes: InputSizes | None = None
    nothing_to_build: Diagnostic | None = None
    file: nodes.File | None = None
    module: Module | None = None

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        return tuple(each for each in self.diagnostics if each.severity == "error")

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return tuple(each for each in self.diagnostics if each.severity == "warning")


@interpreter_for_checks()
def check_source(source: Source, options: Options = Options()) -> Checked:  # noqa: B008 - a frozen value.
    """Check a text: parse it, expand it, compute every shape. Never raises for a mistake in the text."""
    file, found = parse(source)
    expanded = _Expanded(file, options)
    imports, diagnostics, sizes = expanded.imports, expanded.diagnostics, None
    if not found:
        if expanded.open is not None and not has_errors(diagnostics):
            sizes, diagnostics = _sizes_of_names(expanded, expanded.open)
        elif has_errors(diagnostics):
            diagnostics = with_sizes_that_work(expanded)
    diagnostics = in_order(better_said(found, diagnostics))
    if has_errors(diagnostics):
        return Checked(source, None, diagnostics, None, imports)
    nothing = None
    if sizes is not None:
        nothing = diagnose(
            "input-not-given", expanded.input_span, names=sizes.open.symbols, channels=sizes.open.channels
        )
    elif expanded.network is None:
        nothing = diagnose("no-network", Span(source, 0, 0))
    library, module = expanded.library, expanded.module
    return Checked(source, expanded.network, diagnostics, library, imports, sizes, nothing, file, module)


@interpreter_for_checks()
def accepted_sizes(source: Source, options: Options, open: OpenInput | None = None) -> InputSizes | None:
    """What input sizes a network accepts, or None where it accepts none that was tried.

    Args:
        open: the input; by default the spec's own, its height and width taken as open.
    """
    file, found = parse(source)
    if found:
        return None
    expanded = _Expanded(file, options)
    open = open or expanded.open or expanded.opened
    return None if open is None else expanded.sizes(open)


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    return any(each.severity == "error" for each in diagnostics)


class _Expanded:
    """A file expanded for one input.

    open: the file's input, where sizes of it are names and the options give none.
    depends_on_size: where the text first asks for `in_features` that depend on a size that is not known.
    """

    def __init__(self, file: nodes.File, options: Options) -> None:
        self.file = file
        self.options = options
        session = Session(options.max_layers)
        root = options.root or (Path.cwd() if file.source.path is None else file.source.path.parent)
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
            chain = _RootChain(session, module, file, options)
            self.network = chain.network()
            size = chain.size
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

    def at(self, input: Image) -> _Expanded:
        """The same file expanded for another input."""
        return _Expanded(self.file, self.options._replace(input=input))

    def sizes(self, open: OpenInput) -> InputSizes | None:
        """What the network accepts for the names of its input.

        None where it accepts none of the sizes that are tried, its own last of all.
        """
        from archdsl.input_sizes import TRIAL_SIZES, InputSizes

        unknown = self.at(open.at(dict.fromkeys(open.symbols)))
        if has_errors(unknown.diagnostics):
            return None
        network: Network | None = None
        steps = unknown.steps
        for size in TRIAL_SIZES:
            tried = self.at(open.at(dict.fromkeys(open.symbols, size)))
            network = tried.network
            steps += tried.steps
            if network is not None or steps > _MOST_STEPS_OF_TRIALS:
                break
        network = network or self.network
        if network is None or not isinstance(network.input, Image) or network.input.channels != open.channels:
            return None
        depends = unknown.depends_on_size is not None
        return InputSizes(network, open, (lambda input: self.at(input).network) if depends else None)


def _sizes_of_names(expanded: _Expanded, open: OpenInput) -> tuple[InputSizes | None, Many[Diagnostic]]:
    """What is accepted for the names of a file's input, or what is wrong with every size that is tried."""
    from archdsl.input_sizes import TRIAL_SIZES

    place = expanded.depends_on_size
    if place is not None:
        return None, [diagnose("size-not-given", place, names=open.symbols)]
    sizes = expanded.sizes(open)
    if sizes is not None:
        return sizes, expanded.diagnostics
    values = dict.fromkeys(open.symbols, TRIAL_SIZES[0])
    note = f"with {' and '.join(f'{name} = {value}' for name, value in values.items())}"
    found = expanded.at(open.at(values)).diagnostics
    return None, [each._replace(notes=(*each.notes, note)) for each in found]


_FAULTS_OF_SIZE = {"window-too-large", "branches-disagree", "padding-too-large", "nothing-to-normalize", "head-differs"}
"""What may be wrong because the picture has another size than the network is made for."""

_MOST_STEPS_OF_TRIALS = 1_000_000
"""No further size is tried after so many steps of the check, which is what the largest network takes."""

_MOST_EXPANDED_AGAIN = 1_000
"""Larger networks are not expanded again to tell which sizes would work, for that takes twice their own time."""


def with_sizes_that_work(expanded: _Expanded) -> Many[Diagnostic]:
    """The findings, with the input sizes that would work where another size is all that is wanted."""
    found = expanded.diagnostics
    open = expanded.opened
    shape = expanded.shape
    fits = expanded.size <= _MOST_EXPANDED_AGAIN and {each.code for each in found} <= _FAULTS_OF_SIZE
    if not fits or open is None or not isinstance(shape, Image):
        return found
    sizes = expanded.sizes(open)
    least = None if sizes is None else sizes.least()
    if sizes is None or least is None:
        return found
    steps = {name: sizes.step_of(name) for name in open.symbols}
    text = sizes_that_work(shape, least, steps)
    return found if text is None else [each._replace(help=(*each.help, text)) for each in found]


_PASSED_ON = ("dotted-name", "malformed-name", "text-as-value")
"""What the parser passes on as a name, and reports, for the checker may say more of it."""


def better_said(parsed: list[Diagnostic], checked: Many[Diagnostic]) -> list[Diagnostic]:
    """The findings without those of the parser that the checker says better, and those that a mended call leads to."""
    # Of a call that was mended it is not known which arguments it lacks.
    places = [(line_of(each), each.primary.span.start) for each in parsed]
    rest = [
        each
        for each in checked
        if each.code != "missing-argument"
        or not any(line == line_of(each) and start >= each.primary.span.end for line, start in places)
    ]
    others = [each.primary.span for each in rest if each.code not in _PASSED_ON]
    return [
        each
        for each in (*parsed, *rest)
        if each.code not in _PASSED_ON or not any(within(each.primary.span, span) for span in others)
    ]


def within(inner: Span, outer: Span) -> bool:
    return inner.source is outer.source and outer.start <= inner.start and inner.end <= outer.end


def line_of(finding: Diagnostic) -> int:
    """The line on which the characters at fault begin."""
    span = finding.primary.span
    return span.source.position(span.start)[0]


def in_order(diagnostics: list[Diagnostic]) -> tuple[Diagnostic, ...]:
    """The findings by their place, file after file, the files as they came first."""
    files: dict[str, int] = {}
    for each in diagnostics:
        files.setdefault(each.primary.span.source.name, len(files))
    order = sorted(diagnostics, key=lambda each: (files[each.primary.span.source.name], each.primary.span.start))
    return tuple(order)


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


class _RootChain:
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
