"""What one check keeps in mind: its findings, its limits, what it has expanded already."""

from __future__ import annotations

from typing import Any, NamedTuple

from archdsl.checker.scope import BlockDefinition
from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.catalog.entry import plural
from archdsl.diagnostics.diagnostic import Diagnostic, Label
from archdsl.network import Call
from archdsl.source import Span

MAX_LAYERS = 100_000
MAX_CALLS = 100
MAX_MODULE_DEPTH = 100
MAX_BODY_DEPTH = 500
MAX_STEPS = 2_000_000
MAX_TUPLE = 10_000

FindingKey = tuple[str, str, int, int]


class GivenUp(Exception):
    """The check ends here: what it found last says why."""


class _Finding(NamedTuple):
    diagnostic: Diagnostic
    trails: set[tuple[Call, ...]]


class Session:
    """One check.

    trail: the block calls that led to where the check is now, outermost first.
    turns: the turns of the loops around it, as "turn 5 of 16".
    active_blocks: the blocks whose bodies are being expanded.
    in_branch: whether this is in a branch or an auxiliary head.
    expansions, leaves: what was expanded already, by all that it depends on.
    """

    def __init__(self, max_layers: int = MAX_LAYERS) -> None:
        self.max_layers = max_layers
        self.trail: list[Call] = []
        self.turns: list[tuple[int, int]] = []
        self.active_blocks: list[BlockDefinition] = []
        self.circles: set[frozenset[str]] = set()
        self.in_branch = False
        self.module_depth = 0
        self.body_depth = 0
        self.steps = 0
        self.has_heads = False
        self.expansions: dict[Any, Any] = {}
        self.leaves: dict[Any, Any] = {}
        self._found: dict[FindingKey, _Finding] = {}
        self.log: list[FindingKey] = []

    def report(self, code: str, span: Span, related: tuple[Label, ...] = (), /, **facts: Any) -> None:
        """Record a finding. One code at one place is one finding, however many calls lead there."""
        key = (code, span.source.name, span.start, span.end)
        self.log.append(key)
        trail = tuple(self.trail)
        earlier = self._found.get(key)
        if earlier is not None:
            earlier.trails.add(trail)
            return
        calls = tuple(Label(call.span, f"in `{call.block}`, called here") for call in reversed(trail))
        diagnostic = diagnose(code, span, (*related, *calls), **facts)
        turns = tuple(f"in turn {turn} of {count}" for turn, count in self.turns if turn > 1)
        self._found[key] = _Finding(diagnostic._replace(notes=(*diagnostic.notes, *turns)), {trail})

    def report_again(self, keys: tuple[FindingKey, ...]) -> None:
        """Record that one more call leads to these findings."""
        trail = tuple(self.trail)
        for key in keys:
            self.log.append(key)
            self._found[key].trails.add((*trail, key))  # type: ignore[arg-type]

    def spend(self, span: Span, steps: int = 1) -> None:
        """Count the work done; a text that asks for too much of it is refused there."""
        self.steps += steps
        if self.steps > MAX_STEPS:
            self.report("too-much-to-expand", span, limit=MAX_STEPS)
            raise GivenUp

    @property
    def found_errors(self) -> bool:
        return any(finding.diagnostic.severity == "error" for finding in self._found.values())

    def findings(self) -> list[Diagnostic]:
        """All findings, by their place in the text."""
        result = []
        for diagnostic, trails in self._found.values():
            more = len(trails) - 1
            if more and diagnostic.related and () not in trails:
                diagnostic = diagnostic._replace(notes=(*diagnostic.notes, f"and {plural(more, 'more call')}"))
            result.append(diagnostic)
        return sorted(result, key=lambda each: (each.primary.span.source.name, each.primary.span.start))
