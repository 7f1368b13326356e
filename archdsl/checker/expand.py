"""Chains of items to nodes of the network: every loop run, every block called, every shape computed."""

from __future__ import annotations

import re
from typing import NamedTuple

from archdsl.checker.arguments import block_signature, layer_signature, make_layer, match
from archdsl.checker.blame import BlockCall
from archdsl.checker.expand_layer import expand_layer, join_shapes
from archdsl.checker.expansion import (
    NO_COST,
    Child,
    ExpandedChain,
    Expansion,
    blurred,
    common,
    is_reserved,
    keyed,
    nothing,
    one_node,
    unknown,
)
from archdsl.checker.patterns import bind, check_bindable, check_names, names_of, turns_of
from archdsl.checker.scope import BlockDefinition, Given, Scope
from archdsl.checker.session import MAX_BODY_DEPTH, MAX_CALLS, STEPS_A_CALL, GivenUp, Logged, Session
from archdsl.checker.values import Evaluation
from archdsl.layers import LAYERS
from archdsl.layers.base import Cost, Join
from archdsl.layers.joining import Aux
from archdsl.network import Branches, Call, Head, Sequence
from archdsl.shapes import Shape
from archdsl.source import Span
from archdsl.syntax import nodes
from archdsl.syntax.words import JOINS, STRUCTURE


class _Kept(NamedTuple):
    """An expansion that is kept, with the findings that each further call leads to, and what they leave in doubt."""

    expansion: Expansion
    findings: tuple[Logged, ...]
    rank_in_doubt: bool


class Expander:
    """Expands the items of one body.

    session: what the check keeps in mind; it lives longer than the body.
    scope: the names of the body.
    looped: the items stand in a loop that splices them into their parent.
    dead: the body is not taken: names and counts are checked, values and shapes not.
    """

    __slots__ = ("dead", "looped", "scope", "session")

    def __init__(self, session: Session, scope: Scope, looped: bool = False, dead: bool = False) -> None:
        self.session = session
        self.scope = scope
        self.looped = looped
        self.dead = dead

    # Chains and bodies

    def chain(self, items: nodes.Chain, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand items in order; `last` is what gave the shape that enters."""
        inner = self
        if any(isinstance(item, nodes.Let | nodes.Broken) for item in items):
            scope = Scope(self.scope.module, self.scope, "let", {})
            inner = Expander(self.session, scope, self.looped, self.dead)
        chain = ExpandedChain(entering, last)
        trace = self.session.trace
        if trace is not None:
            trace.enter()
        before: nodes.Item | nodes.Let | None = None
        for item in items:
            if before is not None and not chain.whole and inner.follows_from(before, item):
                chain.output = chain.last = None
                continue
            before = item
            if isinstance(item, nodes.Let):
                inner.let(item, chain.output)
                continue
            if isinstance(item, nodes.Broken):
                missing = Given(None, nodes.Number(None, item.start, item.end), inner.scope)
                inner.scope.names.update(dict.fromkeys(item.lets, missing))
                chain.output = chain.last = None
                chain.whole = False
                continue
            span = self.span(item)
            if trace is not None:
                trace.begin(span)
            chain.add(self.session, inner.item(item, chain.output, chain.last), span)
            if trace is not None:
                trace.end(chain.output)
        if trace is not None:
            trace.leave()
        return chain.done()

    def follows_from(self, before: nodes.Item | nodes.Let, item: nodes.Item | nodes.Let) -> bool:
        """Whether an item is the rest of a mistake that began before it on its line, and none of its own."""
        from archdsl.checker.unknown_word import follows_from  # Needed only where there is a mistake.

        return follows_from(before, item, self.scope)

    def let(self, let: nodes.Let, entering: Shape | None) -> None:
        """Bind a name to the end of the chain."""
        name = let.name.text
        self.session.spend(self.span(let))
        value = self.evaluation(entering).value(let.value)
        if check_bindable(self.session, self.span(let.name)):
            binder = self.scope.binder(name)
            if binder is not None and (binder is self.scope or binder.kind != "let"):
                self.report("name-taken", let.name, name=name, by=binder.kind)
        self.scope.names[name] = Given(value, let.value, self.scope)

    def body(self, body: nodes.Body, entering: Shape | None, last: Span | None, opener: str) -> Expansion:
        """Expand a body of one chain; `opener` is the word that it belongs to."""
        session = self.session
        if not body.chains:
            self.report("empty-body", body)
            return unknown(entering, last)
        if len(body.chains) > 1:
            self.report("bar-without-join", self.bar(body), opener=opener)
            for chain in body.chains:
                self.chain(chain, entering, last)
            return unknown(None, last)
        session.body_depth += 1
        if session.body_depth > MAX_BODY_DEPTH:
            self.report("nested-too-deeply", body, limit=MAX_BODY_DEPTH, what="bodies")
            raise GivenUp
        expansion = self.chain(body.chains[0], entering, last)
        session.body_depth -= 1
        return expansion

    def item(self, item: nodes.Item, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand one item: what it adds to its parent."""
        self.session.spend(self.span(item))
        if isinstance(item, nodes.Layer):
            return self.layer(item, entering, last)
        if isinstance(item, nodes.If):
            return self.condition(item, entering, last)
        if isinstance(item, nodes.For):
            return self.loop(item, entering, last)
        if isinstance(item, nodes.Broken):
            return unknown(None, None)
        return self.labelled(item, entering, last)

    def labelled(self, item: nodes.Labelled, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `label: item`; a label on a body, a loop or a condition makes a level."""
        label = self.span(item.label)
        if is_reserved(item.label.text):
            self.report("label-reserved", item.label, name=item.label.text)
        inner = item.item
        if isinstance(inner, nodes.Body) or is_spliced(inner):
            part = self.level(inner, self.span(item), entering, last)
        elif isinstance(inner, nodes.Layer) and inner.word.text == "input":
            self.report("misplaced-input", inner.word, where="under a label")
            return unknown(None, None)
        else:
            part = self.item(inner, entering, last)
        return part._replace(children=tuple(Child(child.node, label, self.looped) for child in part.children))

    def level(
        self,
        inner: nodes.Body | nodes.Item | nodes.Chain,
        span: Span,
        entering: Shape | None,
        last: Span | None,
        opener: str = "a label",
    ) -> Expansion:
        """Expand to a Sequential of its own: for `seq`, a label, a branch of several items."""
        self.session.open_module(span)
        expander = Expander(self.session, self.scope, looped=False, dead=self.dead)
        if isinstance(inner, nodes.Body):
            part = expander.body(inner, entering, last, opener)
        elif isinstance(inner, nodes.Layer | nodes.For | nodes.If | nodes.Labelled | nodes.Broken):
            part = expander.item(inner, entering, last)
        else:
            part = expander.chain(inner, entering, last)
        self.session.close_module()
        return self.sequence(part, entering, span)

    def sequence(self, part: Expansion, entering: Shape | None, span: Span, call: Call | None = None) -> Expansion:
        """Make one Sequential of what was expanded."""
        children = keyed(self.session, part.children)
        if entering is None or part.output is None:
            return unknown(part.output, part.last)
        self.session.make(span)
        return one_node(Sequence(children, entering, part.output, part.cost, span, call), part, self.looped)

    # Loops and conditions

    def loop(self, item: nodes.For, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `for`: the chain once for each value, spliced in place."""
        check_names(self.session, names_of(item.pattern), self.scope.module, "loop variable")
        session, module = self.session, self.scope.module
        given = Given(self.evaluation(entering).value(item.values), item.values, self.scope)
        turns = turns_of(session, item.pattern, given, module)
        if self.dead or not turns:
            names = bind(session, item.pattern, given._replace(value=None), module)
            return self.untaken_turn(self.inside(names, given.value == ()), item.body, entering, last, "for")
        chain = ExpandedChain(entering, last)
        fits = True
        if session.trace is not None:
            session.trace.enter()
        for turn, each in enumerate(turns, 1):
            session.turns.append((turn, len(turns)))
            found = len(session.log)
            names = bind(session, item.pattern, each if fits else each._replace(value=None), module)
            # One value that does not have the pattern's form is told of; the others most likely have not either.
            fits = fits and len(session.log) == found
            part = self.inside(names, loops=True).turn(item.body, chain, "for")
            session.turns.pop()
            chain.add(session, part, self.span(item))
        if session.trace is not None:
            session.trace.leave()
        return chain.done()

    def repeat(self, item: nodes.Layer, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `repeat`: the chain n times. A turn that gives the shape that it got is the same each time."""
        if item.body is None:
            self.report("missing-body", item.word, word="repeat", count=self.count_behind(item))
            return unknown(None, last)
        count = None
        args = item.args or ()
        if len(args) == 1 and not isinstance(args[0], nodes.Keyword):
            count = self.evaluation(entering).whole(args[0], "the count of `repeat`", at_least=0)
        else:
            named = any(isinstance(each, nodes.Keyword) for each in args)
            self.report("repeat-count", item.word, found=len(args), named=named)
        if self.dead or not count:
            return self.untaken_turn(self.inside(dead=count == 0), item.body, entering, last, "repeat")
        chain = ExpandedChain(entering, last)
        inner = self.inside(loops=True)
        session, span = self.session, self.span(item)
        if session.trace is not None:
            session.trace.enter()
        for turn in range(1, count + 1):
            session.turns.append((turn, count))
            part = inner.turn(item.body, chain, "repeat")
            session.turns.pop()
            if part.output is None or part.output == chain.output:
                chain.add(session, part, span, times=count - turn + 1)
                break
            chain.add(session, part, span)
        if session.trace is not None:
            session.trace.leave()
        return chain.done()

    def turn(self, body: nodes.Body, chain: ExpandedChain, opener: str) -> Expansion:
        """Expand one turn of a loop, behind those before it in the chain."""
        trace = self.session.trace
        if trace is None:
            return self.body(body, chain.output, chain.last, opener)
        number, count = self.session.turns[-1]
        trace.begin(self.span(body), f"turn {number} of {count}")
        part = self.body(body, chain.output, chain.last, opener)
        trace.end(part.output)
        return part

    def untaken_turn(
        self, inner: Expander, body: nodes.Body, entering: Shape | None, last: Span | None, opener: str
    ) -> Expansion:
        """Read the body of a loop without turns, or with turns not known, for the mistakes that are in it in any case.

        `inner` is dead where there are no turns.
        """
        inner.looped = True
        part = inner.body(body, blurred(entering), last, opener)
        if inner.dead and not self.dead:
            return nothing(entering, last)
        return unknown(common([blurred(part.output), blurred(entering)]), part.last)

    def condition(self, item: nodes.If, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `if`: the first chain whose condition holds. The others' names and counts are checked."""
        possible: list[Expansion] = []
        decided = self.dead
        unsure = False
        for condition, body in item.arms:
            evaluation = self.evaluation(entering)
            evaluation.dead = decided
            holds = evaluation.condition(condition)
            # Where the condition is not known, the shapes may be those that it keeps out.
            into = None if unsure or holds is None else entering
            part = self.inside(dead=decided or holds is False).body(body, into, last, "if")
            if not decided and holds is not False:
                possible.append(part)
            unsure = unsure or holds is None
            decided = decided or holds is True
        if item.otherwise is not None:
            part = self.inside(dead=decided).body(item.otherwise, None if unsure else entering, last, "else")
        else:
            part = nothing(entering, last)
        if not decided:
            possible.append(part)
        if len(possible) == 1:
            return possible[0]
        return unknown(common([part.output for part in possible]) if possible else None, last)

    # Layers and blocks

    def layer(self, item: nodes.Layer, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand a word with its arguments: a word of structure, a block or a layer."""
        word = item.word.text
        if word in STRUCTURE:
            return self.structure(item, word, entering, last)
        block = self.scope.module.find_block(word)
        if block is not None:
            return self.block(item, block, entering, last)
        cls = LAYERS.get(word)
        if cls is None or self.scope.module.hides(word):
            return self.unknown_word(item, entering, last)
        if item.body is not None:
            self.body_of_none(item, item.body)
        return expand_layer(item, cls, self.evaluation(entering), entering, last, self.looped)

    def body_of_none(self, item: nodes.Layer, body: nodes.Body) -> None:
        """Report a body that follows a word without one, and read it for its own mistakes."""
        self.report("takes-no-body", body, word=item.word.text)
        for chain in body.chains:
            self.chain(chain, None, None)

    def unknown_word(self, item: nodes.Layer, entering: Shape | None, last: Span | None) -> Expansion:
        """Report a word that is no layer and no block, and read what belongs to it."""
        from archdsl.checker.unknown_word import report_unknown_word  # Needed only where there is a mistake.

        report_unknown_word(self.session, self.scope, item)
        evaluation = self.evaluation(None)
        for argument in item.args or ():
            # Bare words may be flags of whatever was meant.
            value = argument.value if isinstance(argument, nodes.Keyword) else argument
            # Of a call as another library has it, whole values in it too.
            if not isinstance(value, nodes.Name | nodes.Call):
                evaluation.value(value)
        if item.body is None:
            return unknown(None, self.span(item))
        parts = [self.chain(chain, entering, last) for chain in item.body.chains]
        # `stem { ... }` was most likely meant as `stem: { ... }`.
        return unknown(parts[0].output if len(parts) == 1 and item.args is None else None, self.span(item))

    def block(self, item: nodes.Layer, block: BlockDefinition, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand a block call. What it becomes is kept, by arguments and input shape."""
        session = self.session
        span = self.span(item)
        if item.body is not None:
            self.body_of_none(item, item.body)
        if id(block) in session.active_blocks:
            self.recursion(item, block)
            return unknown(None, span)
        signature = session.signatures.get(id(block))
        if signature is None:
            signature = session.signatures[id(block)] = block_signature(block)
        given, fine = match(item, signature, self.evaluation(entering))
        if self.dead or not fine:
            return unknown(None, span)
        arguments = tuple(
            (parameter_name(parameter), each.value)
            for parameter, each in zip(block.node.parameters, given, strict=True)
            if each
        )
        call = Call(block.name, span, arguments)
        bound = [
            each and bind(session, parameter.pattern, each, block.module)
            for parameter, each in zip(block.node.parameters, given, strict=True)
        ]
        parameters = Scope(block.module, None, "parameter", {})
        session.trail.append(BlockCall(call, block, parameters, entering, last))
        session.active_blocks[id(block)] = block
        if len(session.trail) > MAX_CALLS:
            self.report("calls-too-deep", item.word, limit=MAX_CALLS)
            raise GivenUp
        bind_parameters(session, block, parameters, bound, entering)
        part = self.kept_body(block, parameters, entering, span)
        session.trail.pop()
        session.active_blocks.popitem()
        if part.size:
            # Calls that build something are counted by what they build.
            session.steps -= STEPS_A_CALL
        part = part._replace(last=span)
        if not is_join(block.node.body):
            return self.sequence(part, entering, span, call)
        # A block whose body is one join is that module, with no second level.
        children = tuple(
            Child(child.node._replace(call=call), None, self.looped)
            for child in part.children
            if isinstance(child.node, Branches)
        )
        return part._replace(children=children)

    def kept_body(self, block: BlockDefinition, parameters: Scope, entering: Shape | None, span: Span) -> Expansion:
        """What the body of a block becomes with these arguments; it is expanded once for all calls that are alike."""
        session = self.session
        arguments = repr([each.value for each in parameters.names.values()])
        session.spend(span, STEPS_A_CALL + len(arguments) // 24)
        key = (block.span, arguments, entering, session.in_branch, session.rank_in_doubt)
        kept: _Kept | None = session.expansions.get(key)
        if kept is None:
            mark, turns = len(session.log), len(session.turns)
            chains = 0 if session.trace is None else len(session.trace.chains)
            part = self.block_body(block, parameters, entering, span)
            findings = session.kept_findings(mark, turns, chains)
            session.expansions[key] = _Kept(part, findings, session.rank_in_doubt)
            return part
        session.report_again(kept.findings)
        session.rank_in_doubt = kept.rank_in_doubt
        level = not is_join(block.node.body)
        session.refuse_depth(span, session.module_depth + kept.expansion.height + level)
        return kept.expansion

    def block_body(self, block: BlockDefinition, scope: Scope, entering: Shape | None, span: Span) -> Expansion:
        """Expand the body of a block in the scope of its parameters; `span` is what calls it."""
        level = not is_join(block.node.body)
        if level:
            self.session.open_module(span)
        part = Expander(self.session, scope).body(block.node.body, entering, None, "block")
        if level:
            self.session.close_module()
        return part

    def recursion(self, item: nodes.Layer, block: BlockDefinition) -> None:
        """Report a block that calls itself, once for each circle of blocks."""
        names = [*(active.name for active in self.session.active_blocks.values()), block.name]
        circle = tuple(names[names.index(block.name) :])
        if frozenset(circle) not in self.session.circles:
            self.session.circles.add(frozenset(circle))
            self.report("recursive-block", item.word, name=block.name, chain=circle)

    # Words with bodies

    def structure(self, item: nodes.Layer, word: str, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand one of the words that no block may take."""
        if word == "input":
            self.report("misplaced-input", item.word, where="inside a body")
            return unknown(None, None)
        if word == "repeat":
            return self.repeat(item, entering, last)
        if word == "aux":
            return self.head(item, entering, last)
        if item.args:
            span = self.span(item.args[0])
            whole = span._replace(end=item.args[-1].end)
            self.session.report("takes-no-arguments", whole, word=word, mend=as_body(item, whole.source.text))
        if item.body is None:
            if not item.args:
                self.report("missing-body", item.word, word=word)
            return unknown(None, self.span(item))
        if word == "seq":
            return self.level(item.body, self.span(item), entering, last, "seq")
        return self.branches(item, item.body, entering, last)

    def head(self, item: nodes.Layer, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `aux(weight) { chain }`, which passes its input on."""
        session = self.session
        span = self.span(item)
        evaluation = self.evaluation(entering)
        if item.body is None:
            self.report("missing-body", item.word, word="aux")
            return unknown(entering, last)
        given, fine = match(item, layer_signature(Aux.word), evaluation)
        if session.in_branch:
            self.report("misplaced-aux", item.word)
        outer, session.in_branch = session.in_branch, True
        doubted = session.rank_in_doubt
        session.open_module(span)
        part = Expander(session, self.scope, dead=self.dead).body(item.body, entering, last, "aux")
        session.close_module()
        session.in_branch, session.rank_in_doubt = outer, doubted
        children = keyed(session, part.children)
        layer, _ = make_layer(Aux, given, session)
        if self.dead or not fine or entering is None or part.output is None:
            return unknown(entering, last)
        assert isinstance(layer, Aux)
        session.has_heads = True
        session.make(span)
        node = Head(layer, children, entering, entering, part.cost, span, part.output)
        return one_node(node, part, self.looped)._replace(cost=NO_COST, last=last)

    def branches(self, item: nodes.Layer, body: nodes.Body, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `concat`, `add` and `mul`: each branch on the same input, then joined."""
        session = self.session
        span = self.span(item)
        word = item.word.text
        if not body.chains:
            self.report("empty-body", body)
            return unknown(None, span)
        broken = any(isinstance(each, nodes.Broken) for chain in body.chains for each in chain)
        if len(body.chains) == 1 and not broken:
            self.report("too-few-branches", item.word, word=word)
        outer, session.in_branch = session.in_branch, True
        session.open_module(span)
        parts = self.each_branch(body.chains, entering, last)
        session.close_module()
        session.in_branch = outer
        children = keyed(session, tuple(child for part in parts for child in part.children))
        if self.dead:
            return unknown(None, span)
        layer = LAYERS[word]()
        assert isinstance(layer, Join)
        output = join_shapes(session, layer, parts, span)
        if len(parts) == 1 or entering is None or output is None:
            return unknown(output, span)
        session.make(span)
        cost = Cost(sum(part.cost.parameters for part in parts), sum(part.cost.macs for part in parts))
        node = Branches(layer, children, entering, output, cost, span)
        size, height = sum(part.size for part in parts), max(part.height for part in parts)
        whole = all(part.whole for part in parts)
        return one_node(node, Expansion((), output, cost, size, height, span, whole), self.looped)

    def each_branch(
        self, chains: tuple[nodes.Chain, ...], entering: Shape | None, last: Span | None
    ) -> list[Expansion]:
        session, source = self.session, self.scope.module.source
        trace, doubted = session.trace, session.rank_in_doubt
        leaves_doubt = False
        parts = []
        if trace is not None:
            trace.enter()
        for number, chain in enumerate(chains, 1):
            if trace is not None:
                trace.begin(Span(source, chain[0].start, chain[-1].end), f"branch {number} of {len(chains)}")
            session.rank_in_doubt = doubted
            parts.append(self.branch(chain, entering, last))
            leaves_doubt = leaves_doubt or session.rank_in_doubt
            if trace is not None:
                trace.end(parts[-1].output)
        if trace is not None:
            trace.leave()
        session.rank_in_doubt = leaves_doubt
        return parts

    def branch(self, chain: nodes.Chain, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand a branch. One that is a single item is that item; any other is a Sequential."""
        items = items_of(chain)
        span = Span(self.scope.module.source, chain[0].start, chain[-1].end)
        if not items:
            self.chain(chain, entering, last)
            self.session.report("empty-branch", span)
            return unknown(None, last)
        if len(items) == 1 and not is_spliced(items[0]):
            part = Expander(self.session, self.scope, looped=False, dead=self.dead).chain(chain, entering, last)
        else:
            part = self.level(chain, span, entering, last)
            if part.whole and part.size == 1 and not self.dead:
                lone = items[0] if len(items) == 1 else None
                lacks_else = isinstance(lone, nodes.If) and lone.otherwise is None
                self.session.report("empty-branch", span, lacks_else=lacks_else)
                return unknown(None, last)
        return part._replace(last=part.last if part.last is not last and part.last is not None else span)

    # Small helpers

    def count_behind(self, item: nodes.Layer) -> str | None:
        """The value behind a bare `repeat` that was meant as its count, or None: `repeat n { ... }`."""
        text = self.scope.module.source.text[item.end : item.end + 100]
        behind = None if item.args is not None else re.match(r"[ \t]+([A-Za-z_]\w*)[ \t]*\{", text)
        if behind is None or not self.scope.lookup(nodes.Name(behind[1], item.end, item.end))[0]:
            return None
        return behind[1]

    def inside(self, names: dict[str, Given] | None = None, dead: bool = False, loops: bool = False) -> Expander:
        """An expander for a body that is spliced into this one, with the loop's variables."""
        scope = self.scope if names is None else Scope(self.scope.module, self.scope, "loop variable", names)
        return Expander(self.session, scope, self.looped or loops, self.dead or dead)

    def evaluation(self, entering: Shape | None) -> Evaluation:
        return Evaluation(self.session, self.scope, entering, self.dead)

    def bar(self, body: nodes.Body) -> nodes.Name:
        """The first bar of a body, as a place."""
        text = self.scope.module.source.text
        at = body.chains[0][-1].end
        while text[at] != "|":
            # Between a chain and its bar stand spaces, and comments, in which there may be bars too.
            at = text.index("\n", at) if text[at] == "#" else at + 1
        return nodes.Name("|", at, at + 1)

    def span(self, node: nodes.Placed) -> Span:
        return Span(self.scope.module.source, node.start, node.end)

    def report(self, code: str, node: nodes.Placed, /, **facts: object) -> None:
        self.session.report(code, self.span(node), **facts)


def as_body(item: nodes.Layer, source: str) -> str | None:
    """The arguments of a word that takes a body, as that body; None where one of them is no item."""
    args = item.args or ()
    if item.body is not None or not all(isinstance(each, nodes.Name | nodes.Call) for each in args):
        return None
    bar = " | " if item.word.text in JOINS else " "
    return f"{item.word.text} {{ {bar.join(source[each.start : each.end] for each in args)} }}"


def items_of(chain: nodes.Chain) -> list[nodes.Item]:
    """The items of a chain without its lets, which are none."""
    return [item for item in chain if not isinstance(item, nodes.Let)]


def is_spliced(item: nodes.Item) -> bool:
    """Whether an item adds no level of its own: a loop or a condition."""
    return isinstance(item, nodes.For | nodes.If) or (isinstance(item, nodes.Layer) and item.word.text == "repeat")


def is_join(body: nodes.Body) -> bool:
    """Whether a body is one `concat`, `add` or `mul`, without a label."""
    items = items_of(body.chains[0]) if len(body.chains) == 1 else []
    return len(items) == 1 and isinstance(items[0], nodes.Layer) and items[0].word.text in JOINS


def parameter_name(parameter: nodes.Parameter) -> str | None:
    """What a parameter with a default is called; None of one that is given in order, or is taken apart."""
    return (
        parameter.pattern.text if parameter.default is not None and isinstance(parameter.pattern, nodes.Name) else None
    )


def bind_parameters(
    session: Session,
    block: BlockDefinition,
    scope: Scope,
    bound: list[dict[str, Given] | None],
    entering: Shape | None,
) -> None:
    """Fill the scope of a block's parameters with those bound, and with defaults where none is.

    A default sees the parameters to its left and what enters the block.
    """
    for parameter, given in zip(block.node.parameters, bound, strict=True):
        names = given
        if names is None:
            assert parameter.default is not None
            value = Evaluation(session, scope, entering).value(parameter.default)
            names = bind(session, parameter.pattern, Given(value, parameter.default, scope), block.module)
        scope.names.update(names)
