"""`archdsl recipe`: what the keys of a recipe mean, and what a whole recipe is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from archdsl.commands.output import complain, refuse, refuse_file, write
from archdsl.diagnostics.render import visible
from archdsl.exit_codes import EXIT_FINE


def explain(name: str | None) -> int:
    """Print what a key, a section, an optimizer or a schedule means; without a name, all keys in a recipe.

    Returns:
        0, or 2 where nothing has that name.
    """
    from archdsl.recipe.elsewhere import why_no_key
    from archdsl.recipe.keys import in_words, near_keys
    from archdsl.recipe.page import explanation, keys_as_yaml

    if name is None:
        write(keys_as_yaml())
        return EXIT_FINE
    text = explanation(name)
    if text is None:
        why, close = why_no_key(name), near_keys(name)
        hint = why or (f"did you mean `{in_words(close, 'or')}`?" if close else "see `archdsl recipe explain`")
        return refuse(f"no key of a recipe is called `{visible(name)}`; {hint}")
    write(text)
    return EXIT_FINE


def show(spec: str | None, *, recipe_path: Path | None = None, recipe_settings: Sequence[str] = ()) -> int:
    """Print the recipe that `archdsl train` would take, with every key, as YAML that it takes too.

    Returns:
        0, or 2 where there is no such spec, or the recipe is wrong.
    """
    from archdsl.errors import TrainingError
    from archdsl.recipe.read import read_overrides, read_recipe

    if spec is not None and not Path(spec).is_file():
        return refuse_file(spec, FileNotFoundError(2, "no such file"))
    recipe_path = find_recipe(recipe_path, spec, None)
    try:
        recipe = read_recipe(recipe_path, read_overrides(recipe_settings))
    except TrainingError as error:
        return complain(error)
    write(f"# {'The default' if recipe_path is None else visible(str(recipe_path))}{_and_what(recipe_settings)}")
    write(recipe.to_yaml().rstrip())
    return EXIT_FINE


def find_recipe(path: Path | None, spec: str | None, told: TextIO | None) -> Path | None:
    """The recipe that is meant: that of --recipe, else the one that lies beside the spec, which `told` is told of."""
    from archdsl.recipe.read import own_recipe

    if path is not None or spec is None or (path := own_recipe(spec)) is None:
        return path
    if told is not None:
        print(f"recipe: {visible(str(path))}", file=told, flush=True)
    return path


def _and_what(settings: Sequence[str]) -> str:
    return f", with {', '.join(visible(setting) for setting in settings)}" if settings else ""
