"""A recipe as text: read, put under what the command line says, and refused in words that help.

All mistakes are told at once, a line each, with the line of the file and the key, or with the flag.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from archdsl.training.errors import TrainingError, printable
from archdsl.training.recipe import CHOICES, DEFAULT_CHOICES, Augmentation, Data, Recipe, Section
from archdsl.training.yaml_text import MOST_CHARACTERS, KeyPath, dotted, read_yaml


class Override(NamedTuple):
    """A value that wins over the recipe's, and how the user calls it: `--lr`."""

    path: tuple[str, ...]
    value: Any
    flag: str


def read_recipe(path: str | Path | None, overrides: tuple[Override, ...] = ()) -> Recipe:
    """Read a recipe and put the overrides over it; without a path, over the default.

    Raises TrainingError with a line for each mistake, which names the file, the line and the key, or the flag.
    """
    if path is None:
        return check_recipe("the recipe", "", overrides)
    name = printable(str(path))
    try:
        with open(path, "rb") as file:
            content = file.read(4 * MOST_CHARACTERS + 1)
    except OSError as error:
        raise TrainingError(f"{name}: {error.strerror or error}") from None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrainingError(f"{name}: not UTF-8 (byte {error.start})") from None
    return check_recipe(name, text, overrides)


def check_recipe(name: str, text: str, overrides: tuple[Override, ...] = ()) -> Recipe:
    """The recipe of a text, with the overrides over it. Raises TrainingError as `read_recipe` does."""
    document = read_yaml(name, text)
    values = {} if document.value is None else document.value
    if not isinstance(values, dict):
        raise TrainingError(f"{name}: a recipe is made of keys and values, as in `epochs: 10`")
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
        messages = []
        for fault in error.errors():
            key_path, message = _explain(fault, values)
            if key_path in flags:
                place = f"{flags[key_path]}: "
            else:
                line = document.lines.get(key_path) or document.lines.get(key_path[:-1]) or 1
                place = f"{name}:{line}: {dotted(key_path)}: "
            messages.append(printable(place + message))
        raise TrainingError("\n".join(dict.fromkeys(messages))) from None


def _explain(fault: Any, values: dict[str, Any]) -> tuple[KeyPath, str]:
    """The key at fault, and what is wrong with it."""
    path: KeyPath = tuple(fault["loc"])
    kind, facts, given = fault["type"], fault.get("ctx", {}), fault["input"]
    section = str(path[0]) if path else ""
    if section in CHOICES and len(path) > 1:
        path = (section, *path[2:])  # Behind it, pydantic names the class that was chosen.
    if kind == "extra_forbidden":
        known = list(Recipe.model_fields if len(path) == 1 else _section_class(section, values).model_fields)
        close = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
        return path, f"there is no such key; {hint}"
    if kind == "union_tag_invalid":
        choices = list(CHOICES[section])
        name = given.get("name") if isinstance(given, dict) else given
        close = difflib.get_close_matches(str(name), choices, n=1)
        return (*path, "name"), f"{name!r} is none of {', '.join(choices)}" + (
            f"; did you mean {close[0]}?" if close else ""
        )
    if kind == "value_error":
        return path, str(facts["error"])
    if kind in ("model_type", "model_attributes_type", "union_tag_not_found") or (
        section in CHOICES and len(path) == 1
    ):
        return path, f"a section of keys is needed here, as in `{section}: {{name: ...}}`"
    wording = {
        "greater_than": "must be more than {gt}",
        "greater_than_equal": "must be at least {ge}",
        "less_than": "must be less than {lt}",
        "less_than_equal": "must be at most {le}",
        "int_type": "must be a whole number",
        "int_from_float": "must be a whole number",
        "float_type": "must be a number",
        "bool_type": "must be true or false",
        "string_type": "must be text",
        "literal_error": "must be {expected}",
    }.get(kind)
    if wording is None:
        return path, str(fault["msg"])
    bounds = {key: f"{bound:g}" if isinstance(bound, float) else bound for key, bound in facts.items()}
    return path, f"{wording.format(**bounds)}, and is {_as_written(given)}"


def _section_class(section: str, values: dict[str, Any]) -> type[Section]:
    if section in CHOICES:
        name = values[section].get("name", DEFAULT_CHOICES[section])
        return CHOICES[section][name]
    return Augmentation if section == "augmentation" else Data


def _as_written(value: Any) -> str:
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    return "a section" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
