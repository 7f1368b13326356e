"""One layer: its arguments checked, its shape and cost computed, its own faults shown at the argument at fault."""

from __future__ import annotations

from typing import Any

from archdsl.checker.arguments import layer_signature, make_layer, match, works
from archdsl.checker.blame import gives
from archdsl.checker.expansion import NO_COST, Child, Expansion, common, unknown
from archdsl.checker.meant import with_kernel_second, without_size_that_enters, written
from archdsl.checker.scope import Given, Scope
from archdsl.checker.session import Session
from archdsl.checker.values import Evaluation
from archdsl.layers.base import ANY, IMAGE, VECTOR, Cost, Join, Layer, Misfit, refuse_too_many_values
from archdsl.layers.joining import Concat
from archdsl.layers.linear import Flatten
from archdsl.network import Leaf
from archdsl.shapes import UNKNOWN_IMAGE, UNKNOWN_VECTOR, Image, Shape, Vector, is_known, product, total
from archdsl.source import Span
from archdsl.syntax import nodes


def expand_layer(
    item: nodes.Layer,
    cls: type[Layer],
    evaluation: Evaluation,
    entering: Shape | None,
    last: Span | None,
    looped: bool,
) -> Expansion:
    """Expand a layer to the one node that it is; `last` is what gave the shape that enters."""
    session, module = evaluation.session, evaluation.scope.module
    span, word = module.span(item), module.span(item.word)
    before = len(session.log)
    given, fine = match(item, layer_signature(cls.word), evaluation)
    if evaluation.dead:
        return unknown(None, span)
    # A word that was read as an argument, and is none, does not count.
    counts = not any(logged.key[0] == "unknown-flag" for logged in session.log[before:])
    fine = fine and (not counts or _has_right_count(session, word, cls, given))
    layer, places = make_layer(cls, given, session)
    if cls is Flatten:
        session.rank_in_doubt = False
    if cls.takes != ANY and entering is not None and isinstance(entering, Image) != (cls.takes == IMAGE):
        if not session.rank_in_doubt:
            _report_wrong_rank(session, word, cls, entering, last)
        session.rank_in_doubt = session.rank_in_doubt or cls.takes == IMAGE
        return unknown(layer.may_give(None), span)
    if not fine:
        # What was not given may be what was meant by the argument at fault.
        missing = [field.name for field, each in zip(cls.fields, given, strict=True) if each is None]
        return unknown(layer.with_unknown(*missing).may_give(entering), span)
    key = (layer, entering)
    kept = session.leaves.get(key)
    if kept is None:
        shape = None
        try:
            layer.agrees()
            if entering is None:
                return unknown(layer.may_give(None), span)
            shape = entering
            output, cost = _output_and_cost(layer, entering)
        except Misfit as misfit:
            if misfit.code == "window-too-large":
                misfit.facts["meant"] = _meant(item, cls, given, evaluation.scope, entering)
            _report_misfit(session, misfit, places, word, shape, last)
            return unknown(layer.may_give(entering), span)
        kept = session.leaves[key] = (layer, output, cost)
    layer, output, cost = kept
    assert entering is not None
    session.make(span)
    node = Leaf(layer, entering, output, cost, span)
    return Expansion((Child(node, None, looped),), output, cost, 1, 0, span, True)


def _has_right_count(session: Session, word: Span, cls: type[Layer], given: list[Given | None]) -> bool:
    """Whether a layer that takes certain numbers of arguments alone, as `zero_pad` does, has one of these."""
    count = sum(each is not None for each in given)
    if cls.position_counts is None or count in cls.position_counts:
        return True
    facts = {"call": layer_signature(cls.word).call, "found": count, "allowed": cls.position_counts}
    session.report("argument-count", word, word=cls.word, **facts)
    return False


def _output_and_cost(layer: Layer, entering: Shape) -> tuple[Shape, Cost]:
    """What leaves a layer, and what it costs where all sizes are known. Raises Misfit where the shape does not fit."""
    output = layer.gives(entering)
    if not (is_known(entering) and is_known(output) and _is_known(layer)):
        return output, NO_COST
    cost = layer.cost(entering)
    refuse_too_many_values(output, cost)
    return output, cost


def join_shapes(session: Session, layer: Join, parts: list[Expansion], span: Span) -> Shape | None:
    """The shape of branches joined, as far as it is known; the branch at fault is reported. `span` is the join."""
    shapes = [part.output for part in parts]
    ranks = {type(shape) for shape in shapes if shape is not None}
    if not ranks:
        return None
    if len(ranks) > 1 and session.rank_in_doubt:
        return None
    either = UNKNOWN_VECTOR if ranks == {Vector} else UNKNOWN_IMAGE
    known = tuple(either if shape is None else shape for shape in shapes)
    try:
        output = layer.joins(known)
        refuse_too_many_values(output, NO_COST)
    except Misfit as misfit:
        odd = misfit.facts.get("branch")
        if odd is None:
            session.report(misfit.code, span, **misfit.facts)
            return either
        places = [part.last or span for part in parts]
        related = tuple(
            label
            for index, (place, shape) in enumerate(zip(places, known, strict=True))
            if index != odd
            for label in gives(place, shape)
        )
        session.report(misfit.code, places[odd], related, **misfit.facts)
        # What the branches agree in is still known.
        agreed = common(known) if len(ranks) == 1 else None
        if isinstance(agreed, Image) and isinstance(layer, Concat):
            return agreed._replace(channels=total(*(shape[0] for shape in known)))
        return agreed
    return output


def _is_known(layer: Layer) -> bool:
    """Whether every argument of the layer is known."""
    values: Any = vars(layer).values()
    return all(value is not None and not (value.__class__ is tuple and None in value) for value in values)


def _meant(
    item: nodes.Layer, cls: type[Layer], given: list[Given | None], scope: Scope, entering: Shape | None
) -> str | None:
    """The call that was most likely meant where channels stand as the kernel; None where no other works."""
    if entering is None or cls.fields[0].name != "out":
        return None
    for call in (without_size_that_enters(item, given, entering), with_kernel_second(item)):
        if call is not None and works(call, cls, scope, entering):
            return written(call, scope.module.source)
    return None


def _report_misfit(
    session: Session, misfit: Misfit, places: dict[str, Given], word: Span, entering: Shape | None, last: Span | None
) -> None:
    """Report a layer's own fault at the argument that it names, beside what gave the shape that enters."""
    at = places.get(misfit.field or "")
    if at is not None and misfit.axis is not None:
        at = at.item(misfit.axis, None)
    enters = entering if last is None else None
    session.report(misfit.code, at or word, gives(last, entering), enters, **misfit.facts)


def _report_wrong_rank(session: Session, word: Span, cls: type[Layer], entering: Shape, last: Span | None) -> None:
    related, enters = gives(last, entering), entering if last is None else None
    shape = str(entering) if is_known(entering) else None
    if cls.takes == VECTOR:
        features = product(*entering)
        session.report("needs-flatten", word, related, enters, word=cls.word, shape=shape, features=features)
    else:
        session.report("needs-image", word, related, enters, word=cls.word, shape=shape)
