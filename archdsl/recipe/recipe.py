"""How a network is trained, as a value: checked, and frozen.

Each section is a class. What stands below a key is all that the tool says of it: to `archdsl recipe explain`, to
editors, by the JSON Schema, and in docs/recipes.md. Optimizers and schedules each have their own keys, so that a key
that would have no effect is an error.
"""

from __future__ import annotations

import difflib
import os
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, ValidationInfo, field_validator

from archdsl.recipe.yaml_text import flat

DATA_SETS = ("shapes", "digits", "fashion-mnist", "mnist", "cifar10", "cifar100")

Share = Annotated[float, Field(ge=0, lt=1)]
Strength = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=10**9)]
Seed = Annotated[int, Field(ge=0, lt=2**31)]

# What optimizers, or schedules, have in common.
Rate = Annotated[float, Field(gt=0, le=100)]
LearningRate = Annotated[Rate, Field(description="The learning rate, at its highest.", examples=[0.05])]
Decay = Annotated[float, Field(ge=0, le=10, examples=[0.0005])]
DecayOfAll = Annotated[
    bool, Field(description="Whether weight decay also pulls biases, and the scales of normalizations, to 0.")
]
Warmup = Annotated[
    Share, Field(description="The share of all steps in which the rate first rises from 0.", examples=[0.05])
]


class Section(BaseModel):
    """What all sections share: frozen, no unknown keys, no value taken for another kind (`true` is not 1)."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def _is_folder(data_set: str | None) -> bool:
    """Whether a data set is a folder, which may have images to choose by of its own."""
    return data_set is not None and data_set.startswith("folder:")


class Data(Section):
    """What is learned from."""

    name: Annotated[
        str,
        Field(
            examples=["fashion-mnist", "folder:pictures"],
            json_schema_extra={"anyOf": [{"enum": [*DATA_SETS]}, {"pattern": "^folder:."}]},
        ),
    ] = "shapes"
    """The data set; shapes are drawn as a run starts, and PATH has a folder of pictures for each class."""

    train: Annotated[Count | None, Field(examples=[6000])] = None
    """Learn from so many images, a fixed random part of them; null takes all there are.

    Of shapes it draws 5,000, or 10,000 below 64 pixels of height or width, for they cost little."""

    test: Annotated[Count | None, Field(examples=[1000])] = None
    """Test on so many images, a fixed random part of them; null takes all there are, of shapes 1,000."""

    validation: Annotated[int, Field(ge=0, le=10**9, examples=[5000])] = 0
    """So many of the images to learn from are held back, a fixed random part of each class.

    Each evaluation is on them, and the best weights and an early stop are chosen by them; the test images are then
    looked at once, in the end. With 0, each evaluation is on the test images, and the weights kept are the last. The
    images of a folder that has `val` beside `train` and `test` are taken from there, with 0 all of them."""

    in_memory: Annotated[bool | None, Field(examples=[True])] = None
    """Whether a folder's images are all read before the first step, or each step reads its own.

    null reads up to 2 GiB of them. A random crop is cut out of what is in memory at the network's size, or out of the
    picture as it is in its file. All but folders are always in memory."""

    seed: Annotated[Seed, Field(examples=[1])] = 0
    """For what is drawn of the data itself: the shapes, the part, the split of a folder.

    It is not the run's seed, so that runs with different seeds learn from the same images."""

    normalize: bool = True
    """Whether each channel is shifted and scaled to mean 0 and deviation 1 over the images to learn from.

    Otherwise pixels are numbers from 0 to 1."""

    verify: bool = True
    """Whether the files of mnist and fashion-mnist must be the published ones, to the last pixel.

    Otherwise they may be any in their format. Those of cifar10 and cifar100, which are pickles, always must be."""

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name in DATA_SETS or (name.startswith("folder:") and name != "folder:"):
            return name
        meant = name.lower().replace("_", "-")
        close = difflib.get_close_matches(meant, DATA_SETS, n=1)
        if os.path.isdir(name):
            close = [f"folder:{name}"]
        elif "imagenet" in meant:
            raise ValueError(f"there is no data set {name!r}; a folder with `train` and `val` is read by folder:PATH")
        hint = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(DATA_SETS)} and folder:PATH"
        raise ValueError(f"there is no data set {name!r}{hint}")

    @field_validator("in_memory")
    @classmethod
    def _has_files(cls, in_memory: bool | None, others: ValidationInfo) -> bool | None:
        name = others.data.get("name")
        if in_memory is False and name is not None and not _is_folder(name):
            raise ValueError(f"only a folder can be read step by step, and data.name is {name}")
        return in_memory

    @field_validator("validation")
    @classmethod
    def _leaves_some(cls, validation: int, others: ValidationInfo) -> int:
        train = others.data.get("train")
        if train is not None and validation >= train and not _is_folder(others.data.get("name")):
            raise ValueError(f"nothing would be left to learn from: data.train is {train}, and this is {validation}")
        return validation


class Augmentation(Section):
    """How each image to learn from is changed, by chance and anew each time that it is seen."""

    flip: bool = False
    """Whether it is mirrored, left to right, half of the times."""

    shift: Annotated[int, Field(ge=0, le=1000, examples=[2])] = 0
    """By up to so many pixels up or down and left or right; what comes in is black.

    Of images that are not of the network's size these are their own pixels, before they are resized."""

    crop: Annotated[float, Field(gt=0, le=1, examples=[0.08])] | None = None
    """The smallest part of its area that a random crop keeps, which is then resized to the network's input.

    The ratio of its sides is between 3/4 and 4/3 (Szegedy et al. 2014, section 6, crop to 0.08); null crops nothing.
    """

    brightness: Annotated[Strength, Field(examples=[0.4])] = 0.0
    """All colours are multiplied by one factor, from 1 - value to 1 + value."""

    contrast: Annotated[Strength, Field(examples=[0.4])] = 0.0
    """The distance from the image's mean grey is multiplied by a factor from 1 - value to 1 + value."""

    saturation: Annotated[Strength, Field(examples=[0.4])] = 0.0
    """The distance from the same grey is multiplied by a factor from 1 - value to 1 + value."""

    hue: Annotated[float, Field(ge=0, le=0.5, examples=[0.1])] = 0.0
    """Turned by up to so much of the circle of colours."""

    pca_noise: Annotated[Strength, Field(examples=[0.1])] = 0.0
    """The deviation of noise along the principal components of the images' colours.

    It is 0.1 in AlexNet (Krizhevsky et al. 2012, section 4.1)."""

    erase: Annotated[Strength, Field(examples=[0.25])] = 0.0
    """With what probability a rectangle is filled with noise (Zhong et al. 2017)."""

    mixup: Annotated[float, Field(ge=0, le=100, examples=[0.2])] = 0.0
    """Alpha of the beta distribution by which two images and their classes are mixed (Zhang et al. 2017)."""

    cutmix: Annotated[float, Field(ge=0, le=100, examples=[1.0])] = 0.0
    """Alpha of the distribution of the part that is taken from another image (Yun et al. 2019).

    With mixup too, each batch is mixed in one of the two ways by chance."""


class Adam(Section):
    """Adam (Kingma and Ba 2015)."""

    name: Literal["adam"] = "adam"
    """Which optimizer."""
    lr: LearningRate = 5e-4
    weight_decay: Decay = 0.0
    """The pull of weights to 0, added to the gradient."""
    decay_norms_and_biases: DecayOfAll = False


class AdamW(Section):
    """Adam with the weight decay apart from the gradient (Loshchilov and Hutter 2019)."""

    name: Literal["adamw"] = "adamw"
    """Which optimizer."""
    lr: LearningRate = 5e-4
    weight_decay: Decay = 0.01
    """The pull of weights to 0, apart from the gradient."""
    decay_norms_and_biases: DecayOfAll = False


class SGD(Section):
    """Stochastic gradient descent with momentum, which may be Nesterov's (Sutskever et al. 2013)."""

    name: Literal["sgd"] = "sgd"
    """Which optimizer."""
    lr: LearningRate = 0.01
    weight_decay: Decay = 0.0
    """The pull of weights to 0, added to the gradient."""
    decay_norms_and_biases: DecayOfAll = False
    momentum: Annotated[Share, Field(examples=[0.5])] = 0.9
    """How much of the last step's movement goes on."""
    nesterov: bool = False
    """Whether the gradient is taken as if that movement were done already."""

    @field_validator("nesterov")
    @classmethod
    def _has_momentum(cls, nesterov: bool, others: ValidationInfo) -> bool:
        if nesterov and others.data.get("momentum") == 0:
            raise ValueError("it needs a momentum, and optimizer.momentum is 0")
        return nesterov


class Muon(Section):
    """Momentum whose matrices are made orthogonal (Jordan et al. 2024), for the weights of layers.

    A convolution's weights are taken as the matrix of its filters. Biases, scales of normalizations and the last
    layer are trained by AdamW, at `adamw_lr`."""

    name: Literal["muon"] = "muon"
    """Which optimizer."""
    lr: LearningRate = 0.02
    weight_decay: Decay = 0.0
    """The pull of weights to 0, apart from the gradient."""
    decay_norms_and_biases: DecayOfAll = False
    momentum: Annotated[Share, Field(examples=[0.9])] = 0.95
    """How much of the last step's movement goes on."""
    adamw_lr: Annotated[Rate, Field(examples=[0.001])] = 5e-4
    """The learning rate, at its highest, of what AdamW trains."""


class Constant(Section):
    """The same rate throughout."""

    name: Literal["constant"] = "constant"
    """Which schedule of the learning rate."""
    warmup: Warmup = 0.0


class Cosine(Section):
    """Down to 0 by half a cosine (Loshchilov and Hutter 2017, without restarts)."""

    name: Literal["cosine"] = "cosine"
    """Which schedule of the learning rate."""
    warmup: Warmup = 0.1


class Linear(Section):
    """Down to 0 in equal parts."""

    name: Literal["linear"] = "linear"
    """Which schedule of the learning rate."""
    warmup: Warmup = 0.1


class Step(Section):
    """Times `factor` after every `every` epochs."""

    name: Literal["step"] = "step"
    """Which schedule of the learning rate."""
    every: Annotated[Count, Field(examples=[30])] = 10
    """After every so many epochs."""
    factor: Annotated[float, Field(gt=0, le=1, examples=[0.5])] = 0.1
    """What the rate is multiplied by."""
    warmup: Warmup = 0.0


CHOICES: dict[str, dict[str, type[Section]]] = {
    "optimizer": {"adam": Adam, "adamw": AdamW, "sgd": SGD, "muon": Muon},
    "schedule": {"constant": Constant, "cosine": Cosine, "linear": Linear, "step": Step},
}
"""The sections of which there are several, by their `name`."""

DEFAULT_CHOICES = {"optimizer": "adamw", "schedule": "cosine"}


def _by_name(section: str) -> Discriminator:
    default = DEFAULT_CHOICES[section]
    return Discriminator(
        lambda given: given.get("name", default) if isinstance(given, dict) else getattr(given, "name", None)
    )


Optimizer: TypeAlias = Annotated[
    Annotated[Adam, Tag("adam")]
    | Annotated[AdamW, Tag("adamw")]
    | Annotated[SGD, Tag("sgd")]
    | Annotated[Muon, Tag("muon")],
    _by_name("optimizer"),
]
Schedule: TypeAlias = Annotated[
    Annotated[Constant, Tag("constant")]
    | Annotated[Cosine, Tag("cosine")]
    | Annotated[Linear, Tag("linear")]
    | Annotated[Step, Tag("step")],
    _by_name("schedule"),
]


class Recipe(Section):
    """How a network is trained. Without any key it is a recipe from which each of the shipped networks learns."""

    data: Data = Data()
    augmentation: Augmentation = Augmentation()

    epochs: Annotated[int, Field(ge=1, le=100_000, examples=[20])] = 5
    """How often each image to learn from is seen."""

    batch_size: Annotated[int, Field(ge=1, le=1_000_000, examples=[128])] = 32
    """Images a step, of all processes together; the last step of an epoch takes what is left."""

    accumulation: Annotated[int, Field(ge=1, le=1_000_000, examples=[4])] = 1
    """In how many parts, one after the other, the gradient of a step is computed, so that it takes less memory.

    The result is that of one part, but for normalization over a batch, and rounding."""

    optimizer: Optimizer = AdamW()
    """What makes a step of a gradient: adam, adamw, sgd or muon."""

    schedule: Schedule = Cosine()
    """How the learning rate goes from step to step: constant, cosine, linear or step."""

    label_smoothing: Annotated[Share, Field(examples=[0.1])] = 0.0
    """The part of each target that is spread evenly over all classes (Szegedy et al. 2015, section 7)."""

    clip_gradient: Annotated[float, Field(gt=0, le=1e6, examples=[1.0])] | None = None
    """The gradient is scaled down to this norm where it is larger (Pascanu et al. 2013); null leaves it."""

    ema: Annotated[float, Field(gt=0, lt=1, examples=[0.999])] | None = None
    """The decay of a moving average of the weights, which is what is evaluated and kept; null has none."""

    evaluate_every: Annotated[int, Field(ge=1, le=100_000, examples=[5])] = 1
    """Evaluate after every so many epochs, and after the last."""

    early_stop: Annotated[int, Field(ge=1, le=100_000, examples=[3])] | None = None
    """End after so many evaluations without a better accuracy on the images held back; null never.

    How many are held back is data.validation."""

    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """fp32, or bf16, which computes by autocast in bfloat16; auto does so on GPUs that have units for it."""

    channels_last: bool = True
    """Whether images lie in memory pixel by pixel, which most devices are faster at."""

    compile: bool = False
    """Whether torch.compile makes the network faster, at the cost of a start that takes longer."""

    initialization: Literal["default", "he", "xavier"] = "he"
    """How the weights of layers are first drawn: default is torch's way.

    he (He et al. 2015) draws from a normal distribution by fan-in and sets biases to 0; xavier (Glorot and Bengio
    2010) draws from a uniform one and leaves biases."""

    seed: Annotated[Seed, Field(examples=[1])] = 0
    """For the weights, the order of the images, augmentation, and dropout."""

    @field_validator("accumulation")
    @classmethod
    def _parts_are_not_empty(cls, parts: int, others: ValidationInfo) -> int:
        batch_size = others.data.get("batch_size")
        if batch_size is not None and parts > batch_size:
            raise ValueError(f"a batch of {batch_size} images can't be cut into {parts} parts")
        return parts

    @field_validator("early_stop")
    @classmethod
    def _has_images_to_choose_by(cls, patience: int | None, others: ValidationInfo) -> int | None:
        data = others.data.get("data")
        if patience is not None and data is not None and not data.validation and not _is_folder(data.name):
            raise ValueError("it needs images to choose by; hold some back with data.validation, as 5000")
        return patience

    def to_yaml(self) -> str:
        """The recipe with every key written out; reading it gives the same recipe."""
        import yaml

        text: str = yaml.safe_dump(self.model_dump(), sort_keys=False, default_flow_style=False, allow_unicode=True)
        return text


def recipe_differences(one: Recipe, other: Recipe) -> list[tuple[str, Any, Any]]:
    """What differs: the key, as `optimizer.lr`, and the values; None too where one of them has no such key."""
    before, after = flat(one.model_dump()), flat(other.model_dump())
    keys = dict.fromkeys([*before, *after])
    return [(key, before.get(key), after.get(key)) for key in keys if before.get(key) != after.get(key)]
