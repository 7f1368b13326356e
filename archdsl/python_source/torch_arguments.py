"""The arguments of torch's modules: which have their values from what a layer is given, and which may be left out."""

from __future__ import annotations

from typing import Any

from archdsl.checker.scope import Value
from archdsl.layers.base import ModuleCall
from archdsl.python_source.expressions import Mismatch

DEFAULTS: dict[str, Value | str] = {
    "stride": 1,
    "padding": 0,
    "output_padding": 0,
    "dilation": 1,
    "groups": 1,
    "bias": True,
    "ceil_mode": False,
    "count_include_pad": True,
    "eps": 1e-5,
    "momentum": 0.1,
    "negative_slope": 0.01,
    "mode": "nearest",
    "alpha": 1e-4,
    "beta": 0.75,
    "k": 1,
    "initial": 1,
}
"""What torch takes where a keyword is not given, but for the stride of pools, which is their kernel."""

IN = "in"
POSITIONS: dict[str, tuple[str, ...]] = {
    "Conv2d": (IN, "out"),
    "ConvTranspose2d": (IN, "out"),
    "Linear": (IN, "out"),
    "BatchNorm1d": (IN,),
    "BatchNorm2d": (IN,),
    "InstanceNorm2d": (IN,),
    "LayerNorm": (IN,),
    "LayerNorm2d": (IN,),
    "GroupNorm": ("groups", IN),
    "LocalResponseNorm": ("size",),
    "AdaptiveAvgPool2d": ("size",),
    "AdaptiveMaxPool2d": ("size",),
    "Dropout": ("p",),
    "Dropout2d": ("p",),
    "StochasticDepth": ("p",),
    "PixelShuffle": ("r",),
    "ChannelShuffle": ("groups",),
    "TakeChannels": ("start", "end"),
    "Scale": (IN,),
}
"""The fields of a layer that the arguments in order of its module have their values from; `in` is what enters."""

FIELDS = {
    "kernel_size": "kernel",
    "padding": "pad",
    "output_padding": "output_pad",
    "scale_factor": "scale",
    "negative_slope": "slope",
    "ceil_mode": "ceil",
}
"""The same of the arguments by name, where the names differ."""

SWITCHED = {"bias": "nobias", "count_include_pad": "nopadcount"}
"""Arguments by name that are true where a flag is not said."""

SHOWN = {
    "Conv2d": ("stride", "padding", "dilation", "groups", "bias"),
    "ConvTranspose2d": ("stride", "padding", "output_padding", "dilation", "groups", "bias"),
    "Linear": ("bias",),
    "MaxPool2d": ("stride", "padding", "dilation"),
    "AvgPool2d": ("stride", "padding"),
    "BatchNorm1d": ("eps", "momentum"),
    "BatchNorm2d": ("eps", "momentum"),
}
"""Arguments that are shown where the spec computes them, though they may come out as torch's own defaults."""

ORDER = ("kernel_size", "scale_factor", *DEFAULTS)

OWN_MODULES = ("Concat", "Add", "Mul", "Aux", "LayerNorm2d", "Scale", "TakeChannels", "StochasticDepth")
"""The modules that torch lacks."""


def keyword_value(call: ModuleCall, keyword: str) -> Any:
    """The value of an argument by name; where it is not given, what torch takes then."""
    if keyword in call.kwargs:
        return call.kwargs[keyword]
    if keyword == "stride" and call.name in ("MaxPool2d", "AvgPool2d"):
        return call.kwargs["kernel_size"]
    if keyword not in DEFAULTS:
        raise Mismatch(keyword)
    return DEFAULTS[keyword]
