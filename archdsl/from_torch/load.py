"""The module that is named on the command line: imported, and called where it is a class or a function.

This is the one place of archdsl that runs Python by its name, and the name comes from the user's own command line.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any

from torch import nn

from archdsl.from_torch.graph import Refusal
from archdsl.from_torch.places import place_of_error


def load(target: str, arguments: Mapping[str, Any]) -> nn.Module:
    """The nn.Module that `package.module:attribute` names.

    Args:
        target: an attribute that is a module, or a class or function that gives one when it is called.
        arguments: what it is called with.

    Raises:
        Refusal: it is not there, fails, or gives no module.
    """
    module_name, colon, attribute = target.partition(":")
    is_file = module_name.endswith(".py")
    if is_file or not (colon and all(part.isidentifier() for part in (*module_name.split("."), *attribute.split(".")))):
        shown = module_name.removesuffix(".py").replace("/", ".").strip(".")
        name = f"{shown or 'module'}:{attribute or 'Net'}"
        raise _usage(f"a module is named as package.module:attribute, not `{target}`", help=f"write `{name}`")
    found: Any = _imported(module_name)
    for part in attribute.split("."):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, [name for name in dir(found) if not name.startswith("_")], 1, 0.7)
            raise _usage(f"`{module_name}` has no `{part}`", help=f"did you mean `{near[0]}`?" if near else "")
        found = getattr(found, part)
    if isinstance(found, nn.Module):
        if arguments:
            raise _usage(f"`{target}` is a module already, and is not called: --call has no place")
        return found
    if not callable(found):
        raise _usage(f"`{target}` is neither an nn.Module nor gives one: it is {_described(found)}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = found(**arguments)
    except (Exception, SystemExit) as error:
        place = place_of_error(error)
        help = ""
        if isinstance(error, TypeError) and place is None:
            help = "give what it needs by --call 'name=value, ...', or name a function that needs nothing"
        raise Refusal(f"`{target}` can't be called: {one_line(error)}", place, help=help, is_usage=True) from error
    if not isinstance(made, nn.Module):
        raise _usage(f"`{target}` gives {_described(made)}, not an nn.Module")
    return made


def _imported(name: str) -> Any:
    # As for `python -m`: what lies in the folder that one is in can be imported.
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if name == missing or name.startswith(f"{missing}."):
            where = "is not installed, nor lies in this folder" if missing == name.partition(".")[0] else "is not there"
            raise _usage(f"the Python module `{missing}` {where}") from error
        place = place_of_error(error)
        raise Refusal(f"`{name}` can't be imported: {one_line(error)}", place, is_usage=True) from error
    except (Exception, SystemExit) as error:
        place = place_of_error(error)
        raise Refusal(f"`{name}` can't be imported: {one_line(error)}", place, is_usage=True) from error


def read_arguments(text: str) -> dict[str, Any]:
    """Keyword arguments as Python writes them, `num_classes=10, progress=False`: names and literals alone.

    Raises Refusal where they are no such thing.
    """
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if isinstance(call, ast.Call) and not call.args and all(each.arg for each in call.keywords):
            return {str(each.arg): ast.literal_eval(each.value) for each in call.keywords}
    except (SyntaxError, ValueError):
        pass
    raise _usage(f"--call takes name=value, ... with numbers, texts and the like as values, not `{text}`")


def one_line(error: BaseException) -> str:
    """What an error says, in a line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def _usage(message: str, help: str = "") -> Refusal:
    return Refusal(message, None, (), help, is_usage=True)


def _described(value: Any) -> str:
    return "None" if value is None else f"a {type(value).__name__}"
