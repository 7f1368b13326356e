"""The functions of torch, each with the word that does the same: a handler for each, by its name.

A handler looks at the arguments of one call and says which layer gives its result, or that no word does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from torch import Tensor

from archdsl.from_torch.graph import Refusal, State, Unflatten
from archdsl.from_torch.leaves import as_kind
from archdsl.layers import LAYERS
from archdsl.shapes import Image, Shape, Vector

if TYPE_CHECKING:
    from archdsl.from_torch.trace import Recorder

PLAIN = ("plain",)
CHANNELS_LAST = ("channels last",)
SQUEEZED = ("squeezed",)
SPREAD = ("spread",)


class Value(NamedTuple):
    """A tensor of the run: the node that gives it, and how its axes lie.

    axes: PLAIN; CHANNELS_LAST, (N, H, W, C); ("groups", g), (N, g, C/g, H, W); ("dealt", g), (N, C/g, g, H, W);
    SQUEEZED, (N, C, 1); SPREAD, (N, C, H, W) of what is (N, C, 1, 1).
    """

    node: int
    axes: tuple[Any, ...] = PLAIN


def tensors_in(tree: Any) -> Iterator[Tensor]:
    if isinstance(tree, Tensor):
        yield tree
    elif isinstance(tree, tuple | list):
        for each in tree:
            yield from tensors_in(each)
    elif isinstance(tree, dict):
        yield from tensors_in(tuple(tree.values()))


class Call:
    """A call of one of torch's functions, and what its handler needs of it."""

    def __init__(
        self, recorder: Recorder, name: str, args: Any, kwargs: Any, result: Any, before: list[Value | None]
    ) -> None:
        self.recorder = recorder
        self.name = name
        self.args = args
        self.kwargs = kwargs
        self.result = result
        self.before = {id(tensor): value for tensor, value in zip(tensors_in((args, kwargs)), before, strict=True)}

    def bind(self, names: str, **defaults: Any) -> dict[str, Any]:
        """The arguments by name."""
        bound = {**defaults, **dict(zip(names.split(), self.args, strict=False)), **self.kwargs}
        if "self" in bound:
            bound["input"] = bound.pop("self")
        return bound

    @property
    def x(self) -> Value:
        """The one value that goes in."""
        first = self.args[0] if self.args else self.kwargs.get("input", self.kwargs.get("self"))
        value = self.before.get(id(first))
        if value is None:
            raise self.refuse("with the input in this place")
        return value

    def plain(self) -> Value:
        """The one value that goes in, whose axes must be as they are in a spec."""
        value = self.x
        if value.axes != PLAIN:
            raise self.refuse(f"with axes in the order of {value.axes[0]}")
        return value

    @property
    def shape(self) -> Shape:
        return self.recorder.nodes[self.x.node].shape

    def image(self) -> Image:
        self.plain()
        shape = self.shape
        if not isinstance(shape, Image):
            raise self.refuse("on a vector")
        return shape

    def refuse(self, why: str = "") -> Refusal:
        return self.recorder.no_word(self.name, why)

    def gives(self, word: str, state: State = (), **fields: Any) -> None:
        """The word with these fields is what the call does."""
        self.recorder.record(self.result, LAYERS[word](**fields), (self.x,), state)

    def same(self, axes: tuple[Any, ...] | None = None) -> None:
        """What comes out is what went in, but for the order of its axes."""
        value = self.x
        self.recorder.keep(self.result, value if axes is None else Value(value.node, axes))

    def field(self, kind: str, value: Any, what: str) -> Any:
        """An argument as the value of a field, whole, a pair or a decimal."""
        found = as_kind(kind, value)
        if not isinstance(found, int | float | tuple):
            raise self.refuse(f"with {what} of {value}")
        return found

    def key(self, tensor: Any, what: str) -> str:
        """The key of a weight."""
        key = self.recorder.keys.get(id(tensor))
        if key is None:
            raise self.refuse(f"with {what} that is computed, or no parameter of the module")
        return key

    def weights(self, **tensors: Any) -> State:
        return tuple((name, self.key(tensor, name)) for name, tensor in tensors.items() if tensor is not None)


Handler = Callable[[Call], None]
HANDLERS: dict[str, Handler] = {}


def handles(*names: str) -> Callable[[Handler], Handler]:
    def declare(handler: Handler) -> Handler:
        HANDLERS.update(dict.fromkeys(names, handler))
        return handler

    return declare


_ACTIVATIONS = ("relu", "relu6", "silu", "mish", "sigmoid", "tanh", "hardswish", "hardsigmoid")
ON_ANY_AXES = (*_ACTIVATIONS, "leaky_relu", "elu", "gelu", "prelu", "dropout", "drop_path", "identity")


@handles(*_ACTIVATIONS)
def _activation(call: Call) -> None:
    call.gives(call.name.removesuffix("_"))


@handles("leaky_relu")
def _leaky_relu(call: Call) -> None:
    given = call.bind("input negative_slope inplace", negative_slope=0.01)
    call.gives("leaky_relu", slope=call.field("decimal", given["negative_slope"], "a slope"))


@handles("elu")
def _elu(call: Call) -> None:
    given = call.bind("input alpha inplace", alpha=1.0)
    if given["alpha"] != 1:
        raise call.refuse(f"with alpha={given['alpha']}")
    call.gives("elu")


@handles("gelu")
def _gelu(call: Call) -> None:
    given = call.bind("input", approximate="none")
    if given["approximate"] != "none":
        raise call.refuse(f"with approximate={given['approximate']!r}")
    call.gives("gelu")


@handles("prelu")
def _prelu(call: Call) -> None:
    given = call.bind("input weight")
    if given["weight"].numel() != 1:
        raise call.refuse("with a factor for each channel")
    call.gives("prelu", call.weights(weight=given["weight"]))


@handles("hardtanh", "clamp", "clip", "clamp_min")
def _clamp(call: Call) -> None:
    low, high = (-1, 1) if call.name.startswith("hardtanh") else (None, None)
    given = call.bind("input min max" if low is None else "input min_val max_val", min=None, max=None)
    low, high = given.get("min_val", given["min"] if low is None else low), given.get("max_val", given["max"] or high)
    if low != 0 or high not in (6, None):
        raise call.refuse(f"between {low} and {high}")
    call.gives("relu" if high is None else "relu6")


@handles("softmax", "log_softmax")
def _softmax(call: Call) -> None:
    call.plain()
    given = call.bind("input dim", dim=None)
    if given["dim"] not in (1, -len(call.shape)) and not (given["dim"] is None and isinstance(call.shape, Vector)):
        raise call.refuse(f"over dim={given['dim']}")
    call.gives(call.name)


@handles("dropout", "dropout2d", "feature_dropout")
def _dropout(call: Call) -> None:
    given = call.bind("input p training inplace", p=0.5, training=True)
    if given["training"]:
        raise call.refuse("in evaluation too")
    call.gives("dropout" if call.name.startswith("dropout_") else call.name.removeprefix("feature_"), p=given["p"])


# Windows.


@handles("max_pool2d")
def _max_pool2d(call: Call) -> None:
    call.image()
    given = call.bind(
        "input kernel_size stride padding dilation ceil_mode",
        stride=None,
        padding=0,
        dilation=1,
        ceil_mode=False,
    )
    kernel = call.field("pair", given["kernel_size"], "a kernel")
    call.gives(
        "pool",
        kernel=kernel,
        stride=call.field("pair", given["stride"] or kernel, "a stride"),
        pad=call.field("pair", given["padding"], "a padding"),
        dilation=call.field("pair", given["dilation"], "a dilation"),
        ceil=bool(given["ceil_mode"]),
    )


@handles("avg_pool2d")
def _avg_pool2d(call: Call) -> None:
    call.image()
    given = call.bind(
        "input kernel_size stride padding ceil_mode count_include_pad divisor_override",
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    )
    if given["divisor_override"] is not None:
        raise call.refuse("with a divisor of its own")
    kernel = call.field("pair", given["kernel_size"], "a kernel")
    call.gives(
        "avgpool",
        kernel=kernel,
        stride=call.field("pair", given["stride"] or kernel, "a stride"),
        pad=call.field("pair", given["padding"], "a padding"),
        ceil=bool(given["ceil_mode"]),
        nopadcount=not given["count_include_pad"],
    )


@handles("adaptive_avg_pool2d", "adaptive_max_pool2d")
def _adaptive_pool(call: Call) -> None:
    call.image()
    kind = "avgpool" if "avg" in call.name else "pool"
    size = call.field("pair", call.bind("input output_size")["output_size"], "a size")
    if size == (1, 1):
        call.gives(f"global_{kind}")
    else:
        call.gives(f"adaptive_{kind}", size=size)


@handles("mean", "amax")
def _mean(call: Call) -> None:
    image = call.image()
    given = call.bind("input dim keepdim", dim=None, keepdim=False)
    axes = given["dim"] if isinstance(given["dim"], tuple | list) else [given["dim"]]
    if None in axes or sorted(axis % 4 for axis in axes) != [2, 3]:
        raise call.refuse(f"over dim={given['dim']}")
    word = LAYERS["global_avgpool" if call.name == "mean" else "global_pool"]()
    if given["keepdim"]:
        call.recorder.record(call.result, word, (call.x,))
    else:
        pooled = Value(call.recorder.add(word, (call.x.node,)))
        call.recorder.record(call.result, LAYERS["flatten"](), (pooled,))
    assert image.channels == call.result.shape[1]


# Weights.


@handles("conv2d", "conv_transpose2d")
def _conv2d(call: Call) -> None:
    call.image()
    transposed = "transpose" in call.name
    rest = "output_padding groups dilation" if transposed else "dilation groups"
    defaults = {"bias": None, "stride": 1, "padding": 0, "output_padding": 0, "dilation": 1, "groups": 1}
    given = call.bind(f"input weight bias stride padding {rest}", **defaults)
    weight = given["weight"]
    same = given["padding"] == "same"
    padding = 0 if same or given["padding"] == "valid" else given["padding"]
    fields = {"output_pad": call.field("pair", given["output_padding"], "an output padding")} if transposed else {}
    call.gives(
        "conv_transpose" if transposed else "conv",
        call.weights(weight=weight, bias=given["bias"]),
        out=weight.shape[1] * given["groups"] if transposed else weight.shape[0],
        kernel=tuple(weight.shape[2:]),
        stride=call.field("pair", given["stride"], "a stride"),
        pad=call.field("pair", padding, "a padding"),
        dilation=call.field("pair", given["dilation"], "a dilation"),
        groups=given["groups"],
        nobias=given["bias"] is None,
        **fields,
        **({"same": True} if same else {}),
    )


@handles("linear")
def _linear(call: Call) -> None:
    given = call.bind("input weight bias", bias=None)
    state = call.weights(weight=given["weight"], bias=given["bias"])
    fields = {"out": given["weight"].shape[0], "nobias": given["bias"] is None}
    if call.x.axes == CHANNELS_LAST:
        # On the channels of each pixel it is a convolution of one.
        call.gives("conv", state, kernel=(1, 1), **fields)
    elif isinstance(call.shape, Vector):
        call.gives("fc", state, **fields)
    else:
        raise call.refuse("over the width of a picture")


@handles("batch_norm")
def _batch_norm(call: Call) -> None:
    call.plain()
    given = call.bind(
        "input running_mean running_var weight bias training momentum eps",
        weight=None,
        bias=None,
        training=False,
        momentum=0.1,
        eps=1e-5,
    )
    if None in (given["weight"], given["bias"], given["running_mean"], given["running_var"]) or given["training"]:
        raise call.refuse("without learned factors, or by the batch in evaluation")
    names = ("weight", "bias", "running_mean", "running_var")
    fields = {"eps": given["eps"], "momentum": given["momentum"]}
    call.gives("batchnorm", call.weights(**{name: given[name] for name in names}), **fields)


@handles("layer_norm")
def _layer_norm(call: Call) -> None:
    given = call.bind("input normalized_shape weight bias eps", weight=None, bias=None, eps=1e-5)
    on_channels = call.x.axes == CHANNELS_LAST or (call.x.axes == PLAIN and isinstance(call.shape, Vector))
    if not on_channels or tuple(given["normalized_shape"]) != (call.shape[0],):
        raise call.refuse(f"over {tuple(given['normalized_shape'])}, which are not the channels alone")
    if given["weight"] is None or given["bias"] is None:
        raise call.refuse("without a learned factor, or a shift")
    call.gives("layernorm", call.weights(weight=given["weight"], bias=given["bias"]), eps=given["eps"])


@handles("group_norm")
def _group_norm(call: Call) -> None:
    call.plain()
    given = call.bind("input num_groups weight bias eps", weight=None, bias=None, eps=1e-5)
    if given["weight"] is None or given["bias"] is None:
        raise call.refuse("without learned factors")
    state = call.weights(weight=given["weight"], bias=given["bias"])
    call.gives("groupnorm", state, groups=given["num_groups"], eps=given["eps"])


@handles("instance_norm")
def _instance_norm(call: Call) -> None:
    call.image()
    given = call.bind("input running_mean running_var weight bias use_input_stats momentum eps", eps=1e-5)
    if any(given.get(name) is not None for name in ("running_mean", "running_var", "weight", "bias")):
        raise call.refuse("with learned factors, or running statistics")
    call.gives("instancenorm", eps=given["eps"])


@handles("local_response_norm")
def _local_response_norm(call: Call) -> None:
    call.image()
    given = call.bind("input size alpha beta k", alpha=1e-4, beta=0.75, k=1.0)
    call.gives("lrn", **{name: given[name] for name in ("size", "alpha", "beta", "k")})


# Several values.


@handles("add", "iadd", "radd", "mul", "imul", "rmul", "multiply")
def _add_or_mul(call: Call) -> None:
    word = "add" if "add" in call.name else "mul"
    if call.kwargs.get("alpha", 1) != 1:
        raise call.refuse("with alpha")
    operands = (*call.args[:2], *(call.kwargs[name] for name in ("input", "other") if name in call.kwargs))
    values = [call.before.get(id(each)) for each in operands]
    known = tuple(value for value in values if value is not None)
    if word == "mul":
        known = tuple(value._replace(axes=PLAIN) if value.axes == SPREAD else value for value in known)
    if len(known) == 1:
        other = operands[values.index(None)]
        if word == "mul" and isinstance(other, Tensor):
            _scale(call, known[0], other)
            return
        shown = "a tensor" if isinstance(other, Tensor) else f"{other}"
        raise call.refuse(f"with {shown} that does not come from the input")
    if len({value.axes for value in known}) > 1 or known[0].axes not in (PLAIN, CHANNELS_LAST):
        raise call.refuse("on axes in another order")
    call.recorder.record(call.result, LAYERS[word](), known)


def _scale(call: Call, value: Value, factor: Tensor) -> None:
    """A learned factor for each channel."""
    shape = call.recorder.nodes[value.node].shape
    channels = shape[0]
    ones = (1,) * (len(shape) - 1)
    told = (channels,) if value.axes == CHANNELS_LAST or isinstance(shape, Vector) else (channels, *ones)
    if value.axes not in (PLAIN, CHANNELS_LAST) or tuple(factor.shape) not in (told, (1, *told)):
        raise call.refuse(f"with a tensor of {tuple(factor.shape)} that does not come from the input")
    state = call.weights(weight=factor)
    first = factor.detach().flatten()
    initial = 1.0
    if not factor.is_meta:
        initial = float(first[0])
        # Of factors that have been trained it is not known what they were, and it makes no difference.
        initial = initial if bool((first == first[0]).all()) else 1.0
    short = float(f"{initial:.6g}")
    call.recorder.record(call.result, LAYERS["scale"](initial=short), (value,), state)


@handles("cat", "concat", "concatenate")
def _cat(call: Call) -> None:
    given = call.bind("tensors dim", dim=0)
    dim = given.get("axis", given["dim"])
    known = tuple(call.before[id(each)] for each in given["tensors"])
    if None in known:
        raise call.refuse("with a tensor that does not come from the input")
    values = tuple(value for value in known if value is not None)
    axes = {value.axes for value in values}
    ranks = {len(call.recorder.nodes[value.node].shape) for value in values}
    over_channels = (dim % (len(given["tensors"][0].shape))) == (
        given["tensors"][0].ndim - 1 if axes == {CHANNELS_LAST} else 1
    )
    if len(axes) > 1 or len(ranks) > 1 or not axes <= {PLAIN, CHANNELS_LAST} or not over_channels:
        raise call.refuse(f"over dim={dim}")
    if len(values) == 1:
        call.recorder.keep(call.result, values[0])
    else:
        call.recorder.record(call.result, LAYERS["concat"](), values)


# Shapes.


@handles("contiguous", "clone", "detach", "to", "float", "double", "type_as", "requires_grad_", "alias", "positive")
def _same(call: Call) -> None:
    call.same()


@handles("flatten", "view", "reshape", "squeeze", "unsqueeze")
def _reshape(call: Call) -> None:
    value = call.x
    shape = call.shape
    came = next(tensor for tensor in tensors_in((call.args, call.kwargs)) if call.before.get(id(tensor)) is not None)
    came_size, gone_size = tuple(came.shape), tuple(call.result.shape)
    samples, channels = came_size[0], shape[0]
    if came_size == gone_size:
        call.same()
    elif gone_size == (samples, channels, 1) and value.axes == PLAIN:
        call.same(SQUEEZED)
    elif value.axes == SQUEEZED and gone_size in ((samples, channels), (samples, channels, 1, 1)):
        word = None if len(gone_size) == len(shape) + 1 else "flatten" if isinstance(shape, Image) else "unflatten"
        if word is None:
            call.same(PLAIN)
        else:
            layer = LAYERS["flatten"]() if word == "flatten" else Unflatten()
            call.recorder.record(call.result, layer, (value,), axes=PLAIN)
    elif value.axes == PLAIN and gone_size == (came_size[0], came.numel() // came_size[0]):
        call.recorder.record(call.result, LAYERS["flatten"](), (value,))
    elif isinstance(shape, Image) and value.axes == PLAIN and _splits_channels(came_size, gone_size):
        call.same(("groups", gone_size[1]))
    elif isinstance(shape, Image) and value.axes[0] in ("groups", "dealt") and gone_size[1:] == tuple(shape):
        if value.axes[0] == "groups":
            call.same(PLAIN)
        else:
            shuffled = LAYERS["channel_shuffle"](groups=value.axes[1])
            call.recorder.record(call.result, shuffled, (value,), axes=PLAIN)
    elif isinstance(shape, Vector) and gone_size == (*came_size, 1, 1):
        call.recorder.record(call.result, Unflatten(), (value,))
    elif value.axes == CHANNELS_LAST and came_size[1:3] == (1, 1) and gone_size == (came_size[0], came_size[3]):
        call.recorder.record(call.result, LAYERS["flatten"](), (value,), axes=PLAIN)
    else:
        sizes = " to ".join("x".join(map(str, sizes[1:])) or "one number" for sizes in (came_size, gone_size))
        raise call.refuse(f"from {sizes}")


def _splits_channels(came: tuple[int, ...], gone: tuple[int, ...]) -> bool:
    return len(gone) == 5 and gone[0] == came[0] and gone[3:] == came[2:]


@handles("expand", "expand_as")
def _expand(call: Call) -> None:
    image = call.image()
    if tuple(call.result.shape[1:]) == tuple(image):
        call.same()
    elif image[1:] == (1, 1) and call.result.shape[1] == image.channels:
        call.same(SPREAD)
    else:
        raise call.refuse(f"from {image}")


@handles("permute", "transpose", "movedim", "moveaxis", "swapaxes")
def _permute(call: Call) -> None:
    value = call.x
    rank = call.result.ndim
    if call.name.startswith(("permute", "move")):
        dims = call.args[1:] if len(call.args) > 2 else (*call.args[1:], *call.kwargs.values())[0]
        order = tuple(dim % rank for dim in dims) if call.name == "permute" else ()
    else:
        first, second = (dim % rank for dim in (*call.args[1:], *call.kwargs.values())[:2])
        order = tuple({first: second, second: first}.get(axis, axis) for axis in range(rank))
    if order == tuple(range(rank)):
        call.same()
    elif value.axes == PLAIN and order == (0, 2, 3, 1):
        call.same(CHANNELS_LAST)
    elif value.axes == CHANNELS_LAST and order == (0, 3, 1, 2):
        call.same(PLAIN)
    elif value.axes[0] in ("groups", "dealt") and order == (0, 2, 1, 3, 4):
        call.same(("dealt" if value.axes[0] == "groups" else "groups", value.axes[1]))
    else:
        raise call.refuse(f"to the order {order or call.args[1:]}")


@handles("chunk", "split", "split_with_sizes", "tensor_split")
def _split(call: Call) -> None:
    image = call.image()
    given = call.bind("input sizes dim", dim=0)
    if given["dim"] not in (1, -3):
        raise call.refuse(f"over dim={given['dim']}")
    start = 0
    for part in call.result:
        end = start + part.shape[1]
        if (start, end) == (0, image.channels):
            call.recorder.keep(part, call.x)
        else:
            call.recorder.record(part, LAYERS["take_channels"](start=start, end=end), (call.x,))
        start = end


@handles("getitem", "narrow")
def _slice(call: Call) -> None:
    image = call.image()
    if call.name == "narrow":
        given = call.bind("input dim start length")
        index: Any = (slice(None),) * given["dim"] + (slice(given["start"], given["start"] + given["length"]),)
    else:
        index = call.args[1] if isinstance(call.args[1], tuple) else (call.args[1],)
    index = tuple(each for each in index if each is not Ellipsis) if index[-1:] == (Ellipsis,) else index
    whole = [isinstance(each, slice) and each in (slice(None), slice(0, None)) for each in index]
    if all(whole):
        call.same()
    elif len(index) >= 2 and isinstance(index[1], slice) and all(whole[:1] + whole[2:]):
        start, end, step = index[1].indices(image[0] or 0)
        if step != 1:
            raise call.refuse(f"with a step of {step}")
        call.gives("take_channels", start=start, end=end)
    else:
        raise call.refuse("but of a range of the channels")


@handles("pad")
def _pad(call: Call) -> None:
    call.image()
    given = call.bind("input pad mode value", mode="constant", value=0)
    sides = tuple(given["pad"])
    if given["mode"] != "constant" or given["value"] not in (None, 0) or len(sides) not in (2, 4) or min(sides) < 0:
        raise call.refuse(f"with mode={given['mode']!r}, pad={sides}, value={given['value']}")
    left, right, top, bottom = (*sides, 0, 0)[:4]
    if any(sides):
        call.gives("zero_pad", left=left, right=right, top=top, bottom=bottom)
    else:
        call.same()


@handles("pixel_shuffle")
def _pixel_shuffle(call: Call) -> None:
    call.image()
    call.gives("pixel_shuffle", r=call.bind("input upscale_factor")["upscale_factor"])


@handles("channel_shuffle", "native_channel_shuffle")
def _channel_shuffle(call: Call) -> None:
    call.image()
    call.gives("channel_shuffle", groups=call.bind("input groups")["groups"])


@handles("interpolate", "upsample")
def _interpolate(call: Call) -> None:
    image = call.image()
    given = call.bind("input size scale_factor mode align_corners", mode="nearest", align_corners=None)
    height, width = call.result.shape[2:]
    assert image.height is not None
    assert image.width is not None
    scale = height // image.height
    if (height, width) != (scale * image.height, scale * image.width):
        raise call.refuse(f"from {image.height}x{image.width} to {height}x{width}")
    if given["mode"] not in ("nearest", "bilinear") or given["align_corners"]:
        raise call.refuse(f"with mode={given['mode']!r}, align_corners={given['align_corners']}")
    call.gives("upsample", scale=scale, bilinear=given["mode"] == "bilinear")
