"""Words of other languages, and kinds of tokens, that explanations ask for."""

from __future__ import annotations

from archdsl.syntax.tokens import OPENERS

CLOSERS = {opener: closer for closer, opener in OPENERS.items()}

SIGNS = {"LBRACE": "{", "RBRACE": "}", "LPAR": "(", "RPAR": ")"}

OPERATORS = ("EQUAL", "COMPARE", "PLUS", "MINUS", "TIMES", "STRAY", "VBAR", "COMMA", "COLON")

VALUES = ("NAME", "NUMBER", "LPAR", "TRUE", "FALSE", "STRING", "MINUS", "NOT")


KEYWORDS_ELSEWHERE = {
    "elif": "else if",
    "elseif": "else if",
    "elsif": "else if",
    "while": "repeat(3) { ... }",
    "do": "repeat(3) { ... }",
    "foreach": "for c in (64, 128) { ... }",
    "switch": "if condition { ... } else { ... }",
    "case": "if condition { ... } else { ... }",
    "match": "if condition { ... } else { ... }",
    "unless": "if not condition { ... }",
    "def": "block name(parameter) { ... }",
    "define": "block name(parameter) { ... }",
    "function": "block name(parameter) { ... }",
    "func": "block name(parameter) { ... }",
    "fn": "block name(parameter) { ... }",
    "fun": "block name(parameter) { ... }",
    "class": "block name(parameter) { ... }",
    "struct": "block name(parameter) { ... }",
    "module": "block name(parameter) { ... }",
    "model": "block name(parameter) { ... }",
    "network": "block name(parameter) { ... }",
    "macro": "block name(parameter) { ... }",
    "const": "let",
    "var": "let",
    "val": "let",
    "local": "let",
    "set": "let",
    "int": "let",
    "float": "let",
    "auto": "let",
    "include": "import",
    "use": "import",
    "using": "import",
    "require": "import",
    "load": "import",
    "from": 'import "blocks.arch"',
    "return": "",
    "yield": "",
    "end": "}",
    "endif": "}",
    "endfor": "}",
    "begin": "{",
    "as": "",
    "with": "",
    "try": "",
    "print": "",
    "assert": "",
    "lambda": "block name(parameter) { ... }",
}

"""Words that begin a statement in other languages, with what is written here; "" where nothing is."""
