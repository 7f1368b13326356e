"""Bodies of one class that differ in more than numbers, made one body with `if`.

Two chains are laid beside each other so that as much as may be is the same; what differs becomes the two arms of an
`if`. Each body is then read again as that one: with which arms, and what numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from archdsl.from_torch.terms import (
    ANY,
    Call,
    If,
    Join,
    Term,
    Terms,
    bodies,
    size,
    skeleton,
    slots,
    with_bodies,
    with_channels,
    with_values,
)
from archdsl.from_torch.terms import calls as calls_of

LONGEST_ARM = 12
"""No arm of an `if` has more items."""

LONGEST_CHAIN = 40
"""No longer chains are laid beside each other: that takes the product of their lengths."""

_COST_OF_IF = 4


def united(a: Terms, b: Terms) -> Terms | None:
    """A body with `if` that both can be read as; None where that is not much shorter than both."""
    if max(_longest(a), _longest(b)) > LONGEST_CHAIN:
        return None
    one = _Alignment(a, b).best()
    if one is None or 3 * size(one) > 2 * (size(a) + size(b)):
        return None
    return one


def _longest(terms: Terms) -> int:
    """The length of the longest chain of terms."""
    return max([len(terms), *(_longest(body) for term in terms for body in bodies(term))])


class _Alignment:
    """Two chains beside each other, the first perhaps with `if` already."""

    def __init__(self, a: Terms, b: Terms) -> None:
        self.a = a
        self.b = b
        self.known: dict[tuple[int, int], tuple[int, Terms] | None] = {}

    def best(self) -> Terms | None:
        found = self.from_place(0, 0)
        return None if found is None else found[1]

    def from_place(self, i: int, j: int) -> tuple[int, Terms] | None:
        """The cheapest way to lay what is left beside each other: its cost, and the terms."""
        if (i, j) not in self.known:
            ways = list(self.ways(i, j))
            self.known[i, j] = min(ways, key=lambda way: way[0], default=None)
        return self.known[i, j]

    def ways(self, i: int, j: int) -> Iterator[tuple[int, Terms]]:
        a, b = self.a, self.b
        if i == len(a) and j == len(b):
            yield 0, ()
            return
        if i < len(a) and j < len(b):
            same = _one(a[i], b[j])
            if same is not None:
                yield from self.then(i + 1, j + 1, same[0], (same[1],))
        if i < len(a) and isinstance(choice := a[i], If):
            for arm in (choice.body, choice.other):
                if skeleton(arm) == skeleton(b[j : j + len(arm)]):
                    yield from self.then(i + 1, j + len(arm), 0, (choice,))
            return
        for p in range(min(LONGEST_ARM, len(a) - i) + 1):
            if p and isinstance(a[i + p - 1], If):
                break
            for q in range(min(LONGEST_ARM, len(b) - j) + 1):
                if p or q:
                    cost = _COST_OF_IF + size(a[i : i + p]) + size(b[j : j + q])
                    yield from self.then(i + p, j + q, cost, (_choice(a[i : i + p], b[j : j + q]),))

    def then(self, i: int, j: int, cost: int, terms: Terms) -> Iterator[tuple[int, Terms]]:
        rest = self.from_place(i, j)
        if rest is not None:
            yield cost + rest[0], terms + rest[1]


def _one(a: Term, b: Term) -> tuple[int, Term] | None:
    """Two terms as one: its cost, and the term; None where they are not alike."""
    if skeleton((a,)) == skeleton((b,)):
        return 0, a
    if isinstance(a, Join) and isinstance(b, Join) and a.word == b.word and len(a.branches) == len(b.branches):
        cost = 0
        branches = []
        for one, other in zip(a.branches, b.branches, strict=True):
            found = _Alignment(one, other).from_place(0, 0)
            if found is None:
                return None
            cost += found[0]
            branches.append(found[1])
        return cost, Join(a.word, tuple(branches))
    return None


def _choice(a: Terms, b: Terms) -> If:
    """An `if` of two arms, of which the first is what there is more to say of."""
    first, second = (a, b) if (size(a), not _is_identity(a)) >= (size(b), not _is_identity(b)) else (b, a)
    return If(True, first, second)


def _is_identity(terms: Terms) -> bool:
    return all(isinstance(term, Call) and term.word == "identity" for term in terms)


def read_as(template: Terms, body: Terms) -> Terms | None:
    """A body with the arms of a template that it does not take, of any values; None where it is none such."""
    return next(_readings(template, body), None)


def _readings(template: Terms, body: Terms) -> Iterator[Terms]:
    if not template:
        if not body:
            yield ()
        return
    first, rest = template[0], template[1:]
    if isinstance(first, If):
        for taken, arm in ((True, first.body), (False, first.other)):
            if skeleton(arm) == skeleton(body[: len(arm)]):
                own = body[: len(arm)]
                arms = (own, _any(first.other)) if taken else (_any(first.body), own)
                for others in _readings(rest, body[len(arm) :]):
                    yield (If(taken, *arms), *others)
        return
    if body:
        read = _read_one(first, body[0])
        if read is not None:
            for others in _readings(rest, body[1:]):
                yield (read, *others)


def _read_one(template: Term, term: Term) -> Term | None:
    if skeleton((template,)) == skeleton((term,)):
        return term
    if isinstance(template, Join) and isinstance(term, Join) and len(template.branches) == len(term.branches):
        if template.word != term.word:
            return None
        branches = [read_as(one, other) for one, other in zip(template.branches, term.branches, strict=True)]
        if None not in branches:
            return with_bodies(term, [branch for branch in branches if branch is not None])
    return None


def _any(terms: Terms) -> Terms:
    """The terms with any values, for an arm that is not taken."""
    values = [slot.value if hasattr(slot.value, "text") else ANY for slot in slots(terms)]
    unknown = with_channels(terms, iter([ANY for _ in calls_of(terms)]))
    return with_values(unknown, iter(values))


def choices(terms: Terms) -> int:
    """How many `if` there are."""
    return sum(isinstance(term, If) + sum(map(choices, bodies(term))) for term in terms)
