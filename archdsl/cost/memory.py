"""The memory of a training step and of inference, forecast without torch.

The operations that torch runs are gone through in their order, forward and backward, with the tensors that each makes
and the holders that keep them: the loop of nn.Sequential, what is saved for the backward pass, gradients on their way.
So what two operations keep counts once, and what nobody holds is gone. All amounts are of the form a + b batch, so
that one walk tells the peak of every batch size.

What is counted is what torch's CPU allocator hands out; docs/memory.md tells the convention, and what was measured.
"""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from archdsl.layers.base import KEEPS_INPUT, KEEPS_OUTPUT, Blocked, Join, Operation, values_of
from archdsl.network import Branches, Head, Leaf, Network, Node

OPTIMIZERS = ("sgd", "momentum", "adam", "adamw")
PRECISIONS = ("fp32", "bf16")

SINGLE = 4
"""Bytes of a value in single precision, in which weights, gradients and the optimizer's state are kept."""

THREADS = 2
"""Threads of the forecast: each sums an image of its own, and the gradients of a convolution's weights."""

STATES = {"sgd": 0, "momentum": 1, "adam": 2, "adamw": 2}
"""How many values an optimizer keeps for each parameter."""


class Parts(NamedTuple):
    """Bytes at the worst moment, by what they are for.

    weights: parameters, and the running statistics of norms.
    gradients: those of the parameters that are there at that moment.
    optimizer: its state.
    activations: what is kept for the backward pass.
    workspace: what is there for a moment: outputs and gradients on their way, copies that operations work on.
    input: the batch of samples, and its labels.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    workspace: int
    input: int

    @property
    def total(self) -> int:
        return sum(self)


WEIGHTS, GRADIENTS, OPTIMIZER, ACTIVATIONS, WORKSPACE, INPUT = range(6)


class Amount(NamedTuple):
    """Bytes: `fixed`, and `each` for every sample of the batch."""

    fixed: int = 0
    each: int = 0

    def at(self, batch: int) -> int:
        return self.fixed + self.each * batch

    def batch_within(self, limit: int) -> int:
        """The largest batch with at most `limit` bytes; none is where the fixed bytes alone are more."""
        return (limit - self.fixed) // self.each


class Moment(NamedTuple):
    """What is allocated at one moment, in all and by parts."""

    total: Amount
    parts: tuple[Amount, ...]


class Forecast(NamedTuple):
    """The moments that are the worst for some batch size."""

    moments: tuple[Moment, ...]

    def at(self, batch: int) -> Parts:
        """The parts at the worst moment for a batch of this size."""
        worst = max(self.moments, key=lambda moment: moment.total.at(batch))
        return Parts(*(part.at(batch) for part in worst.parts))

    def largest_batch(self, limit: int) -> int:
        """The largest batch whose peak is at most `limit` bytes; 0 where one sample is too many."""
        return max(0, min(moment.total.batch_within(limit) for moment in self.moments))


def forecast_training(network: Network, optimizer: str = "momentum", precision: str = "fp32") -> Forecast:
    """The peak of a step: forward, cross entropy, backward, the optimizer's step; from the second step on.

    Args:
        optimizer: one of OPTIMIZERS, with the defaults of torch, `momentum` being SGD with momentum.
        precision: `fp32`, or `bf16`, which is autocast to bfloat16: weights, gradients and state stay in fp32.
    """
    run = Run(precision, is_training=True)
    parameters = run.store(network)
    values = sum(parameters)
    run.ledger.allocate(OPTIMIZER, Amount(SINGLE * STATES[optimizer] * values))
    run.pass_forward_and_back(network)
    run.ledger.allocate(WORKSPACE, Amount(_optimizer_work(optimizer, parameters)))
    return run.ledger.forecast()


def forecast_inference(network: Network, precision: str = "fp32") -> Forecast:
    """The peak of a forward pass in evaluation, where no gradients are asked for."""
    run = Run(precision, is_training=False)
    run.store(network)
    run.pass_forward(network)
    return run.ledger.forecast()


def kept_activations(network: Network, precision: str = "fp32") -> dict[tuple[str, ...], Amount]:
    """What is kept for the backward pass of the tensors that each layer makes, by the keys of `Network.walk`.

    What a layer keeps of its input counts where that was made, and the network's input not at all.
    """
    run = Run(precision, is_training=True)
    run.store(network)
    run.pass_forward(network)
    return run.kept


def _optimizer_work(optimizer: str, parameters: list[int]) -> int:
    """Bytes of the tensors that a step of the optimizer makes and drops, one parameter after the other."""
    if STATES[optimizer] < 2:
        return 0
    # Adam takes a root and a quotient of each; the quotient of the parameter before is still there.
    before = [0, *parameters]
    return SINGLE * max((2 * now + last for now, last in zip(parameters, before, strict=False)), default=0)


def _stored(leaf: Leaf) -> tuple[list[int], int]:
    """The values of each parameter of a layer, and the bytes that are stored beside them."""
    trained: list[int] = []
    stored = 0
    for _, shape in leaf.layer.state(leaf.input):
        if sum(trained) < leaf.cost.parameters:
            trained.append(prod(shape))
        else:
            # Running statistics; what has no shape is a count, of 64 bits.
            stored += SINGLE * prod(shape) if shape else 8
    return trained, stored


class Storage:
    """Bytes that are allocated while somebody holds them; kept ones count as activations.

    made_by: the keys of the node that made it, or None.
    """

    __slots__ = ("amount", "holders", "keepers", "made_by", "part", "was_kept")

    def __init__(self, part: int, amount: Amount, made_by: tuple[str, ...] | None) -> None:
        self.part = part
        self.amount = amount
        self.made_by = made_by
        self.holders = 1
        self.keepers = 0
        self.was_kept = False


class Tensor:
    """A tensor of the forward pass, with the gradient that has come together for it in the backward pass.

    bytes: of one value.
    is_part: whether its values do not lie side by side, for it is a part of its storage.
    """

    __slots__ = ("bytes", "channels_last", "gradient", "is_part", "needs_gradient", "storage", "values")

    def __init__(
        self,
        storage: Storage,
        values: int,
        bytes: int,
        needs_gradient: bool,
        channels_last: bool = False,
        is_part: bool = False,
    ) -> None:
        self.storage = storage
        self.values = values
        self.bytes = bytes
        self.needs_gradient = needs_gradient
        self.channels_last = channels_last
        self.is_part = is_part
        self.gradient: Gradient | None = None


class Gradient(NamedTuple):
    storage: Storage
    is_part: bool = False


class Step(NamedTuple):
    """An operation to go back through: what it took, what it gave, and what it keeps for that."""

    operation: Operation | Join
    inputs: tuple[Tensor, ...]
    output: Tensor
    keeps: tuple[Storage, ...]
    bytes: int
    parameters: tuple[int, ...] = ()
    lowered_parameters: tuple[Storage, ...] = ()


class Ledger:
    """What is allocated now, and the moments at which it was the most for some batch size."""

    def __init__(self) -> None:
        self.fixed = [0] * 6
        self.each = [0] * 6
        self.total_fixed = 0
        self.total_each = 0
        self.moments: list[Moment] = []

    def allocate(self, part: int, amount: Amount, made_by: tuple[str, ...] | None = None) -> Storage:
        self._add(part, amount, 1)
        last = self.moments[-1].total if self.moments else None
        if last is None or last.fixed < self.total_fixed or last.each < self.total_each:
            self._note()
        return Storage(part, amount, made_by)

    def _note(self) -> None:
        fixed, each = self.total_fixed, self.total_each
        moments = self.moments
        while moments and moments[-1].total.fixed <= fixed and moments[-1].total.each <= each:
            moments.pop()
        parts = tuple(map(Amount, self.fixed, self.each))
        moments.append(Moment(Amount(fixed, each), parts))
        if len(moments) > 4096:
            self.moments = _worst(moments)

    def hold(self, storage: Storage) -> None:
        storage.holders += 1

    def release(self, storage: Storage) -> None:
        storage.holders -= 1
        if not storage.holders:
            self._add(storage.part, storage.amount, -1)

    def keep(self, storage: Storage) -> None:
        storage.holders += 1
        storage.keepers += 1
        storage.was_kept = True
        if storage.keepers == 1 and storage.part == WORKSPACE:
            self._move(storage, ACTIVATIONS)

    def let_go(self, storage: Storage) -> None:
        storage.keepers -= 1
        if not storage.keepers and storage.part == ACTIVATIONS:
            self._move(storage, WORKSPACE)
        self.release(storage)

    def _move(self, storage: Storage, part: int) -> None:
        self._add(storage.part, storage.amount, -1)
        storage.part = part
        self._add(part, storage.amount, 1)

    def _add(self, part: int, amount: Amount, sign: int) -> None:
        fixed, each = amount
        self.fixed[part] += sign * fixed
        self.each[part] += sign * each
        self.total_fixed += sign * fixed
        self.total_each += sign * each

    def forecast(self) -> Forecast:
        return Forecast(tuple(_worst(self.moments)))


def _worst(moments: list[Moment]) -> list[Moment]:
    """The moments that are the worst for some batch size of 1 or more: the upper hull of their lines."""
    hull: list[Moment] = []
    for moment in sorted(moments, key=lambda moment: (moment.total.each, moment.total.fixed)):
        if hull and hull[-1].total.each == moment.total.each:
            hull.pop()
        while hull and moment.total.at(1) >= hull[-1].total.at(1):
            hull.pop()
        while len(hull) > 1 and _meets_before(hull[-2].total, moment.total, hull[-1].total):
            hull.pop()
        hull.append(moment)
    return hull


def _meets_before(first: Amount, second: Amount, between: Amount) -> bool:
    """Whether the line of `second` passes that of `first` no later than the one between them does."""
    left = (first.fixed - second.fixed) * (between.each - first.each)
    return left <= (first.fixed - between.fixed) * (second.each - first.each)


class Run:
    """One run of a network: its forward pass, and the way back."""

    def __init__(self, precision: str, is_training: bool) -> None:
        self.is_lowered = precision == "bf16"
        self.is_training = is_training
        self.ledger = Ledger()
        self.steps: list[Step] = []
        self.kept: dict[tuple[str, ...], Amount] = {}
        self.cache: list[Storage] = []
        self.head_outputs: list[Tensor] = []
        self.lowered_gradients: list[Storage] = []

    def store(self, network: Network) -> list[int]:
        """Allocate the weights; returns the values of each parameter, in the order of the modules."""
        parameters: list[int] = []
        buffers = 0
        for place in network.walk():
            if isinstance(place.node, Leaf):
                trained, stored = _stored(place.node)
                parameters += trained
                buffers += stored
        self.ledger.allocate(WEIGHTS, Amount(SINGLE * sum(parameters) + buffers))
        return parameters

    # Forward

    def pass_forward(self, network: Network) -> Tensor:
        values = values_of(network.input)
        x = Tensor(self.ledger.allocate(INPUT, Amount(0, SINGLE * values)), values, SINGLE, needs_gradient=False)
        # The caller holds the input, so it is never released.
        self.ledger.hold(x.storage)
        return self._forward(network.root, x, ())

    def pass_forward_and_back(self, network: Network) -> None:
        output = network.output
        # A class for each sample, or for each pixel where the output is a picture: 64-bit numbers.
        self.ledger.allocate(INPUT, Amount(0, 8 * (values_of(output) // (output[0] or 1))))
        outputs = [self.pass_forward(network), *self.head_outputs]
        for logits in outputs:
            self._loss(logits)
        for storage in self.cache:
            self.ledger.release(storage)
        while self.steps:
            self._go_back(self.steps.pop())

    def _forward(self, node: Node, x: Tensor, keys: tuple[str, ...]) -> Tensor:
        """What comes out of a node. The caller's hold of `x` passes to this, and that of the output to the caller."""
        if isinstance(node, Leaf):
            return self._leaf(node, x, keys)
        if isinstance(node, Branches):
            return self._branches(node, x, keys)
        if isinstance(node, Head):
            if self.is_training:
                self.ledger.hold(x.storage)
                self.head_outputs.append(self._chain(node.children, x, keys))
            return x
        # A module's caller still has the input while it runs.
        self.ledger.hold(x.storage)
        y = self._chain(node.children, x, keys)
        self.ledger.release(x.storage)
        return y

    def _chain(self, children: tuple[tuple[str, Node], ...], x: Tensor, keys: tuple[str, ...]) -> Tensor:
        for key, child in children:
            x = self._forward(child, x, (*keys, key))
        return x

    def _leaf(self, node: Leaf, x: Tensor, keys: tuple[str, ...]) -> Tensor:
        start = x
        self.ledger.hold(start.storage)
        operations = node.layer.operations(node.input)
        for operation in operations:
            if self.is_training or not operation.in_training_only:
                parameters = _stored(node)[0] if operation is operations[-1] else []
                x = self._run(operation, x, start, keys, parameters)
        self.ledger.release(start.storage)
        return x

    def _run(
        self, operation: Operation, x: Tensor, start: Tensor, keys: tuple[str, ...], parameters: list[int]
    ) -> Tensor:
        ledger = self.ledger
        given = x
        lowered: tuple[Storage, ...] = ()
        if self.is_lowered and operation.is_lowered:
            lowered = tuple(ledger.allocate(WORKSPACE, Amount(2 * each)) for each in parameters)
            if self.is_training:
                self.cache += lowered
            if x.bytes > 2:
                x = self._cast(x, 2, keys)
        elif operation.is_raised and x.bytes < SINGLE:
            x = self._cast(x, SINGLE, keys)
        size = SINGLE if operation.is_promoted else max(x.bytes, start.bytes) if operation.keeps_start else x.bytes
        needs_gradient = self.is_training and (x.needs_gradient or bool(parameters))
        if operation.output is None:
            y = self._view(operation, x, keys)
        else:
            work = self._start_work(operation, x, size)
            channels_last = operation.gives_channels_last or (x.channels_last and operation.output > 1)
            storage = ledger.allocate(WORKSPACE, Amount(0, size * operation.output), keys)
            y = Tensor(storage, operation.output, size, needs_gradient, channels_last)
            for each in work:
                ledger.release(each)
        extra = []
        if operation.indices:
            extra.append(ledger.allocate(WORKSPACE, Amount(0, 8 * operation.indices), keys))
        if operation.mask:
            extra.append(ledger.allocate(WORKSPACE, Amount(0, size * operation.mask), keys))
        if operation.sample_statistics or operation.batch_statistics:
            amount = Amount(SINGLE * operation.batch_statistics, SINGLE * operation.sample_statistics)
            extra.append(ledger.allocate(WORKSPACE, amount, keys))
        if needs_gradient:
            keeps = list(extra)
            if operation.keeps == KEEPS_INPUT:
                keeps.append(x.storage)
            elif operation.keeps == KEEPS_OUTPUT:
                keeps.append(y.storage)
            if operation.keeps_start:
                keeps.append(start.storage)
            inputs = (x, start) if operation.keeps_start else (x,)
            self._keep(Step(operation, inputs, y, (*keeps, *lowered), size, tuple(parameters), lowered))
        for each in extra:
            ledger.release(each)
        if not self.is_training:
            # Casts of weights are kept for the rest of the pass only where these are trained.
            for each in lowered:
                ledger.release(each)
        if x is not given:
            ledger.release(x.storage)
        ledger.release(given.storage)
        return y

    def _view(self, operation: Operation, x: Tensor, keys: tuple[str, ...]) -> Tensor:
        ledger = self.ledger
        if operation.needs_order and x.channels_last:
            storage = ledger.allocate(WORKSPACE, Amount(0, x.bytes * x.values), keys)
            return Tensor(storage, x.values, x.bytes, x.needs_gradient)
        ledger.hold(x.storage)
        is_part = x.is_part or operation.copies_gradient
        return Tensor(x.storage, x.values, x.bytes, x.needs_gradient, x.channels_last, is_part)

    def _start_work(self, operation: Operation, x: Tensor, size: int) -> list[Storage]:
        """Allocate what is there while an operation runs; the most of it at the moment when its output is made."""
        ledger = self.ledger
        blocked = operation.blocked
        if blocked is None:
            work = x.bytes * operation.work
            if operation.gives_channels_last and not x.channels_last:
                work += x.bytes * x.values
            if size > x.bytes:
                work += size * x.values
            tiles = THREADS * x.bytes * operation.lowered_work if x.bytes < SINGLE else 0
            return [ledger.allocate(WORKSPACE, Amount(tiles, work))] if work or tiles else []
        if x.channels_last:
            return [ledger.allocate(WORKSPACE, Amount((1 + blocked.copies_weights) * x.bytes * blocked.weights))]
        read = [ledger.allocate(WORKSPACE, Amount(0, x.bytes * (x.values if x.is_part else 0)))]
        if blocked.pointwise and x.bytes < SINGLE:
            read.append(ledger.allocate(WORKSPACE, Amount(THREADS * SINGLE * blocked.output)))
        read.append(ledger.allocate(WORKSPACE, Amount(x.bytes * blocked.weights, x.bytes * blocked.input)))
        copies = [ledger.allocate(WORKSPACE, Amount(0, x.bytes * blocked.output))]
        for each in read:
            ledger.release(each)
        if blocked.transposed:
            copies.append(ledger.allocate(WORKSPACE, Amount(0, x.bytes * (operation.output or 0))))
        return copies

    def _cast(self, x: Tensor, size: int, keys: tuple[str, ...]) -> Tensor:
        """The same values in another precision; the caller holds both."""
        storage = self.ledger.allocate(WORKSPACE, Amount(0, size * x.values), keys)
        y = Tensor(storage, x.values, size, x.needs_gradient, x.channels_last)
        if self.is_training and x.needs_gradient:
            self._keep(Step(Operation(x.values), (x,), y, (), x.bytes))
        return y

    def _keep(self, step: Step) -> None:
        for storage in step.keeps:
            is_first = not storage.was_kept
            self.ledger.keep(storage)
            if is_first and storage.made_by is not None:
                fixed, each = self.kept.get(storage.made_by, Amount())
                self.kept[storage.made_by] = Amount(fixed + storage.amount.fixed, each + storage.amount.each)
        self.steps.append(step)

    def _branches(self, node: Branches, x: Tensor, keys: tuple[str, ...]) -> Tensor:
        ledger = self.ledger
        values = values_of(node.output)
        outputs: list[Tensor] = []
        for key, child in node.children:
            ledger.hold(x.storage)
            outputs.append(self._forward(child, x, (*keys, key)))
            if node.layer.is_pairwise and len(outputs) == 2:
                outputs = [self._join(node.layer, outputs, values, keys)]
        if not node.layer.is_pairwise:
            outputs = [self._join(node.layer, outputs, values, keys)]
        ledger.release(x.storage)
        return outputs[0]

    def _join(self, join: Join, branches: list[Tensor], values: int, keys: tuple[str, ...]) -> Tensor:
        ledger = self.ledger
        size = max(branch.bytes for branch in branches)
        # Branches of lower precision are cast: by autocast for `concat`, else by the kernel, unseen by autograd.
        work = [
            ledger.allocate(WORKSPACE, Amount(0, size * branch.values))
            for branch in branches
            if branch.bytes < size and join.is_pairwise
        ]
        casts = [
            self._cast(branch, size, keys) if branch.bytes < size and not join.is_pairwise else branch
            for branch in branches
        ]
        storage = ledger.allocate(WORKSPACE, Amount(0, size * values), keys)
        needs_gradient = self.is_training and any(branch.needs_gradient for branch in branches)
        y = Tensor(storage, values, size, needs_gradient, any(branch.channels_last for branch in branches))
        if needs_gradient:
            keeps = tuple(branch.storage for branch in branches) if join.keeps_branches else ()
            self._keep(Step(join, tuple(casts), y, keeps, size))
        for each in work:
            ledger.release(each)
        for branch, cast in zip(branches, casts, strict=True):
            if cast is not branch:
                ledger.release(cast.storage)
            ledger.release(branch.storage)
        return y

    def _loss(self, logits: Tensor) -> None:
        """Cross entropy: the logarithm of the softmax, in single precision, and the mean of what the labels pick."""
        x = logits
        if x.bytes < SINGLE:
            x = self._cast(x, SINGLE, ())
        logarithms = self._run(Operation(x.values, keeps=KEEPS_OUTPUT), x, x, (), [])
        if x is not logits:
            self.ledger.release(logits.storage)
        loss = self._run(Operation(0, keeps=KEEPS_INPUT), logarithms, logarithms, (), [])
        loss.gradient = Gradient(loss.storage)

    # Backward

    def _go_back(self, step: Step) -> None:
        ledger = self.ledger
        gradient = step.output.gradient
        if gradient is None:
            # Nothing that the loss depends on; what it keeps is dropped with the graph.
            for storage in step.keeps:
                ledger.let_go(storage)
            return
        step.output.gradient = None
        if isinstance(step.operation, Join):
            given = self._back_through_join(step.operation, step, gradient)
        else:
            given = self._back_through(step.operation, step, gradient)
        for storage in step.keeps:
            ledger.let_go(storage)
        ledger.release(gradient.storage)
        for lowered in self.lowered_gradients:
            ledger.allocate(GRADIENTS, Amount(2 * lowered.amount.fixed))
            ledger.release(lowered)
        self.lowered_gradients.clear()
        for tensor, new in given:
            self._deliver(tensor, new)

    def _back_through(self, operation: Operation, step: Step, gradient: Gradient) -> list[tuple[Tensor, Gradient]]:
        ledger = self.ledger
        x, size = step.inputs[0], step.bytes
        given: list[tuple[Tensor, Gradient]] = []
        if operation.output is None and not operation.copies_gradient:
            if x.needs_gradient:
                ledger.hold(gradient.storage)
                given.append((x, gradient))
            return given
        work = []
        if operation.is_promoted and size > x.bytes:
            # The gradient before it is cast down, and the input cast up.
            work.append(ledger.allocate(WORKSPACE, Amount(0, 2 * size * x.values)))
        if gradient.is_part or (operation.gives_channels_last and not x.channels_last):
            work.append(ledger.allocate(WORKSPACE, Amount(0, size * step.output.values)))
        blocked = operation.blocked
        if blocked is not None and not x.channels_last:
            self._convolve_back(blocked, x, size, given)
        elif x.needs_gradient:
            given += [
                (each, Gradient(ledger.allocate(WORKSPACE, Amount(0, each.bytes * each.values))))
                for each in step.inputs
            ]
        if operation.backward_work:
            work.append(ledger.allocate(WORKSPACE, Amount(0, size * operation.backward_work)))
        if operation.lowered_work and size < SINGLE:
            work.append(ledger.allocate(WORKSPACE, Amount(THREADS * size * operation.lowered_work)))
        if blocked is not None and x.channels_last and blocked.weights_by_group:
            work.append(self._weights_back(blocked, step, size))
        self._parameter_gradients(step)
        for each in work:
            ledger.release(each)
        return given

    def _convolve_back(
        self,
        blocked: Blocked,
        x: Tensor,
        size: int,
        given: list[tuple[Tensor, Gradient]],
    ) -> None:
        """The two halves of a convolution's way back, each on copies: to its input, then to its weights."""
        ledger = self.ledger
        of_output = Amount(size * blocked.weights, size * blocked.output)
        part = size * x.values if x.is_part else 0
        if x.needs_gradient:
            copies = ledger.allocate(WORKSPACE, of_output)
            if blocked.pointwise and size < SINGLE:
                ledger.release(ledger.allocate(WORKSPACE, Amount(THREADS * SINGLE * blocked.input, size * x.values)))
            of_input = ledger.allocate(WORKSPACE, Amount(0, size * max(blocked.input, x.values)))
            ledger.release(copies)
            gradient = ledger.allocate(WORKSPACE, Amount(0, size * x.values))
            if blocked.strided:
                ledger.release(ledger.allocate(WORKSPACE, Amount(0, size * x.values)))
            ledger.release(of_input)
            given.append((x, Gradient(gradient)))
        # Beside the copies, sums of the weights' gradient for each thread.
        if size < SINGLE and blocked.output_in_place:
            of_output = Amount(of_output.fixed)
        copies = ledger.allocate(WORKSPACE, of_output)
        read = ledger.allocate(WORKSPACE, Amount((THREADS - 1) * SINGLE * blocked.weights, size * blocked.input + part))
        ledger.release(copies)
        ledger.release(read)

    def _weights_back(self, blocked: Blocked, step: Step, size: int) -> Storage:
        """The way back to the weights where the channels of a pixel lie side by side; what is there at its end."""
        ledger = self.ledger
        by_group = size * blocked.weights_by_group
        if size < SINGLE:
            copies = 1 if blocked.grouped else THREADS
            sums = copies * (SINGLE * blocked.weights_by_group + size * blocked.image)
            ledger.release(ledger.allocate(WORKSPACE, Amount(by_group + sums)))
        # The gradient leaves its blocks for a plain tensor, which is copied to the one that is given.
        return ledger.allocate(WORKSPACE, Amount(by_group + (1 + blocked.copies_weights) * size * step.parameters[0]))

    def _parameter_gradients(self, step: Step) -> None:
        for values in step.parameters:
            if step.lowered_parameters:
                self.lowered_gradients.append(self.ledger.allocate(WORKSPACE, Amount(2 * values)))
            else:
                self.ledger.allocate(GRADIENTS, Amount(SINGLE * values))

    def _back_through_join(self, join: Join, step: Step, gradient: Gradient) -> list[tuple[Tensor, Gradient]]:
        ledger = self.ledger
        given = []
        for branch in step.inputs:
            if not branch.needs_gradient:
                continue
            if join.gradient == "new":
                # A branch that spreads gets the sum of a product of full size.
                product = ledger.allocate(WORKSPACE, Amount(0, step.bytes * step.output.values))
                if branch.values < step.output.values:
                    total = ledger.allocate(WORKSPACE, Amount(0, branch.bytes * branch.values))
                    ledger.release(product)
                    product = total
                given.append((branch, Gradient(product)))
            elif branch.bytes < step.bytes:
                cast = ledger.allocate(WORKSPACE, Amount(0, branch.bytes * branch.values))
                given.append((branch, Gradient(cast)))
            else:
                ledger.hold(gradient.storage)
                given.append((branch, Gradient(gradient.storage, gradient.is_part or join.gradient == "part")))
        return given

    def _deliver(self, tensor: Tensor, gradient: Gradient) -> None:
        """Add a gradient to what has come for a tensor so far: in place where nobody else holds that."""
        ledger = self.ledger
        so_far = tensor.gradient
        if so_far is None:
            tensor.gradient = gradient
            return
        if so_far.storage.holders == 1 and not so_far.is_part:
            ledger.release(gradient.storage)
            return
        total = ledger.allocate(WORKSPACE, Amount(0, tensor.bytes * tensor.values))
        ledger.release(so_far.storage)
        ledger.release(gradient.storage)
        tensor.gradient = Gradient(total)
