"""A checked spec to a file of Python source: imports, the modules that torch lacks, blocks, and the network."""

from __future__ import annotations

import ast
import inspect
import pkgutil
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath

from archdsl.checker.check import Checked
from archdsl.checker.expand import is_join
from archdsl.checker.patterns import names_of
from archdsl.checker.scope import BlockDefinition
from archdsl.checker.session import interpreter_for_checks
from archdsl.checker.values import make_divisible
from archdsl.diagnostics.render import visible
from archdsl.network import Network
from archdsl.python_source.expressions import (
    Mismatch,
    evaluate,
    literal,
    name,
    names_in,
    round_half_up,
    substitute,
    translate,
)
from archdsl.python_source.functions import (
    Frame,
    Function,
    Parameter,
    Place,
    Shared,
    Writer,
    entering_name,
    pattern_text,
)
from archdsl.python_source.layout import lines_of
from archdsl.python_source.listing import Statement, doc_of, words_of
from archdsl.python_source.names import Names
from archdsl.python_source.replay import Instance, Replay, Steps
from archdsl.python_source.torch_arguments import OWN_MODULES
from archdsl.shapes import Image
from archdsl.source import Source, Span
from archdsl.syntax import nodes

HELPERS: dict[str, Callable[..., object]] = {"make_divisible": make_divisible, "round_half_up": round_half_up}
"""The functions of the language that Python lacks."""

HEADS = "auxiliary_outputs"


@interpreter_for_checks()
def python_source(checked: Checked, network: Network, settings: Mapping[str, str] | None = None) -> str:
    """The source of a module that builds the network with torch alone, with the same keys in its state dict.

    Args:
        checked: the spec, and `network` what it gives.
        settings: what the spec was checked with, as it was written, to be told in the source.
    """
    assert checked.file is not None
    assert checked.module is not None
    names = Names([*OWN_MODULES, *HELPERS, HEADS])
    shared = Shared(names)
    main = names.take(PurePath(checked.source.name.replace("\\", "/")).stem)
    replay = Replay(checked.module, checked.file, network)
    header, header_end = comment_at_the_top(checked.source)
    blocks: list[list[str]] = []
    for definition, instances in in_order_of_calls(replay):
        comment = comment_above(definition)
        if definition.module.source is checked.source and definition.node.start <= header_end:
            comment = []
        for function in functions_of(shared, definition, instances):
            blocks.append([*comment, *function.lines])
            comment = []
    blocks.append([f"def {main}() -> nn.Sequential:", *body_of_network(shared, replay, network)])
    text = "\n".join(line for block in blocks for line in block)
    constants = [
        line
        for constant, value in shared.constants.items()
        if re.search(rf"\b{constant}\b", text)
        for line in lines_of(doc_of(literal(value)), 0, f"{constant} = ")
    ]
    helpers = [
        inspect.getsource(function).rstrip().splitlines()
        for each, function in HELPERS.items()
        if re.search(rf"\b{each}\(", text)
    ]
    modules = modules_used(text)
    everything = "\n".join([text, *(line for part in (*modules, *helpers) for line in part)])
    example = f"torch.zeros(1, {', '.join(map(str, network.input))})"
    parts = [
        docstring(checked.source.name, network, main, settings or {}, HEADS in everything),
        *([header] if header else []),
        imports(everything),
        *([constants] if constants else []),
    ]
    rest = [*modules, *helpers, *blocks, ['if __name__ == "__main__":', f"    print({main}().eval()({example}).shape)"]]
    top = "\n\n".join("\n".join(part) for part in parts)
    return "\n\n\n".join([top, *("\n".join(part) for part in rest)]) + "\n"


# The parts of the file


def docstring(spec: str, network: Network, main: str, settings: Mapping[str, str], heads: bool) -> list[str]:
    """What the module says of itself."""
    given = "".join(f", {each}={value}" for each, value in settings.items())
    cost = f"{network.cost.parameters:,} parameters"
    lines = [
        f'"""{in_docstring(spec + given)} as PyTorch, written by archdsl.',
        "",
        f"Takes batches of {network.input}, gives {network.output}, and has {cost}. The weights are random at first:",
        "",
        f"    model = {main}()",
        '    model.load_state_dict(torch.load("weights.pt", weights_only=True))',
    ]
    if heads:
        lines += [
            "",
            "In training, auxiliary heads run beside the network. Behind each step take what they gave:",
            "",
            "    loss = criterion(model(images), labels)",
            f"    for weight, output in {HEADS}(model):",
            "        loss = loss + weight * criterion(output, labels)",
        ]
    return [*lines, '"""']


def in_docstring(text: str) -> str:
    """Text that can't end a docstring, and stands on one line."""
    return visible(" ".join(text.split())).replace("\\", "\\\\").replace('"', '\\"')


def imports(text: str) -> list[str]:
    """The imports that the source needs."""

    def used(word: str) -> bool:
        return re.search(rf"\b{word}\b", text) is not None

    lines = [line for word, line in (("math", "import math"), ("Any", "from typing import Any")) if used(word)]
    lines += ["", "import torch"] if lines else ["import torch"]
    lines.append("from torch import Tensor, nn" if used("Tensor") else "from torch import nn")
    if used("functional"):
        lines.append("from torch.nn import functional")
    return lines


def modules_used(text: str) -> list[list[str]]:
    """The classes and functions of archdsl's own modules that the source uses, each as it stands there."""
    data = pkgutil.get_data("archdsl.backends", "pytorch_modules.py")
    assert data is not None
    whole = data.decode("utf-8")
    lines = whole.splitlines()
    found = []
    for node in ast.parse(whole).body:
        if not isinstance(node, ast.ClassDef | ast.FunctionDef):
            continue
        wanted = "Aux" if node.name == HEADS else node.name
        if re.search(rf"\b{wanted}\(", text):
            found.append(lines[node.lineno - 1 : node.end_lineno])
    return found


def comment_at_the_top(source: Source) -> tuple[list[str], int]:
    """The comment that a file begins with, and the offset behind it."""
    lines = []
    end = 0
    for line in source.text.splitlines(keepends=True):
        if not line.startswith("#"):
            break
        lines.append(in_comment(line))
        end += len(line)
    return lines, end


def comment_above(definition: BlockDefinition) -> list[str]:
    """The comment that stands directly above a block."""
    before = definition.module.source.text[: definition.node.start].splitlines()
    lines: list[str] = []
    while before and before[-1].startswith("#"):
        lines.insert(0, in_comment(before.pop()))
    return lines


def in_comment(line: str) -> str:
    """A comment of the spec as one of Python, on one line whatever is in it."""
    said = visible(" ".join(line.lstrip("#").split()))
    return f"# {said}" if said else "#"


# Functions


def in_order_of_calls(replay: Replay) -> list[tuple[BlockDefinition, list[Instance]]]:
    """The blocks that are called, each behind those that it calls, with their instances."""
    by_definition: dict[Span, list[Instance]] = {}
    for instance in replay.instances:
        by_definition.setdefault(instance.definition.span, []).append(instance)
    ordered: dict[Span, None] = {}

    def visit(span: Span) -> None:
        if span not in ordered:
            for callee in replay.calls.get(span, ()):
                visit(callee)
            ordered[span] = None

    for span in by_definition:
        visit(span)
    return [(by_definition[span][0].definition, by_definition[span]) for span in ordered]


def functions_of(shared: Shared, definition: BlockDefinition, instances: list[Instance]) -> list[Function]:
    """The functions that a block becomes: one, or one for each way in which its body comes out."""
    written: dict[tuple[str, ...], Function] = {}
    for kind in (Image, None):
        group = [each for each in instances if isinstance(each.entering, Image) == (kind is Image)]
        if not group:
            continue
        for part, function in parts_that_can_be_written(shared, definition, group):
            alike = tuple(function.lines)
            known = written.get(alike)
            if known is None:
                known = written[alike] = function._replace(name=shared.names.take(definition.name))
            for each in part:
                shared.functions[id(each)] = known
    return list(written.values())


def parts_that_can_be_written(
    shared: Shared, definition: BlockDefinition, instances: list[Instance]
) -> list[tuple[list[Instance], Function]]:
    """The instances in as few parts as there is one function for each, with these functions."""
    try:
        return [(instances, function_of(shared, definition, instances))]
    except Mismatch:
        if len(instances) == 1:
            raise
    alike: dict[object, list[Instance]] = {}
    for each in instances:
        alike.setdefault(form_of(shared, each.steps), []).append(each)
    groups = list(alike.values()) if len(alike) > 1 else [[each] for each in instances]
    return [part for group in groups for part in parts_that_can_be_written(shared, definition, group)]


def form_of(shared: Shared, steps: Steps) -> object:
    """What has to be the same in the expansions of a body for one text to stand for them, numbers left out."""
    return tuple(
        (
            step.arm,
            len(step.bodies),
            None if step.instance is None else shared.functions[id(step.instance)].name,
            tuple(form_of(shared, body) for body in step.bodies),
        )
        for step in steps
    )


def function_of(shared: Shared, definition: BlockDefinition, instances: list[Instance]) -> Function:
    """One function for instances of a block. Raises Mismatch where there is none."""
    node = definition.node
    entering = entering_name(instances[0].entering)
    writer = Writer(shared, [entering])
    frames: list[Frame] = [{entering: each.entering[0]} for each in instances]
    names: dict[str, ast.expr] = {}
    parameters = []
    for parameter in node.parameters:
        bound = names_of(parameter.pattern)
        for each in bound:
            local = writer.fresh(each.text)
            names[each.text] = name(local)
            for frame, instance in zip(frames, instances, strict=True):
                frame[local] = instance.parameters.names[each.text].value
        whole = text_of_name(names[bound[0].text])
        if not isinstance(parameter.pattern, nodes.Name):
            whole = writer.fresh("_and_".join(each.text for each in bound))
            for frame, instance in zip(frames, instances, strict=True):
                frame[whole] = instance.value_of(parameter.pattern)
        parameters.append(whole)
    originals = [dict(frame) for frame in frames]
    at = Place(frames, names, name(entering))
    columns = [each.steps for each in instances]
    chain = node.body.chains[0]
    returns = "nn.Sequential"
    if is_join(node.body):
        flow = None
        for index, item in enumerate(chain):
            steps = [column[index] for column in columns]
            if isinstance(item, nodes.Let):
                writer.let(item, steps, at)
                continue
            doc, flow = writer.module(steps, at)
            writer.add("return ", doc)
            assert isinstance(item, nodes.Layer)
            returns = item.word.text.capitalize()
    else:
        flow = writer.level_statement("return ", chain, columns, at, "layers")
    statements = writer.body()
    used = used_in(statements)
    unpacked = []
    kept = []
    for place, (parameter, whole) in enumerate(zip(node.parameters, parameters, strict=True)):
        pattern = parameter.pattern
        if not isinstance(pattern, nodes.Name) and any(
            text_of_name(names[each.text]) in used for each in names_of(pattern)
        ):
            unpacked.append(Statement(1, f"{pattern_text(pattern, names)} = ", whole, "", None, None))
            used.add(whole)
        if whole in used:
            values = [each.value_of(pattern) for each in instances]
            kept.append(Parameter(place, whole, annotation_of(values), default_of(parameter)))
    for index in reversed(range(len(kept))):
        # Behind a parameter with a default none may lack one.
        if any(each.default is None for each in kept[index:]):
            kept[index] = kept[index]._replace(default=None)
    enters = entering if entering in used else None
    known = {each.name for each in kept} | ({entering} if enters else set())
    leaves = [each.leaving[0] for each in instances]
    candidates = [flow, *reversed(writer.gave), *(name(each) for each in sorted(known))]
    for definition_of in reversed(writer.definitions.items()):
        candidates = [each and substitute(each, dict([definition_of])) for each in candidates]
    gives = next(
        (
            each
            for each in candidates
            if each is not None
            and names_in(each) <= known | set(shared.constants)
            and writer.gives(each, leaves, originals)
        ),
        None,
    )
    body = tuple(line for each in (*unpacked, *statements) for line in each.lines)
    return Function(definition.name, enters, tuple(kept), returns, gives, body)


def body_of_network(shared: Shared, replay: Replay, network: Network) -> list[str]:
    """The body of the function that builds the whole."""
    writer = Writer(shared, ())
    at = Place([{}], {}, literal(network.input[0]))
    writer.level_statement("return ", replay.chain, [replay.steps], at, "layers", apart=True)
    return [line for each in writer.body() for line in each.lines]


def used_in(statements: Sequence[Statement]) -> set[str]:
    """The words in statements."""
    used: set[str] = set()
    for each in statements:
        used |= words_of(each.doc) | set(re.findall(r"\w+", each.prefix + each.suffix))
    return used


def text_of_name(node: ast.expr) -> str:
    assert isinstance(node, ast.Name)
    return node.id


def default_of(parameter: nodes.Parameter) -> ast.expr | None:
    """The default of a parameter, where it is written out."""
    if parameter.default is None:
        return None
    try:
        node = translate(parameter.default, lambda _: None, None, lambda _: True)
        return literal(evaluate(node, {}))
    except Mismatch:
        return None


def annotation_of(values: Sequence[object]) -> str:
    """The type of a parameter with these values."""
    kinds = {type_of(value) for value in values}
    if kinds == {"int", "float"}:
        return "float"
    return " | ".join(sorted(kinds, key=lambda each: (len(each), each)))


def type_of(value: object) -> str:
    if isinstance(value, tuple):
        inner = [type_of(each) for each in value]
        if len(inner) > 3 and len(set(inner)) == 1:
            return f"tuple[{inner[0]}, ...]"
        return f"tuple[{', '.join(inner) or '()'}]"
    return type(value).__name__
