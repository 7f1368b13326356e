"""`archdsl explain`: every code, word, function and keyword has its page, and what the pages show is so."""

from __future__ import annotations

from pathlib import Path

import pytest

from archdsl.checker.modules import library
from archdsl.commands.explain import explain, explanation
from archdsl.diagnostics.catalog import CATALOG
from archdsl.diagnostics.pages import Spec, filled, read_page
from archdsl.examples import run_example, value_of
from archdsl.layers import LAYERS
from archdsl.reference import errors_page
from archdsl.syntax.words import FUNCTIONS, STRUCTURE
from archdsl.topics import TOPICS

ROOT = Path(__file__).parent.parent
KEYWORDS = ("import", "let", "block", "for", "in", "if", "else", "and", "or", "not", "true", "false")


@pytest.mark.parametrize("code", CATALOG)
def test_the_example_of_each_code_has_it_and_mended_it_is_clean(code: str) -> None:
    """The example has this code among errors and warnings, and no other; the mended one has none."""
    page = CATALOG[code].page
    assert page.examples, "write an `Example:` and a `Mended:` in the docstring; diagnostics/pages.py has the form"
    for example in page.examples:
        outcome = run_example(example.spec)
        found = [each.code for each in outcome.diagnostics]
        # Before the one that says that there are too many, the others stand.
        assert (found[-1:] if code in ("too-many-errors", "too-many-warnings") else found) == [code], outcome.rendered()
        assert example.mended is not None, "write a `Mended:`"
        assert example.mended != example.spec
        mended = run_example(example.mended)
        assert not mended.diagnostics, mended.rendered()
        assert mended.network or mended.library is not None or mended.input


@pytest.mark.parametrize("code", CATALOG)
def test_each_code_is_said_in_a_line_and_printed(code: str) -> None:
    entry = CATALOG[code]
    summary = entry.page.summary
    assert summary.endswith(".")
    assert len(f'    """{summary}') <= 120
    assert summary not in [other.page.summary for other in CATALOG.values() if other is not entry]
    text = explanation(code) or ""
    assert text.startswith(f"{entry.severity}[{code}]\n\n{summary}\n\n")
    assert text.count(f"    {entry.severity}[{code}]: ") == len(entry.page.examples)
    assert "/tmp" not in text
    assert "\x1b" not in text
    assert f"\x1b[0m\n\n{summary}\n\n" in (explanation(code, color=True) or "")


@pytest.mark.parametrize("name", TOPICS)
def test_the_example_of_each_word_of_the_language_is_fine(name: str) -> None:
    page = read_page(TOPICS[name])
    assert page.summary
    assert len(page.examples) == 1
    outcome = run_example(page.examples[0].spec)
    assert not outcome.diagnostics, outcome.rendered()
    assert outcome.network is not None
    text = page.examples[0].spec.text
    assert name in text or name == "true", text
    for value in page.values:
        assert value_of(value) is not None
    assert outcome.summary() in (explanation(name) or "")


def test_every_name_has_a_page() -> None:
    names = {*LAYERS, *STRUCTURE, *FUNCTIONS, *KEYWORDS, "in_channels", "in_features", *library().blocks, *CATALOG}
    for name in names:
        assert explanation(name), name
    words = explanation("words") or ""
    for name in {*LAYERS, *TOPICS, *library().blocks}:
        assert f"\n  {name} " in words, name
    codes = explanation("codes") or ""
    for code in CATALOG:
        assert codes.count(f"\n  {code} ") == 1, code


@pytest.mark.parametrize("block", library().blocks)
def test_the_blocks_of_the_library_are_shown_with_an_example(block: str) -> None:
    text = explanation(block) or ""
    assert f"\nblock {block}(" in text
    assert f"\nExample: `{block}(" in text


@pytest.mark.parametrize(
    ("name", "meant"),
    [("cnov", "conv"), ("window-to-large", "window-too-large"), ("chose", "choose"), ("vgg_blok", "vgg_block")],
)
def test_a_name_that_nothing_has_gets_the_nearest(name: str, meant: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert explain(name) == 2
    assert f"did you mean `{meant}`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "meant", "word"),
    [("MaxPool2d", "pool", "pool"), ("Sequential", "seq", "seq"), ("elif", "else if", "if"), ("Dense", "fc", "fc")],
)
def test_a_name_from_elsewhere_is_explained_by_ours(name: str, meant: str, word: str) -> None:
    assert explanation(name) == f"{name} is called `{meant}` here.\n\n{explanation(word)}"


def test_an_argument_is_explained_by_the_words_that_have_it() -> None:
    for cls in LAYERS.values():
        for field in cls.fields:
            if field.name not in {*LAYERS, *TOPICS}:
                lines = (explanation(field.name) or "").splitlines()
                assert f"  {cls.word:<18} {field.doc}" in lines, field.name
    assert "  conv               `pad`: zeros added on each side" in (explanation("padding") or "")


def test_errors_md_is_up_to_date() -> None:
    page = (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")
    assert page == errors_page(), "run `make reference`, which is `python -m archdsl.reference`"


# The form of a page


def test_a_page_has_a_summary_an_explanation_and_examples() -> None:
    page = read_page("""The summary.

    The first paragraph,
    in two lines.

    The second.

    Example, with --set a=1 --max-layers 3:
        input(3)

        fc(1)

    Mended:
        fc(2)

    Example:
        import "a.arch"

    Example, a.arch:
        block a { relu }

    Mended, a.arch:
        block b { relu }
    """)
    assert page.summary == "The summary."
    assert page.explanation == "The first paragraph,\nin two lines.\n\nThe second."
    first, second = page.examples
    assert first.spec == Spec("input(3)\n\nfc(1)", options=("--set", "a=1", "--max-layers", "3"))
    assert first.mended == Spec("fc(2)")
    assert second.spec == Spec('import "a.arch"', (("a.arch", "block a { relu }"),))
    assert second.mended == Spec('import "a.arch"', (("a.arch", "block b { relu }"),))


def test_dots_stand_for_lines_with_their_numbers_counted_up() -> None:
    assert filled("let a1 = 7\n...\nlet a3 = 7\nrelu") == "let a1 = 7\nlet a2 = 7\nlet a3 = 7\nrelu\n"
    assert filled("b9 { b10 }\n...\nb11 { b12 }") == "b9 { b10 }\nb10 { b11 }\nb11 { b12 }\n"
    assert filled("relu") == "relu\n"
    spec = Spec("relu", (("1.arch ... 3.arch", "block b1 { fc(11) }"),))
    assert spec.contents()["3.arch"] == "block b3 { fc(11) }\n"
    with pytest.raises(AssertionError):
        filled("relu 1\n...\ntanh 3")
