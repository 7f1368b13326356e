"""How a layer is declared: one class holds all that the tool knows of a word.

From the class come the checks of arguments, "did you mean", `archdsl explain`, the reference page, the test
against torch, and what every backend builds. To add a word is to add one class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, NamedTuple, TypeAlias, TypeVar, dataclass_transform

from archdsl.shapes import UNKNOWN_IMAGE, UNKNOWN_VECTOR, Image, Shape, product

Pair: TypeAlias = tuple[int, int]
"""Height and width. Written as one number where both are the same."""

REQUIRED: Any = object()

LARGEST_WINDOW = 2**31 - 1
"""No number of a pair is larger: torch hands the sizes of its windows to code that counts in 32 bits."""

LARGEST_SINGLE = 3e38
"""About the largest number that torch's single precision holds."""

MOST_VALUES = 2**53
"""No sample and no layer's weights have more numbers: torch counts the bytes of a batch in 64 bits."""


class SameAs(NamedTuple):
    """A default that is the value of another field."""

    field: str


class Field(NamedTuple):
    """One argument of a word.

    kind: "whole", "pair" (one or two whole numbers), "decimal" (whole numbers too) or "flag".
    at_least, at_most: the limits, both allowed; of a pair, for each of its numbers.
    letter: the letter of the flag form, `s` in `s2`; it is a name too, as in `s=2`.
    positional: whether it may stand without a name; flags never do.
    also_called: what torch, Keras and people call it, for "did you mean".
    opposite: of a flag, what they call its opposite: `bias=False` is `nobias`.
    """

    name: str
    kind: str
    doc: str
    default: Any
    at_least: float | None
    at_most: float | None
    letter: str | None
    positional: bool
    also_called: tuple[str, ...] = ()
    opposite: tuple[str, ...] = ()

    @property
    def required(self) -> bool:
        return self.default is REQUIRED


class Cost(NamedTuple):
    """What a layer costs for one sample: trainable parameters, and multiply-adds of its conv and fc weights."""

    parameters: int = 0
    macs: int = 0


State: TypeAlias = tuple[tuple[str, tuple[int, ...]], ...]
"""The tensors that a layer keeps: each with its name in the module, "weight", and its shape, in torch's order."""


class ModuleCall(NamedTuple):
    """How to make a torch module, as data: `Conv2d(3, 96, kernel_size=11)`. No torch is needed to hold it.

    `name` is a class of `torch.nn`, or of `archdsl.backends.pytorch_modules` for the few that torch lacks.
    """

    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}  # noqa: RUF012 - a NamedTuple's default, never changed.

    def __str__(self) -> str:
        parts = [repr(value) for value in self.args]
        parts += [f"{name}={value!r}" for name, value in self.kwargs.items()]
        return f"{self.name}({', '.join(parts)})"


class Window(NamedTuple):
    """Which pixels of its input an output pixel is made from, in one direction.

    Pixel i is made from those from (i * stride - before) / scale, rounded up, to (i * stride + behind) / scale, rounded
    down. `scale` is 1 but where a picture is made larger, or windows differ in their size.
    """

    stride: int = 1
    before: int = 0
    behind: int = 0
    scale: int = 1


Windows: TypeAlias = tuple[Window, Window]
"""The windows down and across."""

PIXEL = Window()
"""The window of what looks at one pixel."""


class Blocked(NamedTuple):
    """The copies that a convolution works on: input, output and weights in oneDNN's layout, channels by sixteen.

    values: of the input's copy and of the output's for one sample; where the input is read as it is, 0.
    weights: values of the weights' copy.
    strided: whether the gradient of the input is copied once more.
    transposed: whether the output is copied once more.
    pointwise: whether the window is one pixel; sums of lower precision are then gathered in single precision.
    grouped: whether the channels are in groups, which threads share between them.
    copies_weights: whether the weights are copied once more where the channels of a pixel lie side by side.
    weights_by_group: values of the weights where each group has its channels by sixteen; the gradient of the weights is
        made in that form where the channels of a pixel lie side by side. 0 where a kernel of its own makes it in place.
    image: values of input and output for one sample, each group with its channels by sixteen, which the gradient of the
        weights works on in lower precision.
    output_in_place: whether the gradient of the output is then read where it is.
    """

    input: int
    output: int
    weights: int
    strided: bool
    transposed: bool
    pointwise: bool
    grouped: bool
    copies_weights: bool
    weights_by_group: int
    image: int
    output_in_place: bool


KEEPS_INPUT = "input"
KEEPS_OUTPUT = "output"


class Operation(NamedTuple):
    """One operation that torch runs for a layer, as far as memory goes. Counts are of values, for one sample.

    The facts are those of torch's CPU kernels, and `benchmarks/memory.py` compares them with what torch does.

    output: values of a new tensor that comes out; None where it is a view of the input.
    keeps: what is kept for the backward pass: KEEPS_INPUT, KEEPS_OUTPUT, or nothing.
    keeps_start: whether it takes the layer's own input too, and keeps it.
    mask: values of the input's type that are kept besides.
    indices: 64-bit numbers that are kept.
    sample_statistics, batch_statistics: 32-bit numbers that are kept, for each sample, or for all together.
    work, backward_work: values that are there only while it runs, forward and backward.
    lowered_work: values that are there only while it runs in bfloat16, for each thread, whatever the batch.
    blocked: the copies of a convolution; None where it is none.
    is_lowered, is_raised: whether autocast runs it in bfloat16, or in single precision.
    is_promoted: whether a parameter of single precision makes the output so.
    in_training_only: whether evaluation passes the input on instead.
    copies_gradient: whether the gradient of a view is a tensor of its own.
    gives_channels_last: whether the channels of a pixel lie side by side in what comes out.
    needs_order: whether it copies an input whose channels lie so.
    """

    output: int | None = None
    keeps: str | None = None
    keeps_start: bool = False
    mask: int = 0
    indices: int = 0
    sample_statistics: int = 0
    batch_statistics: int = 0
    work: int = 0
    backward_work: int = 0
    lowered_work: int = 0
    blocked: Blocked | None = None
    is_lowered: bool = False
    is_raised: bool = False
    is_promoted: bool = False
    in_training_only: bool = False
    copies_gradient: bool = False
    gives_channels_last: bool = False
    needs_order: bool = False


def values_of(shape: Shape) -> int:
    """How many values a sample of a known shape has."""
    values = product(*shape)
    assert values is not None
    return values


class Misfit(Exception):
    """A layer's own rule is broken. It names the code of the fault, its field and the facts, and knows no text.

    field: the argument at fault, or None where it is the layer itself.
    axis: of a pair, the one number at fault, or None where both are.
    facts: what the catalog's wording for the code asks for.
    """

    def __init__(self, code: str, field: str | None, /, *, axis: int | None = None, **facts: Any) -> None:
        super().__init__(code)
        self.code = code
        self.field = field
        self.axis = axis
        self.facts = facts


def only_axis(wrong: Iterable[bool]) -> int | None:
    """The one number of a pair that is wrong; None where both are."""
    first, second = wrong
    return None if first and second else int(second)


def arg(
    doc: str,
    *,
    default: Any = REQUIRED,
    at_least: float | None = None,
    at_most: float | None = None,
    letter: str | None = None,
    positional: bool = True,
    also_called: str = "",
) -> Any:
    """Declare an argument; its kind is that of its annotation (int, Pair or float), its name the attribute's.

    The limits hold for each of the two numbers of a pair, which are at most LARGEST_WINDOW in any case.
    """
    return Field("", "", doc, default, at_least, at_most, letter, positional, tuple(also_called.split()))


def flag(doc: str, *, also_called: str = "", opposite: str = "") -> Any:
    """Declare a bare word that may be said: false unless it is. By name it takes true or false."""
    names, opposites = tuple(also_called.split()), tuple(opposite.split())
    return Field("", "flag", doc, False, None, None, None, False, names, opposites)


ANY = "any"
IMAGE = "image"
VECTOR = "vector"

_KINDS = {"int": "whole", "Pair": "pair", "float": "decimal", "bool": "flag"}


class Layer:
    """The base of all words.

    An instance is a word with its arguments. It is made by keyword, without checks: the checker has compared the
    values with the fields. While a spec is being checked, a field may be None, or a pair hold None, where a value
    is not known; so `agrees` and `gives` reckon with the functions of `shapes`, which pass the unknown on. `cost`,
    `state` and `module` are asked only where all is known and valid.
    """

    word: ClassVar[str]
    fields: ClassVar[tuple[Field, ...]]
    fields_by_name: ClassVar[dict[str, Field]]
    takes: ClassVar[str]
    also_called: ClassVar[tuple[str, ...]]
    elsewhere: ClassVar[tuple[str, ...]]
    position_counts: ClassVar[tuple[int, ...] | None]
    example: ClassVar[str]
    rule: ClassVar[str]
    torch: ClassVar[str]

    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)
        for field in self.fields:
            if field.name not in values:
                default = field.default
                self.__dict__[field.name] = self.__dict__[default.field] if isinstance(default, SameAs) else default

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __repr__(self) -> str:
        values = ", ".join(f"{field.name}={self.__dict__[field.name]!r}" for field in self.fields)
        return f"{type(self).__name__}({values})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *self.__dict__.values()))

    def agrees(self) -> None:
        """Raise a Misfit where arguments contradict each other, whatever comes in."""

    def gives(self, x: Shape) -> Shape:
        """The shape that comes out when `x` goes in; `x` is of the kind that the word takes. May raise Misfit."""
        return x

    def cost(self, x: Shape) -> Cost:
        """Parameters and multiply-adds for one sample of shape `x`."""
        return Cost()

    def state(self, x: Shape) -> State:
        """What the module for samples of shape `x` has in its state dict: parameters, then buffers."""
        return ()

    def module(self, x: Shape) -> ModuleCall:
        """How to make the torch module that takes samples of shape `x`."""
        raise NotImplementedError(type(self).__name__)

    def sees(self, x: Shape) -> Windows | None:
        """Which pixels of `x` a pixel of the output is made from; None where it is all of them.

        The statistics of a normalization do not count: they are over the batch, or the picture, and fixed or nearly so.
        """
        return PIXEL, PIXEL

    def operations(self, x: Shape) -> tuple[Operation, ...]:
        """What torch runs for samples of shape `x`, one after the other; nothing where it passes the input on.

        The last one has the layer's parameters.
        """
        raise NotImplementedError(type(self).__name__)

    def with_unknown(self, *names: str) -> Layer:
        """The same layer with some fields not known."""
        unknown = {name: (None, None) if self.fields_by_name[name].kind == "pair" else None for name in names}
        return type(self)(**{**self.__dict__, **unknown})

    def may_give(self, x: Shape | None) -> Shape | None:
        """What is still known of the output after an error in the layer or before it.

        Each argument at fault is taken as not known; where it is the input, as much of it as must be.
        """
        wanted = UNKNOWN_VECTOR if self.takes == VECTOR else UNKNOWN_IMAGE if self.takes == IMAGE else x
        if wanted is None:
            return None
        shape = x if x is not None and type(x) is type(wanted) else wanted
        less_known: list[Shape] = [UNKNOWN_VECTOR]
        if isinstance(shape, Image):
            less_known = [shape._replace(height=None, width=None), UNKNOWN_IMAGE]
        layer = self
        while True:
            try:
                layer.agrees()
                return layer.gives(shape)
            except Misfit as misfit:
                if misfit.field is not None:
                    layer = layer.with_unknown(misfit.field)
                elif less_known:
                    shape = less_known.pop(0)
                else:
                    return None


class Join(Layer):
    """The base of the words that take branches: the same input through each, the outputs made one.

    Its module takes the branches' modules as nn.Sequential takes its children.

    is_pairwise: whether it joins two at a time, the first with the second, and that with the third.
    keeps_branches: whether the branches are kept for the backward pass.
    gradient: what a branch gets: "part" of the output's gradient, the "same", or a "new" tensor.
    """

    is_pairwise: ClassVar[bool] = True
    keeps_branches: ClassVar[bool] = False
    gradient: ClassVar[str] = "same"

    def joins(self, shapes: tuple[Shape, ...]) -> Shape:
        """The shape that comes out of the branches' shapes. May raise Misfit with the fact `branch`, an index."""
        raise NotImplementedError(type(self).__name__)

    def module(self, x: Shape) -> ModuleCall:
        return ModuleCall(type(self).__name__)


def refuse_too_many_values(gives: Shape, cost: Cost) -> None:
    """Raise the Misfit of a layer whose output or weights have more numbers than torch can count the bytes of."""
    values = product(*gives)
    if values is not None and values > MOST_VALUES:
        raise Misfit("too-many-values", None, values=values, which="output", limit=MOST_VALUES)
    if cost.parameters > MOST_VALUES:
        raise Misfit("too-many-values", None, values=cost.parameters, which="weights", limit=MOST_VALUES)


LayerClass = TypeVar("LayerClass", bound=type[Layer])

LAYERS: dict[str, type[Layer]] = {}
"""Every word, in the order of the reference."""


@dataclass_transform(kw_only_default=True, field_specifiers=(arg, flag))
def layer(
    word: str,
    *,
    torch: str,
    rule: str,
    example: str,
    takes: str = ANY,
    also_called: str = "",
    elsewhere: tuple[str, ...] = (),
    position_counts: tuple[int, ...] | None = None,
) -> Callable[[LayerClass], LayerClass]:
    """Declare a word of the language.

    Args:
        torch: the module that it builds, for the reference.
        rule: its shape rule in one line, for the reference.
        example: "3x224x224: conv(96, 11, s4)", an input and a call; a test holds it against torch.
        takes: IMAGE, VECTOR or ANY.
        also_called: what torch, Keras and people call it, parted by spaces; case and underscores do not matter.
        elsewhere: how torch and Keras call it with its arguments in order, for the help to a call of theirs. A
            parameter with `!` in front means something else there; one with a default has it where it is not given.
        position_counts: how many arguments may be given, where not every number between is allowed.
    """

    def declare(cls: LayerClass) -> LayerClass:
        cls.word, cls.torch, cls.rule, cls.example = word, torch, rule, example
        cls.takes, cls.elsewhere, cls.position_counts = takes, elsewhere, position_counts
        names = [*also_called.split(), *(call.partition("(")[0] for call in elsewhere)]
        # `Conv2d` of torch and `Conv2D` of Keras are one name, and `Flatten` is the word itself.
        alike = {name.lower().replace("_", ""): name for name in reversed(names)}
        alike.pop(word.replace("_", ""), None)
        cls.also_called = tuple(alike.values())[::-1]
        fields = []
        for name, annotation in cls.__annotations__.items():
            declared = cls.__dict__.get(name)
            if isinstance(declared, Field):
                kind = _KINDS[annotation]
                at_most = LARGEST_WINDOW if kind == "pair" and declared.at_most is None else declared.at_most
                fields.append(declared._replace(name=name, kind=kind, at_most=at_most))
                delattr(cls, name)
        cls.fields = tuple(fields)
        cls.fields_by_name = {field.name: field for field in fields}
        LAYERS[word] = cls
        return cls

    return declare


def plain(pair: Pair) -> int | Pair:
    """One number where height and width are the same, as a person would write it."""
    return pair[0] if pair[0] == pair[1] else pair


def changed(**values: tuple[Any, Any]) -> dict[str, Any]:
    """The keyword arguments that differ from torch's defaults: `changed(stride=(2, 1))` is {"stride": 2}."""
    return {name: value for name, (value, default) in values.items() if value != default}
