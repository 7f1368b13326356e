"""Mistakes of a Python user: each says what is meant, and none is passed over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import archdsl

LENET = Path(__file__).parent.parent / "specs" / "lenet.arch"
TEXT = "input(3, 8, 8)\nconv(8, 3) relu\n"


def test_a_check_is_built_and_summed_up() -> None:
    checked = archdsl.check(TEXT)
    assert checked.network is not None
    assert archdsl.summary(checked) == archdsl.summary(checked.network)
    assert [type(module).__name__ for module in archdsl.build(checked)] == ["Conv2d", "ReLU"]


@pytest.mark.parametrize("function", [archdsl.build, archdsl.summary])
def test_a_check_without_a_network_says_why(function: Any) -> None:
    with pytest.raises(archdsl.ArchitectureError, match="window-too-large"):
        function(archdsl.check("input(3, 8, 8)\nconv(8, 9)"))
    with pytest.raises(archdsl.ArchitectureError) as caught:
        function(archdsl.check("let unused = 1\ninput(3, H, W)\nconv(8, 9)"))
    assert [each.code for each in caught.value.diagnostics] == ["input-not-given"]
    with pytest.raises(TypeError, match="not None; a check with errors has no network"):
        function(None)


def test_what_is_shown_in_a_prompt() -> None:
    checked = archdsl.check("let unused = 1\ninput(3, 8, 8)\nconv(8, 3) relu")
    assert repr(checked) == "<Checked <text>: 1 warning>"
    assert repr(archdsl.check(TEXT)) == "<Checked <text>: fine>"
    assert repr(archdsl.check("rleu")) == "<Checked <text>: 2 errors>"
    assert repr(checked.network) == "<Network <text>: 3x8x8 gives 8x6x6, 224 parameters>"
    assert str(checked) == str(checked.diagnostics[0])
    assert str(checked).startswith("warning[unused-name]: the let `unused` is never used\n --> <text>:1:5\n")
    assert archdsl.__version__


def test_a_text_where_a_path_is_wanted() -> None:
    with pytest.raises(archdsl.ArchitectureError, match=r"`archdsl\.check` takes its text"):
        archdsl.load(TEXT)


@pytest.mark.parametrize("given", [None, 3, b"relu"])
def test_what_is_no_spec(given: Any) -> None:
    with pytest.raises(TypeError, match="a spec is a text or a path, not"):
        archdsl.check(given)
    with pytest.raises(TypeError, match="load takes the path of a spec, not"):
        archdsl.load(given)


def test_values_and_inputs_of_other_types() -> None:
    wrong: Any
    for wrong in ("classes=3", ["classes=3"], {3: 3}):
        with pytest.raises(TypeError, match="values for lets are given by their names"):
            archdsl.check(LENET, set=wrong)
    for wrong in (2.5, object()):
        with pytest.raises(TypeError, match="an input is"):
            archdsl.check(LENET, input=wrong)
    network = archdsl.check("input(3) fc(2)", input=784).network
    assert network is not None
    assert network.input == archdsl.Vector(784)


@pytest.mark.parametrize(("root", "reason"), [("nowhere", "no such folder"), (str(LENET), "not a folder")])
def test_a_root_that_is_no_folder(root: str, reason: str) -> None:
    found = archdsl.check(TEXT, root=root).diagnostics
    assert [(each.code, each.message) for each in found] == [("unreadable-file", f"{root} can't be read: {reason}")]
    assert archdsl.accepted_sizes(TEXT, root=root) is None


@pytest.mark.parametrize("given", [28, (28, 28), {"H": 28}, {"h": 28, "w": 28}, {"H": 28.5, "W": 28}])
def test_sizes_are_whole_numbers_by_their_names(given: Any) -> None:
    sizes = archdsl.accepted_sizes(LENET)
    assert sizes is not None
    with pytest.raises(ValueError, match="sizes are whole numbers by their names"):
        sizes.accepts(given)
    with pytest.raises(ValueError, match="sizes are whole numbers by their names"):
        sizes.at(given)
    with pytest.raises(ValueError, match="'Q' is no size of the input: there are H, W"):
        sizes.step_of("Q")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("3x64..128x64", "one size is needed; `archdsl check` alone takes a range"),
        ("3x64-128x64", "write 3x64..128x64 for a range"),
        ("8x3x64x64", "the batch is no part of it: write 3x64x64"),
    ],
)
def test_a_range_is_no_input(given: str, said: str) -> None:
    assert archdsl.check(TEXT, input=given).diagnostics[0].help == (said,)
