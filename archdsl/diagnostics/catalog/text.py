"""The words for faults of the text itself: its bytes, its signs, its grammar."""

from __future__ import annotations

from archdsl.diagnostics.catalog.entry import Wording, code


@code("file-too-large")
def file_too_large(limit: int) -> Wording:
    """A file is larger than 1 MiB. A network is a page of text; a larger file is a mistake or generated.

    Write what repeats with `repeat`, `for` and `block`.
    """
    return Wording(
        f"the file is larger than {limit:,} bytes", "too large", ("write what repeats with `repeat`, `for` or `block`",)
    )


@code("not-utf-8")
def not_utf_8(byte: int) -> Wording:
    """The file is not text in UTF-8: the byte shown belongs to no character."""
    return Wording(f"the byte 0x{byte:02x} is not UTF-8", "not text", ("save the file in the encoding UTF-8",))


@code("forbidden-character")
def forbidden_character(codepoint: int) -> Wording:
    """A control character, or a mark without width or of writing direction.

    They can't be seen, and can make a text read otherwise than it is, so none may stand anywhere, comments included.
    """
    return Wording(f"the invisible character U+{codepoint:04X} may not stand here", "invisible", ("delete it",))


@code("malformed-number")
def malformed_number(text: str, mend: str | None) -> Wording:
    """A word begins like a number and is none.

    Whole numbers have no leading zeros, decimals have digits on both sides of the point (`0.5`, `1.0`), a pair is
    written `(3, 3)`, and a name does not begin with a digit.
    """
    help = (f"write {mend}",) if mend else ("numbers look like 12, 0.5, 1e-4", "a name begins with a letter")
    return Wording(f"`{text}` is not a number", "not a number", help)


@code("number-too-large")
def number_too_large(limit: int | None) -> Wording:
    """A whole number is beyond 2^53, or a decimal beyond what can be held. No network needs such a number."""
    size = f"whole numbers go up to {limit:,}" if limit else "decimals must be finite"
    return Wording("the number is too large", "too large", notes=(size,))


@code("nested-too-deeply")
def nested_too_deeply(limit: int, what: str) -> Wording:
    """Braces, parentheses or modules stand more than a hundred deep in each other, or bodies more than 500."""
    name = "braces and parentheses" if what == "text" else what
    return Wording(f"{name} are nested more than {limit} deep", "one level too many")


@code("unclosed")
def unclosed(opener: str, closer: str, before: str) -> Wording:
    """A brace or parenthesis is opened and not closed.

    Where the closer was missed is judged by the lines: what begins at or left of the opener's line is not inside.
    """
    return Wording(f"`{opener}` is never closed", "opened here", (f"a `{closer}` is missing before {before}",))


@code("unopened")
def unopened(closer: str, opener: str) -> Wording:
    """A brace or parenthesis is closed that was never opened."""
    return Wording(f"`{closer}` closes nothing", "nothing is open", (f"delete it, or open it with `{opener}`",))


@code("wrong-closer")
def wrong_closer(closer: str, wanted: str) -> Wording:
    """What was opened last is closed by the other kind of bracket."""
    return Wording(f"`{closer}` stands where `{wanted}` must close", f"should be `{wanted}`")


_STRAYS = {
    "[": ("a tuple is written in parentheses: (1, 2)",),
    "]": ("a tuple is written in parentheses: (1, 2)",),
    ";": ("items need no separator; arguments are parted by `,`",),
    "->": ("items follow each other without an arrow: conv(64, 3) relu",),
    "=>": ("items follow each other without an arrow: conv(64, 3) relu",),
    ">>": ("items follow each other without an arrow: conv(64, 3) relu",),
    "&&": ("write `and`",),
    "&": ("write `and`",),
    "||": ("write `or`",),
    "!": ("write `not`",),
    "@": ("a block is defined by `block name { ... }`",),
    ",": ("items follow each other without a comma: conv(64, 3) relu",),
    "//": ("a comment begins with `#`",),
    "**": ("there is no power; multiply",),
    "^": ("there is no power; multiply",),
    ".": ("there are no dots in names: a block's layers are not reached from outside",),
    "'": ("there is no text but an import's path, in double quotes",),
    '"': ('there is no text but an import\'s path, on one line: import "blocks.arch"',),
}


@code("stray-character")
def stray_character(text: str) -> Wording:
    """A sign that is no part of the language."""
    help = _STRAYS.get(text) or _STRAYS.get(text[:1]) or ()
    shown = f"`{text}`" if text.isprintable() and not text.isspace() else f"the character U+{ord(text[0]):04X}"
    return Wording(f"{shown} is not part of the language", "not understood", help)


@code("missing-comma")
def missing_comma(before: str, found: str) -> Wording:
    """Two values stand next to each other where a comma must part them."""
    return Wording(f"a comma is missing before `{found}`", "expected `,`", (f"write `{before}, {found}`",))


@code("missing-parentheses")
def missing_parentheses(word: str, value: str) -> Wording:
    """Arguments stand in parentheses."""
    return Wording(f"`{value}` stands outside of parentheses", "an argument?", (f"write `{word}({value})`",))


@code("keyword-as-name")
def keyword_as_name(word: str) -> Wording:
    """A word of the grammar itself can't be a name: import let block for in if else and or not true false."""
    return Wording(f"`{word}` is a keyword, and no name", "a name is needed here", ("choose another name",))


@code("chained-comparison")
def chained_comparison(operator: str) -> Wording:
    """Comparisons are not chained: `a < b < c` could be read in two ways."""
    return Wording(f"a second comparison `{operator}` follows the first", "not chained", ("write `a < b and b < c`",))


@code("assignment-for-comparison")
def assignment_for_comparison() -> Wording:
    """`=` gives a name its value; two values are compared by `==`."""
    return Wording("`=` does not compare", "gives a name a value", ("write `==`",))


@code("missing-let")
def missing_let(name: str) -> Wording:
    """A name is given a value by `let`."""
    return Wording(f"`{name}` is given a value without `let`", "a new name?", (f"write `let {name} = ...`",))


@code("bar-at-the-edge")
def bar_at_the_edge() -> Wording:
    """A bar parts two branches, so none stands before the first or after the last, nor two together.

    A branch that gives its input as it is, is `identity`.
    """
    return Wording(
        "a branch is empty beside this `|`",
        "nothing to one side",
        ("delete the bar, or write `identity` for the input itself",),
    )


@code("text-as-value")
def text_as_value(text: str) -> Wording:
    """There are no text values; text is the path of an import alone."""
    return Wording(f"{text} is text, and text is no value", "not a value", ("write a bare word: same, ceil, nearest",))


@code("block-inside")
def block_inside() -> Wording:
    """A block is defined at file level, never in a body."""
    return Wording(
        "a block is defined inside a body",
        "not at file level",
        ("move it to the file level, and call it by its name here",),
    )


@code("import-inside")
def import_inside() -> Wording:
    """An import stands at the top of a file, never in a body."""
    return Wording("an import stands inside a body", "not at file level", ("move it to the top of the file",))


@code("else-without-if")
def else_without_if() -> Wording:
    """An `else` follows the closing brace of an `if`."""
    return Wording("`else` belongs to no `if`", "no `if` before it", ("write `if condition { ... } else { ... }`",))


@code("missing-braces")
def missing_braces(keyword: str, found: str) -> Wording:
    """The chain of `for`, `if`, `else` and `block` stands in braces."""
    return Wording(f"the body of `{keyword}` needs braces", "expected `{`", (f"write `{{ {found} ... }}`",))


@code("import-path")
def import_path() -> Wording:
    """An import names a file in double quotes."""
    return Wording("an import needs a path in double quotes", "not a path", ('write import "blocks.arch"',))


@code("unexpected")
def unexpected(found: str, expected: str, after: str | None) -> Wording:
    """A word or sign that does not fit where it stands."""
    place = f" after `{after}`" if after else ""
    return Wording(f"`{found}` does not fit{place}", f"expected {expected}")


@code("unfinished")
def unfinished(after: str, expected: str) -> Wording:
    """The text ends in the middle of a statement."""
    return Wording(f"something is missing after `{after}`", f"expected {expected} after it")
