"""What one check keeps in mind: its findings, its limits, what it has expanded already."""

from __future__ import annotations

import gc
import sys
from _thread import allocate_lock  # What threading is made of, at a fraction of its import.
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from archdsl.checker.blame import BlockCall, Report, lay
from archdsl.checker.scope import BlockDefinition, Given, Value
from archdsl.checker.suggest import suggest
from archdsl.checker.trace import FAULTS_OF_SHAPE, Trace
from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.catalog.entry import plural
from archdsl.diagnostics.diagnostic import MAX_ERRORS, Diagnostic, Edit, Fix, Label
from archdsl.shapes import Shape
from archdsl.source import Span

MAX_LAYERS = 100_000
MAX_PARAMETERS = 2_000_000_000
"""Eight gigabytes in single precision. Asked for more, a machine may end the program before torch can refuse."""

MAX_CALLS = 100
MAX_MODULE_DEPTH = 100
MAX_TUPLE = 10_000

MAX_BODY_DEPTH = 500
"""How deep bodies stand in each other, those of called blocks and those that add no module included."""

STEPS_A_LAYER = 3
"""Items expanded and values computed, for each layer that a network may have."""

STEPS_A_CALL = 30
_STEPS_A_REPORT = 25

_MOST_SUGGESTIONS = 100
"""Each takes a comparison with every name there is."""

_FRAMES = 8 * MAX_BODY_DEPTH
"""How deep Python's calls go where bodies and values stand in each other as deep as they may."""

FindingKey = tuple[str, str, int, int]


def key_of(found: Diagnostic) -> FindingKey:
    """What makes two findings one."""
    span = found.primary.span
    return (found.code, span.source.name, span.start, span.end)


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


class GivenUp(Exception):
    """The check ends here: what it found last says why."""


class Logged(NamedTuple):
    """A finding in the order of the reports.

    report: as it was reported, for another call of the block may make it another's fault; None where it can't.
    """

    key: FindingKey
    report: Report | None


class _Finding(NamedTuple):
    """A finding, and the block calls that lead to its place, each as the hash of its trail."""

    diagnostic: Diagnostic
    trails: set[int]


_AT_THE_DEFINITION = hash(())


class Session:
    """One check.

    trail: the block calls that led to where the check is now, outermost first.
    turns: the turns of the loops around it, as "turn 5 of 16".
    active_blocks: the blocks whose bodies are being expanded, outermost first, by identity.
    signatures: what each block called takes, by identity.
    trace: the items from the input to where the check is, where they are kept.
    in_branch: whether this is in a branch or an auxiliary head.
    rank_in_doubt: whether a vector came where an image was wanted, most likely for a `flatten` that stands too early.
        Up to the next one it is not known which of the two was meant, and no other such fault is reported.
    module_depth, body_depth: how many modules and bodies stand around it.
    unknown_features: where `in_features` were first asked for that are not known, though there was no error.
    made: the modules made so far, those that are kept and used again counted once.
    expansions, leaves: what was expanded already, by all that it depends on.
    log: every finding in the order of its reports, those that came again too.
    """

    def __init__(self, max_layers: int = MAX_LAYERS) -> None:
        self.max_layers = max_layers
        self.max_steps = STEPS_A_LAYER * max(max_layers, MAX_LAYERS)
        self.trail: list[BlockCall] = []
        self.turns: list[tuple[int, int]] = []
        self.active_blocks: dict[int, BlockDefinition] = {}
        self.signatures: dict[int, Any] = {}
        self.circles: set[frozenset[str]] = set()
        self.trace: Trace | None = None
        self.in_branch = False
        self.rank_in_doubt = False
        self.module_depth = 0
        self.body_depth = 0
        self.made = 0
        self.steps = 0
        self.has_heads = False
        self.unknown_features: Span | None = None
        self.expansions: dict[Any, Any] = {}
        self.leaves: dict[Any, Any] = {}
        self.log: list[Logged] = []
        self._found: dict[FindingKey, _Finding] = {}
        self._suggestions = 0

    # Findings

    def report(
        self,
        code: str,
        at: Span | Given,
        related: tuple[Label, ...] = (),
        enters: Shape | None = None,
        edits: tuple[Edit, ...] = (),
        /,
        **facts: Any,
    ) -> None:
        """Record a finding. One code at one place is one finding, however many calls lead there.

        at: the characters at fault; or the value at fault, which is shown where it was written.
        enters: the shape that is part of the fault, where it entered the innermost block as it is.
        edits: changes of the text that surely mend it, as the first help says.
        """
        self.steps += _STEPS_A_REPORT
        span, value = (at, None) if isinstance(at, Span) else (at.span, at)
        if len(self._found) >= MAX_ERRORS:
            code, value, facts, related = "too-many-errors", None, {"limit": MAX_ERRORS}, ()
        found = diagnose(code, span, related, **facts)
        if edits and found.help:
            found = found._replace(fix=Fix(found.help[0], edits))
        trace = self.trace.levels() if self.trace is not None and code in FAULTS_OF_SHAPE else ()
        self._record(Report(found, value, enters, tuple(self.trail), tuple(self.turns), trace))

    def _record(self, report: Report) -> None:
        """Record a finding where it lies, with the calls that lead to that place."""
        found, level = lay(report)
        key = key_of(found)
        self.log.append(Logged(key, report if report.calls else None))
        trail = hash(tuple(each.call.span for each in report.calls[:level]))
        earlier = self._found.get(key)
        if earlier is not None and (earlier.diagnostic.trace or not found.trace):
            earlier.trails.add(trail)
            return
        self._found[key] = _Finding(found, {trail} if earlier is None else {trail, *earlier.trails})
        if len(self._found) > MAX_ERRORS:
            raise GivenUp

    def kept_findings(self, mark: int, turns: int, chains: int) -> tuple[Logged, ...]:
        """What was found in the innermost block since the mark, for each further call of it with the same values.

        turns, chains: how many loops and kept chains there were around the call.
        """
        kept: dict[Any, Logged] = {}
        outer = len(self.trail) - 1
        for key, report in self.log[mark:]:
            if report is not None:
                within = report._replace(
                    calls=report.calls[outer:], turns=report.turns[turns:], trace=report.trace[chains:]
                )
                found, level = lay(within)
                place = key_of(found)
                kept.setdefault((place, level), Logged(key, None if level else within))
            else:
                kept.setdefault(key, Logged(key, None))
        return tuple(kept.values())

    def report_again(self, findings: tuple[Logged, ...]) -> None:
        """Record that one more call, the innermost, leads to these findings."""
        if not findings:
            return
        self.spend(self.trail[-1].call.span, len(findings))
        trail = tuple(self.trail)
        spans = tuple(each.call.span for each in trail)
        for each in findings:
            if each.report is None:
                self.log.append(each)
                self._found[each.key].trails.add(hash((spans, each.key)))
            else:
                calls, turns = (*trail, *each.report.calls[1:]), (*self.turns, *each.report.turns)
                kept = each.report.trace
                trace = (*self.trace.levels(), *kept) if self.trace is not None and kept else ()
                self._record(each.report._replace(calls=calls, turns=turns, trace=trace))

    def suggest(self, name: str, candidates: Iterable[str]) -> str | None:
        """The candidate that was probably meant, or None; the first mistakes of a file get suggestions, and no more."""
        return self.suggest_with(lambda each: suggest(each, candidates), name)

    def suggest_with(self, search: Callable[[str], str | None], name: str) -> str | None:
        """What a search that compares many names finds, for the first mistakes of a file."""
        self._suggestions += 1
        return search(name) if self._suggestions <= _MOST_SUGGESTIONS else None

    def found(self, code: str) -> bool:
        """Whether a code has been found."""
        return any(finding.diagnostic.code == code for finding in self._found.values())

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


_interpreter = allocate_lock()
_checks_running = 0
_limit_before = 0
_collects_before = False


@contextmanager
def interpreter_for_checks() -> Iterator[None]:
    """Python as a check wants it: its calls may go as deep as the language allows, and it collects no garbage.

    A check makes many values and no circles of them; to look for circles takes a fifth of its time. Both settings are
    of the whole process, so the first check changes them and the last one puts them back.
    """
    global _checks_running, _limit_before, _collects_before
    with _interpreter:
        if not _checks_running:
            _limit_before, _collects_before = sys.getrecursionlimit(), gc.isenabled()
            sys.setrecursionlimit(_limit_before + _FRAMES)
            gc.disable()
        _checks_running += 1
    try:
        yield
    finally:
        with _interpreter:
            _checks_running -= 1
            if not _checks_running:
                sys.setrecursionlimit(_limit_before)
                if _collects_before:
                    gc.enable()
