"""What `archdsl recipe explain` prints of a key, and the part of docs/recipes.md on all of them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from archdsl.recipe.elsewhere import letters_elsewhere, letters_of
from archdsl.recipe.keys import (
    FLAGS,
    SECTIONS,
    Key,
    about_choice,
    about_section,
    all_keys,
    in_words,
    meant_keys,
)
from archdsl.recipe.recipe import CHOICES, DEFAULT_CHOICES

BEGIN = "<!-- The keys, made from the classes of archdsl/recipe/recipe.py by `make reference`. -->"
END = "<!-- The end of the keys. -->"


class Row(NamedTuple):
    """A line of YAML, and the comment on it."""

    line: str
    comment: str


def explanation(name: str) -> str | None:
    """The text about a key, a section, an optimizer or a schedule; about all that a name may stand for, or None."""
    if name in all_keys():
        return describe_key(all_keys()[name])
    if name in SECTIONS:
        return describe_section(name)
    for section, choices in CHOICES.items():
        for choice in choices:
            if letters_of(name) == choice or letters_of(name) in letters_elsewhere(choice):
                return describe_choice(section, choice)
    meant = meant_keys(name)
    return "\n\n\n".join(explanation(each) or "" for each in meant) if meant else None


def describe_key(key: Key) -> str:
    """All about a key, in Markdown that reads as plain text too."""
    short = [flag for flag, path in FLAGS.items() if path == key.path]
    ways = " or ".join([f"`--set-recipe {key.path}={key.example}`", *(f"`{flag} {key.example}`" for flag in short)])
    facts = [
        f"- Value: {key.kind}",
        f"- Default: {_by_owners(key.default)}",
        f"- Example: `{_example_line(key)}`",
        f"- On the command line: {ways}",
    ]
    only = f", of {in_words(key.owners)}" if key.owners and not _is_of_all(key) else ""
    return "\n".join([f"`{key.path}`{only}", "", _told(key, "\n"), "", *facts])


def describe_section(section: str) -> str:
    """A section with its keys, and with what it may be where there are several of it."""
    head, *rows = _rows_of(section, _default_owner(section))
    parts = [f"`{section}`", head.comment, _laid_out([head._replace(comment=""), *rows])]
    if section in CHOICES:
        parts.append("\n".join(f"- {name}: {_summary(about_choice(section, name))}" for name in CHOICES[section]))
    return "\n\n".join(parts)


def describe_choice(section: str, name: str) -> str:
    """An optimizer or a schedule with its keys."""
    head, *rows = _rows_of(section, name)
    listed = _laid_out([head._replace(comment=""), *rows])
    return "\n\n".join([f"`{section}: {name}`", about_choice(section, name), listed])


def keys_as_yaml() -> str:
    """Every key with its default and a comment: a recipe that is the default."""
    rows: list[Row] = []
    for key in all_keys().values():
        if not key.section:
            rows.append(_row(key, ""))
        elif key.name == next(each.name for each in all_keys().values() if each.section == key.section):
            rows += _rows_of(key.section, _default_owner(key.section))
            rows += [
                Row(f"  # {line.strip()}", f"Of {in_words(other.owners)}. {comment}")
                for other in all_keys().values()
                if other.section == key.section and other.owners and _default_owner(key.section) not in other.owners
                for line, comment in [_row(other, other.owners[0])]
            ]
    return _laid_out(rows)


def keys_section() -> str:
    """The part of docs/recipes.md on keys, from BEGIN to END."""
    parts = [BEGIN, ""]
    for section in ("", *SECTIONS):
        keys = [key for key in all_keys().values() if key.section == section]
        parts += [f"### {section or 'The recipe itself'}", ""]
        if section:
            parts += [about_section(section), ""]
        for name in CHOICES.get(section, ()):
            parts += [f"- `{name}`: {' '.join(about_choice(section, name).split())}"]
        if section in CHOICES:
            parts.append("")
        parts += ["| key | value | default | what it means |", "|---|---|---|---|"]
        for key in keys:
            only = f" (of {in_words(key.owners)})" if key.owners and not _is_of_all(key) else ""
            told = " ".join(_told(key, " ").split())
            parts.append(f"| `{key.path}`{only} | {key.kind} | {_by_owners(key.default)} | {told} |")
        parts.append("")
    return "\n".join([*parts, END])


def with_keys(page: str) -> str:
    """The page with its part on keys made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + keys_section() + after


def _told(key: Key, between: str) -> str:
    """What a key means; where that is not the same for all that have it, for each."""
    return between.join(f"{in_words(owners)}: {text}" if owners else text for owners, text in key.about.items())


def _by_owners(values: dict[tuple[str, ...], str]) -> str:
    return ", ".join(f"{value} for {in_words(owners)}" if owners else value for owners, value in values.items())


def _is_of_all(key: Key) -> bool:
    return len(key.owners) == len(CHOICES[key.section])


def _default_owner(section: str) -> str:
    return DEFAULT_CHOICES.get(section, "")


def _example_line(key: Key) -> str:
    if not key.section:
        return f"{key.path}: {key.example}"
    is_of_default = not key.owners or _default_owner(key.section) in key.owners
    chosen = "" if is_of_default else f"name: {key.owners[0]}, "
    return f"{key.section}: {{{chosen}{key.name}: {key.example}}}"


def _rows_of(section: str, owner: str) -> list[Row]:
    keys = [key for key in all_keys().values() if key.section == section]
    return [
        Row(f"{section}:", _summary(about_section(section))),
        *(_row(key, owner, "  ") for key in keys if not key.owners or owner in key.owners),
    ]


def _row(key: Key, owner: str, indent: str = "") -> Row:
    """A key with its default for an owner, and the first sentence on it."""
    if key.section in CHOICES and key.name == "name":
        return Row(f"{indent}name: {owner}", f"One of {in_words(CHOICES[key.section])}; each has its own keys.")
    default, about = (_of(values, owner) for values in (key.default, key.about))
    return Row(f"{indent}{key.name}: {default}", _summary(about))


def _of(values: dict[tuple[str, ...], str], owner: str) -> str:
    return next(value for owners, value in values.items() if not owners or owner in owners)


def _summary(text: str) -> str:
    return text.partition("\n")[0]


def _laid_out(rows: list[Row]) -> str:
    width = max(len(row.line) for row in rows)
    return "\n".join(f"{row.line:<{width}}  # {row.comment}" if row.comment else row.line for row in rows)


def write_page() -> None:
    """Make the keys of docs/recipes.md anew (`make reference`)."""
    page = Path(__file__).parents[2] / "docs" / "recipes.md"
    page.write_text(with_keys(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    write_page()
