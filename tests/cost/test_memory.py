"""The forecast of memory against torch: what is kept, layer by layer, and the peak as `benchmarks/memory.py` has it."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import torch

import archdsl
from archdsl.backends.pytorch import build
from archdsl.cost.memory import (
    ACTIVATIONS,
    GRADIENTS,
    THREADS,
    WORKSPACE,
    Run,
    forecast_inference,
    forecast_training,
    kept_activations,
)
from archdsl.layers import LAYERS
from archdsl.layers.base import Join
from archdsl.network import Leaf, Network

ROOT = Path(__file__).parent.parent.parent
BATCH = 16

NETWORKS = {
    "chain": "input(3, 32, 32)\nconv(16, 3, p1) relu pool(2) conv(32, 3, p1) relu flatten fc(64) relu dropout fc(10)",
    "inception": """
        input(3, 32, 32)
        conv(64, 3, s2) relu
        repeat(2) { conv(16, 1) relu concat { conv(32, 1) relu | conv(32, 3, p1) relu | pool(3, 1, p1) conv(16, 1) } }
        dropout conv(100, 1) relu global_avgpool flatten
    """,
    "residual": """
        input(3, 32, 32)
        conv(32, 7, s2, p3, nobias) batchnorm relu pool(3, 2, p1)
        repeat(2) { add { conv(32, 3, p1, nobias) batchnorm relu conv(32, 3, p1, nobias) batchnorm | identity } relu }
        add { conv(64, 3, s2, p1, nobias) batchnorm | conv(64, 1, s2, nobias) batchnorm } relu
        global_avgpool flatten fc(100)
    """,
    "gates": """
        input(3, 32, 32)
        conv(16, 3, s2, p1, nobias) batchnorm hardswish
        repeat(2) {
          add {
            conv(64, 1, nobias) batchnorm hardswish conv(64, 3, p1, groups=64, nobias) batchnorm silu
            mul { identity | global_avgpool conv(16, 1) relu conv(64, 1) hardsigmoid }
            conv(16, 1, nobias) batchnorm
          | identity
          }
        }
        conv(96, 3, s2, p1) relu6 global_avgpool flatten fc(64) hardswish fc(100)
    """,
    "channels last": """
        input(3, 32, 32)
        conv(32, 4, s4) layernorm(1e-6)
        repeat(2) {
          add {
            conv(32, 7, p3, groups=32) layernorm conv(128, 1) gelu conv(32, 1) scale(1e-6) drop_path(0.1)
          | identity
          }
        }
        layernorm conv(64, 2, s2) global_avgpool layernorm flatten fc(100)
    """,
    "dense": """
        input(3, 32, 32)
        conv(32, 3, p1, nobias)
        repeat(3) { concat { identity | batchnorm relu conv(64, 1) batchnorm relu conv(16, 3, p1) } }
        batchnorm relu conv(48, 1) avgpool(2) global_avgpool flatten fc(100)
    """,
    "shuffled": """
        input(3, 64, 64)
        conv(32, 3, s2, p1, nobias) batchnorm relu pool(3, 2, p1)
        repeat(3) {
          concat {
            take_channels(0, 16)
          | take_channels(16, 32) conv(16, 1) relu conv(16, 3, p1, groups=16) conv(16, 1) relu
          }
          channel_shuffle(2)
        }
        global_avgpool flatten fc(100)
    """,
    "enlarged": """
        input(3, 32, 32)
        conv(16, 3, p1) silu
        concat { identity | pool(2) conv(32, 3, p1) groupnorm(8) silu conv(32, 3, p1) tanh conv_transpose(16, 2, s2) }
        concat { identity | pool(2) conv(32, 3, p1) prelu upsample(2) }
        conv(16, 3, p1) leaky_relu conv(8, 1)
    """,
    "normalized": """
        input(3, 32, 32)
        conv(32, 5, p2) relu lrn(5, 1e-4, 0.75, 2) pool(3, 2) conv(64, 3, p1) relu lrn avgpool(2) instancenorm elu
        dropout2d(0.1) adaptive_pool(4) flatten dropout fc(64) prelu fc(10)
    """,
    "vectors": "input(784)\nrepeat(3) { fc(512) batchnorm relu } fc(10)",
    "heads": """
        input(3, 32, 32)
        conv(32, 3, p1) relu pool(2)
        aux(0.3) { avgpool(4) conv(64, 1) relu flatten fc(256) relu dropout(0.7) fc(10) }
        conv(64, 3, p1) relu pool(2) conv(64, 3, p1) relu global_avgpool flatten fc(10)
    """,
}


@pytest.fixture(scope="module")
def benchmark() -> Iterator[ModuleType]:
    """The benchmark as a module, with as many threads as it has: torch's kernels work on more memory with more."""
    spec = importlib.util.spec_from_file_location("benchmarks_memory", ROOT / "benchmarks" / "memory.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    yield module
    torch.set_num_threads(threads)


def network_of(text: str) -> Network:
    checked = archdsl.check("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
    assert checked.network is not None, checked.errors
    return checked.network


@pytest.mark.parametrize("name", NETWORKS)
def test_the_peak_of_training_is_what_torch_allocates(name: str, benchmark: ModuleType) -> None:
    network = network_of(NETWORKS[name])
    measured = benchmark.training_peak(network, BATCH)
    assert forecast_training(network).at(BATCH).total == pytest.approx(measured, rel=0.05)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_peak_of_inference_is_what_torch_allocates(name: str, benchmark: ModuleType) -> None:
    network = network_of(NETWORKS[name])
    measured = benchmark.inference_peak(network, BATCH)
    assert forecast_inference(network).at(BATCH).total == pytest.approx(measured, rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_the_state_of_each_optimizer_counts(optimizer: str, benchmark: ModuleType) -> None:
    network = network_of(NETWORKS["vectors"])
    measured = benchmark.training_peak(network, 4, optimizer)
    assert forecast_training(network, optimizer).at(4).total == pytest.approx(measured, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", NETWORKS)
def test_half_precision(name: str, benchmark: ModuleType) -> None:
    network = network_of(NETWORKS[name])
    measured = benchmark.training_peak(network, BATCH, precision="bf16")
    assert forecast_training(network, precision="bf16").at(BATCH).total == pytest.approx(measured, rel=0.1)
    measured = benchmark.inference_peak(network, BATCH, "bf16")
    assert forecast_inference(network, "bf16").at(BATCH).total == pytest.approx(measured, rel=0.1)


def kept_by_torch(network: Network, batch: int) -> int:
    """The bytes of all storages that autograd keeps, without the input, parameters and buffers."""
    model = build(network).train()
    x = torch.randn(batch, *network.input)  # type: ignore[arg-type]
    known = {each.untyped_storage().data_ptr() for each in (x, *model.parameters(), *model.buffers())}
    kept: dict[int, torch.UntypedStorage] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        output = model(x)
    assert output is not None
    return sum(storage.nbytes() for storage in kept.values())


def kept_by_forecast(network: Network, batch: int) -> int:
    return sum(amount.at(batch) for amount in kept_activations(network).values())


@pytest.mark.parametrize("word", LAYERS)
def test_a_word_keeps_what_torch_keeps(word: str) -> None:
    """Behind a `scale`, so that the word's own input has a gradient, and keeping that counts."""
    shape, _, call = LAYERS[word].example.partition(": ")
    end = "" if word == "aux" else " tanh"
    network = network_of(f"input({shape.replace('x', ', ')})\nscale {call}{end}")
    assert kept_by_forecast(network, 2) == kept_by_torch(network, 2)


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_kept_counts_once(name: str) -> None:
    network = network_of(NETWORKS[name])
    assert kept_by_forecast(network, 2) == kept_by_torch(network, 2)


def test_what_is_kept_is_told_where_it_is_made() -> None:
    network = network_of("input(3, 8, 8)\nconv(4, 3, p1) relu pool(2) flatten fc(10)")
    kept = {keys[0]: amount.at(1) for keys, amount in kept_activations(network).items()}
    # The relu's output, which the pool keeps as well; the pool's, which `fc` keeps, and where its maxima were.
    assert kept == {"1": 4 * 4 * 64, "2": 4 * 4 * 16 + 8 * 4 * 16}


@pytest.mark.parametrize("spec", ["lenet", "googlenet", "googlenet_paper"])
def test_weights_are_those_of_the_modules(spec: str) -> None:
    network = archdsl.load(ROOT / "specs" / f"{spec}.arch")
    with torch.device("meta"):
        model = build(network)
    stored = sum(each.numel() * each.element_size() for each in (*model.parameters(), *model.buffers()))
    assert forecast_inference(network).at(1).weights == stored
    assert forecast_training(network, "adam").at(1).optimizer == 2 * stored


@pytest.mark.parametrize("limit", [10**5, 10**6, 10**7, 10**9, 10**15])
def test_the_largest_batch_fits_and_one_more_does_not(limit: int) -> None:
    network = network_of(NETWORKS["residual"])
    for forecast in (forecast_training(network, "adam"), forecast_inference(network)):
        largest = forecast.largest_batch(limit)
        assert largest == 0 or forecast.at(largest).total <= limit
        assert forecast.at(largest + 1).total > limit


def test_one_walk_tells_the_worst_moment_of_every_batch() -> None:
    """With one sample that is the optimizer's step, with many it is the end of the forward pass."""
    forecast = forecast_training(network_of(NETWORKS["vectors"] + " relu fc(10)"), "adam")
    few, many = forecast.at(1), forecast.at(10**6)
    assert few.gradients == few.optimizer // 2
    assert many.gradients < few.gradients
    assert many.activations > many.workspace


def test_nothing_is_left_over() -> None:
    """At the end all is given back but weights, gradients, the optimizer's state and the input."""
    for text in NETWORKS.values():
        for precision in ("fp32", "bf16"):
            network = network_of(text)
            run = Run(precision, is_training=True)
            parameters = run.store(network)
            run.pass_forward_and_back(network)
            ledger = run.ledger
            assert [ledger.fixed[part] for part in (ACTIVATIONS, WORKSPACE)] == [0, 0]
            assert [ledger.each[part] for part in (ACTIVATIONS, WORKSPACE)] == [0, 0]
            assert ledger.fixed[GRADIENTS] == 4 * sum(parameters)


def test_every_word_tells_its_operations() -> None:
    for word, layer in LAYERS.items():
        if not issubclass(layer, Join) and word != "aux":
            shape, _, call = layer.example.partition(": ")
            node = network_of(f"input({shape.replace('x', ', ')})\n{call}").root.children[0][1]
            assert isinstance(node, Leaf)
            assert isinstance(node.layer.operations(node.input), tuple)
