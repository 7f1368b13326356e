"""How a network is trained, as a value: read from YAML, checked, and frozen.

Each section is a class; what is said here of a key is all that the tool knows of it. Optimizers and schedules each
have their own keys, so that a key that would have no effect is an error.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, field_validator

from archdsl.training.errors import TrainingError, printable
from archdsl.training.yaml_text import MOST_CHARACTERS, KeyPath, dotted, read_yaml

DATA_SETS = ("shapes", "fashion-mnist", "mnist", "cifar10")

Rate = Annotated[float, Field(gt=0, le=100)]
Share = Annotated[float, Field(ge=0, lt=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]


class Section(BaseModel):
    """What all sections share: frozen, no unknown keys, no value taken for another kind (`true` is not 1)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Data(Section):
    """What is learned from.

    name: "shapes", "fashion-mnist", "mnist", "cifar10", or "folder:PATH".
    train, test: use so many images (a fixed random part of them); null uses all there are. Of shapes it draws 5,000
        to learn from, or 10,000 below 64 pixels of height or width, for they cost little, and 1,000 to test.
    seed: for what is drawn of the data itself: the shapes, the part, the split of a folder. It is not the run's
        seed, so that runs with different seeds learn from the same images.
    normalize: whether each channel is shifted and scaled to mean 0 and deviation 1 over the training images;
        otherwise pixels are numbers from 0 to 1.
    """

    name: str = "shapes"
    train: Count | None = None
    test: Count | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    normalize: bool = True

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name in DATA_SETS or (name.startswith("folder:") and name != "folder:"):
            return name
        close = difflib.get_close_matches(name, DATA_SETS, n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(DATA_SETS)} and folder:PATH"
        raise ValueError(f"there is no data set {name!r}{hint}")


class Adam(Section):
    """Adam (Kingma and Ba 2015). The weight decay is added to the gradient."""

    name: Literal["adam"] = "adam"
    lr: Rate = 5e-4
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0


class AdamW(Section):
    """Adam with the weight decay apart from the gradient (Loshchilov and Hutter 2019)."""

    name: Literal["adamw"] = "adamw"
    lr: Rate = 5e-4
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.01


class SGD(Section):
    """Stochastic gradient descent with momentum."""

    name: Literal["sgd"] = "sgd"
    lr: Rate = 0.01
    momentum: Share = 0.9
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0


class Constant(Section):
    """The same rate throughout. warmup: the share of all steps over which it first rises from 0."""

    name: Literal["constant"] = "constant"
    warmup: Share = 0.0


class Cosine(Section):
    """Down to 0 by half a cosine. warmup: the share of all steps over which the rate first rises from 0."""

    name: Literal["cosine"] = "cosine"
    warmup: Share = 0.1


class Step(Section):
    """Times `factor` after every `every` epochs. warmup: the share of all steps that the rate first rises."""

    name: Literal["step"] = "step"
    every: Count = 10
    factor: Annotated[float, Field(gt=0, le=1)] = 0.1
    warmup: Share = 0.0


def _named(default: str) -> Discriminator:
    """Choose the class of a section by its `name`."""
    return Discriminator(
        lambda section: section.get("name", default) if isinstance(section, dict) else getattr(section, "name", None)
    )


Optimizer: TypeAlias = Annotated[
    Annotated[Adam, Tag("adam")] | Annotated[AdamW, Tag("adamw")] | Annotated[SGD, Tag("sgd")], _named("adamw")
]
Schedule: TypeAlias = Annotated[
    Annotated[Constant, Tag("constant")] | Annotated[Cosine, Tag("cosine")] | Annotated[Step, Tag("step")],
    _named("cosine"),
]
_CHOICES: dict[str, dict[str, type[Section]]] = {
    "optimizer": {"adam": Adam, "adamw": AdamW, "sgd": SGD},
    "schedule": {"constant": Constant, "cosine": Cosine, "step": Step},
}
_DEFAULT_CHOICES = {"optimizer": "adamw", "schedule": "cosine"}


class Recipe(Section):
    """A whole recipe. Without any key it is one from which each of the shipped networks learns.

    epochs: how often each training image is seen.
    batch_size: images per step; the last step of an epoch takes what is left.
    initialization: "default" is torch's; "he" (He et al. 2015) draws weights from a normal distribution by fan-in
        and sets biases to 0; "xavier" (Glorot and Bengio 2010) draws weights uniformly and leaves biases.
    seed: for the weights, the order of the images, and dropout.
    """

    data: Data = Data()
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 5
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = 32
    optimizer: Optimizer = AdamW()
    schedule: Schedule = Cosine()
    initialization: Literal["default", "he", "xavier"] = "he"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    def to_yaml(self) -> str:
        """The recipe with every key written out; reading it gives the same recipe."""
        import yaml

        text: str = yaml.safe_dump(self.model_dump(), sort_keys=False, default_flow_style=False, allow_unicode=True)
        return text


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
    if section in _CHOICES and len(path) > 1:
        path = (section, *path[2:])  # Behind it, pydantic names the class that was chosen.
    if kind == "extra_forbidden":
        known = list(Recipe.model_fields if len(path) == 1 else _section_class(section, values).model_fields)
        close = difflib.get_close_matches(str(path[-1]), known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
        return path, f"there is no such key; {hint}"
    if kind == "union_tag_invalid":
        choices = list(_CHOICES[section])
        name = given.get("name") if isinstance(given, dict) else given
        close = difflib.get_close_matches(str(name), choices, n=1)
        return (*path, "name"), f"{name!r} is none of {', '.join(choices)}" + (
            f"; did you mean {close[0]}?" if close else ""
        )
    if kind == "value_error":
        return path, str(facts["error"])
    if kind in ("model_type", "model_attributes_type", "union_tag_not_found") or (
        section in _CHOICES and len(path) == 1
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
    if section in _CHOICES:
        name = values[section].get("name", _DEFAULT_CHOICES[section])
        return _CHOICES[section][name]
    return Data


def _as_written(value: Any) -> str:
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    return "a section" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
