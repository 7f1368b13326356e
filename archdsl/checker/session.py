"""What one check keeps in mind: its findings, its limits, what it has expanded already."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from archdsl.checker.scope import BlockDefinition
from archdsl.checker.suggest import suggest
from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.catalog.entry import plural
from archdsl.diagnostics.diagnostic import MAX_ERRORS, Diagnostic, Label
from archdsl.network import Call
from archdsl.source import Span

MAX_LAYERS = 100_000
MAX_PARAMETERS = 2_000_000_000
"""Eight gigabytes in single precision. Asked for more, a machine may end the program before torch can refuse."""

MAX_CALLS = 100
MAX_MODULE_DEPTH = 100
MAX_TUPLE = 10_000

MAX_BODY_DEPTH = 500
"""How deep bodies stand in each other, those of called blocks and those that add no module included."""

STEPS_A_LAYER = 5
"""Items expanded and values computed, for each layer that a network may have."""

STEPS_A_CALL = 15
_STEPS_A_REPORT = 10

_MOST_SUGGESTIONS = 100
"""Each takes a comparison with every name there is."""

_FRAMES = 8 * MAX_BODY_DEPTH
"""How deep Python's calls go where bodies and values stand in each other as deep as they may."""

FindingKey = tuple[str, str, int, int]


class GivenUp(Exception):
    """The check ends here: what it found last says why."""


class _Finding(NamedTuple):
    """A finding, and the block calls that lead to it, each as the hash of its trail."""

    diagnostic: Diagnostic
    trails: set[int]


_AT_THE_DEFINITION = hash(())


class Session:
    """One check.

    trail: the block calls that led to where the check is now, outermost first.
    turns: the turns of the loops around it, as "turn 5 of 16".
    active_blocks: the blocks whose bodies are being expanded, outermost first, by identity.
    signatures: what each block called takes, by identity.
    in_branch: whether this is in a branch or an auxiliary head.
    module_depth, body_depth: how many modules and bodies stand around it.
    unknown_features: where `in_features` were first asked for that are not known, though there was no error.
    made: the modules made so far, those that are kept and used again counted once.
    expansions, leaves: what was expanded already, by all that it depends on.
    log: every finding in the order of its reports, those that came again too.
    """

    def __init__(self, max_layers: int = MAX_LAYERS) -> None:
        self.max_layers = max_layers
        self.max_steps = STEPS_A_LAYER * max(max_layers, MAX_LAYERS)
        self.trail: list[Call] = []
        self.turns: list[tuple[int, int]] = []
        self.active_blocks: dict[int, BlockDefinition] = {}
        self.signatures: dict[int, Any] = {}
        self.circles: set[frozenset[str]] = set()
        self.in_branch = False
        self.module_depth = 0
        self.body_depth = 0
        self.made = 0
        self.steps = 0
        self.has_heads = False
        self.unknown_features: Span | None = None
        self.expansions: dict[Any, Any] = {}
        self.leaves: dict[Any, Any] = {}
        self.log: list[FindingKey] = []
        self._found: dict[FindingKey, _Finding] = {}
        self._suggestions = 0

    # Findings

    def report(self, code: str, span: Span, related: tuple[Label, ...] = (), /, **facts: Any) -> None:
        """Record a finding. One code at one place is one finding, however many calls lead there."""
        key = (code, span.source.name, span.start, span.end)
        self.log.append(key)
        self.steps += _STEPS_A_REPORT
        trail = tuple(self.trail)
        earlier = self._found.get(key)
        if earlier is not None:
            earlier.trails.add(hash(trail))
            return
        if len(self._found) >= MAX_ERRORS:
            code, facts, related = "too-many-errors", {"limit": MAX_ERRORS}, ()
        calls = tuple(Label(call.span, f"in `{call.block}`, called here") for call in reversed(trail))
        diagnostic = diagnose(code, span, (*related, *calls), **facts)
        turns = tuple(f"in turn {turn} of {count}" for turn, count in self.turns if turn > 1)
        self._found[key] = _Finding(diagnostic._replace(notes=(*diagnostic.notes, *turns)), {hash(trail)})
        if len(self._found) > MAX_ERRORS:
            raise GivenUp

    def report_again(self, keys: tuple[FindingKey, ...], call: Call) -> None:
        """Record that one more call leads to these findings."""
        self.spend(call.span, len(keys))
        trail = tuple(self.trail)
        for key in keys:
            self.log.append(key)
            self._found[key].trails.add(hash((trail, key)))

    def suggest(self, name: str, candidates: Iterable[str]) -> str | None:
        """The candidate that was probably meant, or None; the first mistakes of a file get suggestions, and no more."""
        self._suggestions += 1
        return suggest(name, candidates) if self._suggestions <= _MOST_SUGGESTIONS else None

    @property
    def found_errors(self) -> bool:
        return any(finding.diagnostic.severity == "error" for finding in self._found.values())

    def findings(self) -> list[Diagnostic]:
        """All findings, by their place in the text."""
        result = []
        for diagnostic, trails in self._found.values():
            more = len(trails) - 1
            notes = diagnostic.notes
            if more and _AT_THE_DEFINITION not in trails:
                notes = (*notes, f"and {plural(more, 'more call')}")
            result.append(diagnostic._replace(notes=notes))
        return sorted(result, key=lambda each: (each.primary.span.source.name, each.primary.span.start))

    # Limits

    def spend(self, span: Span, steps: int = 1) -> None:
        """Count the work done. A text that asks for too much of it is refused there, unless an error has been found.

        After an error a loop may go on without end, for nothing is added that would be counted.
        """
        self.steps += steps
        if self.steps > self.max_steps:
            if not self.found_errors:
                self.report("too-much-to-expand", span, limit=self.max_steps)
            raise GivenUp

    def make(self, span: Span) -> None:
        """Count a module that is made."""
        self.made += 1
        if self.made > self.max_layers:
            self.refuse_size(span, self.made)

    def refuse_size(self, span: Span, size: int) -> None:
        """End the check: the network has more modules than allowed."""
        self.report("network-too-large", span, size=size, limit=self.max_layers)
        raise GivenUp

    def open_module(self, span: Span) -> None:
        """Go into a module; one that stands too deep is refused."""
        self.module_depth += 1
        self.refuse_depth(span, self.module_depth)

    def close_module(self) -> None:
        self.module_depth -= 1

    def refuse_depth(self, span: Span, depth: int) -> None:
        """End the check if so many modules may not stand in each other."""
        if depth > MAX_MODULE_DEPTH:
            self.report("nested-too-deeply", span, limit=MAX_MODULE_DEPTH, what="modules")
            raise GivenUp


_recursion = threading.Lock()
_checks_running = 0
_limit_before = 0


@contextmanager
def room_for_recursion() -> Iterator[None]:
    """Let Python's calls go as deep as the language allows, whatever the limit of the program around.

    The limit is one for all threads, so the first check raises it and the last one puts it back.
    """
    global _checks_running, _limit_before
    with _recursion:
        if not _checks_running:
            _limit_before = sys.getrecursionlimit()
            sys.setrecursionlimit(_limit_before + _FRAMES)
        _checks_running += 1
    try:
        yield
    finally:
        with _recursion:
            _checks_running -= 1
            if not _checks_running:
                sys.setrecursionlimit(_limit_before)
