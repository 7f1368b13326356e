"""The JSON Schema of recipes, for editors; and all that is told of keys comes from it."""

from __future__ import annotations

from typing import Any

from archdsl.recipe.recipe import CHOICES, DEFAULT_CHOICES, Recipe


def recipe_schema() -> dict[str, Any]:
    """The schema. A section without a `name` is that of the default, and is not taken for another that has its keys."""
    schema = _without_titles(Recipe.model_json_schema())
    for section, choices in CHOICES.items():
        for name, cls in choices.items():
            if name != DEFAULT_CHOICES[section]:
                schema["$defs"][cls.__name__]["required"] = ["name"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Recipe",
        **schema,
    }


def _without_titles(part: Any) -> Any:
    """Of each key pydantic makes a title, which says nothing that the key does not."""
    if isinstance(part, dict):
        return {key: _without_titles(value) for key, value in part.items() if key != "title"}
    return [_without_titles(value) for value in part] if isinstance(part, list) else part
