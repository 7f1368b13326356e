"""How a network is trained, as a value: read from YAML, checked, and frozen.

Each section is a class; what is said here of a key is all that the tool knows of it. Optimizers and schedules each
have their own keys, so that a key that would have no effect is an error.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationError, field_validator, model_validator

from archdsl.training.errors import TrainingError, printable
from archdsl.training.yaml_text import MOST_CHARACTERS, KeyPath, dotted, read_yaml

DATA_SETS = ("shapes", "digits", "fashion-mnist", "mnist", "cifar10", "cifar100")

Rate = Annotated[float, Field(gt=0, le=100)]
Share = Annotated[float, Field(ge=0, lt=1)]
Strength = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]


class Section(BaseModel):
    """What all sections share: frozen, no unknown keys, no value taken for another kind (`true` is not 1)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Data(Section):
    """What is learned from.

    name: "shapes", "digits", "fashion-mnist", "mnist", "cifar10", "cifar100", or "folder:PATH".
    train, test: use so many images (a fixed random part of them); null uses all there are. Of shapes it draws 5,000
        to learn from, or 10,000 below 64 pixels of height or width, for they cost little, and 1,000 to test.
    validation: so many of the images to learn from are held back, a fixed random part of each class: each evaluation
        is on them, and the best weights and an early stop are chosen by them; the test images are then looked at once,
        in the end. With 0, each evaluation is on the test images, and the weights kept are the last.
    seed: for what is drawn of the data itself: the shapes, the part, the split of a folder. It is not the run's
        seed, so that runs with different seeds learn from the same images.
    normalize: whether each channel is shifted and scaled to mean 0 and deviation 1 over the training images;
        otherwise pixels are numbers from 0 to 1.
    """

    name: str = "shapes"
    train: Count | None = None
    test: Count | None = None
    validation: Annotated[int, Field(ge=0, le=10**9)] = 0
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


class Augmentation(Section):
    """How each image to learn from is changed, by chance and anew each time that it is seen.

    flip: whether it is mirrored, left to right, half of the times.
    shift: by up to so many pixels up or down and left or right; what comes in is black.
    crop: the smallest part of its area that a random crop keeps, which is then resized to the network's input, as
        0.08 (Szegedy et al. 2014, section 6); the ratio of its sides is between 3/4 and 4/3. null crops nothing.
    brightness, contrast, saturation: each is multiplied by a factor from 1 - value to 1 + value.
    hue: turned by up to so much of the circle of colours.
    pca_noise: the deviation of the noise along the principal components of the images' colours, 0.1 in AlexNet
        (Krizhevsky et al. 2012, section 4.1).
    erase: with what probability a rectangle is filled with noise (Zhong et al. 2017).
    mixup: alpha of the beta distribution by which two images and their classes are mixed (Zhang et al. 2017).
    cutmix: alpha of the distribution of the part that is taken from another image (Yun et al. 2019). With both, each
        batch is mixed in one of the two ways by chance.
    """

    flip: bool = False
    shift: Annotated[int, Field(ge=0, le=1000)] = 0
    crop: Annotated[float, Field(gt=0, le=1)] | None = None
    brightness: Strength = 0.0
    contrast: Strength = 0.0
    saturation: Strength = 0.0
    hue: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    pca_noise: Strength = 0.0
    erase: Annotated[float, Field(ge=0, le=1)] = 0.0
    mixup: Annotated[float, Field(ge=0, le=100)] = 0.0
    cutmix: Annotated[float, Field(ge=0, le=100)] = 0.0


class Decaying(Section):
    """What optimizers have in common.

    lr: the learning rate, at its highest.
    decay_norms_and_biases: whether weight decay also pulls biases, and the scales of normalizations, to 0.
    """

    name: str
    lr: Rate = 5e-4
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.0
    decay_norms_and_biases: bool = False


class Adam(Decaying):
    """Adam (Kingma and Ba 2015). The weight decay is added to the gradient."""

    name: Literal["adam"] = "adam"


class AdamW(Decaying):
    """Adam with the weight decay apart from the gradient (Loshchilov and Hutter 2019)."""

    name: Literal["adamw"] = "adamw"
    weight_decay: Annotated[float, Field(ge=0, le=10)] = 0.01


class SGD(Decaying):
    """Stochastic gradient descent with momentum, which may be Nesterov's (Sutskever et al. 2013)."""

    name: Literal["sgd"] = "sgd"
    lr: Rate = 0.01
    momentum: Share = 0.9
    nesterov: bool = False


class Muon(Decaying):
    """Momentum whose matrices are made orthogonal (Jordan et al. 2024), for the weights of layers.

    A convolution's weights are taken as the matrix of its filters. Biases, scales of normalizations and the last
    layer are trained by AdamW, at `adamw_lr`.
    """

    name: Literal["muon"] = "muon"
    lr: Rate = 0.02
    momentum: Share = 0.95
    adamw_lr: Rate = 5e-4


class Constant(Section):
    """The same rate throughout. warmup: the share of all steps over which it first rises from 0."""

    name: Literal["constant"] = "constant"
    warmup: Share = 0.0


class Cosine(Section):
    """Down to 0 by half a cosine. warmup: the share of all steps over which the rate first rises from 0."""

    name: Literal["cosine"] = "cosine"
    warmup: Share = 0.1


class Linear(Section):
    """Down to 0 in equal parts. warmup: the share of all steps over which the rate first rises from 0."""

    name: Literal["linear"] = "linear"
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
    Annotated[Adam, Tag("adam")]
    | Annotated[AdamW, Tag("adamw")]
    | Annotated[SGD, Tag("sgd")]
    | Annotated[Muon, Tag("muon")],
    _named("adamw"),
]
Schedule: TypeAlias = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Cosine, Tag("cosine")]
    | Annotated[Linear, Tag("linear")]
    | Annotated[Step, Tag("step")],
    _named("cosine"),
]
_CHOICES: dict[str, dict[str, type[Section]]] = {
    "optimizer": {"adam": Adam, "adamw": AdamW, "sgd": SGD, "muon": Muon},
    "schedule": {"constant": Constant, "cosine": Cosine, "linear": Linear, "step": Step},
}
_DEFAULT_CHOICES = {"optimizer": "adamw", "schedule": "cosine"}


class Recipe(Section):
    """A whole recipe. Without any key it is one from which each of the shipped networks learns.

    epochs: how often each training image is seen.
    batch_size: images per step, of all processes together; the last step of an epoch takes what is left.
    accumulation: in how many parts the gradient of a step is computed one after the other, so that it takes less
        memory; the result is that of one part, but for normalization over a batch, and rounding.
    label_smoothing: the part of each target that is spread evenly over all classes (Szegedy et al. 2015, section 7).
    clip_gradient: the gradient is scaled down to this norm where it is larger; null leaves it.
    ema: the decay of a moving average of the weights, as 0.999, which is what is evaluated and kept; null has none.
    evaluate_every: evaluate after every so many epochs, and after the last.
    early_stop: end after so many evaluations without a better accuracy on the validation images; null never.
    precision: "fp32"; "bf16" computes by autocast in bfloat16; "auto" does so on a device that is faster at it.
    channels_last: whether images lie in memory pixel by pixel, which most devices are faster at.
    compile: whether torch.compile makes the network faster, at the cost of a start that takes longer.
    initialization: "default" is torch's; "he" (He et al. 2015) draws weights from a normal distribution by fan-in
        and sets biases to 0; "xavier" (Glorot and Bengio 2010) draws weights uniformly and leaves biases.
    seed: for the weights, the order of the images, augmentation, and dropout.
    """

    data: Data = Data()
    augmentation: Augmentation = Augmentation()
    epochs: Annotated[int, Field(ge=1, le=100_000)] = 5
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = 32
    accumulation: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    optimizer: Optimizer = AdamW()
    schedule: Schedule = Cosine()
    label_smoothing: Share = 0.0
    clip_gradient: Annotated[float, Field(gt=0, le=1e6)] | None = None
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    evaluate_every: Annotated[int, Field(ge=1, le=100_000)] = 1
    early_stop: Annotated[int, Field(ge=1, le=100_000)] | None = None
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    channels_last: bool = True
    compile: bool = False
    initialization: Literal["default", "he", "xavier"] = "he"
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @model_validator(mode="after")
    def _goes_together(self) -> Recipe:
        if self.early_stop is not None and not self.data.validation:
            raise ValueError("early_stop needs images to choose by; hold some back with data.validation, as 5000")
        if self.accumulation > self.batch_size:
            raise ValueError(f"accumulation: a batch of {self.batch_size} can't be cut into {self.accumulation} parts")
        return self

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
    return Augmentation if section == "augmentation" else Data


def _as_written(value: Any) -> str:
    words = {None: "null", True: "true", False: "false"}
    if value is None or isinstance(value, bool):
        return words[value]
    return "a section" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)
