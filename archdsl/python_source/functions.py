"""Bodies to Python functions: one for all calls of a block, where one text can say what it becomes in each of them.

All expansions of a body are walked side by side. A number in them is written as the expression that stands in the
spec, if that gives the right value in every one of the expansions, else as itself, if it is the same in all; and where
neither is so, a loop is written out turn by turn, or the block becomes several functions. So the source is right for
the network at hand whatever the text of the spec, and close to it where it can be.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from archdsl.checker.patterns import names_of
from archdsl.checker.scope import Module, Value
from archdsl.layers import LAYERS
from archdsl.network import Leaf
from archdsl.python_source.bodies import (
    arm_body,
    body_of,
    has_labels,
    is_module,
    is_repeat,
    lone_condition,
    makes_something,
)
from archdsl.python_source.expressions import (
    Mismatch,
    evaluate,
    literal,
    name,
    names_in,
    over,
    quoted,
    same,
    simplified,
    substitute,
    text,
    total,
    translate,
)
from archdsl.python_source.layout import Doc, Group, Item, flat, lines_of
from archdsl.python_source.listing import Listing, Statement, doc_of, words_of
from archdsl.python_source.names import Names
from archdsl.python_source.replay import Step, Steps, is_one_item
from archdsl.python_source.torch_arguments import (
    DEFAULTS,
    FIELDS,
    IN,
    ORDER,
    OWN_MODULES,
    POSITIONS,
    SHOWN,
    SWITCHED,
    keyword_value,
)
from archdsl.shapes import Image, Shape
from archdsl.syntax import nodes
from archdsl.syntax.words import JOINS

DEEPEST = 12
"""Loops and conditions in each other; Python itself takes 20 loops at most."""


class Parameter(NamedTuple):
    """A parameter of a function. `place` is that among those of the block."""

    place: int
    name: str
    annotation: str
    default: ast.expr | None


class Function(NamedTuple):
    """A function of the source.

    enters: the parameter for the channels or features that enter, or None where it does not need them.
    parameters: those of the block that it needs.
    gives: its output channels or features, as an expression of its parameters; None where there is none.
    """

    name: str
    enters: str | None
    parameters: tuple[Parameter, ...]
    returns: str
    gives: ast.expr | None
    body: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """The whole function as source."""
        arguments = [] if self.enters is None else [f"{self.enters}: int"]
        for each in self.parameters:
            default = "" if each.default is None else f" = {text(each.default)}"
            arguments.append(f"{each.name}: {each.annotation}{default}")
        signature = Group(f"def {self.name}(", tuple(Item(each) for each in arguments), ")")
        return [*lines_of(signature, 0, "", f" -> {self.returns}:"), *self.body]


class Shared:
    """What all functions of one source share.

    names: the names taken in the file. constants: lets of files, by the name of the constant that each becomes.
    functions: what each instance of a block became.
    """

    def __init__(self, names: Names) -> None:
        self.names = names
        self.constants: dict[str, Value] = {}
        self.functions: dict[int, Function] = {}
        self._constant_names: dict[tuple[int, str], str] = {}

    def constant(self, module: Module, let: str, value: Value) -> ast.expr:
        """The constant that a let of a file becomes."""
        key = (id(module.imported_from.get(let, module)), let)
        if key not in self._constant_names:
            constant = self._constant_names[key] = self.names.take(let.upper())
            self.constants[constant] = value
        return name(self._constant_names[key])


Frame = dict[str, Any]
"""One of the expansions that are walked side by side: the values that the names of the function have in it."""


class Place(NamedTuple):
    """A place in a body: what the names of the spec are in Python there, and what its channels or features are."""

    frames: list[Frame]
    names: dict[str, ast.expr]
    flow: ast.expr | None


class Writer:
    """Writes the body of one function.

    taken: the names that are taken in it, those of what enters.
    listings: the modules around, while their children are written. joins: the joins around, by number.
    changing: the variables for channels or features, each with the join in whose branches it may change.
    fixed: for each loop around, those that it must not change.
    gave: the expressions that these had in turn, and definitions: those of lets, for what the function gives.
    """

    def __init__(self, shared: Shared, taken: Iterable[str]) -> None:
        self.shared = shared
        self.statements: list[Statement] = []
        self.locals: set[str] = set(taken)
        self.indent = 1
        self.listings: list[Listing] = []
        self.joins: list[int] = [0]
        self.join_count = 0
        self.fixed: list[frozenset[str]] = []
        self.changing = dict.fromkeys(taken, 0)
        self.gave: list[ast.expr] = []
        self.definitions: dict[str, ast.expr] = {}

    # Statements and names

    def add(
        self, prefix: str, doc: Doc, suffix: str = "", comment: str | None = None, target: str | None = None
    ) -> None:
        self.statements.append(Statement(self.indent, prefix, doc, suffix, comment, target))

    def fresh(self, wanted: str) -> str:
        """A name that is not taken in the function or the file; it is taken from now on."""
        found = self.shared.names.free(wanted, self.locals)
        self.locals.add(found)
        return found

    def body(self) -> list[Statement]:
        """The statements, without those that give a name a value that nobody asks for."""
        statements = self.statements
        while True:
            used: set[str] = set()
            for each in statements:
                used |= words_of(each.doc) | set(re.findall(r"\w+", each.suffix))
                if each.target is None:
                    used |= set(re.findall(r"\w+", each.prefix))
            kept = [each for each in statements if each.target is None or each.target in used]
            if len(kept) == len(statements):
                return kept
            statements = kept

    # Expressions

    def expression(self, node: nodes.Value, at: Place, step: Step) -> ast.expr:
        """A value of the spec in Python. Raises Mismatch where a name in it has no counterpart."""
        scope, shared = step.scope, self.shared

        def counterpart(each: nodes.Name) -> ast.expr | None:
            if scope.binder(each.text) is not None:
                return at.names.get(each.text)
            known, value = scope.lookup(each)
            return shared.constant(scope.module, each.text, value) if known and value is not None else None

        return translate(node, counterpart, at.flow, lambda each: self._is_whole(each, at))

    def _is_whole(self, node: ast.expr, at: Place) -> bool:
        return all(type(self.value(node, frame)) is int for frame in at.frames)

    def value(self, node: ast.expr, frame: Frame) -> Any:
        return evaluate(node, frame, self.shared.constants)

    def gives(self, node: ast.expr | None, values: Sequence[Any], frames: Sequence[Frame]) -> bool:
        """Whether an expression has the right value in each of the expansions."""
        if node is None:
            return False
        try:
            return all(same(self.value(node, frame), value) for frame, value in zip(frames, values, strict=True))
        except Mismatch:
            return False

    def written(
        self,
        values: Sequence[Any],
        at: Place,
        steps: Sequence[Step],
        candidates: Iterable[nodes.Value | ast.expr | None],
    ) -> ast.expr:
        """What stands for a number: the first candidate that is right in every expansion, else the number itself."""
        for each in candidates:
            if each is None:
                continue
            try:
                node = each if isinstance(each, ast.expr) else self.expression(each, at, steps[0])
            except Mismatch:
                continue
            if self.gives(node, values, at.frames):
                return simplified(node) if names_in(node) or isinstance(values[0], tuple) else literal(values[0])
        if all(same(value, values[0]) for value in values):
            return literal(values[0])
        raise Mismatch("it differs, and no expression tells how")

    def entering(self, steps: Sequence[Step], at: Place) -> ast.expr:
        """What stands for the channels or features that enter an item."""
        return self.written([step.entering[0] for step in steps], at, steps, [at.flow])

    def leaving(self, steps: Sequence[Step], at: Place, *candidates: nodes.Value | ast.expr | None) -> ast.expr | None:
        """What stands for those that leave it, or None where no expression is known."""
        try:
            return self.written([step.leaving[0] for step in steps], at, steps, candidates)
        except Mismatch:
            return None

    # Bodies

    def walk(self, chain: nodes.Chain, columns: list[Steps], at: Place, out: Listing) -> ast.expr | None:
        """Write the items of a body, and return what stands for the channels or features that leave it."""
        names, flow = dict(at.names), at.flow
        for index, item in enumerate(chain):
            here = Place(at.frames, names, flow)
            steps = [column[index] for column in columns]
            if isinstance(item, nodes.Let):
                self.let(item, steps, here)
            elif isinstance(item, nodes.If):
                flow = self.condition(item, steps, here, out)
            elif isinstance(item, nodes.For) or is_repeat(item):
                flow = self.loop(item, steps, here, out)
            else:
                label = self.label(steps, here, out)
                doc, flow = self.module(steps, here)
                out.add(label, doc, common_shape(steps))
        return flow

    def let(self, item: nodes.Let, steps: Sequence[Step], at: Place) -> None:
        """Give a name its value, if it has one that can be written; `at.names` learns what it is."""
        let = item.name.text
        at.names.pop(let, None)
        try:
            node = self.written([step.value for step in steps], at, steps, [item.value])
        except Mismatch:
            return
        if not isinstance(node, ast.Name | ast.Constant):
            local = self.fresh(let)
            self.add(f"{local} = ", doc_of(node), target=local)
            self.definitions[local] = node
            for frame, step in zip(at.frames, steps, strict=True):
                frame[local] = step.value
            node = name(local)
        at.names[let] = node

    def label(self, steps: Sequence[Step], at: Place, out: Listing) -> str | None:
        """The key of a labelled item, as source."""
        label = steps[0].label
        if label is None:
            return None
        keys = {step.key for step in steps}
        if len(keys) == 1:
            return quoted(keys.pop())
        pairs = zip(steps, at.frames, strict=True)
        if out.turn is not None and all(step.key == f"{label}{frame[out.turn]}" for step, frame in pairs):
            return f'f"{label}{{{out.turn}}}"'
        raise Mismatch("the number behind a label is not that of the turn")

    # Loops and conditions

    def loop(self, item: nodes.Item, steps: Sequence[Step], at: Place, out: Listing) -> ast.expr | None:
        """Write `repeat` and `for` as a loop; where the turns are no one text, one after the other."""
        counts = {len(step.bodies) for step in steps}
        if not any(makes_something(step) for step in steps):
            return at.flow
        state = (
            len(self.statements),
            list(out.items),
            out.variable,
            self.indent,
            set(self.locals),
            dict(self.changing),
            list(self.gave),
        )
        listings, joins, fixed = len(self.listings), len(self.joins), len(self.fixed)
        values = [dict(frame) for frame in at.frames]
        single = counts == {1} and (isinstance(item, nodes.For) or isinstance(self.count(item), nodes.Number))
        if not single and self.indent <= DEEPEST:
            try:
                return self.loop_as_such(item, steps, at, out)
            except Mismatch:
                count, out.items, out.variable, self.indent, self.locals, self.changing, self.gave = state
                del self.listings[listings:], self.joins[joins:], self.fixed[fixed:]
                del self.statements[count:]
                for frame, before in zip(at.frames, values, strict=True):
                    frame.clear()
                    frame.update(before)
        if len(counts) > 1:
            raise Mismatch("turns that differ are not of one number")
        body = body_of(item)
        flow = at.flow
        for turn in range(counts.pop()):
            columns = [step.bodies[turn] for step in steps]
            names = {**at.names, **self.fixed_names(item, columns)}
            flow = self.walk(body.chains[0], columns, Place(at.frames, names, flow), out)
        return flow

    def fixed_names(self, item: nodes.Item, columns: list[Steps]) -> dict[str, ast.expr]:
        """The names of a loop in one turn of it, where each has one value."""
        names = {}
        for each in names_of(item.pattern) if isinstance(item, nodes.For) else ():
            values = [column[0].scope.lookup(each._replace(start=2**62))[1] for column in columns]
            if all(same(value, values[0]) for value in values):
                names[each.text] = literal(values[0])
        return names

    @staticmethod
    def count(item: nodes.Item) -> nodes.Value:
        assert isinstance(item, nodes.Layer)
        (count,) = item.args or ()
        assert not isinstance(count, nodes.Keyword)
        return count

    def loop_as_such(self, item: nodes.Item, steps: Sequence[Step], at: Place, out: Listing) -> ast.expr | None:
        body = body_of(item)
        frames: list[Frame] = []
        columns: list[Steps] = []
        for step, frame in zip(steps, at.frames, strict=True):
            columns += step.bodies
            frames += [dict(frame) for _ in step.bodies]
        chain = body.chains[0]
        turn = self.fresh("number") if out.labelled and has_labels(chain) else None
        if turn is not None:
            numbers = [number for step in steps for number in range(1, len(step.bodies) + 1)]
            for frame, number in zip(frames, numbers, strict=True):
                frame[turn] = number
        names = dict(at.names)
        target, values = self.loop_header(item, steps, at, turn, names, frames, columns)
        on_one_line = flat(values)
        enters = [column[0].entering[0] for column in columns]
        leaves = [column[-1].leaving[0] for column in columns]
        if len({type(column[0].entering) for column in columns} | {type(column[-1].leaving) for column in columns}) > 1:
            raise Mismatch("images and vectors in one loop")
        flow, variable = at.flow, None
        first = self.entering(
            [step for step in steps if step.bodies] or steps,
            at._replace(frames=[frame for step, frame in zip(steps, at.frames, strict=True) if step.bodies]),
        )
        if self.gives(first, enters, frames) and self.gives(first, leaves, frames):
            flow = first
        else:
            variable = self.flow_variable(at, columns[0][0].entering)
            for frame, value in zip(frames, enters, strict=True):
                frame[variable] = value
            flow = name(variable)
        state = (len(self.statements), len(out.items))
        if variable is None and on_one_line is not None and len(chain) == 1 and is_module(chain[0]) and turn is None:
            column = [each[0] for each in columns]
            doc, _ = self.module(column, Place([dict(frame) for frame in frames], names, flow))
            if len(self.statements) == state[0] and column[0].label is None:
                out.add_repeated(doc, f"for {target} in {on_one_line}", common_shape(steps))
                return flow
            del self.statements[state[0] :]
        inner = out.within(turn)
        if variable is not None:
            outer = self.entering(steps, at)
            if not (isinstance(outer, ast.Name) and outer.id == variable):
                self.add(f"{variable} = ", doc_of(outer))
            for frame, step in zip(at.frames, steps, strict=True):
                frame[variable] = step.entering[0]
        self.add(f"for {target} in ", values, ":", shapes_through(steps))
        self.indent += 1
        self.listings.append(inner)
        # Any other variable is to have at the end of a turn the value that it had at its beginning.
        self.fixed.append(frozenset(self.changing) - {variable})
        leaving = self.walk(chain, columns, Place(frames, names, flow), inner)
        self.fixed.pop()
        self.listings.pop()
        inner.flush()
        if variable is not None:
            last = [column[-1] for column in columns]
            new = self.written([step.leaving[0] for step in last], Place(frames, names, leaving), last, [leaving])
            self.assign_flow(variable, new)
            for frame, step in zip(at.frames, steps, strict=True):
                frame[variable] = step.leaving[0]
        self.indent -= 1
        return flow

    def loop_header(
        self,
        item: nodes.Item,
        steps: Sequence[Step],
        at: Place,
        turn: str | None,
        names: dict[str, ast.expr],
        frames: list[Frame],
        columns: list[Steps],
    ) -> tuple[str, Doc]:
        """What stands before and behind the `in` of a loop; the names of the loop get their values."""
        if not isinstance(item, nodes.For):
            count = self.written([step.value for step in steps], at, steps, [self.count(item)])
            if turn is None:
                return "_", f"range({text(count)})"
            return turn, f"range(1, {text(total([count, literal(1)]))})"
        values = self.written([step.value for step in steps], at, steps, [item.values])
        for each in names_of(item.pattern):
            local = self.fresh(each.text)
            names[each.text] = name(local)
            for frame, column in zip(frames, columns, strict=True):
                frame[local] = column[0].scope.lookup(each._replace(start=2**62))[1]
        target = pattern_text(item.pattern, names)
        if turn is None:
            return target, doc_of(over(values))
        if isinstance(item.pattern, nodes.Unpack):
            target = f"({target})"
        return f"{turn}, {target}", Group("enumerate(", (Item(doc_of(over(values))), Item("1", "start=")), ")")

    def flow_variable(self, at: Place, entering: Shape) -> str:
        """The name for channels or features that are others from turn to turn, or behind a condition."""
        wanted = entering_name(entering)
        for each in (at.flow.id if isinstance(at.flow, ast.Name) else "", wanted):
            if self.may_change(each, at):
                return each
        variable = self.fresh(wanted)
        self.changing[variable] = self.joins[-1]
        return variable

    def may_change(self, variable: str, at: Place) -> bool:
        """Whether a variable for channels or features may have another value from here on.

        It may not where branches begin with it, nor where what is still to be written asks for its value.
        """
        asked = [node for node in at.names.values() if variable in names_in(node)]
        waiting = [item for listing in self.listings for item in listing.items if variable in words_of(item.doc)]
        is_fixed = any(variable in each for each in self.fixed)
        return self.changing.get(variable) == self.joins[-1] and not (is_fixed or asked or waiting)

    def assign_flow(self, variable: str, new: ast.expr) -> None:
        """Say what the channels or features are from here on."""
        if isinstance(new, ast.Name) and new.id == variable:
            return
        self.gave.append(new)
        if isinstance(new, ast.BinOp) and isinstance(new.left, ast.Name) and new.left.id == variable:
            sign = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//"}.get(type(new.op))
            if sign is not None:
                self.add(f"{variable} {sign}= ", doc_of(new.right))
                return
        self.add(f"{variable} = ", doc_of(new))

    def condition(self, item: nodes.If, steps: Sequence[Step], at: Place, out: Listing) -> ast.expr | None:
        """Write `if` with the chains that some expansion took; where all took the same, that chain alone."""
        arms = sorted({step.arm for step in steps if step.arm is not None})
        if not any(makes_something(step) for step in steps):
            return at.flow
        if all(step.arm == arms[0] for step in steps):
            columns = [step.bodies[0] for step in steps]
            return self.walk(arm_body(item, arms[0]).chains[0], columns, at, out)
        if self.indent > DEEPEST:
            raise Mismatch("too deep")
        if len({type(step.leaving) for step in steps}) > 1:
            raise Mismatch("images and vectors behind one condition")
        headers = self.headers(item, steps, at, arms)
        out.flush()
        before = len(self.statements)
        flows: list[ast.expr | None] = [at.flow]
        ends: list[tuple[int, int, ast.expr | None, list[Step], list[Frame]]] = []
        for arm, header in zip(arms, headers, strict=True):
            taken = [(step, frame) for step, frame in zip(steps, at.frames, strict=True) if step.arm == arm]
            within, frames = [step for step, _ in taken], [frame for _, frame in taken]
            self.add("", header, "")
            self.indent += 1
            start = len(self.statements)
            part = out.within(None)
            self.listings.append(part)
            flow = self.walk(
                arm_body(item, arm).chains[0],
                [step.bodies[0] for step in within],
                Place(frames, at.names, at.flow),
                part,
            )
            self.listings.pop()
            part.flush()
            if len(self.statements) == start:
                self.add("", "pass")
            self.indent -= 1
            flows.append(flow)
            ends.append((len(self.statements), self.indent + 1, flow, within, frames))
        leaves = [step.leaving[0] for step in steps]
        for each in flows:
            if self.gives(each, leaves, at.frames):
                return each
        variable = self.flow_variable(at, steps[0].leaving)
        kept, outer_indent = self.statements, self.indent
        for place, indent, flow, within, frames in reversed(ends):
            new = self.written([step.leaving[0] for step in within], Place(frames, at.names, flow), within, [flow])
            self.statements, self.indent = [], indent
            self.assign_flow(variable, new)
            kept[place:place] = self.statements
        self.statements, self.indent = [], outer_indent
        if any(step.arm is None for step in steps):
            outer = self.entering(steps, at)
            if not (isinstance(outer, ast.Name) and outer.id == variable):
                self.add(f"{variable} = ", doc_of(outer))
        kept[before:before] = self.statements
        self.statements = kept
        for frame, value in zip(at.frames, leaves, strict=True):
            frame[variable] = value
        return name(variable)

    def headers(self, item: nodes.If, steps: Sequence[Step], at: Place, arms: list[int]) -> list[str]:
        """`if ...:`, `elif ...:` and `else:` for the chains that are taken, each in its turn."""
        result = []
        waiting = list(zip(steps, at.frames, strict=True))
        for index, arm in enumerate(arms):
            word = "if" if index == 0 else "elif"
            if index == len(arms) - 1 and index and all(step.arm == arm for step, _ in waiting):
                result.append("else:")
                break
            if arm >= len(item.arms):
                raise Mismatch("an `else` that is not the last")
            place = at._replace(frames=[frame for _, frame in waiting])
            node = self.expression(item.arms[arm][0], place, steps[0])
            if not self.gives(node, [step.arm == arm for step, _ in waiting], place.frames):
                raise Mismatch("a condition that is another in Python")
            result.append(f"{word} {text(node)}:")
            waiting = [(step, frame) for step, frame in waiting if step.arm != arm]
        return result

    # Modules

    def level(
        self,
        chain: nodes.Chain,
        columns: list[Steps],
        at: Place,
        hint: str,
        constructor: str = "nn.Sequential",
        keywords: tuple[Item, ...] = (),
        apart: bool = False,
    ) -> tuple[Doc, ast.expr | None]:
        """Write a chain as a module of its own: its source, and what stands for what leaves it."""
        if lone_condition(chain, columns) and not keywords and self.indent <= DEEPEST:
            variable = self.fresh(hint)
            flow = self.level_statement(f"{variable} = ", chain, columns, at, hint)
            return variable, flow
        labelled = has_labels(chain)
        hint = "net" if labelled and hint == "layers" else hint
        out = Listing(self, constructor, keywords, hint, labelled, apart)
        self.listings.append(out)
        flow = self.walk(chain, columns, at, out)
        self.listings.pop()
        return out.finish(), flow

    def level_statement(
        self, prefix: str, chain: nodes.Chain, columns: list[Steps], at: Place, hint: str, apart: bool = False
    ) -> ast.expr | None:
        """Write a chain that is one condition: a module for each chain of it, the same thing made of each."""
        if not lone_condition(chain, columns) or self.indent > DEEPEST:
            doc, flow = self.level(chain, columns, at, hint, apart=apart)
            self.add(prefix, doc)
            return flow
        at = at._replace(names=dict(at.names))
        for index, let in enumerate(chain[:-1]):
            assert isinstance(let, nodes.Let)
            self.let(let, [column[index] for column in columns], at)
        item = chain[-1]
        assert isinstance(item, nodes.If)
        steps = [column[-1] for column in columns]
        arms = sorted({step.arm for step in steps if step.arm is not None})
        flows = []
        for arm, header in zip(arms, self.headers(item, steps, at, arms), strict=True):
            taken = [(step, frame) for step, frame in zip(steps, at.frames, strict=True) if step.arm == arm]
            is_last = prefix == "return " and header == "else:"
            if not is_last:
                self.add("", header, "")
            self.indent += not is_last
            place = Place([frame for _, frame in taken], at.names, at.flow)
            bodies = [step.bodies[0] for step, _ in taken]
            flows.append(self.level_statement(prefix, arm_body(item, arm).chains[0], bodies, place, hint))
            self.indent -= not is_last
        leaves = [step.leaving[0] for step in steps]
        return next((each for each in flows if self.gives(each, leaves, at.frames)), None)

    def module(self, steps: Sequence[Step], at: Place) -> tuple[Doc, ast.expr | None]:
        """Write one item that is a module, and what stands for the channels or features that leave it."""
        item = steps[0].item
        hint = steps[0].label or "layers"
        bodies = [step.bodies[0] for step in steps if step.bodies]
        if isinstance(item, nodes.Body):
            return self.level(item.chains[0], bodies, at, hint)
        if isinstance(item, nodes.If | nodes.For) or is_repeat(item):
            return self.level((item,), bodies, at, hint)
        assert isinstance(item, nodes.Layer)
        word = item.word.text
        if word in JOINS:
            return self.join(item, steps, at, hint)
        if word == "seq" and item.body is not None:
            return self.level(item.body.chains[0], bodies, at, hint)
        if word == "aux" and item.body is not None:
            weights = [getattr(getattr(step.node, "layer", None), "weight", None) for step in steps]
            weight = self.written(weights, at, steps, [steps[0].given[0] and steps[0].given[0].node])
            doc, _ = self.level(item.body.chains[0], bodies, at, hint, "Aux", (Item(text(weight), "weight="),))
            return doc, at.flow
        return self.call(item, steps, at) if steps[0].instance is not None else self.leaf(steps, at)

    def join(self, item: nodes.Layer, steps: Sequence[Step], at: Place, hint: str) -> tuple[Doc, ast.expr | None]:
        """Write branches on one input."""
        assert item.body is not None
        chains = item.body.chains
        constructor = item.word.text.capitalize()
        labelled = any(has_labels(chain) and is_one_item(chain) for chain in chains)
        self.join_count += 1
        self.joins.append(self.join_count)
        out = Listing(self, constructor, (), hint if labelled else "branches", labelled)
        flows = []
        for index, chain in enumerate(chains):
            columns = [step.bodies[index] for step in steps]
            if is_one_item(chain):
                part = Listing(self, "", (), "", False)
                label = None
                names = dict(at.names)
                place = at._replace(names=names)
                for number, each in enumerate(chain):
                    column = [steps_of[number] for steps_of in columns]
                    if isinstance(each, nodes.Let):
                        self.let(each, column, place)
                        continue
                    label = self.label(column, place, out)
                    doc, flow = self.module(column, place)
                    part.add(None, doc, common_shape(column))
                comment = part.items[0].comment
            else:
                label = None
                doc, flow = self.level(chain, columns, at, f"branch{index + 1}")
                comment = common_shape([column[-1] for column in columns])
            flows.append(flow)
            out.add(label, doc, comment)
        self.joins.pop()
        known = [each for each in flows if each is not None]
        candidates = sorted(known, key=lambda each: len(text(each)))
        if item.word.text == "concat" and len(known) == len(flows):
            candidates = [total(known)]
        return out.finish(), self.leaving(steps, at, *candidates)

    def leaf(self, steps: Sequence[Step], at: Place) -> tuple[Doc, ast.expr | None]:
        """Write one layer."""
        leaves = [step.node for step in steps]
        calls = [leaf.layer.module(leaf.input) for leaf in leaves if isinstance(leaf, Leaf)]
        call = calls[0]
        if any((each.name, len(each.args)) != (call.name, len(call.args)) for each in calls):
            raise Mismatch("modules differ")
        item = steps[0].item
        assert isinstance(item, nodes.Layer)
        fields = LAYERS[item.word.text].fields
        given = {field.name: each.node for field, each in zip(fields, steps[0].given, strict=True) if each is not None}
        items = []
        sources = (*POSITIONS.get(call.name, ()), *[""] * len(call.args))
        for index, field in zip(range(len(call.args)), sources, strict=False):
            values = [each.args[index] for each in calls]
            if field == IN:
                enters = self.entering(steps, at)
                wide: ast.expr = (
                    ast.Tuple([enters, *map(literal, values[0][1:])]) if isinstance(values[0], tuple) else enters
                )
                items.append(Item(text(self.written(values, at, steps, [wide]))))
            else:
                items.append(Item(text(self.written(values, at, steps, [given.get(field)]))))
        asked = {keyword for each in calls for keyword in each.kwargs}
        for keyword in DEFAULTS:
            # An argument that is said by more than a number is shown, though it may be torch's own default here.
            node = given.get(SWITCHED.get(keyword, FIELDS.get(keyword, keyword)))
            if keyword in SHOWN.get(call.name, ()) and self.is_said(node, at, steps[0]):
                asked.add(keyword)
        for keyword in sorted(asked, key=lambda each: ORDER.index(each) if each in ORDER else len(ORDER)):
            values = [keyword_value(each, keyword) for each in calls]
            node = given.get(SWITCHED.get(keyword, FIELDS.get(keyword, keyword)))
            candidate: nodes.Value | None = node
            if keyword in SWITCHED and node is not None:
                candidate = nodes.Unary("not", node, node.start, node.end)
            items.append(Item(text(self.written(values, at, steps, [candidate])), f"{keyword}="))
        module = f"nn.{call.name}" if call.name not in OWN_MODULES else call.name
        return Group(f"{module}(", tuple(items), ")"), self.leaves_leaf(item, given, steps, at)

    def is_said(self, node: nodes.Value | None, at: Place, step: Step) -> bool:
        """Whether an argument is more than a number or a flag: a name, or something computed."""
        if node is None or isinstance(node, nodes.Number):
            return False
        try:
            return bool(names_in(self.expression(node, at, step)) - set(self.shared.constants))
        except Mismatch:
            return False

    def leaves_leaf(
        self, item: nodes.Layer, given: dict[str, nodes.Value], steps: Sequence[Step], at: Place
    ) -> ast.expr | None:
        """What stands for the channels or features that leave a layer."""
        first = steps[0]
        if isinstance(first.entering, Image) and not isinstance(first.leaving, Image):
            _, height, width = first.entering
            if at.flow is not None and (height, width) != (1, 1):
                product = ast.BinOp(ast.BinOp(at.flow, ast.Mult(), literal(height)), ast.Mult(), literal(width))
                return self.leaving(steps, at, product)
        if item.word.text == "take_channels":
            start, end = given["start"], given["end"]
            difference = nodes.Operation(end, (("-", start),), start.start, end.end)
            is_zero = isinstance(start, nodes.Number) and start.value == 0
            return self.leaving(steps, at, end if is_zero else difference)
        if item.word.text == "pixel_shuffle" and at.flow is not None:
            try:
                factor = self.expression(given["r"], at, first)
            except Mismatch:
                factor = literal(0)
            square = ast.BinOp(factor, ast.Mult(), factor)
            return self.leaving(steps, at, ast.BinOp(at.flow, ast.FloorDiv(), square))
        return self.leaving(steps, at, given.get("out"), at.flow)

    def call(self, item: nodes.Layer, steps: Sequence[Step], at: Place) -> tuple[Doc, ast.expr | None]:
        """Write the call of a block's function."""
        instances = [step.instance for step in steps]
        functions = {id(self.shared.functions[id(each)]): self.shared.functions[id(each)] for each in instances}
        if len(functions) > 1:
            raise Mismatch("calls of functions that differ")
        (function,) = functions.values()
        by_name = {each.value for each in item.args or () if isinstance(each, nodes.Keyword)}
        items: list[Item] = []
        known: dict[str, ast.expr] = {}
        if function.enters is not None:
            enters = known[function.enters] = self.entering(steps, at)
            items.append(Item(text(enters)))
        in_order = True
        for parameter in function.parameters:
            definition = instances[0].definition.node.parameters[parameter.place]  # type: ignore[union-attr]
            values = [each.value_of(definition.pattern) for each in instances if each is not None]
            given = steps[0].given[parameter.place]
            if given is None and parameter.default is not None and self.gives(parameter.default, values, at.frames):
                known[parameter.name] = parameter.default
                in_order = False
                continue
            node = self.written(values, at, steps, [given and given.node])
            known[parameter.name] = node
            in_order = in_order and given is not None and given.node not in by_name and not is_flag(given.node, item)
            items.append(Item(doc_of(node), "" if in_order else f"{parameter.name}="))
        gives = None if function.gives is None else substitute(function.gives, known)
        return Group(f"{function.name}(", tuple(items), ")"), self.leaving(steps, at, gives, at.flow)


def entering_name(shape: Shape) -> str:
    return "in_channels" if isinstance(shape, Image) else "in_features"


def is_flag(node: nodes.Value, item: nodes.Layer) -> bool:
    """Whether an argument has the form of a flag, `s2`, in a call."""
    return (
        isinstance(node, nodes.Name)
        and re.fullmatch(r"[a-z][0-9]+", node.text) is not None
        and node in (item.args or ())
    )


def pattern_text(pattern: nodes.Pattern, names: dict[str, ast.expr], within: bool = False) -> str:
    """A pattern as a target of Python."""
    if isinstance(pattern, nodes.Name):
        return text(names[pattern.text])
    inner = ", ".join(pattern_text(each, names, True) for each in pattern.patterns)
    if len(pattern.patterns) == 1:
        inner += ","
    return f"({inner})" if within else inner


def common_shape(steps: Sequence[Step]) -> str | None:
    """The shape that an item makes of another, where it is the same in all expansions."""
    if all(step.leaving == step.entering for step in steps):
        return None
    shapes = {step.leaving for step in steps}
    return str(shapes.pop()) if len(shapes) == 1 else None


def shapes_through(steps: Sequence[Step]) -> str | None:
    """The shapes before and behind a loop, where there is one expansion of it."""
    if len(steps) != 1 or steps[0].entering == steps[0].leaving:
        return None
    return f"{steps[0].entering} to {steps[0].leaving}"
