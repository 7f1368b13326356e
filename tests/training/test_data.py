"""What is read from files: verified before it is used, and refused with the file's name."""

from __future__ import annotations

import gzip
import hashlib
import os
import pickle
import sys
import urllib.error
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image as Pictures

from archdsl.errors import TrainingError
from archdsl.layers.linear import Fc, Flatten
from archdsl.recipe.recipe import Data
from archdsl.shapes import Image, Vector
from archdsl.source import Source
from archdsl.training.data import known
from archdsl.training.data.image_set import ImageSet, Request, hold_back, limit
from archdsl.training.data.known import read_known_set
from archdsl.training.data.load import load_data
from archdsl.training.data.prepare import Normalization, Prepare, measure, unchanged

from .networks import chain, linear, tiny

CPU = torch.device("cpu")
REAL_DATA = next(
    (
        folder
        for folder in (os.environ.get("ARCHDSL_DATA"), str(Path(__file__).parents[3] / "shared" / "data"))
        if folder and (Path(folder) / "FashionMNIST" / "raw").is_dir()
    ),
    None,
)


def idx(*dimensions: int, data: bytes) -> bytes:
    return bytes((0, 0, 8, len(dimensions))) + b"".join(size.to_bytes(4, "big") for size in dimensions) + data


def write_fashion_mnist(root: Path, name: str = "FashionMNIST") -> Path:
    """Forty training images and twenty for the test, of each class as many."""
    folder = root / name / "raw"
    folder.mkdir(parents=True)
    for part, count in (("train", 40), ("t10k", 20)):
        pixels = bytes((i * 7) % 256 for i in range(count * 784))
        (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(count, 28, 28, data=pixels))
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(idx(count, data=bytes(i % 10 for i in range(count))))
    return folder


@pytest.mark.parametrize(("name", "folder"), [("fashion-mnist", "FashionMNIST"), ("mnist", "MNIST")])
def test_idx_files_are_read(tmp_path: Path, name: str, folder: str) -> None:
    write_fashion_mnist(tmp_path, folder)
    (tmp_path / folder / "processed").mkdir()
    for file in ("training.pt", "test.pt"):  # Which torchvision would rather read.
        torch.save((torch.zeros(3, 28, 28, dtype=torch.uint8), torch.zeros(3)), tmp_path / folder / "processed" / file)
    data = read_known_set(name, tmp_path, download=False, verify=False)
    assert data.train.images.shape == (40, 1, 28, 28)
    assert data.train.images.dtype == torch.uint8
    assert data.train.images.flatten()[:3].tolist() == [0, 7, 14]
    assert data.test.labels.tolist() == list(range(10)) * 2
    assert len(data.classes) == 10


def cut(content: bytes) -> bytes:
    return content[:-1]


def lengthen(content: bytes) -> bytes:
    return content + b"\0"


def empty(content: bytes) -> bytes:
    return b""


def header_alone(content: bytes) -> bytes:
    return content[:6]


def web_page(content: bytes) -> bytes:
    return b"<!DOCTYPE html><html><body>Please log in</body></html>"


def wrong_magic(content: bytes) -> bytes:
    return b"\0\0\x0d" + content[3:]


def huge_count(content: bytes) -> bytes:
    return content[:4] + b"\x7f\xff\xff\xff" + content[8:]


def zipped(content: bytes) -> bytes:
    return gzip.compress(content)


@pytest.mark.parametrize("file", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
@pytest.mark.parametrize("damage", [cut, lengthen, empty, header_alone, web_page, wrong_magic, huge_count, zipped])
def test_a_damaged_file_is_named(tmp_path: Path, file: str, damage: Callable[[bytes], bytes]) -> None:
    path = write_fashion_mnist(tmp_path) / file
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(TrainingError, match=f"{file}: .*delete it, and fetch it again") as caught:
        read_known_set("fashion-mnist", tmp_path, download=False)
    assert caught.value.exit_code == 2
    assert ("it is a web page" in str(caught.value)) == (damage is web_page)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (bytes(i % 10 for i in range(39)), "train-labels-idx1-ubyte: 39 labels, and there are 40 images"),
        (bytes([200] + [i % 10 for i in range(39)]), "a training label is 200; there are classes 0 to 9"),
        (bytes(40), "no training image is labelled 1 \\(trouser\\)"),
        (b"", "train-labels-idx1-ubyte: it holds nothing"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, labels: bytes, message: str) -> None:
    path = write_fashion_mnist(tmp_path) / "train-labels-idx1-ubyte"
    path.write_bytes(idx(len(labels), data=labels))
    with pytest.raises(TrainingError, match=message):
        read_known_set("fashion-mnist", tmp_path, download=False, verify=False)


def test_images_of_another_size_are_refused(tmp_path: Path) -> None:
    path = write_fashion_mnist(tmp_path) / "t10k-images-idx3-ubyte"
    path.write_bytes(idx(20, 32, 32, data=bytes(20 * 1024)))
    with pytest.raises(TrainingError, match="images of 32x32, not 28x28"):
        read_known_set("fashion-mnist", tmp_path, download=False)


def test_what_is_missing_is_named_with_its_folder(tmp_path: Path) -> None:
    folder = write_fashion_mnist(tmp_path)
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(TrainingError) as caught:
        read_known_set("fashion-mnist", tmp_path, download=False)
    assert f"t10k-labels-idx1-ubyte belongs in {folder}/" in str(caught.value)
    assert "--download" in str(caught.value)
    assert "train-images" not in str(caught.value)
    with pytest.raises(TrainingError, match=r"data_batch_1, .* belong in .*cifar-10-batches-py/"):
        read_known_set("cifar10", tmp_path, download=False)


@pytest.mark.parametrize("name", ["fashion-mnist", "mnist"])
def test_a_file_with_one_other_pixel_is_refused(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_fashion_mnist(tmp_path, "FashionMNIST" if name == "fashion-mnist" else "MNIST")
    files = known.KNOWN_SETS[name].files
    sha256 = tuple(hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in files)
    with pytest.raises(TrainingError, match=r"train-images-idx3-ubyte: not the published file .*data.verify=false"):
        read_known_set(name, tmp_path, download=False)
    monkeypatch.setitem(known.KNOWN_SETS, name, known.KNOWN_SETS[name]._replace(sha256=sha256))
    read_known_set(name, tmp_path, download=False)
    for file in files:
        content = (folder / file).read_bytes()
        changed = bytearray(content)
        changed[-1] ^= 1
        (folder / file).write_bytes(changed)
        with pytest.raises(TrainingError, match=f"{file}: not the published file of {name}"):
            read_known_set(name, tmp_path, download=False)
        (folder / file).write_bytes(content)


@pytest.mark.parametrize("name", ["fashion-mnist", "cifar100"])
@pytest.mark.parametrize("answer", ["offline", "a web page", "a bomb"])
def test_a_download_that_fails_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, answer: str
) -> None:
    import torchvision

    def fetch(url: str, filename: str, *_: object, **__: object) -> None:
        if answer == "offline":
            raise urllib.error.URLError("Name or service not known")
        page = b"<!DOCTYPE html><html><body>Please log in</body></html>"
        Path(filename).write_bytes(page if answer == "a web page" else gzip.compress(bytes(10_000_000)))

    monkeypatch.setattr(torchvision.datasets.utils, "_urlretrieve", fetch)
    monkeypatch.setattr(torchvision.datasets.utils, "_get_redirect_url", lambda url, **_: url)
    with pytest.raises(TrainingError, match="could not be fetched") as caught:
        read_known_set(name, tmp_path, download=True)
    assert "\n" not in str(caught.value)
    assert str(tmp_path / known.KNOWN_SETS[name].folder) in str(caught.value)
    assert "shapes" in str(caught.value)
    assert ("Name or service not known; its files" in str(caught.value)) == (answer == "offline")
    assert sum(file.stat().st_size for file in tmp_path.rglob("*")) < 100_000  # Nothing was unpacked.


def write_cifar(root: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twice as many images as classes in each file, and torchvision told that these files are the published ones."""
    import torchvision

    published = getattr(torchvision.datasets, name.upper())
    folder = root / published.base_folder
    folder.mkdir()
    classes = known.KNOWN_SETS[name].classes
    generator = torch.Generator().manual_seed(0)

    def write(file: str, content: object) -> str:
        (folder / file).write_bytes(pickle.dumps(content))
        return hashlib.md5((folder / file).read_bytes()).hexdigest()

    def part(files: list[list[str]]) -> list[list[str]]:
        labels = list(range(len(classes))) * 2
        kept = "labels" if len(classes) == 10 else "fine_labels"
        pixels = torch.randint(256, (len(labels), 3072), generator=generator, dtype=torch.uint8)
        return [[file, write(file, {"data": pixels.numpy(), kept: labels})] for file, _ in files]

    meta = published.meta
    for key, value in (
        ("train_list", part(published.train_list)),
        ("test_list", part(published.test_list)),
        ("meta", meta | {"md5": write(meta["filename"], {meta["key"]: list(classes)})}),
    ):
        monkeypatch.setattr(published, key, value)
    return folder


@pytest.mark.parametrize(("name", "count"), [("cifar10", 100), ("cifar100", 200)])
def test_cifar_is_read_and_no_file_that_was_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, count: int
) -> None:
    folder = write_cifar(tmp_path, name, monkeypatch)
    data = read_known_set(name, tmp_path, download=False)
    assert data.train.images.shape == (count, 3, 32, 32)
    assert data.train.images.is_contiguous()
    assert len(data.classes) == len(set(data.train.labels.tolist())) == int(name.removeprefix("cifar"))
    first = known.KNOWN_SETS[name].files[0]
    stored = pickle.loads((folder / first).read_bytes())["data"]
    assert torch.equal(data.train.images[1].flatten(), torch.from_numpy(stored[1]))

    class Hostile:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "ran",)

    for file in known.KNOWN_SETS[name].files:
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(pickle.dumps(Hostile()))
        for verify in (True, False):
            with pytest.raises(TrainingError, match=f"{name} could not be read: a file is not the published one"):
                read_known_set(name, tmp_path, download=False, verify=verify)
        (folder / file).write_bytes(content)
    assert not (tmp_path / "ran").exists()


def test_the_digits_are_those_of_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sklearn.datasets import load_digits

    network, spec = tiny(10, Image(1, 8, 8))
    data = load_data(Data(name="digits", validation=100), network, spec, tmp_path)
    assert (len(data.train), len(data.validation), len(data.test)) == (1337, 100, 360)
    whole = load_digits()
    assert torch.equal(data.test.labels, torch.from_numpy(whole.target[-360:]))
    assert ((data.test.images.squeeze(1) / 255 * 16) - torch.from_numpy(whole.images[-360:])).abs().max() < 0.04
    assert int(data.train.images.max()) == 255
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(TrainingError, match=r"digits needs scikit-learn: pip install 'archdsl\[digits\]'"):
        load_data(Data(name="digits"), network, spec, tmp_path)


@pytest.mark.data
@pytest.mark.skipif(REAL_DATA is None, reason="no FashionMNIST/raw in $ARCHDSL_DATA nor in ../shared/data")
def test_the_real_fashion_mnist_is_read() -> None:
    assert REAL_DATA is not None
    data = read_known_set("fashion-mnist", Path(REAL_DATA), download=False)
    assert data.train.images.shape == (60_000, 1, 28, 28)
    assert data.test.labels.bincount().tolist() == [1000] * 10
    normalization = measure(data.train.images)
    assert normalization.mean == pytest.approx((0.2860,), abs=1e-4)  # As the literature has them.
    assert normalization.std == pytest.approx((0.3530,), abs=1e-4)


# Whether network and data fit.


@pytest.mark.parametrize(
    ("classes", "shape", "name", "message"),
    [
        (
            7,
            Image(1, 28, 28),
            "shapes",
            r"tiny.arch:4:14: `fc\(7\)` gives 7 values, and shapes has 10 classes; .*`fc\(10\)`",
        ),
        (100, Image(1, 28, 28), "mnist", r"`fc\(100\)` gives 100 values, and mnist has 10 classes"),
        (
            10,
            Image(1, 28, 28),
            "cifar10",
            r"tiny.arch:2:1: the network takes images of 1 channel, .*`input\(3, 28, 28\)`",
        ),
        (10, Image(4, 28, 28), "mnist", r"tiny.arch:2:1: the network takes images of 4 channels, .*--input 1x28x28"),
        (10, Image(1, 12, 40), "shapes", r"tiny.arch:2:1: figures can't be told apart in 12x40 .*--input 1x16x40"),
    ],
)
def test_a_network_that_does_not_fit_is_refused(
    tmp_path: Path, classes: int, shape: Image, name: str, message: str
) -> None:
    network, spec = tiny(classes, shape)
    with pytest.raises(TrainingError, match=message) as caught:
        load_data(Data(name=name), network, spec, tmp_path)
    assert caught.value.exit_code == 2


def test_a_let_is_set_where_the_last_layer_has_one(tmp_path: Path) -> None:
    spec = Source("let.arch", "let classes = 7\ninput(1, 16, 16)\nflatten fc(classes)\n")
    network = chain(Image(1, 16, 16), [(Flatten(), "flatten"), (Fc(out=7), "fc(classes)")], spec)
    with pytest.raises(TrainingError, match=r"shapes has 10 classes; say --set classes=10$"):
        load_data(Data(), network, spec, tmp_path)


def test_a_network_that_ends_in_an_image_is_told_to_flatten(tmp_path: Path) -> None:
    from archdsl.network import Sequence

    network, spec = tiny()
    children = network.root.children[:2]
    last = children[-1][1]
    cut_off = network._replace(root=Sequence(children, network.input, last.output, last.cost, network.root.span))
    with pytest.raises(TrainingError, match=r"ends in an image of 4x7x7, .*`flatten fc\(10\)`"):
        load_data(Data(), cut_off, spec, tmp_path)


def test_a_network_of_a_vector(tmp_path: Path) -> None:
    network, spec = linear(784)
    data = load_data(Data(train=20, test=10), network, spec, tmp_path)
    assert data.train.images.shape == (20, 1, 28, 28)
    x = Prepare(network.input, unchanged(1), CPU)(data.train.images)
    assert torch.allclose(x, data.train.images.flatten(1) / 255)
    write_fashion_mnist(tmp_path)
    load_data(Data(name="fashion-mnist", verify=False), network, spec, tmp_path)
    network, spec = linear(300)
    with pytest.raises(TrainingError, match=r"linear.arch:1:1: .*300 features"):
        load_data(Data(), network, spec, tmp_path)
    with pytest.raises(TrainingError, match=r"takes 300 features, .*1x28x28, which is 784; write `input\(784\)`"):
        load_data(Data(name="fashion-mnist"), network, spec, tmp_path)


@pytest.mark.parametrize(("side", "count"), [(16, 10_000), (64, 5_000)])
def test_how_many_figures_are_drawn(tmp_path: Path, side: int, count: int) -> None:
    network, spec = tiny(shape=Image(1, side, side))
    data = load_data(Data(), network, spec, tmp_path)
    assert (len(data.train.labels), len(data.test.labels)) == (count, 1000)
    assert len(load_data(Data(train=30, test=20), network, spec, tmp_path).train.labels) == 30


# From bytes to a batch.


def test_normalized_images_have_mean_0_and_deviation_1() -> None:
    images = torch.randint(30, 200, (2500, 3, 8, 9), dtype=torch.uint8)
    images[:, 1] //= 3
    x = Prepare(Image(3, 8, 9), measure(images), CPU)(images)
    assert torch.allclose(x.mean((0, 2, 3)), torch.zeros(3), atol=1e-4)
    assert torch.allclose(x.std((0, 2, 3)), torch.ones(3), atol=1e-3)
    assert x.is_contiguous(memory_format=torch.channels_last)


def test_images_that_are_all_the_same_are_no_division_by_zero() -> None:
    images = torch.full((3, 1, 4, 4), 7, dtype=torch.uint8)
    assert torch.allclose(Prepare(Image(1, 4, 4), measure(images), CPU)(images), torch.zeros(3, 1, 4, 4), atol=1e-5)


@pytest.mark.parametrize("size", [(56, 64), (14, 10), (28, 28), (56, 10), (14, 64)])
@pytest.mark.parametrize("channels_last", [True, False])
def test_resizing_is_that_of_pil(size: tuple[int, int], channels_last: bool) -> None:
    smooth = torch.linspace(0, 255, 28).view(1, 1, 28, 1) * torch.linspace(0, 1, 28).view(1, 1, 1, 28)
    images = smooth.to(torch.uint8)
    ours = Prepare(Image(1, *size), unchanged(1), CPU, channels_last=channels_last)(images)[0, 0] * 255
    theirs = Pictures.fromarray(images[0, 0].numpy()).resize(size[::-1], Pictures.Resampling.BILINEAR)
    difference = ours - torch.frombuffer(bytearray(theirs.tobytes()), dtype=torch.uint8).view(size)
    assert difference.abs().max() <= 1.01


def test_grey_images_are_repeated_for_three_channels() -> None:
    images = torch.randint(0, 256, (2, 1, 5, 5), dtype=torch.uint8)
    x = Prepare(Image(3, 5, 5), Normalization((0.5,), (0.25,)), CPU)(images)
    assert x.shape == (2, 3, 5, 5)
    assert torch.allclose(x[:, 2:], (images / 255 - 0.5) / 0.25, atol=1e-5)


def test_a_part_is_random_fixed_and_without_repeats() -> None:
    whole = ImageSet(torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1), torch.arange(100))
    part = limit(whole, 30, seed=0)
    assert part.labels.tolist() == limit(whole, 30, 0).labels.tolist() != limit(whole, 30, 1).labels.tolist()
    assert len(set(part.labels.tolist())) == 30
    assert torch.equal(part.images.flatten().long(), part.labels)
    assert part.labels.max() > 60
    assert limit(whole, None, 0) is limit(whole, 100, 0) is whole


def test_a_shape_is_a_vector_or_an_image() -> None:
    x = Prepare(Vector(50), unchanged(2), CPU)(torch.zeros(3, 2, 5, 5, dtype=torch.uint8))
    assert x.shape == (3, 50)


# A set of images.


def test_a_set_gives_the_images_of_each_request() -> None:
    images = ImageSet(torch.arange(30, dtype=torch.uint8).view(30, 1, 1, 1), torch.arange(30) * 2)
    requests = [Request(torch.tensor([4, 2, 4])), Request(torch.tensor([29]), draws="kept")]
    read = list(images.read(requests))
    assert [request for request, _, _ in read] == requests
    assert [pixels.flatten().tolist() for _, pixels, _ in read] == [[4, 2, 4], [29]]
    assert [labels.tolist() for _, _, labels in read] == [[8, 4, 8], [58]]


def test_each_class_gives_its_share_to_the_validation() -> None:
    labels = torch.tensor([0] * 50 + [1] * 30 + [2] * 20 + [3])
    whole = ImageSet(torch.arange(101, dtype=torch.uint8).view(101, 1, 1, 1), labels)
    left, held = hold_back(whole, 25, seed=0)
    assert held is not None
    assert held.labels.bincount(minlength=4).tolist() == [12, 8, 5, 0]
    assert sorted(left.images.flatten().tolist() + held.images.flatten().tolist()) == list(range(101))
    again, other = hold_back(whole, 25, seed=0)[1], hold_back(whole, 25, seed=1)[1]
    assert again is not None
    assert other is not None
    assert torch.equal(held.images, again.images)
    assert not torch.equal(held.images, other.images)
    assert hold_back(whole, 0, seed=0) == (whole, None)
    with pytest.raises(TrainingError, match="101 images are to be held back, and there are 101 to learn from"):
        hold_back(whole, 101, seed=0)


def test_validation_is_taken_from_what_is_left_of_the_training_images(tmp_path: Path) -> None:
    network, spec = tiny()
    data = load_data(Data(train=40, test=10, validation=10), network, spec, tmp_path)
    assert data.validation is not None
    assert data.train.labels.bincount().tolist() == [3] * 10
    assert data.validation.labels.bincount().tolist() == [1] * 10
