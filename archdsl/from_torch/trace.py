"""A module run once, each of its operations written down as a word of the language.

The run is a real one, with a batch of noise and in evaluation: so sizes are numbers, and a way through the module that
depends on a size is the one that this size takes. What is inside a module that a word builds is not looked at; all else
is seen as the functions of torch that are called. A value is known by its tensor, so what changes one in place counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.overrides import TorchFunctionMode

from archdsl.from_torch.functions import CHANNELS_LAST, HANDLERS, ON_ANY_AXES, PLAIN, Call, Value, tensors_in
from archdsl.from_torch.graph import Graph, Node, Place, Refusal, Scope, State
from archdsl.from_torch.leaves import word_of
from archdsl.from_torch.places import place_of_call, place_of_error
from archdsl.layers import LAYERS
from archdsl.layers.base import Join, Layer, Misfit
from archdsl.shapes import Shape

BATCH = 2
"""More than one, so that the batch is told from a size of 1."""


def trace(module: nn.Module, input: Shape) -> tuple[Graph, Tensor, Tensor]:
    """The graph of a module for samples of a shape, with the batch that it was run with and what that gave.

    The module is put in evaluation. Raises Refusal where it can't be run, or does what no word says.
    """
    if any(isinstance(each, torch.jit.ScriptModule) for each in module.modules()):
        raise Refusal(
            "a compiled module does not show what it does",
            notes=("it, or one in it, was made by torch.jit",),
            help="name the module that it was made from",
        )
    module.eval()
    first = next((each for each in [*module.parameters(), *module.buffers()] if each.is_floating_point()), None)
    dtype = torch.float32 if first is None else first.dtype
    device = torch.device("cpu") if first is None else first.device
    if any(isinstance(each, LazyModuleMixin) for each in module.modules()):
        run_module(module, torch.zeros(BATCH, *input))  # A lazy module takes its sizes from its first run.
    noise = torch.Generator().manual_seed(0)
    batch = torch.randn(BATCH, *input, generator=noise, dtype=torch.float32).to(device, dtype)
    recorder = Recorder(module, batch, input)
    hooks = list(recorder.hooks())
    try:
        with recorder:
            output = run_module(module, batch)
        graph = recorder.graph(output)
    finally:
        for hook in hooks:
            hook.remove()
    return graph, batch, output


def run_module(module: nn.Module, batch: Tensor) -> Any:
    """What the module gives for a batch. Raises Refusal where it fails."""
    try:
        with torch.no_grad():
            return module(batch)
    except Refusal:
        raise
    except Exception as error:
        sample = "x".join(map(str, batch.shape[1:]))
        lines = [line for line in str(error).splitlines() if line.strip()]
        what = f"{type(error).__name__}: {lines[0].strip()}" if lines else type(error).__name__
        place = place_of_error(error)
        raise Refusal(f"the module fails on an input of {sample}: {what}", place) from error


class Recorder(TorchFunctionMode):
    """Writes down what the functions of torch do with the input and all that comes of it."""

    def __init__(self, module: nn.Module, batch: Tensor, input: Shape) -> None:
        super().__init__()
        self.module = module
        self.nodes = [Node(LAYERS["identity"](), (), input)]
        self.values: dict[int, Value] = {}
        self.kept: list[Tensor] = []  # So that no identity is given twice.
        self.idle: dict[str, None] = {}  # Modules that gave what they were given.
        self.unsaid: dict[int, Refusal] = {}  # Tensors of which no word says how they come about, and why.
        self.scopes: list[Scope] = []
        self.calls = 0
        self.leaf: tuple[nn.Module, Layer] | None = None
        self.run_into: set[nn.Module] = set()
        self.paths: dict[nn.Module, str] = {each: name for name, each in module.named_modules()}
        self.keys = {id(tensor): name for name, tensor in [*module.named_parameters(), *module.named_buffers()]}
        self.used: dict[str, str] = {}
        # A hook may change anything: the weights, as that of `weight_norm`, or what comes out.
        self.hooked = {each for each in self.paths if each._forward_pre_hooks or each._forward_hooks}
        self.keep(batch, Value(0))

    # Modules.

    def hooks(self) -> Iterator[Any]:
        for module in self.paths:
            yield module.register_forward_pre_hook(self.before, prepend=True)
            yield module.register_forward_hook(self.after)

    def before(self, module: nn.Module, arguments: tuple[Any, ...]) -> None:
        self.run_into.add(module)
        if self.leaf is not None:
            return
        value = self.value_of(arguments[0]) if len(arguments) == 1 else None
        layer = None if value is None else self.layer_of(module, value)
        if layer is not None:
            self.leaf = module, layer
        else:
            self.calls += 1
            self.scopes.append(Scope(self.paths[module], type(module).__name__, self.calls))

    def after(self, module: nn.Module, arguments: tuple[Any, ...], output: Any) -> None:
        if self.leaf is None:
            scope = self.scopes.pop()
            # A relu in its place gives the same tensor too, but as the value of another node.
            same = isinstance(output, Tensor) and len(arguments) == 1 and output is arguments[0]
            if same and next(module.children(), None) is None and not any(scope in node.scopes for node in self.nodes):
                self.idle[scope.path] = None
        elif self.leaf[0] is module:
            layer = self.leaf[1]
            self.leaf = None
            value = self.values[id(arguments[0])]
            own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
            state = tuple((name, self.keys[id(tensor)]) for name, tensor in own)
            self.record(output, layer, (value,), state, name=self.paths[module])

    def layer_of(self, module: nn.Module, value: Value) -> Layer | None:
        """The word for a module, or None where what it does is looked into."""
        if next(module.children(), None) is not None or module in self.hooked:
            return None
        shape = self.nodes[value.node].shape
        if value.axes == PLAIN:
            if len(shape) == 3 and isinstance(module, nn.Linear | nn.LayerNorm):
                return None  # Of an image they take the last axis, which is its width.
            return word_of(module, shape)
        if value.axes == CHANNELS_LAST and not isinstance(module, nn.LayerNorm | nn.Linear):
            layer = word_of(module, shape)
            return layer if layer is not None and layer.word in ON_ANY_AXES else None
        return None

    # Functions.

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = list(tensors_in((args, kwargs)))
        if self.leaf is not None or not any(id(each) in self.values or id(each) in self.unsaid for each in given):
            return func(*args, **kwargs)
        name = _name_of(func)
        if name in _VALUES_ARE_LOOKED_AT:
            raise self.refusal(
                "what this module does depends on the values of a tensor",
                notes=(f"`{_shown(name)}` looks at them; a spec says the same for every input",),
            )
        # What is changed in place is known by the tensor itself, before and after.
        before = [self.values.get(id(each)) for each in given]
        refusal = next((self.unsaid[id(each)] for each in given if id(each) in self.unsaid), None)
        result = func(*args, **kwargs)
        made = list(tensors_in(result))
        if name == "setitem" or "out" in kwargs:
            made += tensors_in((args[:1], kwargs.get("out")))
            refusal = refusal or self.refusal("no word of the language changes a tensor, or a part of it, in its place")
        if made and refusal is None:
            handler = HANDLERS.get(name) or HANDLERS.get(name.removesuffix("_"))
            try:
                if handler is None:
                    raise self.no_word(name)
                handler(Call(self, name, args, kwargs, result, before))
            except Refusal as found:
                refusal = found
        if refusal is not None:
            # It counts only if something comes of it.
            for each in made:
                self.kept.append(each)
                self.values.pop(id(each), None)
                self.unsaid[id(each)] = refusal
        return result

    # What is known.

    def value_of(self, tensor: Any) -> Value | None:
        return self.values.get(id(tensor)) if isinstance(tensor, Tensor) else None

    def keep(self, tensor: Tensor, value: Value) -> None:
        self.kept.append(tensor)
        self.unsaid.pop(id(tensor), None)
        self.values[id(tensor)] = value

    def record(
        self,
        result: Any,
        layer: Layer,
        inputs: tuple[Value, ...],
        state: State = (),
        axes: tuple[Any, ...] | None = None,
        name: str = "",
    ) -> None:
        """Write an operation down. Its result has the axes of what went in unless others are given."""
        if not isinstance(result, Tensor):
            raise self.refusal(f"`{layer.word}` gives one tensor, and this gives {type(result).__name__}")
        axes = inputs[0].axes if axes is None else axes
        node = self.add(layer, tuple(each.node for each in inputs), state, name)
        self.keep(result, Value(node, axes))
        actual = tuple(result.shape[1:])
        told = tuple(self.nodes[node].shape)
        if axes == CHANNELS_LAST:
            told = (*told[1:], told[0])
        if axes in (PLAIN, CHANNELS_LAST) and told != actual:
            raise self.refusal(f"`{layer.word}` would give {told}, and this gives {actual}")

    def add(self, layer: Layer, inputs: tuple[int, ...], state: State = (), name: str = "") -> int:
        shapes = tuple(self.nodes[each].shape for each in inputs)
        place = self.place()
        for _, key in state:
            if key in self.used:
                raise self.refusal(
                    f"the weights `{key}` are used twice",
                    notes=("in a spec every layer has weights of its own",),
                )
            self.used[key] = name
        try:
            layer.agrees()
            shape = layer.joins(shapes) if isinstance(layer, Join) else layer.gives(shapes[0])
        except (Misfit, AssertionError):
            described = ", ".join(map(str, shapes))
            raise self.refusal(f"`{layer.word}` does not take what it takes here: {described}") from None
        self.nodes.append(Node(layer, inputs, shape, tuple(self.scopes), name or self.path, state, place))
        return len(self.nodes) - 1

    @property
    def path(self) -> str:
        return self.scopes[-1].path if self.scopes else ""

    def place(self) -> Place | None:
        scope = self.scopes[-1] if self.scopes else None
        return place_of_call(f"{scope.path} ({scope.kind})" if scope and scope.path else "")

    def refusal(self, message: str, notes: tuple[str, ...] = (), help: str = "") -> Refusal:
        return Refusal(message, self.place(), notes, help)

    def no_word(self, name: str, why: str = "") -> Refusal:
        return self.refusal(f"no word of the language does what `{_shown(name)}` does{why and ' ' + why}")

    def graph(self, output: Any) -> Graph:
        kind = type(self.module).__name__
        value = self.value_of(output)
        for each in tensors_in(output):
            if id(each) in self.unsaid:
                raise self.unsaid[id(each)]
        if not isinstance(output, Tensor):
            raise Refusal(f"the module gives {_described(output)}, and a network gives one tensor", None)
        if value is None or value.axes != PLAIN:
            why = "does not depend on its input" if value is None else "has its axes in another order"
            raise Refusal(f"what the module gives {why}")
        unused = [
            name
            for module, name in self.paths.items()
            if module not in self.run_into and next(module.parameters(), None) is not None
        ]
        called = {self.paths[module] for module in self.run_into}
        unused = [
            name
            for name in unused
            if not any(name.startswith(each + ".") for each in unused)
            and not any(each.startswith(name + ".") for each in called)
            and not any(key.startswith(name + ".") for key in self.used)
        ]
        return Graph(kind, tuple(self.nodes), value.node, tuple(unused), tuple(self.idle))


def _name_of(func: Any) -> str:
    name = getattr(func, "__name__", str(func))
    return name.strip("_") if name.startswith("__") and name not in _VALUES_ARE_LOOKED_AT else name


def _shown(name: str) -> str:
    return {"bool": "if", "getitem": "[...]"}.get(name.strip("_"), name)


def _described(value: Any) -> str:
    if isinstance(value, tuple | list | dict):
        return f"a {type(value).__name__} of {len(value)}"
    return "nothing" if value is None else f"a {type(value).__name__}"


_VALUES_ARE_LOOKED_AT = (
    *("__bool__", "__int__", "__float__", "__index__", "__contains__", "__array__"),
    *("item", "tolist", "numpy", "nonzero", "equal", "allclose"),
)
