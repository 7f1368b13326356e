"""No recursion limit, no exponential time: each of these ends in a network or in a located error, soon and in little.

Each runs in a process of its own with a limit of memory. The time allowed is the processor's, and generous, for
machines differ; what is exponential or unbounded overruns it by far. How the work of a check grows is counted in
`test_growth.py`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

from archdsl.checker.check import check_source
from archdsl.checker.session import Options
from archdsl.source import Source

MEGABYTES = 300
SECONDS = 20
LARGEST = 1 << 20
"""The characters of the largest text that is read."""

INPUT = "input(3, 16, 16)\n"

CHILD = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, ({limit}, {limit}))
resource.setrlimit(resource.RLIMIT_CPU, ({seconds}, {seconds}))
from archdsl.checker.check import check_source
from archdsl.source import Source
sys.setrecursionlimit({recursion})
text = eval(sys.stdin.read())
checked = check_source(Source("spec", text))
before = sys.getrecursionlimit()
found = [[each.code, *each.primary.span.source.position(each.primary.span.start)] for each in checked.diagnostics]
assert all(each.primary.span.end <= len(text) for each in checked.diagnostics)
print(json.dumps([found, checked.network and checked.network.layer_count, before]))
"""


def doubling(innermost: str, parameters: str = "", calls: str = "b{0} b{0}") -> str:
    """Forty blocks, each of which calls the one before it twice."""
    blocks = [f"block b0{parameters} {{ {innermost} }}"]
    blocks += [f"block b{i}{parameters} {{ {calls.format(i - 1)} }}" for i in range(1, 41)]
    return "\n".join(blocks) + f"\nb40{'(0)' if parameters else ''}"


def called(depth: int, body: str = "@") -> str:
    """Blocks that call each other so deep; in the body, @ is the call."""
    blocks = ["block b1 { relu }"] + [f"block b{i} {{ {body.replace('@', f'b{i - 1}')} }}" for i in range(2, depth + 1)]
    return "\n".join(blocks) + f"\nb{depth}"


def nested(opener: str, inner: str, closer: str, depth: int) -> str:
    return opener * depth + inner + closer * depth


def full(unit: str) -> str:
    """A unit again and again, to the largest text."""
    return unit * ((LARGEST - len(INPUT)) // len(unit))


LONG = "1 + " * 100_000 + "1"
MANY_LETS = " ".join(f"let a{i} = 1" for i in range(50_000))
TUPLES = "let a0 = (1,)\n" + "\n".join(f"let a{i} = (a{i - 1}, 1)" for i in range(1, 300))
PAIRS = "let a0 = (1,)\n" + "\n".join(f"let a{i} = (a{i - 1}, a{i - 1})" for i in range(1, 60))

FINE: dict[str, tuple[str, int]] = {
    "flat": ("conv(8, 3, p1) relu\n" * 5_000, 10_000),
    "repeat": ("repeat(10000) { relu }", 10_000),
    "repeat with labels": ("repeat(10000) { layer: { relu } }", 10_000),
    "range": ("for i in range(10000) { conv(i % 7 + 1, 1) }", 10_000),
    "bodies": (nested("seq { ", "relu", "}", 99), 1),
    "spliced bodies": (nested("if true { ", "relu", "}", 99), 1),
    "parentheses": ("conv(" + nested("(", "3", ")", 98) + ", 1)", 1),
    "signs": ("conv(" + "-" * 100_000 + "3, 1)", 1),
    "negations": ("if " + "not " * 100_000 + "true { relu }", 1),
    "a sum": (f"conv({LONG}, 1)", 1),
    "arms": ("if false { relu } " + "else if false { relu } " * 10_000 + "else { tanh }", 1),
    "calls": (called(99), 1),
    "arguments": ("conv(max(" + "1, " * 100_000 + "3), 1)", 1),
    "a comment": ("relu #" + "x" * 1_000_000, 1),
    "comments": ("relu\n" + "# relu\n" * 140_000, 1),
    "blank lines": ("relu" + "\n" * 1_000_000, 1),
    "blocks never called": ("\n".join(f"block b{i} {{ conv({i} + 1, 1) }}" for i in range(10_000)) + "\nrelu", 1),
    "lets, each of the one before": (
        "let a0 = 1\n" + "\n".join(f"let a{i} = a{i - 1} + 1" for i in range(1, 40_000)) + "\nrelu",
        1,
    ),
    "nested conditions": (("if true { " * 99 + "relu" + " }" * 99 + "\n") * 800, 800),
    "nested joins": (("add { relu | " * 98 + "relu" + " }" * 98 + "\n") * 300, 29_700),
    "labels, all different": (" ".join(f"n{i}: relu" for i in range(70_000)), 70_000),
    "many parameters": (f"block b({', '.join(f'p{i} = 1' for i in range(60_000))}) {{ relu }}\nb", 1),
    "the most layers in a text": ("conv(8,3,p1) relu\n" * 50_000, 100_000),
    "the most layers": ("repeat(100000) { relu }", 100_000),
}

WRONG: dict[str, tuple[str, str]] = {
    "bodies": (nested("seq { ", "relu", "}", 1_000), "nested-too-deeply"),
    "parentheses": ("conv(" + nested("(", "3", ")", 100_000) + ", 1)", "nested-too-deeply"),
    "calls": (called(101), "calls-too-deep"),
    "bodies of calls": (called(40, nested("if true { ", "@", "}", 90)), "nested-too-deeply"),
    "modules of calls": (called(60, "seq { @ }"), "nested-too-deeply"),
    "doubling": (doubling("relu"), "network-too-large"),
    "doubling without layers": (doubling("repeat(0) { relu }"), "network-too-large"),
    "doubling with arguments": (doubling("conv(n + 1, 1)", "(n)", "b{0}(2 * n) b{0}(2 * n + 1)"), "network-too-large"),
    "doubling in branches": (doubling("relu", calls="add {{ b{0} | b{0} }}"), "network-too-large"),
    "turns": ("repeat(1000000000) { relu }", "network-too-large"),
    "turns that grow": ("repeat(1000000000) { zero_pad(1) }", "network-too-large"),
    "turns that fail": ("repeat(1000000000) { conv(3, 1, p1, g2) }", "groups-do-not-divide"),
    "turns of turns": ("repeat(9999) { " * 9 + "relu" + " }" * 9, "network-too-large"),
    "one layer too many": ("repeat(100001) { relu }", "network-too-large"),
    "loops": ("".join(f"for a{i} in range(10000) {{ " for i in range(4)) + "repeat(0) { relu }" + "}" * 4, ""),
    "loops with layers": ("".join(f"for a{i} in range(10000) {{ " for i in range(4)) + "relu" + "}" * 4, ""),
    "lets": (f"repeat(10000) {{ {MANY_LETS} zero_pad(1) }}", "too-much-to-expand"),
    "sums": (f"let n = 1\nrepeat(100000) {{ conv(in_channels + {LONG.replace('1', 'n')}, 1) }}", "too-much-to-expand"),
    "tuples": (TUPLES + "\nrelu", "nested-too-deeply"),
    "pairs": (PAIRS + "\nrelu", "tuple-too-large"),
    "large arguments": (
        "let t = range(9000)\nblock b(t, i) { relu }\nfor i in range(10000) { b(t, i) }",
        "too-much-to-expand",
    ),
    "digits": ("conv(" + "9" * 500_000 + ", 1)", "number-too-large"),
    "a flag": ("conv(3, 1, p" + "9" * 1_000_000 + ")", "number-too-large"),
    "a name": ("a" * 1_000_000, "unknown-layer"),
    "tuples without end": ("let t = (" + "1," * 500_000 + ")\nrelu", "tuple-too-large"),
    "a sum without end": ("conv(" + "1+" * 500_000 + "1, 1)", "too-much-to-expand"),
    "signs without end": ("conv(" + "-" * 1_000_000 + "1, 1)", "too-much-to-expand"),
    "tuples compared": (
        "let t = range(9999)\nlet u = range(9999)\n" + "".join(f"let a{i} = t == u\n" for i in range(30_000)),
        "too-much-to-expand",
    ),
    "the least of tuples": (
        "let t = range(9999)\n" + "".join(f"let a{i} = min(t)\n" for i in range(30_000)),
        "too-much-to-expand",
    ),
    "branches that disagree": (
        "concat { relu" + "".join(f" | conv({i + 1}, 2)" for i in range(50_000)) + " }",
        "branches-disagree",
    ),
    "layers without end": (full("relu "), "network-too-large"),
    "calls with errors": (
        "block a(n) { conv(0, 1) }\n" + "".join(f"a({i + 1})\n" for i in range(100_000)),
        "value-out-of-range",
    ),
    "imports": ("\n".join(f'import "a{i}.arch"' for i in range(10_000)), ""),
    "arguments given again": ("conv(3, 1" + ", p1" * 200_000 + ")", "too-many-errors"),
    "unknown arguments": ("conv(3, 1" + "".join(f", q{i}=1" for i in range(80_000)) + ")", "too-many-errors"),
    "missing arguments": (
        f"block b({', '.join(f'p{i}' for i in range(3_000))}) {{ relu }}\n" + "b\n" * 10_000,
        "too-many-errors",
    ),
    "braces": (full("{}"), ""),
    "texts": (full("'a' "), ""),
    "dotted names": (full("a.b "), ""),
    "foreign comments": (full("// a b c\n"), ""),
    "foreign blocks": (full("/* a */"), ""),
    "quotes": (full("'"), ""),
    "double quotes": (full('"'), ""),
    "letters of another script": (full("\u00e9"), ""),
    "lines in another script": (full("\u00e9\n"), ""),
    "a line of strays": (full(";"), ""),
    "arrows": (full("->"), ""),
    "comments without end": (full("/* "), ""),
    "texts, in less": ("'a' " * 24_000, ""),
    "dotted names, in less": ("a.b " * 24_000, ""),
    "foreign comments, in less": ("// a b c\n" * 10_000, ""),
    "foreign blocks, in less": ("/* a */" * 14_000, ""),
    "comments without end, in less": ("/* " * 32_000, ""),
    "quotes, in less": ("'" * 95_000, ""),
    "half lines": (full("conv(8,\n"), ""),
    "lines without braces": (full("if x:\n"), ""),
    "lines without let": (full("x = 1\n"), ""),
    "a mistake behind it all": ("conv(8,3,p1) relu\n" * 45_000 + "conv(8 3)", "missing-comma"),
    "circle": ("\n".join(f"block b{i} {{ b{(i + 1) % 99} }}" for i in range(99)) + "\nb0", "recursive-block"),
    "unknown words": ("a " * 100_000, "too-many-errors"),
    "wrong lines": ("ax bx(3 4)\n" * 40_000, "too-many-errors"),
    "wrong numbers": ("3x3 " * 100_000, "too-many-errors"),
    "strays": (";\n" * 100_000, "too-many-errors"),
    "openers": ("{" * 500_000, "nested-too-deeply"),
    "closers": (")\n" * 100_000, "unopened"),
    "bars": ("|" * 100_000, "bar-outside-braces"),
    "pairs of parentheses": ("()" * 100_000, "value-as-item"),
    "labels": ("a: relu\n" * 30_000, "too-many-errors"),
}


def checked_apart(text: str, recursion: int) -> tuple[list[list[object]], int | None, int]:
    """Check a text in a process of its own."""
    child = CHILD.format(limit=MEGABYTES << 20, seconds=SECONDS, recursion=recursion)
    done = subprocess.run(
        [sys.executable, "-c", child], input=repr(text), capture_output=True, text=True, timeout=500, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found, layers, limit = json.loads(done.stdout)
    assert limit == recursion
    return found, layers, limit


SLOW = {
    "a line of strays",
    "arguments given again",
    "blocks never called",
    "comments without end, in less",
    "foreign comments",
    "half lines",
    "labels",
    "lets, each of the one before",
    "many parameters",
    "missing arguments",
    "pairs of parentheses",
    "the least of tuples",
    "unknown arguments",
    "unknown words",
    "wrong lines",
    "wrong numbers",
    "a mistake behind it all",
    "a sum without end",
    "arrows",
    "braces",
    "branches that disagree",
    "calls with errors",
    "comments without end",
    "dotted names",
    "double quotes",
    "foreign blocks",
    "labels, all different",
    "layers without end",
    "letters of another script",
    "lets",
    "lines in another script",
    "lines without braces",
    "lines without let",
    "loops",
    "loops with layers",
    "nested conditions",
    "nested joins",
    "quotes",
    "signs without end",
    "strays",
    "sums",
    "texts",
    "the most layers in a text",
    "tuples without end",
    "turns that fail",
    "turns that grow",
}
"""Those that take about a second or more."""


def named(cases: Mapping[str, tuple[str, object]]) -> list[object]:
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in cases]


@pytest.mark.parametrize("name", named(FINE))
def test_what_is_large_and_right_is_a_network(name: str) -> None:
    text, layers = FINE[name]
    found, count, _ = checked_apart(INPUT + text, recursion=150)
    assert (found, count) == ([], layers)


@pytest.mark.parametrize("name", named(WRONG))
def test_what_is_too_large_is_a_located_error(name: str) -> None:
    text, code = WRONG[name]
    found, count, _ = checked_apart(INPUT + text, recursion=150)
    assert count is None
    codes = [each[0] for each in found]
    assert codes
    assert code in ("", codes[0], codes[-1]), found[:3]
    if code not in ("", "too-many-errors"):
        assert len(set(codes)) == 1, found[:3]


def test_the_most_layers_may_be_raised() -> None:
    source = Source("spec", INPUT + "repeat(100001) { relu }")
    assert check_source(source).network is None
    network = check_source(source, Options(max_layers=100_001)).network
    assert network is not None
    assert network.layer_count == 100_001


def test_a_hundred_imports_and_no_more(tmp_path: object) -> None:
    from pathlib import Path

    import archdsl

    folder = Path(str(tmp_path))
    for number in range(101):
        # Each imports the next: a chain, whose ends are read before its beginnings.
        following = f'import "{number + 1}.arch"\n' if number < 100 else ""
        (folder / f"{number}.arch").write_text(f"{following}block b{number} {{ relu }}\n")
    (folder / "spec.arch").write_text('import "1.arch"\ninput(3)\nb1\n')
    assert archdsl.check(folder / "spec.arch").network is not None
    (folder / "spec.arch").write_text('import "0.arch"\ninput(3)\nb0\n')
    assert [each.code for each in archdsl.check(folder / "spec.arch").errors] == ["too-many-imports"]
