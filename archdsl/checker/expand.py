"""Chains of items to nodes of the network: every loop run, every block called, every shape computed."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from archdsl.checker.arguments import Given, block_signature, layer_signature, make_layer, match
from archdsl.checker.patterns import bind, names_of
from archdsl.checker.scope import BlockDefinition, Module, Scope, Value
from archdsl.checker.session import MAX_BODY_DEPTH, MAX_CALLS, MAX_MODULE_DEPTH, FindingKey, GivenUp, Session
from archdsl.checker.suggest import STRUCTURE, meant_word, suggest
from archdsl.checker.values import FUNCTIONS, Evaluation
from archdsl.diagnostics.diagnostic import Label
from archdsl.layers import LAYERS
from archdsl.layers.base import IMAGE, VECTOR, Cost, Join, Layer, Misfit
from archdsl.layers.joining import Aux
from archdsl.network import Branches, Call, Head, Leaf, Node, Sequence
from archdsl.shapes import UNKNOWN_IMAGE, UNKNOWN_VECTOR, Image, Shape, Vector, is_known, product
from archdsl.source import Span
from archdsl.syntax import nodes

# What `nn.Sequential` calls itself by; a child of such a name would hide it. A test holds the list against torch.
RESERVED_LABELS = frozenset(
    """T_destination add_module append apply bfloat16 buffers call_super_init children compile cpu cuda double
    dump_patches eval extend extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half
    insert ipu load_state_dict modules mtia named_buffers named_children named_modules named_parameters parameters
    pop register_backward_hook register_buffer register_forward_hook register_forward_pre_hook
    register_full_backward_hook register_full_backward_pre_hook register_load_state_dict_post_hook
    register_load_state_dict_pre_hook register_module register_parameter register_state_dict_post_hook
    register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory state_dict to to_empty
    train training type xpu zero_grad""".split()
)


class Child(NamedTuple):
    """A node among its siblings, before it has a key.

    label: the characters of its label, or None.
    looped: a loop itself splices it, so that its key is the label and its occurrence, counted from 1.
    """

    node: Node
    label: Span | None
    looped: bool


class Expansion(NamedTuple):
    """What a part of a chain becomes.

    output: the shape that leaves it; None where it is not known.
    size: the modules that it adds to the network. height: how deep they stand in each other.
    last: the item that gave the output, to point at; None where nothing did.
    """

    children: tuple[Child, ...]
    output: Shape | None
    cost: Cost
    size: int
    height: int
    last: Span | None


class Growing:
    """An expansion while parts are added to its end."""

    __slots__ = ("children", "height", "last", "macs", "output", "parameters", "size")

    def __init__(self, output: Shape | None, last: Span | None) -> None:
        self.children: list[Child] = []
        self.parameters = self.macs = self.size = self.height = 0
        self.output = output
        self.last = last

    def add(self, part: Expansion, times: int = 1) -> None:
        self.children += part.children * times
        self.parameters += part.cost.parameters * times
        self.macs += part.cost.macs * times
        self.size += part.size * times
        self.height = max(self.height, part.height)
        self.output, self.last = part.output, part.last

    def done(self) -> Expansion:
        cost = Cost(self.parameters, self.macs)
        return Expansion(tuple(self.children), self.output, cost, self.size, self.height, self.last)


class _Kept(NamedTuple):
    """An expansion that is kept, with the findings that each further call leads to."""

    expansion: Expansion
    findings: tuple[FindingKey, ...]


NO_COST = Cost()


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
        if any(item.__class__ is nodes.Let for item in items):
            scope = Scope(self.scope.module, self.scope, "let", {})
            inner = Expander(self.session, scope, self.looped, self.dead)
        total = Growing(entering, last)
        for item in items:
            if item.__class__ is nodes.Let:
                inner.let(item, total.output)  # type: ignore[arg-type]
            else:
                inner.add(total, inner.item(item, total.output, total.last), item)  # type: ignore[arg-type]
        return total.done()

    def add(self, total: Growing, part: Expansion, item: nodes.Item, times: int = 1) -> None:
        """Add a part that an item became; a network that is larger than allowed is refused before it is expanded."""
        size = total.size + part.size * times
        if size > self.session.max_layers:
            self.report("network-too-large", item, size=size, limit=self.session.max_layers)
            raise GivenUp
        total.add(part, times)

    def let(self, let: nodes.Let, entering: Shape | None) -> None:
        """Bind a name to the end of the chain."""
        name = let.name.text
        value = self.evaluation(entering).value(let.value)
        if check_bindable(self.session, self.scope.module.span(let.name)):
            kind = self.scope.binder(name)
            if name in self.scope.names or kind in ("parameter", "loop variable"):
                self.report("name-taken", let.name, name=name, by=kind or "let")
        self.scope.names[name] = value

    def body(self, body: nodes.Body, entering: Shape | None, last: Span | None, opener: str) -> Expansion:
        """Expand a body of one chain; `opener` is the word that it belongs to."""
        session = self.session
        if not body.chains:
            self.report("empty-body", body, opener=opener)
            return nothing(entering, last)
        if len(body.chains) > 1:
            self.report("bar-without-join", body, opener=opener)
            for chain in body.chains:
                self.chain(chain, None, None)
            return nothing(None, last)
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
        kind = item.__class__
        if kind is nodes.Layer:
            return self.layer(item, entering, last)  # type: ignore[arg-type]
        if kind is nodes.If:
            return self.condition(item, entering, last)  # type: ignore[arg-type]
        if kind is nodes.For:
            return self.loop(item, entering, last)  # type: ignore[arg-type]
        assert isinstance(item, nodes.Labelled)
        return self.labelled(item, entering, last)

    def labelled(self, item: nodes.Labelled, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `label: item`; a label on a body, a loop or a condition makes a level."""
        label = self.span(item.label)
        if item.label.text in RESERVED_LABELS:
            self.report("label-reserved", item.label, name=item.label.text)
        inner = item.item
        if isinstance(inner, nodes.Layer) and inner.word.text == "input":
            self.report("misplaced-input", inner, where="under a label")
            return nothing(None, None)
        spliced = isinstance(inner, nodes.For | nodes.If) or (
            isinstance(inner, nodes.Layer) and inner.word.text == "repeat"
        )
        if isinstance(inner, nodes.Body) or spliced:
            part = self.level(inner, self.span(item), entering, last)
        else:
            part = self.item(inner, entering, last)  # type: ignore[arg-type]
        return part._replace(children=tuple(Child(child.node, label, self.looped) for child in part.children))

    def level(
        self,
        inner: nodes.Body | nodes.Item | nodes.Chain,
        span: Span,
        entering: Shape | None,
        last: Span | None,
        opener: str = "a label",
        call: Call | None = None,
    ) -> Expansion:
        """Expand to a Sequential of its own: for `seq`, a label, a block call, a branch of several items."""
        session = self.session
        session.module_depth += 1
        if session.module_depth > MAX_MODULE_DEPTH:
            session.report("nested-too-deeply", span, limit=MAX_MODULE_DEPTH, what="modules")
            raise GivenUp
        expander = Expander(session, self.scope, looped=False, dead=self.dead)
        if isinstance(inner, nodes.Body):
            part = expander.body(inner, entering, last, opener)
        elif inner.__class__ is tuple:
            part = expander.chain(inner, entering, last)  # type: ignore[arg-type]
        else:
            part = expander.item(inner, entering, last)  # type: ignore[arg-type]
        session.module_depth -= 1
        return self.sequence(part, entering, span, call)

    def sequence(self, part: Expansion, entering: Shape | None, span: Span, call: Call | None = None) -> Expansion:
        """Make one Sequential of what was expanded."""
        node = Sequence(self.keyed(part.children), entering, part.output, part.cost, span, call)  # type: ignore[arg-type]
        child = Child(node, None, self.looped)
        return Expansion((child,), part.output, part.cost, part.size + 1, part.height + 1, part.last)

    def keyed(self, children: tuple[Child, ...]) -> tuple[tuple[str, Node], ...]:
        """Give every child its key: its label, or its place among its siblings."""
        result: list[tuple[str, Node]] = []
        turns: Counter[str] = Counter()
        labels: dict[str, Span] = {}
        for index, (node, label, looped) in enumerate(children):
            if label is None:
                result.append((str(index), node))
                continue
            key = label.text
            if looped:
                turns[key] += 1
                key = f"{key}{turns[key]}"
            if key in labels:
                related = (Label(labels[key], "first here"),)
                self.session.report("duplicate-label", label, related, key=key)
            labels.setdefault(key, label)
            result.append((key, node))
        return tuple(result)

    # Loops and conditions

    def loop(self, item: nodes.For, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `for`: the chain once for each value, spliced in place."""
        check_names(self.session, names_of(item.pattern), self.scope.module)
        values = self.evaluation(entering).value(item.values)
        if values is not None and not isinstance(values, tuple):
            self.report("wrong-kind", item.values, what="`for`", expected="a tuple", found=values)
            values = None
        if self.dead or not values:
            # Unknown values, or none: the body is read once, for the mistakes that are in it in any case.
            names = bind(self.session, item.pattern, Given(None, self.span(item.values)), self.scope.module)
            inner = self.inside(names, dead=values == (), loops=True)
            part = inner.body(item.body, blurred(entering), last, "for")
            return nothing(entering, last) if values == () else nothing(blurred(part.output), part.last)
        total = Growing(entering, last)
        for turn, value in enumerate(values, 1):
            self.session.turns.append((turn, len(values)))
            names = bind(self.session, item.pattern, Given(value, self.span(item.values)), self.scope.module)
            part = self.inside(names, loops=True).body(item.body, total.output, total.last, "for")
            self.session.turns.pop()
            self.add(total, part, item)
        return total.done()

    def repeat(self, item: nodes.Layer, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `repeat`: the chain n times. A turn that gives the shape that it got is the same each time."""
        count = None
        args = item.args or ()
        if len(args) != 1 or isinstance(args[0], nodes.Keyword):
            self.report("repeat-count", item.word, found=len(args))
        else:
            count = self.evaluation(entering).whole(args[0], "the count of `repeat`", at_least=0)
        if item.body is None:
            self.report("missing-body", item.word, word="repeat")
            return nothing(None, last)
        if self.dead or not count:
            inner = self.inside(dead=count == 0, loops=True)
            part = inner.body(item.body, blurred(entering), last, "repeat")
            return nothing(entering, last) if count == 0 else nothing(blurred(part.output), part.last)
        total = Growing(entering, last)
        inner = self.inside(loops=True)
        for turn in range(1, count + 1):
            self.session.turns.append((turn, count))
            part = inner.body(item.body, total.output, total.last, "repeat")
            self.session.turns.pop()
            if part.output is None or part.output == total.output:
                self.add(total, part, item, times=count - turn + 1)
                break
            self.add(total, part, item)
        return total.done()

    def condition(self, item: nodes.If, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `if`: the first chain whose condition holds. The others' names and counts are checked."""
        chosen: Expansion | None = None
        possible: list[Expansion] = []
        decided = self.dead
        for condition, body in item.arms:
            evaluation = self.evaluation(entering)
            evaluation.dead = decided
            holds = evaluation.condition(condition)
            if decided or holds is False:
                self.inside(dead=True).body(body, entering, last, "if")
                continue
            part = self.inside().body(body, entering, last, "if")
            if holds:
                decided = True
                chosen = part
            possible.append(part)
        if item.otherwise is not None:
            part = self.inside(dead=decided).body(item.otherwise, entering, last, "else")
            if not decided:
                chosen = part
                possible.append(part)
        elif not decided:
            possible.append(nothing(entering, last))
        if self.dead:
            return nothing(None, last)
        if len(possible) == 1:
            return possible[0]
        outputs = [part.output for part in possible]
        return nothing(common(outputs), chosen.last if chosen else last)

    # Layers

    def layer(self, item: nodes.Layer, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand a word with its arguments: a word of structure, a block or a layer."""
        word = item.word.text
        if word in STRUCTURE:
            if word == "input":
                self.report("misplaced-input", item, where="here")
                return nothing(None, None)
            if word == "repeat":
                return self.repeat(item, entering, last)
            if word == "seq":
                return self.seq(item, entering, last)
            if word == "aux":
                return self.head(item, entering, last)
            return self.branches(item, entering, last)
        block = self.scope.module.find_block(word)
        if block is not None:
            return self.block(item, block, entering, last)
        cls = LAYERS.get(word)
        if cls is not None:
            return self.leaf(item, cls, entering, last)
        self.unknown_word(item)
        evaluation = self.evaluation(entering)
        evaluation.entering = None
        for argument in item.args or ():
            # Bare words may be flags of whatever was meant.
            value = argument.value if isinstance(argument, nodes.Keyword) else argument
            if not isinstance(value, nodes.Name):
                evaluation.value(value)
        if item.body is not None:
            for chain in item.body.chains:
                self.chain(chain, None, None)
        return nothing(None, self.span(item))

    def unknown_word(self, item: nodes.Layer) -> None:
        module = self.scope.module
        name = item.word.text
        if module.incomplete or name in module.unknown_blocks:
            return
        visible = module.visible_blocks()
        meant = meant_word(name)
        if meant is None and name not in FUNCTIONS:
            meant = suggest(name, [*visible, *STRUCTURE, *LAYERS, "for", "if", "let", "block", "import", "else"])
        self.report(
            "unknown-layer",
            item.word,
            name=name,
            suggestion=meant,
            with_body=item.body is not None and item.args is None,
            value=self.scope.lookup(item.word)[0],
            blocks=tuple(visible),
        )

    def leaf(
        self, item: nodes.Layer, cls: type[Layer], entering: Shape | None, last: Span | None
    ) -> Expansion:
        """Expand a layer: its arguments checked, its shape and cost computed."""
        span = self.span(item)
        word = item.word.text
        if item.body is not None:
            self.report("takes-no-body", item.body, word=word)
            for chain in item.body.chains:
                self.chain(chain, None, None)
        evaluation = self.evaluation(entering)
        given = match(item, layer_signature(cls), evaluation)
        if self.dead:
            return nothing(None, span)
        if given is None:
            return nothing(unknown_layer(cls).may_give(entering), span)
        if cls.position_counts is not None:
            count = sum(each is not None for each in given)
            if count not in cls.position_counts:
                self.report("argument-count", item.word, word=word, found=count, allowed=cls.position_counts)
                return nothing(unknown_layer(cls).may_give(entering), span)
        layer, places = make_layer(cls, given, evaluation, self.span(item.word))
        if cls.takes != "any" and entering is not None and not takes(cls, entering):
            self.wrong_rank(item, cls, entering, last)
            return nothing(layer.may_give(None), span)
        key = (layer, entering)
        kept = self.session.leaves.get(key)
        if kept is None:
            try:
                layer.agrees()
            except Misfit as misfit:
                self.misfit(misfit, places, item, None)
                return nothing(layer.may_give(entering), span)
            if entering is None:
                return nothing(layer.may_give(None), span)
            try:
                output = layer.gives(entering)
            except Misfit as misfit:
                self.misfit(misfit, places, item, (entering, last))
                return nothing(layer.may_give(entering), span)
            known = is_known(entering) and is_known(output) and layer_is_known(layer)
            kept = self.session.leaves[key] = (layer, output, layer.cost(entering) if known else NO_COST)
        layer, output, cost = kept
        assert entering is not None
        node = Leaf(layer, entering, output, cost, span)
        return Expansion((Child(node, None, self.looped),), output, cost, 1, 1, span)

    def misfit(
        self,
        misfit: Misfit,
        places: dict[str, Span],
        item: nodes.Layer,
        entered: tuple[Shape, Span | None] | None,
    ) -> None:
        """Report a layer's own fault at the argument that it names."""
        word = self.span(item.word)
        span = places.get(misfit.field, word) if misfit.field is not None else word
        related: tuple[Label, ...] = ()
        if entered is not None and entered[1] is not None and entered[1].source is span.source:
            related = (Label(entered[1], f"gives {entered[0]}"),)
        self.session.report(misfit.code, span, related, **misfit.facts)

    def wrong_rank(self, item: nodes.Layer, cls: type[Layer], entering: Shape, last: Span | None) -> None:
        related = () if last is None else (Label(last, f"gives {entering}"),)
        word = self.span(item.word)
        if cls.takes == VECTOR:
            self.session.report(
                "needs-flatten", word, related, word=cls.word, shape=str(entering), features=product(*entering)
            )
        else:
            self.session.report("needs-image", word, related, word=cls.word, shape=str(entering))

    # Blocks

    def block(
        self, item: nodes.Layer, block: BlockDefinition, entering: Shape | None, last: Span | None
    ) -> Expansion:
        """Expand a block call. What it becomes is kept, by arguments and input shape."""
        session = self.session
        span = self.span(item)
        if item.body is not None:
            self.report("takes-no-body", item.body, word=block.name)
        if any(active is block for active in session.active_blocks):
            self.recursion(item, block)
            return nothing(None, span)
        given = match(item, block_signature(block), self.evaluation(entering))
        if self.dead or given is None:
            return nothing(None, span)
        call = Call(block.name, span)
        session.trail.append(call)
        session.active_blocks.append(block)
        if len(session.trail) > MAX_CALLS:
            self.report("calls-too-deep", item.word, limit=MAX_CALLS)
            raise GivenUp
        values = bind_parameters(session, block, given, entering)
        key = (block.span, repr(values), entering, session.in_branch)
        kept = session.expansions.get(key)
        if kept is None:
            mark = len(session.log)
            part = self.block_body(block, values, entering)
            findings = tuple(dict.fromkeys(session.log[mark:]))
            kept = session.expansions[key] = _Kept(part, findings)
        else:
            session.report_again(kept.findings)
            if session.module_depth + kept.expansion.height >= MAX_MODULE_DEPTH:
                self.report("nested-too-deeply", item.word, limit=MAX_MODULE_DEPTH, what="modules")
                raise GivenUp
        session.trail.pop()
        session.active_blocks.pop()
        part = kept.expansion._replace(last=span)
        body = block.node.body
        if is_join(body) and part.children:
            # A block whose body is one join is that module, with no second level.
            node = part.children[0].node._replace(call=call)  # type: ignore[call-arg]
            return part._replace(children=(Child(node, None, self.looped),))
        return self.sequence(part, entering, span, call)

    def recursion(self, item: nodes.Layer, block: BlockDefinition) -> None:
        """Report a block that calls itself, once for each circle of blocks."""
        names = [*(active.name for active in self.session.active_blocks), block.name]
        circle = tuple(names[names.index(block.name) :])
        if frozenset(circle) not in self.session.circles:
            self.session.circles.add(frozenset(circle))
            self.report("recursive-block", item.word, name=block.name, chain=circle)

    def block_body(self, block: BlockDefinition, values: dict[str, Value], entering: Shape | None) -> Expansion:
        session = self.session
        session.module_depth += 1
        if session.module_depth > MAX_MODULE_DEPTH:
            session.report("nested-too-deeply", block.span, limit=MAX_MODULE_DEPTH, what="modules")
            raise GivenUp
        scope = Scope(block.module, None, "parameter", values)
        part = Expander(session, scope).body(block.node.body, entering, None, "block")
        session.module_depth -= 1
        return part

    # Words with bodies

    def seq(self, item: nodes.Layer, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `seq { chain }`."""
        if item.args:
            self.report("takes-no-arguments", item.args[0], word="seq")
        if item.body is None:
            self.report("missing-body", item.word, word="seq")
            return nothing(None, last)
        return self.level(item.body, self.span(item), entering, last, "seq")

    def head(self, item: nodes.Layer, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `aux(weight) { chain }`, which passes its input on."""
        session = self.session
        span = self.span(item)
        evaluation = self.evaluation(entering)
        given = match(item, layer_signature(Aux), evaluation)
        if item.body is None:
            self.report("missing-body", item.word, word="aux")
            return nothing(entering, last)
        if session.in_branch:
            self.report("misplaced-aux", item.word)
        outer, session.in_branch = session.in_branch, True
        session.module_depth += 1
        part = Expander(session, self.scope, dead=self.dead).body(item.body, entering, last, "aux")
        session.module_depth -= 1
        session.in_branch = outer
        if self.dead or given is None or entering is None:
            return nothing(entering, last)
        layer, _ = make_layer(Aux, given, evaluation, self.span(item.word))
        assert isinstance(layer, Aux)
        session.has_heads = True
        node = Head(layer, self.keyed(part.children), entering, entering, part.cost, span, part.output)
        child = Child(node, None, self.looped)
        return Expansion((child,), entering, NO_COST, part.size + 1, part.height + 1, last)

    def branches(self, item: nodes.Layer, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand `concat`, `add` and `mul`: each branch on the same input, then joined."""
        session = self.session
        span = self.span(item)
        word = item.word.text
        if item.args:
            self.report("takes-no-arguments", item.args[0], word=word)
        if item.body is None:
            self.report("missing-body", item.word, word=word)
            return nothing(None, span)
        chains = item.body.chains
        if not chains:
            self.report("empty-body", item.body, opener=word)
            return nothing(None, span)
        if len(chains) == 1:
            self.report("too-few-branches", item.word, word=word)
        outer, session.in_branch = session.in_branch, True
        session.module_depth += 1
        if session.module_depth > MAX_MODULE_DEPTH:
            session.report("nested-too-deeply", span, limit=MAX_MODULE_DEPTH, what="modules")
            raise GivenUp
        parts = [self.branch(chain, entering, last) for chain in chains]
        session.module_depth -= 1
        session.in_branch = outer
        if self.dead:
            return nothing(None, span)
        size = 1 + sum(part.size for part in parts)
        height = 1 + max(part.height for part in parts)
        cost = Cost(sum(part.cost.parameters for part in parts), sum(part.cost.macs for part in parts))
        layer = LAYERS[word]()
        assert isinstance(layer, Join)
        output = self.join(layer, item, parts)
        children = tuple(child for part in parts for child in part.children)
        node = Branches(layer, self.keyed(children), entering, output, cost, span)  # type: ignore[arg-type]
        return Expansion((Child(node, None, self.looped),), output, cost, size, height, span)

    def branch(self, chain: nodes.Chain, entering: Shape | None, last: Span | None) -> Expansion:
        """Expand a branch. One that is a single item is that item; any other is a Sequential."""
        items = [item for item in chain if item.__class__ is not nodes.Let]
        span = Span(self.scope.module.source, chain[0].start, chain[-1].end)
        if not items:
            self.session.report("empty-branch", span)
            return nothing(entering, last)
        single = len(items) == 1 and not (
            isinstance(items[0], nodes.For | nodes.If)
            or (isinstance(items[0], nodes.Layer) and items[0].word.text == "repeat")
        )
        if single:
            part = Expander(self.session, self.scope, looped=False, dead=self.dead).chain(chain, entering, last)
        else:
            part = self.level(chain, span, entering, last)
            node = part.children[0].node
            if isinstance(node, Sequence) and not node.children and not self.dead and part.output is not None:
                self.session.report("empty-branch", span)
        return part._replace(last=part.last if part.last is not last and part.last is not None else span)

    def join(self, layer: Join, item: nodes.Layer, parts: list[Expansion]) -> Shape | None:
        """The shape of the branches joined, as far as it is known; a branch at fault is reported."""
        shapes = [part.output for part in parts]
        ranks = {type(shape) for shape in shapes if shape is not None}
        if not ranks:
            return None
        unknown = UNKNOWN_VECTOR if ranks == {Vector} else UNKNOWN_IMAGE
        known = tuple(unknown if shape is None else shape for shape in shapes)
        try:
            return layer.joins(known)
        except Misfit as misfit:
            odd = misfit.facts["branch"]
            places = [part.last or self.span(item) for part in parts]
            related = tuple(
                Label(place, f"gives {shape}")
                for index, (place, shape) in enumerate(zip(places, known, strict=True))
                if index != odd and place.source is places[odd].source
            )
            self.session.report(misfit.code, places[odd], related, **misfit.facts)
        return unknown

    # Small helpers

    def inside(self, names: dict[str, Value] | None = None, dead: bool = False, loops: bool = False) -> Expander:
        """An expander for a body that is spliced into this one, with the loop's variables."""
        scope = self.scope if names is None else Scope(self.scope.module, self.scope, "loop variable", names)
        return Expander(self.session, scope, self.looped or loops, self.dead or dead)

    def evaluation(self, entering: Shape | None) -> Evaluation:
        return Evaluation(self.session, self.scope, entering, self.dead)

    def span(self, node: nodes.Name | nodes.Value | nodes.Item | nodes.Body | nodes.Argument) -> Span:
        return self.scope.module.span(node)

    def report(
        self, code: str, node: nodes.Name | nodes.Value | nodes.Item | nodes.Body | nodes.Argument, /, **facts: object
    ) -> None:
        self.session.report(code, self.span(node), **facts)


def nothing(output: Shape | None, last: Span | None) -> Expansion:
    """An expansion that adds no module."""
    return Expansion((), output, NO_COST, 0, 0, last)


def blurred(shape: Shape | None) -> Shape | None:
    """Of a shape, only whether it is an image."""
    return None if shape is None else UNKNOWN_IMAGE if isinstance(shape, Image) else UNKNOWN_VECTOR


def common(shapes: list[Shape | None]) -> Shape | None:
    """What is the same in all shapes."""
    first = shapes[0]
    if first is None or any(shape is None or len(shape) != len(first) for shape in shapes):
        return None
    sizes = [
        size if all(shape is not None and shape[axis] == size for shape in shapes) else None
        for axis, size in enumerate(first)
    ]
    return type(first)(*sizes)


def takes(cls: type[Layer], shape: Shape) -> bool:
    return isinstance(shape, Image) == (cls.takes == IMAGE)


def is_join(body: nodes.Body) -> bool:
    """Whether a body is one `concat`, `add` or `mul`, without a label."""
    if len(body.chains) != 1 or len(body.chains[0]) != 1:
        return False
    item = body.chains[0][0]
    return isinstance(item, nodes.Layer) and item.word.text in ("concat", "add", "mul")


def unknown_layer(cls: type[Layer]) -> Layer:
    """A layer of which no argument is known."""
    return cls(**{field.name: (None, None) if field.kind == "pair" else None for field in cls.fields})


def layer_is_known(layer: Layer) -> bool:
    """Whether every argument of the layer is known."""
    values = vars(layer).values()
    return all(value is not None and not (value.__class__ is tuple and None in value) for value in values)


def check_names(session: Session, names: list[nodes.Name], module: Module) -> None:
    """Report names that no value may take, and those that one pattern or list of parameters binds twice."""
    seen: set[str] = set()
    for name in names:
        check_bindable(session, module.span(name))
        if name.text in seen:
            session.report("name-taken", module.span(name), name=name.text, by="parameter")
        seen.add(name.text)


def check_bindable(session: Session, name: Span) -> bool:
    """Report a name that no value may take; whether it may."""
    if name.text in ("in_channels", "in_features"):
        session.report("name-reserved", name, name=name.text)
        return False
    return True


def bind_parameters(
    session: Session, block: BlockDefinition, given: list[Given | None], entering: Shape | None
) -> dict[str, Value]:
    """The values of a block's parameters. A default sees the parameters to its left and what enters the block."""
    values: dict[str, Value] = {}
    scope = Scope(block.module, None, "parameter", values)
    for parameter, each in zip(block.node.parameters, given, strict=True):
        if each is None:
            assert parameter.default is not None
            value = Evaluation(session, scope, entering).value(parameter.default)
            each = Given(value, block.module.span(parameter.default))
        values.update(bind(session, parameter.pattern, each, block.module))
    return values
