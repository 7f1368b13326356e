"""A program as text. Where lines end is said here; the spaces are the formatter's."""

from __future__ import annotations

from archdsl.from_torch.terms import (
    Argument,
    Block,
    Call,
    Expression,
    For,
    If,
    Join,
    Label,
    Program,
    Repeat,
    Term,
    Terms,
    Value,
)
from archdsl.layers import LAYERS
from archdsl.layers.base import REQUIRED
from archdsl.shapes import Shape
from archdsl.source import Source
from archdsl.syntax.format import formatted

WIDTH = 96
"""How long a line may get; the formatter breaks those of more than 100 characters, where no reader would."""

_BEGINS_A_LINE = ("conv", "conv_transpose", "fc", "global_avgpool", "global_pool", "adaptive_avgpool")


def write(program: Program, input: Shape, comment: tuple[str, ...] = ()) -> str:
    """The text of a program, in the canonical layout."""
    lines = [f"# {line}" for line in comment]
    for block in program.blocks:
        lines += _block(block)
    lines += [*([""] if program.blocks else []), f"input({', '.join(map(str, input))})", *chain_lines(program.chain)]
    source = Source("<text>", "\n".join(lines) + "\n")
    text, found = formatted(source)
    assert text is not None, (found, source.text)
    return text


def _block(block: Block) -> list[str]:
    parameters = ", ".join(
        each.name if each.default is REQUIRED else f"{each.name}={value_text(each.default)}"
        for each in block.parameters
    )
    head = f"block {block.name}({parameters})" if parameters else f"block {block.name}"
    return _with_body(head, block.body)


def value_text(value: Value) -> str:
    if isinstance(value, Expression):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"({', '.join(map(value_text, value))}{',' if len(value) == 1 else ''})"
    return repr(value)


def chain_lines(terms: Terms) -> list[str]:
    """A chain as lines: what belongs to a convolution stands beside it, a body of several lines alone."""
    lines: list[str] = []
    open_line = False
    for term in terms:
        new = _term(term)
        follows = isinstance(term, Call) and not term.is_block and term.word not in _BEGINS_A_LINE
        fits = open_line and len(new) == 1 and len(lines[-1]) + 1 + len(new[0]) <= WIDTH
        if fits and (follows or (len(terms) < 4 and len(lines) == 1 and "{" not in lines[-1] + new[0])):
            lines[-1] += f" {new[0]}"
        else:
            lines += new
            open_line = len(new) == 1 and isinstance(term, Call)
    if len(lines) > 1 and all("{" not in line for line in lines) and len(" ".join(lines)) <= 72:
        return [" ".join(lines)]
    return lines


def _term(term: Term) -> list[str]:
    if isinstance(term, Call):
        return [_call(term)]
    if isinstance(term, Label):
        if len(term.body) == 1 and isinstance(term.body[0], Call | Join):
            first, *others = _term(term.body[0])
            return [f"{term.label}: {first}", *others]
        return _with_body(f"{term.label}:", term.body)
    if isinstance(term, Repeat):
        return chain_lines(term.body) if term.count == 1 else _with_body(f"repeat({value_text(term.count)})", term.body)
    if isinstance(term, For):
        return _for(term)
    if isinstance(term, If):
        return _if(term)
    return _join(term)


def _with_body(head: str, body: Terms) -> list[str]:
    lines = chain_lines(body)
    if len(lines) == 1 and len(head) + len(lines[0]) + 5 <= WIDTH:
        return [f"{head} {{ {lines[0]} }}"]
    return [f"{head} {{", *_indented(lines), "}"]


def _indented(lines: list[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _for(term: For) -> list[str]:
    names = term.names[0] if len(term.names) == 1 else f"({', '.join(term.names)})"
    rows = value_text(term.rows)
    head = f"for {names} in {rows}"
    if len(head) <= WIDTH - 2 or not isinstance(term.rows, tuple) or isinstance(term.rows, Expression):
        return _with_body(head, term.body)
    if len(term.names) == 1:
        return [f"for {names} in {rows} {{", *_indented(chain_lines(term.body)), "}"]
    rows_lines = [f"  {value_text(row)}," for row in term.rows]
    return [f"for {names} in (", *rows_lines, ") {", *_indented(chain_lines(term.body)), "}"]


def _if(term: If) -> list[str]:
    lines = _with_body(f"if {value_text(term.condition)}", term.body)
    if not term.other:
        return lines
    other = _with_body("else", term.other)
    if len(lines) == 1 and len(other) == 1:
        return [*lines, *other]
    return [f"if {value_text(term.condition)} {{", *_indented(chain_lines(term.body)), "} else {",
            *_indented(chain_lines(term.other)), "}"]  # fmt: skip


def _join(term: Join) -> list[str]:
    branches = [chain_lines(branch) for branch in term.branches]
    if all(len(branch) == 1 for branch in branches):
        line = f"{term.word} {{ {' | '.join(branch[0] for branch in branches)} }}"
        if len(line) <= WIDTH - 16:
            return [line]
    lines = []
    for place, branch in enumerate(branches):
        first = "    " if place == 0 else "  | "
        lines += [f"{first if row == 0 else '    '}{line}" for row, line in enumerate(branch)]
    return [f"{term.word} {{", *lines, "}"]


def _call(call: Call) -> str:
    shown = call.shown()
    texts = _block_arguments(shown) if call.is_block else _layer_arguments(call, shown)
    return f"{call.word}({', '.join(texts)})" if texts else call.word


def _block_arguments(shown: list[Argument]) -> list[str]:
    return [
        value_text(each.value) if each.default is REQUIRED else f"{each.name}={value_text(each.value)}"
        for each in shown
    ]


def _layer_arguments(call: Call, shown: list[Argument]) -> list[str]:
    word = LAYERS[call.word]
    if call.word == "zero_pad" and len(shown) > 1:
        return [value_text(each.value) for each in call.arguments]
    texts: list[str] = []
    place = 0
    in_order = True
    for each in shown:
        field = word.fields_by_name[each.name]
        text = value_text(each.value)
        number = isinstance(each.value, int) and not isinstance(each.value, bool)
        in_order = in_order and place < len(word.fields) and word.fields[place].name == each.name and field.positional
        if field.kind == "flag":
            texts.append(each.name if each.value is True else f"{each.name}={text}")
        elif in_order and (field.required or not field.letter or call.word in ("pool", "avgpool")):
            if call.word in ("pool", "avgpool") and field.name == "pad" and number:
                texts.append(f"{field.letter}{text}")
                in_order = False
            else:
                texts.append(text)
            place += 1
            continue
        elif field.letter:
            texts.append(f"{field.letter}{text}" if number else f"{field.letter}={text}")
        else:
            texts.append(f"{each.name}={text}")
        in_order = False
    # A flag goes before none that has a value, as people write it.
    return texts
