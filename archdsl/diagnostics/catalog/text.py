"""The words for faults of the text itself: its bytes, its signs, its grammar."""

from __future__ import annotations

from archdsl.diagnostics.catalog.entry import Wording, code


@code("file-too-large")
def file_too_large(limit: int) -> Wording:
    """A file is larger than 1 MiB.

    A network is a page of text. A file so large was most often written by a program that wrote each layer out, or is no
    spec at all: a checkpoint, or a data set, given by mistake. Write what repeats with `repeat`, `for` and `block`.

    Example:
        input(3, 32, 32)
        conv(64, 3, p1) relu  # layer 1
        ...
        conv(64, 3, p1) relu  # layer 32000

    Mended:
        input(3, 32, 32)
        repeat(32000) { conv(64, 3, p1) relu }
    """
    return Wording(
        f"the file is larger than {limit:,} bytes", "too large", ("write what repeats with `repeat`, `for` or `block`",)
    )


@code("not-utf-8")
def not_utf_8(byte: int) -> Wording:
    r"""The file is not text in UTF-8: the byte shown belongs to no character.

    Old editors save accents and symbols in another encoding, Latin-1 for instance, where `é` is the one byte 0xe9. Save
    the file as UTF-8. Where many such bytes are found, the file may be no text at all: a checkpoint, or a picture.

    Example, escaped:
        # The network of a caf\xe9.
        input(1, 28, 28)
        conv(6, 5)

    Mended:
        # The network of a café.
        input(1, 28, 28)
        conv(6, 5)
    """
    return Wording(f"the byte 0x{byte:02x} is not UTF-8", "not text", ("save the file in the encoding UTF-8",))


@code("forbidden-character")
def forbidden_character(codepoint: int) -> Wording:
    r"""A control character, or a mark without width or of writing direction, stands in the text.

    Such characters can't be seen, and can make a text read otherwise than it is, so none may stand anywhere, comments
    included. They come in with text that is copied from web pages, chats and PDF files.

    Example, escaped:
        input(1, 28, 28)
        conv(6,\xe2\x80\x8b 5)

    Mended:
        input(1, 28, 28)
        conv(6, 5)
    """
    return Wording(f"the invisible character U+{codepoint:04X} may not stand here", "invisible", ("delete it",))


@code("malformed-number")
def malformed_number(text: str, mend: str | None) -> Wording:
    """A word begins like a number and is none.

    Whole numbers have no leading zeros and no `_`; decimals have digits on both sides of the point: `0.5` and `1.0`,
    not `.5` and `1.`. A pair of height and width is a tuple: `(3, 3)`, not `3x3`. In a flag the letter comes first:
    `s2`.

    Example:
        input(1, 28, 28)
        conv(6, 5x5)

    Mended:
        input(1, 28, 28)
        conv(6, (5, 5))

    Example:
        input(1, 28, 28)
        dropout(.5)

    Mended:
        input(1, 28, 28)
        dropout(0.5)
    """
    help = (f"write {mend}",) if mend else ("numbers look like 12, 0.5, 1e-4", "a name begins with a letter")
    return Wording(f"`{text}` is not a number", "not a number", help)


@code("number-too-large")
def number_too_large(limit: int | None) -> Wording:
    """A whole number is beyond 2^53, or a decimal beyond what can be held.

    No network needs such a number: a digit too many, or two numbers with no comma between them. Whole numbers up to
    2^53 are those that a decimal holds exactly, so that none is ever rounded unseen.

    Example:
        input(3, 224, 224)
        conv(64000000000000000000, 3)

    Mended:
        input(3, 224, 224)
        conv(64, 3)
    """
    size = f"whole numbers go up to {limit:,}" if limit else "decimals must be finite"
    return Wording("the number is too large", "too large", notes=(size,))


@code("nested-too-deeply")
def nested_too_deeply(limit: int, what: str) -> Wording:
    """Braces, parentheses, tuples or modules stand more than a hundred deep in each other, or bodies more than 500.

    Nobody writes such depth by hand. A program that writes specs does, or blocks that each wrap the one before. Let a
    chain go on instead of going deeper: `repeat` and `for` put their layers one behind the other.

    Example:
        let a1 = (1,)
        let a2 = (a1,)
        ...
        let a102 = (a101,)
        input(1, 28, 28)
        flatten fc(10)

    Mended:
        input(1, 28, 28)
        flatten fc(10)
    """
    name = "braces and parentheses" if what == "text" else what
    return Wording(f"{name} are nested more than {limit} deep", "one level too many")


@code("unclosed")
def unclosed(opener: str, closer: str, before: str) -> Wording:
    """A brace or parenthesis is opened and never closed.

    Where the closer was missed is judged by the lines: what begins at or left of the opener's line is not inside. So a
    file that is indented as it is meant gets the better message.

    Example:
        input(1, 28, 28)
        stem: {
          conv(6, 5)
          relu
        flatten fc(10)

    Mended:
        input(1, 28, 28)
        stem: {
          conv(6, 5)
          relu
        }
        flatten fc(10)
    """
    return Wording(f"`{opener}` is never closed", "opened here", (f"a `{closer}` is missing before {before}",))


@code("unopened")
def unopened(closer: str, opener: str) -> Wording:
    """A brace or parenthesis is closed that was never opened.

    Most often a body was closed already, or one was deleted with its opening brace.

    Example:
        input(1, 28, 28)
        repeat(2) { conv(6, 5) relu } }
        flatten fc(10)

    Mended:
        input(1, 28, 28)
        repeat(2) { conv(6, 5) relu }
        flatten fc(10)
    """
    return Wording(f"`{closer}` closes nothing", "nothing is open", (f"delete it, or open it with `{opener}`",))


@code("wrong-closer")
def wrong_closer(closer: str, wanted: str) -> Wording:
    """What was opened last is closed by the other kind of bracket.

    Arguments and tuples stand in parentheses, bodies in braces.

    Example:
        input(1, 28, 28)
        conv(6, 5} relu

    Mended:
        input(1, 28, 28)
        conv(6, 5) relu
    """
    return Wording(f"`{closer}` stands where `{wanted}` must close", f"should be `{wanted}`")


_STRAYS = {
    "[": "a tuple is written in parentheses: (1, 2)",
    "]": "a tuple is written in parentheses: (1, 2)",
    ";": "delete it: items need no separator",
    ":": "delete it",
    "&&": "write `and`",
    "&": "write `and`",
    "||": "write `or`",
    "!": "write `not`",
    "@": "a block is defined by `block name { ... }`",
    ",": "delete it: items follow each other without a comma, as in `conv(64, 3) relu`",
    "**": "there is no power: multiply",
    "^": "there is no power: multiply",
    ".": "there are no dots in names: the layers of a block are not reached from outside",
    "'": "text stands in double quotes, and only as the path of an import",
    '"': 'text ends on its line, and stands only as the path of an import: `import "blocks.arch"`',
    "\\": "delete it: a line may end anywhere",
    "+": "delete it: a number has no plus sign",
    "$": "delete it: a name is written without a sign",
}
_COMMENTS = ("//", "/*", "--", "%", '"""', "<!--")
_ARROW = "delete it: items follow each other without a sign, as in `conv(64, 3) relu`"
_PLACES = {
    "call": "arguments stand in parentheses: `conv(64, 3)`",
    "value": "a tuple is written in parentheses: `(1, 2)`",
    "body": "a body stands in braces: `seq { a b }`, `concat { a | b }`",
    "item": "a chain stands in braces, and needs a name or `seq`: `stem: { ... }`, `seq { ... }`",
}


@code("stray-character")
def stray_character(text: str, meant: str | None = None, place: str = "item") -> Wording:
    """A sign that is no part of the language.

    It came over from another one: `;` or `->` between layers, `[3, 3]` for a pair, `**` for a power, `&&` for `and`.
    Items stand one after the other with nothing between them; the help says what takes the place of the sign.

    Example:
        input(1, 28, 28)
        conv(6, 5) -> relu -> flatten

    Mended:
        input(1, 28, 28)
        conv(6, 5) relu flatten

    Example:
        input(1, 28, 28)
        conv(6, [5, 3])

    Mended:
        input(1, 28, 28)
        conv(6, (5, 3))
    """
    shown = f"`{text}`" if text.isprintable() and not text.isspace() else f"the character U+{ord(text[0]):04X}"
    return Wording(f"{shown} is not part of the language", "not understood", _mend_of_stray(text, meant, place))


def _mend_of_stray(text: str, meant: str | None, place: str) -> tuple[str, ...]:
    """What to write instead of a sign."""
    if text in _COMMENTS:
        return ("a comment begins with `#`",)
    if text == "[" and place == "index":
        return (f"the values of a tuple have names: write `(a, b)` where `{meant}` is named, and `a` or `b` here",)
    if text == "[" and place == "index of a let":
        return (f"give each value its own `let`, or go over all of them: `for a in {meant} {{ ... }}`",)
    if text == "[":
        return (_PLACES[place],)
    if place == "power":
        return (f"there is no power: write `{meant}`" if meant else _STRAYS["**"],)
    if place == "join":
        return ("branches are parted by `|`: write `|`",)
    if place == "mark":
        return ("delete it: items need no sign in front",)
    if meant == "" and text in ("&", "&&"):
        return (_ARROW,)
    if meant == "" and not text.isascii():
        return (
            _ARROW if text.isprintable() and not text.isspace() else "delete it: only spaces and line ends part words",
        )
    if meant == "" and text in ("->", "=>", ">>", "|>", ">", "-->", "==>"):
        return (_ARROW,)
    if not meant and text in ("->", "=>", ">>"):
        return ("there are no arrows: sizes that come in are known, and are not written",)
    if meant == " ":
        return ("write a plain space",)
    if meant:
        return (f"write `{meant}`",)
    if text in ("'", '"'):
        return (_STRAYS[text],)
    if text and set(text) <= set(_QUOTES):
        return (_STRAYS["'"],)
    known = _STRAYS.get(text) or _STRAYS.get(text[:1])
    return (known,) if known else ()


_QUOTES = "'\"`\u2018\u2019\u201c\u201d\u00ab\u00bb"


@code("missing-comma")
def missing_comma(before: str, found: str, named: str | None) -> Wording:
    """Two values stand next to each other where a comma must part them.

    Layers need no comma between them; arguments and the values of a tuple do.

    Example:
        input(1, 28, 28)
        conv(6, 5 s2)

    Mended:
        input(1, 28, 28)
        conv(6, 5, s2)
    """
    help = (f"write `{named}`, or `{before}, {found}`" if named else f"write `{before}, {found}`",)
    return Wording(f"a comma is missing before `{found}`", "expected `,`", help)


@code("missing-parentheses")
def missing_parentheses(value: str, mend: str) -> Wording:
    """An argument stands behind a word without parentheses.

    Without them the number would be an item of the chain, and a number is no layer.

    Example:
        input(784)
        fc 10

    Mended:
        input(784)
        fc(10)
    """
    return Wording(f"`{value}` stands outside of parentheses", "an argument?", (f"write `{mend}`",))


@code("keyword-as-name")
def keyword_as_name(word: str) -> Wording:
    """A keyword stands where a name must: import let block for in if else and or not true false.

    The grammar needs these words for itself, everywhere. Words of layers are none of them: `conv` and `relu` may be
    names of values and labels.

    Example:
        input(1, 28, 28)
        in: conv(6, 5)

    Mended:
        input(1, 28, 28)
        entry: conv(6, 5)
    """
    return Wording(f"`{word}` is a keyword, and no name", "a name is needed here", ("choose another name",))


@code("chained-comparison")
def chained_comparison(operator: str) -> Wording:
    """Two comparisons follow each other.

    In mathematics and in Python `a < b < c` means that both hold; in C it compares a truth with a number. Here the two
    are written out.

    Example:
        let depth = 3
        input(1, 28, 28)
        if 1 < depth < 5 { conv(6, 5) } else { conv(6, 3) }

    Mended:
        let depth = 3
        input(1, 28, 28)
        if 1 < depth and depth < 5 { conv(6, 5) } else { conv(6, 3) }
    """
    return Wording(f"a second comparison `{operator}` follows the first", "not chained", ("write `a < b and b < c`",))


@code("assignment-for-comparison")
def assignment_for_comparison() -> Wording:
    """`=` stands in a condition, where two values are compared.

    `=` gives a name its value, in a `let` and among arguments; `==` compares.

    Example:
        let depth = 3
        input(1, 28, 28)
        if depth = 3 { conv(6, 5) } else { conv(6, 3) }

    Mended:
        let depth = 3
        input(1, 28, 28)
        if depth == 3 { conv(6, 5) } else { conv(6, 3) }
    """
    return Wording("`=` does not compare", "gives a name a value", ("write `==`",))


@code("missing-let")
def missing_let(name: str) -> Wording:
    """A name is given a value without `let`.

    Only numbers, truths and tuples have names like this. Layers do not: they are not assigned, as they are in torch,
    but written in the order in which the data goes through them.

    Example:
        width = 6
        input(1, 28, 28)
        conv(width, 5)

    Mended:
        let width = 6
        input(1, 28, 28)
        conv(width, 5)
    """
    return Wording(f"`{name}` is given a value without `let`", "a new name?", (f"write `let {name} = ...`",))


@code("bar-at-the-edge")
def bar_at_the_edge() -> Wording:
    """A bar has no branch on one of its sides.

    A bar parts two branches, so none stands before the first or after the last, nor two together. A branch that gives
    its input as it is, is written `identity`.

    Example:
        input(16, 28, 28)
        add { conv(16, 3, p1) | }

    Mended:
        input(16, 28, 28)
        add { conv(16, 3, p1) | identity }
    """
    return Wording(
        "a branch is empty beside this `|`",
        "nothing to one side",
        ("delete the bar, or write `identity` for the input itself",),
    )


@code("text-as-value")
def text_as_value(text: str, as_item: bool = False) -> Wording:
    """Text in quotes stands where a value must.

    There is no text in the language but the path of an import. What Keras and torch take as text is a bare word here:
    `same` for `padding="same"`, `bilinear` for `mode="bilinear"`; and an activation is a layer of its own.

    Example:
        input(1, 28, 28)
        conv(6, 5, "same")

    Mended:
        input(1, 28, 28)
        conv(6, 5, same)
    """
    inside = text[1:-1].strip()
    if as_item:
        return Wording(f"{text} is text, and text is no item", "not an item", ("a comment begins with `#`",))
    help = "write a bare word: same, ceil, nearest"
    if inside.replace(".", "", 1).isdecimal():
        help = f"write `{inside}`, without quotes"
    elif inside.isidentifier():
        help = f"if it is a flag, write `{inside}`; there are no values of text"
    return Wording(f"{text} is text, and text is no value", "not a value", (help,))


@code("block-inside")
def block_inside() -> Wording:
    """A block is defined inside a body.

    Blocks are defined at file level, before or after their use, and seen in the whole file.

    Example:
        input(1, 28, 28)
        stem: {
          block unit { conv(6, 5) relu }
          unit
        }

    Mended:
        block unit { conv(6, 5) relu }
        input(1, 28, 28)
        stem: {
          unit
        }
    """
    return Wording(
        "a block is defined inside a body",
        "not at file level",
        ("move it to the file level, and call it by its name here",),
    )


@code("import-inside")
def import_inside() -> Wording:
    """An import stands inside a body.

    It takes the names of another file into the whole of this one, so it stands at the top.

    Example:
        input(1, 28, 28)
        stem: { import "blocks.arch" unit }

    Example, blocks.arch:
        block unit { conv(6, 5) relu }

    Mended:
        import "blocks.arch"
        input(1, 28, 28)
        stem: { unit }
    """
    return Wording("an import stands inside a body", "not at file level", ("move it to the top of the file",))


@code("else-without-if")
def else_without_if() -> Wording:
    """An `else` follows no `if`.

    It stands right behind the closing brace of an `if` or `else if`, and once.

    Example:
        let deep = true
        input(1, 28, 28)
        if deep { conv(6, 5) } relu
        else { conv(6, 3) }

    Mended:
        let deep = true
        input(1, 28, 28)
        if deep { conv(6, 5) relu }
        else { conv(6, 3) }
    """
    return Wording("`else` belongs to no `if`", "no `if` before it", ("write `if condition { ... } else { ... }`",))


@code("missing-braces")
def missing_braces(keyword: str, found: str) -> Wording:
    """The chain of a `for`, `if`, `else`, `block` or label stands in no braces.

    Neither a colon nor the indentation makes a body, as they do in Python.

    Example:
        input(1, 28, 28)
        for width in (6, 16):
          conv(width, 5) relu

    Mended:
        input(1, 28, 28)
        for width in (6, 16) {
          conv(width, 5) relu
        }
    """
    found = "..." if "\n" in found else found
    return Wording(f"the body of `{keyword}` needs braces", "expected `{`", (f"write `{{ {found} }}`",))


@code("import-path")
def import_path(mend: str | None) -> Wording:
    """An import names no file in double quotes.

    What follows `import` is the path of a file, from the folder of the file that imports; a name alone, as in Python,
    is none.

    Example:
        import blocks
        input(1, 28, 28)
        unit

    Example, blocks.arch:
        block unit { conv(6, 5) relu }

    Mended:
        import "blocks.arch"
        input(1, 28, 28)
        unit
    """
    help = f"write `import {mend}`" if mend else "delete it: the layers are part of the language"
    return Wording("an import needs a path in double quotes", "not a path", (help,))


@code("unexpected")
def unexpected(found: str, expected: str, after: str | None) -> Wording:
    """A word or sign does not fit where it stands.

    No likelier mistake was seen behind it. The label says what would have fitted there.

    Example:
        input(1, 28, 28)
        conv(6, 5, pad=)

    Mended:
        input(1, 28, 28)
        conv(6, 5, pad=2)
    """
    place = f" after `{after}`" if after else ""
    return Wording(f"`{found}` does not fit{place}", f"expected {expected}")


@code("unfinished")
def unfinished(after: str, expected: str) -> Wording:
    """The text ends in the middle of a statement.

    The rest was not written yet, or was deleted; the label says what may follow.

    Example:
        input(1, 28, 28)
        conv(6, 5)
        let width =

    Mended:
        let width = 6
        input(1, 28, 28)
        conv(width, 5)
    """
    return Wording(f"something is missing after `{after}`", f"expected {expected} after it")
