"""A recipe as text: read, put under what the command line says, and refused in words that help.

All mistakes are told at once, a line each, with the line of the file and the key, or with the flag.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from numbers import Integral
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from archdsl.diagnostics.render import printable
from archdsl.errors import TrainingError
from archdsl.reader import reason_of
from archdsl.recipe.elsewhere import why_no_key
from archdsl.recipe.keys import FLAGS, SECTIONS, all_keys, in_words, meant_keys, near_keys, value_as_written
from archdsl.recipe.recipe import CHOICES, DEFAULT_CHOICES, Recipe
from archdsl.recipe.yaml_text import MOST_CHARACTERS, KeyPath, dotted, read_scalar, read_yaml, told_of

MOST_MISTAKES = 20
"""So many mistakes of a recipe are told, and the number of all others."""

DEFAULT = "default"
"""What `--recipe` is given in place of a file for a recipe without any key."""


class Override(NamedTuple):
    """A value that wins over the recipe's, and how the user calls it: `--lr`."""

    path: tuple[str, ...]
    value: Any
    flag: str


def read_overrides(
    settings: Sequence[str] = (), flags: Mapping[str, Any] | None = None, option: str = "--set-recipe"
) -> tuple[Override, ...]:
    """What a command line puts over a recipe.

    settings: each `--set-recipe`, as "optimizer.lr=0.05"; the value is read as it would be in a recipe.
    flags: the values of flags that are short for a key, by their names in `FLAGS`; None where one is not given.
    option: what stands for `--set-recipe` in messages.

    Raises TrainingError with a line for each that can't be meant: no such key, one given twice, no value.
    """
    found = {
        FLAGS[flag]: Override(tuple(FLAGS[flag].split(".")), value, flag)
        for flag, value in (flags or {}).items()
        if value is not None
    }
    wrong: list[str] = []
    for text in settings:
        key, equals, value = (part.strip() for part in text.partition("="))
        flag = f"{option} {key}"
        if not (key and equals and value):
            wrong.append(f"{option} takes KEY=VALUE, as optimizer.lr=0.05, not `{text}`")
        elif key in SECTIONS:
            first = next(path for path in all_keys() if path.startswith(f"{key}."))
            chosen = value.lower() if value.lower() in CHOICES.get(key, ()) else all_keys()[first].example
            wrong.append(f"{flag}: a section is set key by key, as {option} {first}={chosen}")
        elif key not in all_keys():
            close, why = meant_keys(key), why_no_key(key)
            close = close if close or why else near_keys(key)
            hint = f"did you mean {in_words(close[:3], 'or')}?" if close else why or "see `archdsl recipe explain`"
            wrong.append(f"{flag}: there is no such key; {hint}")
        elif key in found:
            before = found[key].flag
            wrong.append(f"{flag} is given twice" if before == flag else f"{before} and {flag} are one key; give one")
        else:
            try:
                found[key] = Override(tuple(key.split(".")), read_scalar(flag, value), flag)
            except TrainingError as error:
                wrong.append(str(error))
    if wrong:
        raise TrainingError("\n".join(printable(line) for line in wrong))
    return tuple(found.values())


def own_recipe(spec: str | Path) -> Path | None:
    """The recipe that lies beside a spec and is called as it is: `alexnet.yaml`, or `.yml`, beside `alexnet.arch`."""
    beside = (Path(spec).with_suffix(suffix) for suffix in (".yaml", ".yml"))
    return next((path for path in beside if path.is_file()), None)


def read_recipe(path: str | Path | None, overrides: tuple[Override, ...] = ()) -> Recipe:
    """Read a recipe and put the overrides over it; without a path, or by "default", over the default.

    Raises TrainingError with a line for each mistake, which names the file, the line and the key, or the flag.
    """
    if path is None or str(path) == DEFAULT:
        return check_recipe("the recipe", "", overrides)
    name = printable(str(path))
    try:
        with open(path, "rb") as file:
            content = file.read(4 * MOST_CHARACTERS + 1)
    except OSError as error:
        raise TrainingError(f"{name}: {reason_of(error)}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrainingError(f"{name}: {reason_of(error)}") from None
    return check_recipe(name, text, overrides)


def check_recipe(name: str, text: str, overrides: tuple[Override, ...] = ()) -> Recipe:
    """The recipe of a text, with the overrides over it. Raises TrainingError as `read_recipe` does."""
    document = read_yaml(name, text)
    values = {} if document.value is None else document.value
    if not isinstance(values, dict):
        raise TrainingError(f"{name}: a recipe is made of keys and values, as in `epochs: 10`")
    return _checked(name, values, document.lines, overrides)


def recipe_of_values(values: Mapping[str, Any]) -> Recipe:
    """The recipe of keys and values, sections in it: {"optimizer": {"lr": 0.05}}. Raises TrainingError."""
    return _checked("the recipe", _with_whole_numbers(values), None)


def _with_whole_numbers(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same, with Python's own whole numbers for those of numpy, of which a loop over an array of them is made."""
    plain = dict(values)
    for key, value in plain.items():
        if isinstance(value, Mapping):
            plain[key] = _with_whole_numbers(value)
        elif isinstance(value, Integral) and not isinstance(value, int):
            plain[key] = int(value)
    return plain


def _checked(
    name: str, values: dict[str, Any], lines: Mapping[KeyPath, int] | None, overrides: tuple[Override, ...] = ()
) -> Recipe:
    """The recipe of values; `lines` tells where each is written, None that they are written in no file."""
    flags: dict[KeyPath, str] = {}
    for override in overrides:
        section: Any = values
        for key in override.path[:-1]:
            section = section.setdefault(key, {}) if isinstance(section, dict) else None
        if isinstance(section, dict):  # Otherwise the check below says what is wrong with it.
            section[override.path[-1]] = override.value
        flags[override.path] = override.flag
    try:
        return Recipe.model_validate(values)
    except ValidationError as error:
        told: list[tuple[int, str]] = []
        for fault in error.errors():
            path, message = _explain(fault, values, flags)
            line = 0 if path in flags or lines is None else lines.get(path) or lines.get(path[:-1]) or 1
            place = flags.get(path) or f"{name}{f':{line}' if line else ''}: {dotted(path)}"
            told.append((line, told_of(place, message)))
        mistakes = list(dict.fromkeys(message for _, message in sorted(told, key=lambda each: each[0])))
        more = len(mistakes) - MOST_MISTAKES
        counted = [f"{name}: {more:,} more mistakes"] if more > 0 else []
        raise TrainingError("\n".join([*mistakes[:MOST_MISTAKES], *counted])) from None


def _explain(fault: Any, values: dict[str, Any], flags: Mapping[KeyPath, str]) -> tuple[KeyPath, str]:
    """The key at fault, and what is wrong with it."""
    path: KeyPath = tuple(fault["loc"])
    kind, facts, given = fault["type"], fault.get("ctx", {}), fault["input"]
    section = str(path[0]) if path else ""
    if section in CHOICES and len(path) > 1:
        path = (section, *path[2:])  # Behind it, pydantic names the class that was chosen.
    if kind == "extra_forbidden":
        return path, _no_such_key(path, values, flags)
    if kind == "union_tag_invalid":
        name = given.get("name") if isinstance(given, dict) else given
        close = difflib.get_close_matches(str(name), CHOICES[section], n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        return (*path, "name"), f"{_quoted(name)} is none of {', '.join(CHOICES[section])}{hint}"
    if kind == "value_error":
        return path, str(facts["error"])
    if path == (section,) and section in SECTIONS:
        return path, _no_section(section, given)
    wording = {
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
        "int_type": "must be a whole number",
        "int_from_float": "must be a whole number",
        "float_type": "must be a number",
        "finite_number": "must be a finite number",
        "bool_type": "must be true or false",
        "string_type": "must be text",
        "literal_error": "must be {expected}",
    }.get(kind)
    if wording is None:
        return path, str(fault["msg"])
    bounds = {key: f"{bound:g}" if isinstance(bound, float) else bound for key, bound in facts.items()}
    return path, f"{wording.format(**bounds)}, and is {_quoted(given)}"


def _no_such_key(path: KeyPath, values: dict[str, Any], flags: Mapping[KeyPath, str]) -> str:
    """Why a key is none, and which is meant: another optimizer's, one of another section, one of a like name."""
    section, key = str(path[0]) if len(path) > 1 else "", str(path[-1])
    of_section = [each for each in all_keys().values() if each.section == section]
    owner = ""
    if section in CHOICES:
        owner = values[section].get("name", DEFAULT_CHOICES[section])
        others = [each.owners for each in of_section if each.name == key and owner not in each.owners]
        if others and others[0]:
            chosen = flags.get((section, "name"))
            told = f"{owner}, of {chosen}," if chosen else owner
            return f"{told} has no such key; {in_words(others[0])} {'have' if len(others[0]) > 1 else 'has'} it"
        of_section = [each for each in of_section if not each.owners or owner in each.owners]
    here = [each.name for each in of_section] + ([] if section else [*SECTIONS])
    if meant := meant_keys(key):
        return f"there is no such key; did you mean {in_words(meant[:3], 'or')}?"
    if why := why_no_key(key):
        return f"there is no such key; {why}"
    if close := difflib.get_close_matches(key, here, n=1):
        return f"there is no such key; did you mean {close[0]}?"
    if close := near_keys(key):
        return f"there is no such key; did you mean {in_words(close[:3], 'or')}?"
    return f"there is no such key; there are {', '.join(here)}"


def _no_section(section: str, given: Any) -> str:
    """That a section is one of keys, with an example that has what was given where it is a name."""
    names = CHOICES.get(section, {})
    first = next(each for each in all_keys().values() if each.section == section)
    value = given if isinstance(given, str) and (given in names or first.name == "name") else first.example
    if names and value not in names:
        value = first.example
    return f"a section of keys is needed here, as in `{section}: {{{first.name}: {value}}}`"


def _quoted(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a section" if isinstance(value, dict) else "a list"
    return repr(value) if isinstance(value, str) else value_as_written(value)
