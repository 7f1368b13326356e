"""`archdsl diff`: what is told of two specs, and what counts as no difference."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import torch
from work import calls_of

import archdsl
from archdsl.backends.pytorch import build
from archdsl.commands.diff import diff
from archdsl.commands.weights import load as load_weights
from archdsl.compare.align import Item, align
from archdsl.compare.compare import Comparison, compare
from archdsl.network import Network
from archdsl.source import Source
from archdsl.syntax.format import formatted

ROOT = Path(__file__).parent.parent
SPECS = sorted((ROOT / "specs").glob("*.arch"))

NET = """let w = 8
block act { relu }
block basic(c) { add { conv(c, 3, p1, nobias) batchnorm act conv(c, 3, p1, nobias) batchnorm | identity } act }
input(3, 8, 8)
stem: { conv(w, 3, p1, nobias) batchnorm relu }
repeat(4) { basic(w) }
conv(w, 3, p1) relu pool(2)
global_avgpool flatten fc(10)
"""


def network_of(text: str) -> Network:
    checked = archdsl.check(text)
    assert checked.network is not None, checked
    return checked.network


def compared(before: str, after: str) -> Comparison:
    return compare(network_of(before), network_of(after))


def told(before: str, after: str) -> list[str]:
    """Each change in a line: "conv(8, 3) -> conv(8, 5) [kernel] x2"."""
    lines = []
    for change in compared(before, after).changes:
        sides = [side.text if side else "" for side in (change.before, change.after)]
        names = ",".join(argument.name for argument in change.arguments)
        shapes = f" {change.shapes.before} {change.shapes.after}" if change.shapes else ""
        until = f" to {change.shapes.until[1].text}" if change.shapes and change.shapes.until else ""
        more = f" x{change.more + 1}" if change.more else ""
        lines.append(f"{sides[0]} -> {sides[1]}{f' [{names}]' if names else ''}{more}{shapes}{until}".strip())
    return lines


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("act", "activated"),
        ("repeat(4) { basic(w) }", "basic(w) repeat(2) { basic(w) } basic(8)"),
        ("basic(c)", "basic(channels=0, c=8)"),
        ("let w = 8", "# Eight channels.\nlet w = 2 * 4"),
        ("{ relu }", "{\n  relu\n}"),
        ("nobias) batchnorm act", "nobias) batchnorm seq { act }"),
        ("repeat(4)", "for turn in range(4)"),
    ],
)
def test_what_is_written_in_another_way_is_the_same(old: str, new: str) -> None:
    after = NET.replace(old, new)
    if "channels=0" in new:
        after = after.replace("basic(w)", "basic(3, w)")
    assert after != NET
    assert told(NET, after) == []
    assert compared(NET, after).equal


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_spec_is_the_same_as_itself_laid_out_anew(path: Path) -> None:
    checked = archdsl.check(path)
    text, _ = formatted(checked.source)
    again = archdsl.check(Source("again", "# Another text.\n" + (text or ""))).network
    assert checked.network is not None
    assert again is not None
    comparison = compare(checked.network, again)
    assert comparison.equal
    assert comparison.weights.found.difference is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("block act { relu }", "block act { silu }", ["relu -> silu x8"]),
        ("conv(c, 3, p1, nobias) batchnorm | identity", "conv(c, 1) | identity", None),
        ("| identity", "| identity | conv(c, 1)", ["-> | conv(c, 1) x4"]),
        ("| identity", "| conv(c, 1)", ["identity -> conv(c, 1) x4"]),
        ("add {", "mul {", None),
        ("repeat(4) { basic(w) }", "repeat(5) { basic(w) }", ["-> basic(w)"]),
        ("repeat(4) { basic(w) }", "repeat(2) { basic(w) } dropout repeat(2) { basic(w) }", ["-> dropout"]),
        ("repeat(4) { basic(w) }", "", ["basic(w) ->  x4"]),
        ("relu pool(2)", "pool(2)", ["relu ->"]),
        ("pool(2)", "pool(3, 1, p1)", ["pool(2) -> pool(3, 1, p1) [kernel,stride,pad] 8x4x4 8x8x8 to global_avgpool"]),
        ("pool(2)", "", ["pool(2) ->  8x4x4 8x8x8 to global_avgpool"]),
        ("fc(10)", "fc(7)", ["fc(10) -> fc(7) [out] 10 7"]),
        ("fc(10)", "dropout fc(10, nobias)", ["-> dropout", "fc(10) -> fc(10, nobias) [nobias]"]),
        ("stem: {", "stem: { dropout2d conv(3, 1)", ["-> dropout2d conv(3, 1)"]),
        (
            "let w = 8",
            "let w = 4",
            [
                "conv(w, 3, p1, nobias) -> conv(w, 3, p1, nobias) [out] 8x8x8 4x8x8 to fc(10)",
                "conv(c, 3, p1, nobias) -> conv(c, 3, p1, nobias) [out] x4",
                "conv(c, 3, p1, nobias) -> conv(c, 3, p1, nobias) [out] x4",
                "conv(w, 3, p1) -> conv(w, 3, p1) [out]",
            ],
        ),
    ],
)
def test_each_change_is_told_once(old: str, new: str, expected: list[str] | None) -> None:
    after = NET.replace(old, new)
    assert after != NET
    lines = told(NET, after)
    if expected is not None:
        assert lines == expected
    assert lines
    # The other way, what was added is removed.
    back = compared(after, NET)
    kinds = {"added": "removed", "removed": "added"}
    assert [change.kind for change in back.changes] == [
        kinds.get(change.kind, change.kind) for change in compared(NET, after).changes
    ]


def test_heads_and_inputs_are_compared() -> None:
    before = "input(3, 8, 8) conv(4, 3) aux(0.3) { flatten fc(10) } flatten fc(10)"
    assert told(before, before.replace("0.3", "0.4")) == ["aux { ... } -> aux { ... } [weight]"]
    assert told(before, before.replace("{ flatten", "{ relu flatten")) == ["-> relu"]
    comparison = compared(before, before.replace("8, 8", "9, 9"))
    assert not comparison.changes
    assert not comparison.equal


def test_other_keys_are_a_difference() -> None:
    comparison = compared(NET, NET.replace("stem:", "trunk:"))
    assert comparison.changes == ()
    assert comparison.other_keys[0] == ("stem.0.weight", "trunk.0.weight")
    assert not comparison.equal


def test_of_blocks_that_are_alike_the_last_is_new() -> None:
    """Not the second half of one and the first half of the next, which are the same layers."""
    before = NET.replace("repeat(4) { basic(w) }", "basic(w) basic(w) pool(2) basic(w)")
    after = before.replace("basic(w) pool", "basic(w) basic(w) basic(w) pool")
    comparison = compared(before.replace("basic(w) basic(w) pool", "basic(w) pool"), before)
    assert [change.after and change.after.keys for change in comparison.changes] == [("2",)]
    assert told(before, after) == ["-> basic(w)", "-> basic(w)"]
    assert told(after, before) == ["basic(w) ->", "basic(w) ->"]


def test_variants_of_one_spec(capsys: pytest.CaptureFixture[str]) -> None:
    assert diff(str(ROOT / "specs" / "resnet.arch"), settings=["depth=18"], settings_after=["depth=34"]) == 1
    out = capsys.readouterr().out
    assert "resnet.arch (depth=18)" in out
    assert "56 layers added" in out
    assert "and 7 more turns" in out
    assert "--except layer1.2 --except layer2.2 --except layer2.3" in out


@pytest.mark.slow
def test_twice_the_layers_are_twice_the_work() -> None:
    def work(count: int) -> int:
        chain = f"repeat({count}) {{ conv(8, 1) relu batchnorm }}"
        before = network_of(f"input(8, 8, 8) {chain} dropout {chain}")
        after = network_of(f"input(8, 8, 8) gelu {chain} {chain} silu")
        return calls_of(lambda: compare(before, after))

    assert work(2000) < 2.2 * work(1000)


def test_long_chains() -> None:
    """What was added at both ends is found, and a change in each turn is told once."""
    chain = "repeat(150) { conv(8, 1) relu batchnorm }"
    before = f"input(8, 8, 8) {chain}"
    assert told(before, f"input(8, 8, 8) gelu {chain} silu") == ["-> gelu", "-> silu"]
    assert told(before, before.replace("conv(8, 1)", "conv(9, 1)"))[0].startswith("conv(8, 1) -> conv(9, 1) [out] x150")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("", "", ""),
        ("abc", "abc", "a=a b=b c=c"),
        ("abc", "abxc", "a=a b=b  =x c=c"),
        ("abxc", "abc", "a=a b=b x=  c=c"),
        ("aB", "AB", "a=A B=B"),
        ("xaby", "zaBw", "x=   =z a=a b=B y=   =w"),
    ],
)
def test_alignment(a: str, b: str, expected: str) -> None:
    """Letters are of one kind with their capitals."""
    pairs = align(*([Item(letter, letter.lower()) for letter in text] for text in (a, b)))
    shown = " ".join(f"{' ' if i is None else a[i]}={' ' if j is None else b[j]}" for i, j in pairs)
    assert sorted(shown.split("  ")) == sorted(expected.split("  ")) or shown == expected


# The command.


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.arch").write_text(NET)
    (tmp_path / "b.arch").write_text(NET.replace("fc(10)", "fc(7)").replace("conv(c, 3, p1, nobias) b", "conv(c, 1) b"))
    (tmp_path / "wrong.arch").write_text("input(3)\nfcc(3)\n")
    return tmp_path


TEXT = """--- a.arch
+++ b.arch

- 3  conv(c, 3, p1, nobias)  8x8x8
+ 3  conv(c, 1)              8x8x8
     kernel 3 -> 1, pad 1 -> 0, no longer `nobias`; in `basic(w)`, line 6; and 3 more calls
- 3  conv(c, 3, p1, nobias)  8x8x8
+ 3  conv(c, 1)              8x8x8
     kernel 3 -> 1, pad 1 -> 0, no longer `nobias`; in `basic(w)`, line 6; and 3 more calls
- 8  fc(10)                  10
+ 8  fc(7)                   7
     out 10 -> 7
     from here on 7 instead of 10, to the end

9 layers changed
output: 10 -> 7
parameters: 5,642 -> 1,583 (3.6 times less)
multiply-adds: 345,680 -> 83,512 (4.1 times less)
kept for the backward pass of one sample: 40.5 kB, as before
weights of a.arch do not go into b.arch; 18 tensors differ:
"""


def test_the_text(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("a.arch", "b.arch") == 1
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if "weights" not in line][: TEXT.count("\n") - 1] == TEXT.splitlines()[
        :-1
    ]
    assert "weights of a.arch go into b.arch but for 18 tensors" in out
    assert "1.0.0.0.weight  8x8x3x3 -> 8x8x1x1" in out
    assert diff("a.arch", "a.arch") == 0
    assert capsys.readouterr().out == "a.arch and a.arch are the same network: 37 layers, 5,642 parameters\n"
    (folder / "deep.arch").write_text("input(3) repeat(1000) { relu }")
    assert diff("deep.arch", "deep.arch") == 0
    assert capsys.readouterr().out == "deep.arch and deep.arch are the same network: 1,000 layers, 0 parameters\n"
    assert diff("a.arch", "b.arch", color="always") == 1
    assert "\x1b[31m- 8  fc(10)" in capsys.readouterr().out


def test_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("a.arch", "b.arch", format="json") == 1
    document = json.loads(capsys.readouterr().out)
    last = document["changes"][-1]
    assert (last["kind"], last["before"]["text"], last["after"]["line"], last["before"]["key"]) == (
        "changed",
        "fc(10)",
        8,
        "10",
    )
    assert last["arguments"] == [{"name": "out", "before": 10, "after": 7}]
    assert last["shapes"] == {"before": [10], "after": [7], "until": None}
    assert document["changes"][0]["more"] == 3
    assert document["before"]["parameters"] == 5642
    assert document["weights"]["fit"] is False
    assert "10" in document["weights"]["except"]


def test_what_is_told_to_except_is_what_helps(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("a.arch", "b.arch", format="json") == 1
    modules = json.loads(capsys.readouterr().out)["weights"]["except"]
    torch.save(build(archdsl.load("a.arch")).state_dict(), "a.pt")
    assert load_weights("b.arch", "a.pt", out="b.safetensors") == 1
    assert load_weights("b.arch", "a.pt", out="b.safetensors", leave_out=modules) == 0
    capsys.readouterr()
    assert diff("b.arch", "b.safetensors") == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"before": "a.arch"}, "diff takes two specs, or one and --against REVISION"),
        ({"before": "a.arch", "after": "b.arch", "against": "HEAD"}, "diff takes two specs"),
        ({"before": "-", "after": "-"}, "diff reads one spec from standard input"),
        ({"before": "a.arch", "after": "wrong.arch"}, "`fcc` is not a layer or block"),
        ({"before": "wrong.arch", "after": "a.arch"}, "`fcc` is not a layer or block"),
        ({"before": "a.arch", "after": "c.arch"}, "c.arch can't be read"),
        ({"before": "a.arch", "after": "b.arch", "settings": ["x"]}, "--set takes name=value"),
        ({"before": "a.arch", "against": "HEAD"}, "archdsl: git: not a git repository"),
        ({"before": ".", "against": "HEAD"}, "archdsl: git: . is a folder, not a file"),
        ({"before": "a.arch", "against": "--output=x"}, "archdsl: git: `--output=x` is no revision"),
    ],
)
def test_what_can_not_be_compared(
    arguments: dict[str, str], said: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diff(**arguments) == 2  # type: ignore[arg-type]
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.out == ""


def test_settings_and_input_are_for_both(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diff("a.arch", "b.arch", input="3x16x16", settings=["w=4"], format="json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["before"]["input"] == document["after"]["input"] == [3, 16, 16]
    assert document["changes"][0]["before"]["output"] == [4, 16, 16]


def test_against_a_revision(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The spec and what it imports are those of the revision."""

    def git(*arguments: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
        subprocess.run(["git", *who, *arguments], check=True, capture_output=True)

    blocks, spec = folder / "blocks.arch", folder / "net.arch"
    blocks.write_text("block act { relu }\n")
    spec.write_text('import "blocks.arch"\ninput(4) fc(3) act\n')
    git("init")
    git("add", "net.arch", "blocks.arch")
    git("commit", "-m", "one")
    assert diff("net.arch", against="HEAD") == 0
    blocks.write_text("block act { silu }\n")
    assert diff("net.arch", against="HEAD") == 1
    out = capsys.readouterr().out
    assert "--- HEAD:net.arch\n+++ net.arch\n" in out
    assert "relu" in out
    blocks.unlink()
    spec.write_text("input(4) fc(3) relu\n")
    assert diff("net.arch", against="HEAD") == 0
    assert diff("net.arch", against="HEAD~7") == 2
    assert "archdsl: git: there is no revision `HEAD~7`" in capsys.readouterr().err
    assert diff("a.arch", against="HEAD") == 2
    assert "archdsl: git: path 'a.arch' exists on disk, but not in 'HEAD'" in capsys.readouterr().err
