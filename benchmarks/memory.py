"""The forecast of `archdsl show` beside what torch's CPU allocator hands out, for the networks of specs/.

.venv/bin/python benchmarks/memory.py                                # all, at three batch sizes
.venv/bin/python benchmarks/memory.py --only resnet --batches 1 64   # some, at others
.venv/bin/python benchmarks/memory.py --optimizer adam --precision bf16
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.profiler import ProfilerActivity, profile, record_function

import archdsl
from archdsl.backends.pytorch import auxiliary_outputs, build
from archdsl.cost.memory import OPTIMIZERS, PRECISIONS, THREADS, forecast_inference, forecast_training
from archdsl.network import Network

SPECS = Path(__file__).parent.parent / "specs"
BATCHES = (1, 2, 4)
ALLOWED = 0.10
"""How far a forecast may be off."""

DESCENTS: dict[str, Callable[[list[nn.Parameter]], torch.optim.Optimizer]] = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=1e-4),
    "momentum": lambda parameters: torch.optim.SGD(parameters, lr=1e-4, momentum=0.9),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=1e-4),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=1e-4),
}


def training_peak(network: Network, batch: int, optimizer: str = "momentum", precision: str = "fp32") -> int:
    """The bytes at the worst moment of a second step, when the optimizer has its state."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        model = build(network).train()
        descent = DESCENTS[optimizer](list(model.parameters()))
        x = torch.randn(batch, *sizes(network.input))
        # A class for each sample, or for each pixel of an output that is a picture.
        labels = torch.zeros(batch, *sizes(network.output)[1:], dtype=torch.int64)
        for step in range(2):
            with record_function(f"step {step}"):
                training_step(model, descent, x, labels, precision)
    return peak_within(profiler, "step 1")


def training_step(model: nn.Module, descent: torch.optim.Optimizer, x: Tensor, labels: Tensor, precision: str) -> None:
    """A plain step, as people write it."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16"):
        loss = cross_entropy(model(x), labels)
        for weight, output in auxiliary_outputs(model):
            loss = loss + weight * cross_entropy(output, labels)
    loss.backward()
    descent.step()
    descent.zero_grad()


def inference_peak(network: Network, batch: int, precision: str = "fp32") -> int:
    """The bytes at the worst moment of a forward pass in evaluation."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        model = build(network).eval()
        x = torch.randn(batch, *sizes(network.input))
        lowered = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bf16")
        with record_function("pass"), torch.inference_mode(), lowered:
            model(x)
    return peak_within(profiler, "pass")


def sizes(shape: tuple[int | None, ...]) -> list[int]:
    return [size for size in shape if size is not None]


def peak_within(profiler: profile, name: str) -> int:
    """The most bytes that were allocated at once during a recorded stretch, with what was there before it."""
    assert profiler.profiler is not None
    events = profiler.profiler.kineto_results.events()
    stretch = next(event for event in events if event.name() == name)
    begin, end = stretch.start_ns(), stretch.end_ns()
    allocated = peak = 0
    for event in sorted((event for event in events if event.name() == "[memory]"), key=lambda event: event.start_ns()):
        allocated += event.nbytes()
        if begin <= event.start_ns() <= end:
            peak = max(peak, allocated)
    return peak


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[], help="names of specs")
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--optimizer", choices=OPTIMIZERS, default="momentum")
    parser.add_argument("--precision", choices=PRECISIONS, default="fp32")
    arguments = parser.parse_args()
    torch.set_num_threads(THREADS)
    optimizer, precision = arguments.optimizer, arguments.precision
    print(f"MB, training with {optimizer}, {precision}, torch {torch.__version__}")
    print(
        f"{'network':24}{'batch':>6}{'forecast':>12}{'torch':>10}{'ratio':>8}{'inference':>12}{'torch':>10}{'ratio':>8}"
    )
    worst = 0.0
    for path in sorted(SPECS.glob("*.arch")):
        if arguments.only and path.stem not in arguments.only:
            continue
        network = archdsl.load(path)
        forecasts = forecast_training(network, optimizer, precision), forecast_inference(network, precision)
        for batch in arguments.batches:
            try:
                measured = (
                    training_peak(network, batch, optimizer, precision),
                    inference_peak(network, batch, precision),
                )
            except ValueError as error:
                # A norm over the batch has nothing to go by where one sample leaves one pixel.
                print(f"{path.stem:24}{batch:6}  torch refuses: {error}", flush=True)
                continue
            line = f"{path.stem:24}{batch:6}"
            for forecast, peak, width in zip(forecasts, measured, (12, 12), strict=True):
                total = forecast.at(batch).total
                ratio = total / peak
                worst = max(worst, abs(ratio - 1))
                line += f"{total / 1e6:{width}.2f}{peak / 1e6:10.2f}{ratio:8.3f}"
            print(line, flush=True)
    print(f"the forecast that is off most is off by {100 * worst:.1f} %; {100 * ALLOWED:.0f} % are allowed")
    if worst > ALLOWED:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
