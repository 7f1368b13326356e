"""What people bring from other languages, cut as they mean it: comments, quoted text, dotted names, whole files.

Used where a text does not parse. The grammar cuts `nn.ReLU` in three and `'same'` in three, each of them a mistake
of its own; here each is one token, and one mistake.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from archdsl.diagnostics.catalog import diagnose
from archdsl.diagnostics.diagnostic import Diagnostic, Edit, Fix
from archdsl.source import Source, Span
from archdsl.syntax.tokens import Token

_QUOTES = "'`\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u00ab\u00bb\u300c\u300d"

_WHOLE = re.compile(
    r"""(?P<ours>\#[^\n]*|"[^"\r\n]*"(?!"))"""
    r'''|(?P<comment>/\*.{0,2000}?\*/|""".{0,2000}?"""|<!--.{0,2000}?-->|//[^\r\n]*'''
    r"|(?m:^(?<=\n)[ \t]*)(?:--|%)[^\r\n]*)"
    r'|(?P<unended>"[^"\r\n]*)'
    rf"|(?P<text>[{_QUOTES}][^{_QUOTES}\"\r\n]*[{_QUOTES}])"
    r"|(?P<name>[^\W\d]\w*(?:\.[^\W\d]\w*)*)",
    re.DOTALL,
)

_IMPORT = re.compile(r"(?:^|\s)import\s*\Z")

# Signs that stand for others: typed in another script, or set by a program that makes text pretty.
_SIGNS = dict(
    zip(
        "\u00d7\u2715\u00b7\u22c5\u2217\u00f7\u2215\u2212\u2013\u2014\u2010\u2011\u3001\u3002\u3010\u3011\u2223",
        "*****//-----,.[]|",
        strict=True,
    )
) | {"\u2260": "!=", "\u2264": "<=", "\u2265": ">=", "\u2192": "->", "\u21d2": "=>", "\u279c": "->"}


def plain(text: str) -> str:
    """The text in ASCII, where its characters only look otherwise: full width, or another dash."""
    return unicodedata.normalize("NFKC", "".join(_SIGNS.get(each, each) for each in text))


def whole_tokens(source: Source, tokens: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens, with what other languages have as one token in one, and what is said of it in any case.

    A comment of another language becomes a stray, quoted text a STRING, a dotted name a NAME. What is found here is
    said unless the checker, which knows what was meant, says it better.
    """
    ends = {token.end: token for token in tokens}
    wholes: list[Token] = []
    found: list[Diagnostic] = []
    for match in _WHOLE.finditer(source.text):
        kind = match.lastgroup
        text = match.group().lstrip()
        start, end = match.end() - len(text), match.end()
        if (kind == "comment" and _is_comment(source, text, start, ends)) or kind == "unended":
            wholes.append(Token("STRAY", text, start, end))
        elif kind == "text":
            wholes.append(Token("STRING", text, start, end))
            if _IMPORT.search(source.text, max(0, start - 100), start):
                mend = f'"{text[1:-1]}"'
                path = diagnose("import-path", Span(source, start, end), mend=mend)
                found.append(path._replace(fix=Fix(path.help[0], (Edit(path.primary.span, mend),))))
        elif kind == "name" and not (text.isascii() and "." not in text):
            wholes.append(Token("NAME", text, start, end))
            code = "dotted-name" if "." in text else "malformed-name"
            found.append(diagnose(code, Span(source, start, end), text=text, mend=mended_name(text)))
    return list(_joined(tokens, wholes)), found


def _is_comment(source: Source, text: str, start: int, ends: dict[int, Token]) -> bool:
    """Whether signs that may be operators begin a comment: `//` behind a whole item, `--` on a line of its own."""
    if not text.startswith("//"):
        return text.startswith(("/*", '"""', "<!--")) or len(text.split()) > 1
    at = start
    while at and source.text[at - 1].isspace():
        at -= 1
    if _closes_before(source, text, start):
        return False
    before = ends.get(at)
    # `10 // groups` is a division, and `10 // the groups` is none.
    return (before is None or before.type not in ("NUMBER", "NAME", "RPAR")) or not re.fullmatch(
        r"//\s*(?:[\d(].*|[\w.]+\s*(?:[-+*/%),{|].*)?)", text
    )


def _closes_before(source: Source, text: str, start: int) -> bool:
    """Whether a text closes a parenthesis that its line opened before it, as no comment does."""
    line = source.text[source.text.rfind("\n", 0, start) + 1 : start]
    return line.count("(") > line.count(")") and text.count(")") > text.count("(")


def _joined(tokens: list[Token], wholes: list[Token]) -> Iterator[Token]:
    """The tokens, those inside of a whole one left out; of strays cut through, the parts outside are kept."""
    rest = iter([*wholes, Token("$END", "", 1 << 62, 1 << 62)])
    whole = next(rest)
    covered = 0
    for token in tokens:
        start = max(token.start, covered)
        while whole.start < token.end:
            if start < whole.start:
                yield from _apart(token, start, whole.start)
            yield whole
            start = covered = whole.end
            whole = next(rest)
        if start < token.end:
            yield from _apart(token, start, token.end)


def _apart(token: Token, start: int, end: int) -> Iterator[Token]:
    """The part of a token from `start` to `end`; neighbouring strays are cut where a bracket or semicolon is."""
    text = token.text[start - token.start : end - token.start]
    if token.type != "STRAY":
        yield Token(token.type, text, start, end)
        return
    for match in re.finditer(r"[\[\];]|[^\[\];]+", text):
        yield Token("STRAY", match.group(), start + match.start(), start + match.end())


def mended_name(text: str) -> str | None:
    """A name near the text that the language has: `block-1` gives `block_1`; None where nothing is left."""
    letters = "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))
    name = re.sub(r"[^A-Za-z0-9_]+", "_", letters).strip("_")
    return name if name and not name[0].isdigit() and len(name) * 2 > len(text) else None


_FILES = (
    ("a Darknet cfg", r"^\[(?:net|network|convolutional|maxpool|connected|shortcut|route|yolo|avgpool)\]"),
    (
        "Python",
        r"^(?:from +[\w.]+ +import\b|import +(?:torch|tensorflow|keras|numpy|torchvision|timm|jax|flax)\b"
        r"|class +\w+ *(?:\([^)\n]*\))? *:|def +\w+ *\([^\n]*: *$"
        r"|[\w.]+ *= *[\w.]*Sequential\(|model\.add\(.*\n+model\.add\()",
    ),
    ("a Caffe prototxt", r"^ *(?:type|bottom|top) *: *\""),
    ("YAML", r"^[\w ]+:[^\n{]*\n\s*- "),
    ("JSON", r"\A\s*[\[{]\s*[\"{]"),
    ("XML", r"\A\s*<(?:\?xml|!DOCTYPE|\w+[ >])"),
)
_OURS = re.compile(r"^(?:input *\(|block +\w+.*\{|let +\w+ *=)", re.MULTILINE)


def foreign_file(source: Source) -> Diagnostic | None:
    """A text that is a whole file of another kind: one error at the first line that tells so, and none for the rest."""
    if _OURS.search(source.text):
        return None
    for kind, pattern in _FILES:
        match = re.search(pattern, source.text, re.MULTILINE)
        if match is not None:
            start = match.end() - len(match.group().lstrip())
            line = source.text[start:].split("\n", 1)[0].rstrip()
            return diagnose("foreign-file", Span(source, start, start + len(line)), kind=kind)
    return None
