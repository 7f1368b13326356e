"""`archdsl schema`: the JSON Schema of what is printed for programs, and of a recipe."""

from __future__ import annotations

import json

from archdsl.exit_codes import EXIT_FINE


def schema(name: str) -> int:
    """Print the schema of `diagnostics` (`check --format json`), `lines` (jsonl), `cost` (`show`), or of a `recipe`."""
    if name == "recipe":
        from archdsl.recipe.schema import recipe_schema

        found = recipe_schema()
    else:
        from archdsl.formats.schema import SCHEMAS

        found = SCHEMAS[name]
    print(json.dumps(found, indent=2))
    return EXIT_FINE
