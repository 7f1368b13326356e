"""`check --least-input`, and `check --input` with a range, as they are typed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from archdsl.commands.check import check
from archdsl.formats.text import in_words
from archdsl.settings import read_range

U_NET = "input(1, 32, 32)\nconcat { identity | pool(2) conv_transpose(2, 2, s2) }\n"


@pytest.fixture(autouse=True)
def _specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("u.arch").write_text(U_NET)
    Path("wide.arch").write_text("input(3, 10, 10)\nconv(8, 5) relu pool(2)\n")
    Path("open.arch").write_text("input(3, S, S)\nconv(8, 5) relu pool(2)\n")
    Path("small.arch").write_text("input(3, 4, 9)\nconv(8, 5) relu pool(2)\n")
    Path("wrong.arch").write_text("input(3, 9, 9)\ncnov(8, 5)\n")
    Path("vector.arch").write_text("input(9)\nfc(5)\n")
    Path("library.arch").write_text("block b { relu }\n")
    Path("features.arch").write_text("input(3, 9, 9)\nseq { flatten fc(in_features // 27) }\n")


def said(capsys: pytest.CaptureFixture[str], *files: str, **options: object) -> tuple[int, str]:
    code = check(files, **options)  # type: ignore[arg-type]
    return code, capsys.readouterr().out


def test_the_least_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "wide.arch", "u.arch", least_input=True) == (
        0,
        "wide.arch: needs at least 3x6x6\n"
        "u.arch: needs at least 1x2x2\n"
        "  heights from 2 on in steps of 2\n"
        "  widths from 2 on in steps of 2\n"
        "\n2 files: 2 fine\n",
    )
    assert said(capsys, "open.arch", least_input=True) == (0, "open.arch: needs at least 3x6x6\n")


def test_the_least_input_of_what_does_not_fit_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = said(capsys, "small.arch", least_input=True)
    assert code == 1
    assert out.endswith("small.arch: 1 error\nsmall.arch: needs at least 3x6x6\n")


@pytest.mark.parametrize(
    ("file", "code", "line"),
    [
        ("wrong.arch", 1, "wrong.arch: 1 error"),
        ("vector.arch", 0, "9 gives 5, in 1 layer"),
        ("library.arch", 0, "library.arch: fine, definitions alone: b"),
    ],
)
def test_no_least_input(capsys: pytest.CaptureFixture[str], file: str, code: int, line: str) -> None:
    found, out = said(capsys, file, least_input=True)
    assert found == code
    assert "needs at least" not in out
    assert line in out.splitlines()


def test_a_range_that_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = said(capsys, "wide.arch", input="3x6..9x6..20")
    assert (code, out) == (0, "wide.arch: fine, 3x6..9x6..20 is accepted, 60 sizes in all\n")


def test_a_range_of_which_a_part_is_accepted(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = said(capsys, "u.arch", input="1x4..9x8")
    assert code == 1
    assert "branch 2 of concat gives 2x4x8, and branch 1 1x5x8" in out
    assert out.endswith(
        "u.arch: of 1x4..9x8, 3 of 6 sizes are accepted; the first refused is 1x5x8\n"
        "  heights 4 to 8 in steps of 2 with widths 8\n"
    )


def test_a_range_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = said(capsys, "u.arch", input="1x4..7x8..9", format="json")
    assert code == 1
    document = json.loads(out)
    assert document["networks"] == []
    assert document["accepted_sizes"] == [
        {
            "file": "u.arch",
            "channels": 1,
            "heights": [4, 7],
            "widths": [8, 9],
            "size_count": 8,
            "accepted_count": 2,
            "accepted": [{"heights": [4, 6], "widths": [8]}],
            "first_refused": [1, 4, 9],
        }
    ]
    assert [each["code"] for each in document["diagnostics"]] == ["branches-disagree"]


@pytest.mark.parametrize("file", ["u.arch", "wide.arch", "features.arch"])
def test_every_size_of_a_range_is_as_a_check_of_it_says(capsys: pytest.CaptureFixture[str], file: str) -> None:
    channels = 1 if file == "u.arch" else 3
    _, out = said(capsys, file, input=f"{channels}x1..8x1..8", format="json")
    (told,) = json.loads(out)["accepted_sizes"]
    accepted = {(h, w) for group in told["accepted"] for h in group["heights"] for w in group["widths"]}
    for height in range(1, 9):
        for width in range(1, 9):
            code, _ = said(capsys, file, input=f"{channels}x{height}x{width}")
            assert (code == 0) == ((height, width) in accepted)


@pytest.mark.parametrize("text", ["3x9..6x6", "3..4x6x6", "..", "3x..6x6", "3x6..x6", "6..9", "3x0..6x6", "3x6..9x6x6"])
def test_no_range(capsys: pytest.CaptureFixture[str], text: str) -> None:
    code, out = said(capsys, "wide.arch", input=text)
    assert code == 2
    assert read_range(text)[1][0].code == "malformed-range"
    assert out.startswith("error[malformed-range]")
    assert out.count("error[") == 1


def test_a_range_too_large(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = said(capsys, "wide.arch", input="3x1..2000x1..2000")
    assert (code, out.count("range-too-large")) == (2, 1)
    assert read_range("3x1..2000x1..2000")[1][0].code == "range-too-large"
    code, out = said(capsys, "features.arch", input="3x1..50x1..50")
    assert (code, out.count("range-too-large")) == (2, 1)
    assert "`in_features` depend on them" in out


def test_a_range_with_what_does_not_go_with_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(["wide.arch"], input="3x6..9x6", fix=True) == 2
    assert check(["wide.arch"], input="3x6..9x6", least_input=True) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((67,), "67"),
        ((64, 65), "64 and 65"),
        ((64, 65, 66), "64 to 66"),
        ((64, 80, 96), "64 to 96 in steps of 16"),
        ((3, 5, 9), "3, 5 and 9"),
        (tuple(each * each for each in range(1, 10)), "1, 4, 9, 16, 25, 36 and 3 more"),
    ],
)
def test_numbers_in_words(values: tuple[int, ...], words: str) -> None:
    assert in_words(values) == words
