"""Folders of images: what is found in them, how each picture is read, in memory and step by step."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image as Pictures
from PIL import ImageOps

from archdsl.errors import TrainingError
from archdsl.recipe.recipe import Augmentation, Data
from archdsl.shapes import Image
from archdsl.training.augment import crop_box
from archdsl.training.augment.draws import draw
from archdsl.training.data.folder import _name_of
from archdsl.training.data.image_set import DataSet, ImageSet, Request
from archdsl.training.data.load import load_data
from archdsl.training.data.pictures import HEAD, Header, hush_decoders, look_at, read_image
from archdsl.training.data.streamed import StreamedSet

from .networks import tiny


def write_images(root: Path, classes: dict[str, int], colour: bool = False, side: int = 20) -> None:
    for label, (name, count) in enumerate(classes.items()):
        (root / name).mkdir(parents=True)
        for i in range(count):
            level = 20 + 60 * label + i
            picture = Pictures.new("RGB", (side + i, side), (level, 255 - level, 0) if colour else (level,) * 3)
            picture.save(root / name / f"{i:03}.png")


def read_images(path: Path, classes: int, shape: Image = Image(1, 16, 16), **fields: Any) -> Any:  # noqa: B008
    network, spec = tiny(classes, shape)
    return load_data(Data(name=f"folder:{path}", **fields), network, spec, Path("unused"))


def test_a_folder_is_split_and_the_same_each_time(tmp_path: Path) -> None:
    write_images(tmp_path, {"b": 10, "a": 5})
    (tmp_path / "a" / ".hidden").write_text("not an image")
    (tmp_path / "a" / "Thumbs.db").write_text("not an image")
    data, again = read_images(tmp_path, 2), read_images(tmp_path, 2)
    assert data.classes == ("a", "b")
    assert data.train.images.shape == (12, 1, 16, 16)
    assert data.test.labels.tolist() == [0, 1, 1]
    assert torch.equal(data.train.images, again.train.images)
    seen = {int(image.float().mean()) for part in (data.train, data.test) for image in part.images}
    assert len(seen) == 15  # Each image is in one of the parts.
    assert not torch.equal(data.test.images, read_images(tmp_path, 2, seed=1).test.images)


def test_a_folder_with_parts_of_its_own(tmp_path: Path) -> None:
    write_images(tmp_path / "train", {"cat": 4, "dog": 6}, colour=True)
    write_images(tmp_path / "test", {"cat": 2, "dog": 1}, colour=True)
    data = read_images(tmp_path, 2, Image(3, 16, 18))
    assert data.train.images.shape == (10, 3, 16, 18)
    assert data.test.labels.tolist() == [0, 0, 1]
    assert data.train.images[0].float().mean((1, 2)).tolist() == [20, 235, 0]


def test_part_of_a_folder_has_all_classes_in_it(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 30, "b": 30})
    data = read_images(tmp_path, 2, train=10, test=4)
    assert len(data.train.labels) == 10
    assert set(data.train.labels.tolist()) == {0, 1}
    assert len(data.test.labels) == 4


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda root: (root / "a" / "bad.png").write_text("no image"), "a/bad.png: not an image that can be read"),
        (lambda root: (root / "a" / "cut.png").write_bytes((root / "a" / "000.png").read_bytes()[:50]), "a/cut.png: "),
        (lambda root: (root / "a" / "empty.jpg").touch(), "a/empty.jpg: the file is empty"),
        (lambda root: (root / "a" / "notes.txt").write_text("hello"), "a/notes.txt: not an image"),
        (lambda root: (root / "a" / "inner").mkdir(), "a/inner: not an image"),
        (lambda root: Pictures.new("I;16", (9, 9)).save(root / "a" / "deep.png"), "deep.png: more than 8 bits"),
        (lambda root: (root / "c").mkdir(), "c: there is no image in it"),
        (lambda root: write_images(root, {"caf\udce9": 2}), r"/caf\\udce9: a class needs a name that can be printed"),
        (lambda root: (root / "train").mkdir(), "a folder `train`, and no `test` or `val` beside it"),
        (lambda root: (root / "val").mkdir(), "a folder `val`, and no `train` beside it"),
        (lambda root: os.mkfifo(root / "a" / "pipe.png"), "a/pipe.png: not a file, but a device or a pipe"),
        (lambda root: (root / "a" / "link.png").symlink_to("gone.png"), "a/link.png: a link to a file that is not th"),
        (lambda root: [file.unlink() for file in sorted((root / "a").iterdir())[1:]], "a: one image can't be both"),
    ],
)
def test_a_folder_that_is_not_right(tmp_path: Path, break_it: Callable[[Path], object], message: str) -> None:
    write_images(tmp_path, {"a": 4, "b": 4})
    break_it(tmp_path)
    with pytest.raises(TrainingError, match=message) as caught:
        read_images(tmp_path, 2)
    assert str(tmp_path) in str(caught.value)


def test_all_files_that_can_not_be_read_are_told(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 30, "b": 4})
    noise(20, 20).save(tmp_path / "whole.bmp")
    for name in ("cut.bmp", "cut2.bmp"):
        (tmp_path / "b" / name).write_bytes((tmp_path / "whole.bmp").read_bytes()[:500])  # Whose headers are right.
    with pytest.raises(TrainingError, match=r"(?s)b/cut\S*: .*\n.*b/cut\S*: "):
        read_images(tmp_path, 2)
    for i in range(22):
        (tmp_path / "a" / f"{i:03}.png").write_text("no image")
    with pytest.raises(TrainingError, match="and 2 more files that can't be read") as caught:
        read_images(tmp_path, 2)
    assert str(caught.value).count("not an image") == 20


def test_the_name_of_a_class_is_the_same_in_every_locale() -> None:
    assert _name_of(Path("caf\udcc3\udca9")) == "café"  # As a Python sees it that takes names for ASCII.


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="there is no such folder"):
        read_images(tmp_path / "none", 2)
    write_images(tmp_path, {"one": 3})
    with pytest.raises(TrainingError, match="there is only one, one"):
        read_images(tmp_path, 2)
    write_images(tmp_path / "x" / "train", {"a": 2, "b": 2})
    write_images(tmp_path / "x" / "test", {"a": 2, "c": 2})
    with pytest.raises(TrainingError, match="class b is in `train`, and not in `test`"):
        read_images(tmp_path / "x", 2)
    (tmp_path / "x" / "train" / "c").mkdir()
    (tmp_path / "x" / "train" / "b").rename(tmp_path / "b")
    (tmp_path / "x" / "test" / "d").mkdir()
    for name in ("train/c", "test/d"):
        Pictures.new("L", (9, 9)).save(tmp_path / "x" / name / "1.png")
    with pytest.raises(TrainingError, match="class d is in `test`, and not in `train`"):
        read_images(tmp_path / "x", 2)
    flat = tmp_path / "flat"
    write_images(flat / "train", {"a": 2, "b": 2})
    (flat / "test").mkdir()
    Pictures.new("L", (9, 9)).save(flat / "test" / "1.png")
    with pytest.raises(TrainingError, match="there is none; images without classes must lie elsewhere"):
        read_images(flat, 2)


def test_a_folder_that_can_not_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_images(tmp_path, {"a": 2, "b": 2})

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(TrainingError, match=f"{tmp_path}: Permission denied") as caught:
        read_images(tmp_path, 2)
    assert caught.value.exit_code == 2


def test_a_picture_that_is_not_what_it_seems(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 2, "b": 2})
    clear = Pictures.new("RGBA", (20, 20), (0, 0, 0, 0))
    for name in ("000.png", "001.png"):
        clear.save(tmp_path / "a" / name)
    data = read_images(tmp_path, 2)
    assert data.train.images[0].unique().tolist() == [255]  # What shines through is white, not the black below.


def test_a_colour_folder_does_not_fit_a_grey_network(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 3, "b": 3}, colour=True)
    with pytest.raises(
        TrainingError, match=r"tiny.arch:2:1: .*3 channels \(red, green, blue\); write `input\(3, 16, 16\)`"
    ):
        read_images(tmp_path, 2)


# How one picture is read.


def noise(height: int, width: int, channels: int = 3) -> Pictures.Image:
    """A picture of blots, so that JPEG keeps it well."""
    blots = torch.rand(1, channels, 6, 8, generator=torch.Generator().manual_seed(height))
    pixels = torch.nn.functional.interpolate(blots, (height, width), mode="bilinear")[0] * 255
    picture = pixels.byte().permute(1, 2, 0).contiguous()
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[channels]
    return Pictures.frombytes(mode, (width, height), bytes(picture.flatten().tolist()))


def pixels(picture: Pictures.Image) -> torch.Tensor:
    content = torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8)
    return content.view(picture.height, picture.width, -1).permute(2, 0, 1)


def test_a_picture_covers_the_input_and_is_cut_around_its_middle(tmp_path: Path) -> None:
    for height, width in ((40, 90), (90, 40), (30, 20)):
        picture = noise(height, width)
        picture.save(tmp_path / "picture.png")
        expected = pixels(ImageOps.fit(picture, (24, 16), Pictures.Resampling.BILINEAR))
        assert torch.equal(read_image(tmp_path / "picture.png", 16, 24), expected)
        assert torch.equal(read_image(tmp_path / "picture.png", 16, 24, 1), pixels(fit_grey(picture, (24, 16))))


def fit_grey(picture: Pictures.Image, size: tuple[int, int]) -> Pictures.Image:
    return ImageOps.fit(picture.convert("L"), size, Pictures.Resampling.BILINEAR)


def test_a_large_jpeg_is_decoded_smaller_and_is_nearly_the_same(tmp_path: Path) -> None:
    noise(600, 901).save(tmp_path / "large.jpg", quality=95)
    full = pixels(ImageOps.fit(Pictures.open(tmp_path / "large.jpg"), (40, 40), Pictures.Resampling.BILINEAR))
    assert 0 < (read_image(tmp_path / "large.jpg", 40, 40).float() - full.float()).abs().max() <= 5


@pytest.mark.parametrize("orientation", [*range(1, 9), 0, 99])
def test_a_picture_is_turned_as_the_camera_says(tmp_path: Path, orientation: int) -> None:
    picture = noise(300, 420)
    exif = Pictures.Exif()
    exif[0x0112] = orientation
    picture.save(tmp_path / "turned.jpg", quality=98, exif=exif)
    upright = ImageOps.exif_transpose(Pictures.open(tmp_path / "turned.jpg"))
    expected = pixels(ImageOps.fit(upright, (20, 32), Pictures.Resampling.BILINEAR))
    assert (read_image(tmp_path / "turned.jpg", 32, 20).float() - expected.float()).abs().max() <= 4


def test_damaged_data_of_the_camera_are_no_matter(tmp_path: Path, recwarn: pytest.WarningsRecorder) -> None:
    hush_decoders()
    exif = Pictures.Exif()
    exif[0x010E] = "a caption"
    noise(30, 40).save(tmp_path / "cut.jpg", exif=exif.tobytes()[:-12])
    with Pictures.open(tmp_path / "cut.jpg") as picture:
        expected = pixels(picture.resize((20, 15), Pictures.Resampling.BILINEAR))
    assert torch.equal(read_image(tmp_path / "cut.jpg", 15, 20), expected)
    assert not recwarn


def test_pictures_of_other_kinds(tmp_path: Path) -> None:
    noise(20, 20, 4).save(tmp_path / "cmyk.jpg", quality=95)
    noise(20, 20, 1).save(tmp_path / "grey.png")
    noise(20, 20).convert("P").save(tmp_path / "palette.png")
    noise(20, 20, 1).convert("1").save(tmp_path / "bits.png")
    clear = Pictures.new("P", (20, 20), 1)
    clear.putpalette([255, 0, 0, 0, 0, 255])
    clear.save(tmp_path / "clear.gif", transparency=1)
    two_eyes = noise(20, 20)
    two_eyes.save(tmp_path / "camera.jpg", format="MPO", save_all=True, append_images=[noise(20, 20)])
    for name in ("cmyk.jpg", "palette.png", "camera.jpg"):
        with Pictures.open(tmp_path / name) as picture:
            assert torch.equal(read_image(tmp_path / name, 20, 20), pixels(picture.convert("RGB"))), name
    assert torch.equal(read_image(tmp_path / "grey.png", 20, 20)[1:2], pixels(noise(20, 20, 1)))
    assert set(read_image(tmp_path / "bits.png", 20, 20).unique().tolist()) == {0, 255}
    assert read_image(tmp_path / "clear.gif", 20, 20).unique().tolist() == [255]


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        (
            "bomb.ppm",
            lambda file: file.write_bytes(b"P6 12000 12000 255\n"),
            "12,000x12,000 pixels; at most 89,478,485 are",
        ),
        (
            "bomb2.ppm",
            lambda file: file.write_bytes(b"P6 2147483647 2147483647 255\n"),
            "not an image that can be read",
        ),
        (
            "moving.gif",
            lambda file: noise(9, 9).save(file, save_all=True, append_images=[noise(9, 8)]),
            "it has several frames",
        ),
        (
            "moving.png",
            lambda file: noise(9, 9).save(file, save_all=True, append_images=[noise(9, 9).rotate(90)]),
            "it has several frames",
        ),
        ("deep.tiff", lambda file: Pictures.new("I;16", (9, 9)).save(file), "more than 8 bits a channel"),
        ("program.eps", lambda file: noise(9, 9).save(file), "those of JPEG, PNG, .* are"),
        ("page.jpg", lambda file: file.write_text("<!DOCTYPE html>"), "those of JPEG, PNG, .* are"),
        ("\x1b[2Jno.png", lambda file: file.touch(), r"\\x1b\[2Jno.png: the file is empty"),
        ("none.png", lambda file: None, "there is no such file"),
    ],
)
def test_a_picture_that_can_not_be_read_is_named(
    tmp_path: Path, name: str, make: Callable[[Path], object], message: str, recwarn: pytest.WarningsRecorder
) -> None:
    hush_decoders()
    make(tmp_path / name)
    with pytest.raises(TrainingError, match=message) as caught:
        read_image(tmp_path / name, 8, 8)
    assert name.lstrip("\x1b") in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert caught.value.exit_code == 2
    assert not recwarn


def test_a_picture_is_read_whatever_its_sides_are(tmp_path: Path) -> None:
    odd = [side for side in range(20, 400) if side / 28 * 28 > side]  # What rounding makes larger than the picture.
    assert odd
    for side in odd:
        noise(side, side + 1).save(tmp_path / "odd.png")
        assert read_image(tmp_path / "odd.png", 28, 28).shape == (3, 28, 28)


# Images that stay in their files.


def make_stream(root: Path, count: int = 40) -> tuple[DataSet, DataSet]:
    """The same folder, in memory and streamed."""
    for name, number in (("a", count // 2), ("b", count - count // 2)):
        (root / name).mkdir(parents=True)
        for i in range(number):
            noise(30 + i % 7, 40 + i % 5).save(root / name / f"{i:03}.{'png' if i % 3 else 'jpg'}")
    shape = Image(3, 16, 16)
    return read_images(root, 2, shape, in_memory=True), read_images(root, 2, shape, in_memory=False)


def test_streamed_images_are_those_in_memory(tmp_path: Path) -> None:
    held, streamed = make_stream(tmp_path)
    assert isinstance(held.train, ImageSet)
    assert isinstance(streamed.train, StreamedSet)
    order = torch.randperm(len(held.train), generator=torch.Generator().manual_seed(1))
    requests = [Request(indices) for indices in torch.split(order, 5)]
    for (asked, images, labels), (_, same, classes), request in zip(
        streamed.train.read(requests), held.train.read(requests), requests, strict=True
    ):
        assert asked is request
        assert images.dtype == torch.uint8
        assert torch.equal(images, same)
        assert torch.equal(labels, classes)
    assert torch.equal(streamed.train.sample(), held.train.images)
    some = streamed.train.take(torch.tensor([3, 1]))
    assert torch.equal(some.sample(), held.train.images[[3, 1]])
    assert torch.equal(some.labels, held.train.labels[[3, 1]])


def test_a_random_crop_is_cut_out_of_the_picture_in_its_file(tmp_path: Path) -> None:
    _, streamed = make_stream(tmp_path)
    drawn = draw(Augmentation(crop=0.1, mixup=1.0), 12, seed=3, step=5)
    parts = [drawn[:6:2], drawn[1:5]]
    order = torch.arange(11, 23)
    requests = [Request(order[part.positions], part) for part in parts]
    assert len(requests[0].indices) > parts[0].count  # The partners that are mixed in are read as well.
    boxes = set()
    for request, images, _ in streamed.train.read(requests):
        for index, position, image in zip(request.indices.tolist(), request.draws.positions, images, strict=True):
            with Pictures.open(streamed.train.files[index]) as picture:
                top, left, height, width = crop_box(picture.height, picture.width, drawn[int(position)])
                box = (left, top, left + width, top + height)
                expected = pixels(picture.convert("RGB").resize((16, 16), Pictures.Resampling.BILINEAR, box=box))
            assert torch.equal(image, expected)
            boxes.add(box)
    assert len(boxes) > 5


@pytest.mark.parametrize(("size", "ahead"), [(1, 7), (5, 3)])
def test_a_stream_reads_little_ahead_and_ends_its_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, ahead: int
) -> None:
    _, streamed = make_stream(tmp_path)
    monkeypatch.setattr("archdsl.training.data.streamed._threads", lambda: 3)
    asked = []

    def requests() -> Any:
        for i in range(100):
            asked.append(i)
            yield Request(torch.arange(i, i + size) % 30)

    before = threading.active_count()
    stream = streamed.train.read(requests())
    assert asked == []
    next(stream)
    assert len(asked) == ahead
    assert threading.active_count() > before
    stream.close()
    assert threading.active_count() == before


def test_a_file_that_turns_bad_is_named_in_the_middle(tmp_path: Path) -> None:
    _, streamed = make_stream(tmp_path)
    assert isinstance(streamed.train, StreamedSet)
    bad = streamed.train.files[7]
    before = threading.active_count()
    stream = streamed.train.read(map(Request, torch.split(torch.arange(30), 2)))
    next(stream)
    content = Path(bad).read_bytes()
    stream.close()
    Path(bad).write_bytes(content[: len(content) // 2])
    stream = streamed.train.read(map(Request, torch.split(torch.arange(30), 2)))
    assert [request.indices.tolist() for request, _, _ in (next(stream), next(stream), next(stream))][-1] == [4, 5]
    with pytest.raises(TrainingError, match="not an image that can be read") as caught:
        next(stream)
    assert bad in str(caught.value)
    assert threading.active_count() == before


def test_a_folder_too_large_for_memory_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_images(tmp_path, {"a": 4, "b": 4})
    size = 8 * 16 * 16  # All are saved as colours, and grey; a stream looks only at how they are saved.
    monkeypatch.setattr("archdsl.training.data.folder.MOST_IN_MEMORY", 3 * size)
    assert isinstance(read_images(tmp_path, 2).train, ImageSet)
    monkeypatch.setattr("archdsl.training.data.folder.MOST_IN_MEMORY", 3 * size - 1)
    assert isinstance(read_images(tmp_path, 2, Image(3, 16, 16)).train, StreamedSet)
    with pytest.raises(TrainingError, match=r"3 channels \(red, green, blue\)"):
        read_images(tmp_path, 2)
    for file in tmp_path.rglob("*.png"):
        noise(20, 20, 1).save(file)
    monkeypatch.setattr("archdsl.training.data.folder.MOST_IN_MEMORY", 0)
    streamed = read_images(tmp_path, 2)
    assert streamed.train.channels == 1
    assert streamed.train.sample().shape == (6, 1, 16, 16)


def test_every_header_is_read_before_the_first_step(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 4, "b": 4})
    (tmp_path / "b" / "zzz.png").write_text("no image")
    with pytest.raises(TrainingError, match=r"b/zzz.png: not an image"):
        read_images(tmp_path, 2, Image(3, 16, 16), in_memory=False)


def test_a_cut_picture_is_found_before_the_first_step(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 4, "b": 4})
    noise(200, 200).save(tmp_path / "whole.jpg", quality=95)
    whole = (tmp_path / "whole.jpg").read_bytes()
    (tmp_path / "a" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "b" / "cut.png").write_bytes((tmp_path / "b" / "000.png").read_bytes()[:60])
    with pytest.raises(TrainingError, match=r"image file is truncated") as caught:
        read_images(tmp_path, 2, Image(3, 16, 16), in_memory=False)
    assert sorted(Path(line.partition(": ")[0]).name for line in str(caught.value).split("\n")) == [
        "cut.jpg",
        "cut.png",
    ]
    for name in ("a/cut.jpg", "b/cut.png"):
        (tmp_path / name).unlink()
    (tmp_path / "a" / "more.jpg").write_bytes(whole + b"what a camera writes behind it" * 50)
    data = read_images(tmp_path, 2, Image(3, 16, 16), in_memory=False)
    assert len(data.train) + len(data.test) == 9


def test_a_mark_is_of_the_first_bytes_of_a_file(tmp_path: Path) -> None:
    def mark_with_pixel(row: int, value: int) -> int:
        picture = noise(50, 50)
        picture.putpixel((0, row), (value, 0, 0))
        picture.save(tmp_path / "picture.bmp")  # Whose last row comes first.
        found = next(look_at([str(tmp_path / "picture.bmp")]))
        assert isinstance(found, Header)
        return found.mark

    assert mark_with_pixel(49, 1) != mark_with_pixel(49, 2)
    assert mark_with_pixel(0, 1) == mark_with_pixel(0, 2)
    assert (tmp_path / "picture.bmp").stat().st_size > HEAD


def test_the_parts_of_a_folder(tmp_path: Path) -> None:
    write_images(tmp_path / "train", {"n01": 4, "n02": 4})
    write_images(tmp_path / "val", {"n01": 2, "n02": 3})
    data = read_images(tmp_path, 2)  # As ImageNet is laid out.
    assert (len(data.train), len(data.test), data.validation) == (8, 5, None)
    assert data.classes == ("n01", "n02")
    held = read_images(tmp_path, 2, validation=2)
    assert (len(held.train), len(held.test), held.validation.labels.tolist()) == (6, 5, [0, 1])

    write_images(tmp_path / "test", {"n01": 1, "n02": 1})
    data = read_images(tmp_path, 2)
    assert (len(data.train), len(data.test), len(data.validation)) == (8, 2, 5)
    assert len(read_images(tmp_path, 2, validation=3).validation) == 3
