"""What the keys of a recipe mean: all that is told of them, taken from the schema."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple

from archdsl.recipe.elsewhere import letters_elsewhere, letters_of
from archdsl.recipe.recipe import CHOICES, DEFAULT_CHOICES, Recipe, Section
from archdsl.recipe.schema import recipe_schema

FLAGS = {
    "--data": "data.name",
    "--limit-train": "data.train",
    "--limit-test": "data.test",
    "--epochs": "epochs",
    "--batch-size": "batch_size",
    "--lr": "optimizer.lr",
    "--seed": "seed",
}
"""The flags of `archdsl train` that are short for a key."""


class Key(NamedTuple):
    """A key of a recipe.

    path: as one writes it, `optimizer.momentum`. owners: where its section is one of several, those that have it.
    about: what it means, and default: what it is where it is not given, each by the owners of which it is true.
    kind: which values it takes. example: a value that is not the default.
    """

    path: str
    owners: tuple[str, ...]
    kind: str
    about: dict[tuple[str, ...], str]
    default: dict[tuple[str, ...], str]
    example: str

    @property
    def section(self) -> str:
        """The section that it stands in; empty for a key of the recipe itself."""
        return self.path.rpartition(".")[0]

    @property
    def name(self) -> str:
        """The key without its section."""
        return self.path.rpartition(".")[2]


@cache
def all_keys() -> dict[str, Key]:
    """Every key by its path, in the order of a recipe; sections are no keys."""
    schema = recipe_schema()
    found: dict[str, Key] = {}
    for name, part in schema["properties"].items():
        if name in CHOICES:
            owners = {choice: schema["$defs"][cls.__name__] for choice, cls in CHOICES[name].items()}
            for key in dict.fromkeys(key for owner in owners.values() for key in owner["properties"]):
                having = {
                    each: owner["properties"][key] for each, owner in owners.items() if key in owner["properties"]
                }
                path = f"{name}.{key}"
                found[path] = _chosen(path, name) if key == "name" else _key(path, having)
        elif name in SECTIONS:
            for key, facts in schema["$defs"][SECTIONS[name].__name__]["properties"].items():
                found[f"{name}.{key}"] = _key(f"{name}.{key}", {"": facts})
        else:
            found[name] = _key(name, {"": part})
    return found


SECTIONS = {
    name: type(field.default) for name, field in Recipe.model_fields.items() if isinstance(field.default, Section)
}
"""The sections; of those that there are several of, the default."""


def about_section(section: str) -> str:
    """What a section is for."""
    schema = recipe_schema()
    if section in CHOICES:
        return str(schema["properties"][section]["description"])
    return str(schema["$defs"][SECTIONS[section].__name__]["description"])


def about_choice(section: str, name: str) -> str:
    """What an optimizer or a schedule is."""
    return str(recipe_schema()["$defs"][CHOICES[section][name].__name__]["description"])


def meant_keys(name: str) -> list[str]:
    """The keys and sections that a name stands for: by its last part, or by what other tools call them."""
    known = [*all_keys(), *SECTIONS]
    last = letters_of(name)
    same = [path for path in known if letters_of(path) == last]
    return same or [path for path in known if last in letters_elsewhere(path)]


def near_keys(name: str) -> list[str]:
    """The keys and sections that a name is most like, by its letters."""
    last = name.rpartition(".")[2].lower()
    by_name: dict[str, list[str]] = {}
    for path in (*all_keys(), *SECTIONS):
        by_name.setdefault(path.rpartition(".")[2], []).append(path)
    close = difflib.get_close_matches(last, by_name, n=1, cutoff=0.75)
    return by_name[close[0]] if close else []


def value_as_written(value: Any) -> str:
    """A value as it stands in a recipe."""
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    return str(value)


def _key(path: str, facts: dict[str, dict[str, Any]]) -> Key:
    owners = tuple(owner for owner in facts if owner)
    about = _by_value({owner: each["description"] for owner, each in facts.items()})
    default = _by_value({owner: value_as_written(each["default"]) for owner, each in facts.items()})
    first = next(iter(facts.values()))
    return Key(path, owners, kind_in_words(first), about, default, value_as_written(_example(first)))


def _chosen(path: str, section: str) -> Key:
    """The key `name` of a section that there are several of."""
    names = list(CHOICES[section])
    default = DEFAULT_CHOICES[section]
    about = "Which it is. Each has its own keys."
    return Key(path, (), in_words(names, "or"), {(): about}, {(): default}, next(n for n in names if n != default))


def _by_value(values: dict[str, str]) -> dict[tuple[str, ...], str]:
    """Values with the owners that have each; with none where all have the same."""
    found: dict[str, list[str]] = {}
    for owner, value in values.items():
        found.setdefault(value, []).append(owner)
    return {() if len(found) == 1 else tuple(owners): value for value, owners in found.items()}


def _example(facts: dict[str, Any]) -> Any:
    """A value that is not the default."""
    for part in (facts, *facts.get("anyOf", ())):
        if "examples" in part:
            return part["examples"][0]
    if facts.get("type") == "boolean":
        return not facts["default"]
    return next(value for value in facts["enum"] if value != facts["default"])


def kind_in_words(facts: dict[str, Any]) -> str:
    """Which values a part of a schema allows: "a number, more than 0, at most 100"."""
    choices = facts.get("anyOf", [])
    if {"type": "null"} in choices:
        return f"{kind_in_words(choices[0])}; or null"
    if "enum" in facts:
        return in_words(facts["enum"], "or")
    if facts.get("type") == "boolean":
        return "true or false"
    if facts.get("type") == "string":
        return in_words([*choices[0]["enum"], "folder:PATH"], "or")
    bounds = {
        "exclusiveMinimum": "more than",
        "minimum": "at least",
        "exclusiveMaximum": "less than",
        "maximum": "at most",
    }
    said = [f"{words} {facts[bound]:,}".removesuffix(".0") for bound, words in bounds.items() if bound in facts]
    kind = "a whole number" if facts["type"] == "integer" else "a number"
    return ", ".join([kind, *said])


def in_words(names: Iterable[str], between: str = "and") -> str:
    """Names as a sentence has them: `a, b and c`."""
    *first, last = names
    return f"{', '.join(first)} {between} {last}" if first else last
