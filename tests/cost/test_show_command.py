"""`archdsl show`: its table, its formats, and what it says of memory."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import archdsl
from archdsl.commands.show import show
from archdsl.cost.memory import forecast_inference, forecast_training
from archdsl.cost.receptive_field import receptive_fields
from archdsl.cost.sizes import read_size, size_text
from archdsl.formats.schema import SCHEMAS
from archdsl.network import Leaf

SPECS = Path(__file__).parent.parent.parent / "specs"

SMALL = "input(3, 32, 32)\nstem: { conv(8, 3, s2, p1) relu }\nconv(8, 3) aux(0.3) { flatten fc(10) } flatten fc(10)\n"

TABLE = """\
line  layer       output   parameters     %  multiply-adds     %     kept     %  field  step
--------------------------------------------------------------------------------------------
   2  stem:       8x16x16         224   1.4         55,296  30.1  8.19 kB  56.6    3x3     2
   3  conv(8, 3)  8x14x14         584   3.5        112,896  61.4  6.27 kB  43.4    7x7     2
   3  aux(0.3)    8x14x14      15,690               15,680              0   0.0    7x7     2
   3  flatten     1568              0   0.0              0   0.0        0   0.0    7x7     2
   3  fc(10)      10           15,690  95.1         15,680   8.5        0   0.0    all
--------------------------------------------------------------------------------------------
3x32x32 gives 10, in 5 layers
16,498 parameters
183,872 multiply-adds of conv and fc weights for one sample; FLOPs are twice that
auxiliary heads, there in training alone and not counted above: 15,690 parameters, 15,680 multiply-adds
14.5 kB kept for the backward pass of one sample, in fp32
receptive field 7x7, in steps of 2, up to the global layer; behind it, all of the input
"""


@pytest.fixture
def small(tmp_path: Path) -> str:
    (tmp_path / "small.arch").write_text(SMALL)
    return str(tmp_path / "small.arch")


def shown(spec: str, **options: Any) -> tuple[int, str]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = show(spec, **options)
    return code, output.getvalue()


def test_the_table_for_people(small: str) -> None:
    assert shown(small, depth=1) == (0, TABLE)


@pytest.mark.parametrize("depth", [1, 2, 3, None])
def test_columns_add_up_at_any_depth(depth: int | None) -> None:
    network = archdsl.load(SPECS / "googlenet_paper.arch")
    code, output = shown(str(SPECS / "googlenet_paper.arch"), depth=depth, format="json")
    report = json.loads(output)
    jsonschema.Draft202012Validator(SCHEMAS["cost"]).validate(report)
    assert code == 0
    rows = [row for row in report["rows"] if not row["in_head"]]
    assert sum(row["parameters"] or 0 for row in rows) == report["parameters"] == network.cost.parameters
    assert sum(row["macs"] or 0 for row in rows) == report["macs"] == network.cost.macs
    assert sum(row["kept_bytes"] or 0 for row in report["rows"]) == report["kept_bytes"]
    assert depth is None or max(row["key"].count(".") for row in rows) == depth - 1
    if depth is None:
        leaves = [place for place in network.walk() if isinstance(place.node, Leaf)]
        assert [row["key"] for row in report["rows"] if row["parameters"] is not None] == [
            ".".join(place.keys) for place in leaves
        ]


def test_json_is_what_its_schema_says(small: str) -> None:
    schema = SCHEMAS["cost"]
    jsonschema.Draft202012Validator.check_schema(schema)
    code, output = shown(small, format="json", batch=4, optimizer="adam", precision="bf16", fits="1GB")
    report = json.loads(output)
    jsonschema.Draft202012Validator(schema).validate(report)
    assert code == 0
    for parts in (report["memory"]["training"], report["memory"]["inference"]):
        assert parts["total"] == sum(value for name, value in parts.items() if name != "total")
    assert report["fit"]["fits"]
    assert report["fit"]["largest_batch"] > 4
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**report, "rows": [{}]})


def test_csv_has_a_line_for_each_row(small: str) -> None:
    code, output = shown(small, format="csv")
    rows = list(csv.DictReader(io.StringIO(output)))
    fields = receptive_fields(archdsl.load(small))
    assert code == 0
    assert sorted(row["key"] for row in rows) == sorted(".".join(keys) for keys in fields if keys)
    assert rows[1] == {
        "key": "stem.0",
        "line": "2",
        "layer": "conv(8, 3, s2, p1)",
        "output": "8x16x16",
        "parameters": "224",
        "multiply_adds": "55296",
        "kept_bytes": "0",
        "receptive_field": "3x3",
        "step": "2",
        "in_head": "0",
    }


def test_vectors_have_no_receptive_field(tmp_path: Path) -> None:
    (tmp_path / "vectors.arch").write_text("input(8)\nfc(4) relu\n")
    _, output = shown(str(tmp_path / "vectors.arch"))
    assert "field" not in output
    assert json.loads(shown(str(tmp_path / "vectors.arch"), format="json")[1])["receptive_field"] is None


def test_the_forecast_of_a_batch(small: str) -> None:
    code, output = shown(small, batch=64, optimizer="adam")
    training = forecast_training(archdsl.load(small), "adam").at(64)
    inference = forecast_inference(archdsl.load(small)).at(64)
    lines = output.splitlines()
    assert code == 0
    assert lines[-12:-10] == [
        "memory at the worst moment, with a batch of 64 in fp32",
        "                   training with adam  inference",
    ]
    told = [re.split(r" {2,}", line) for line in lines if line[:1].isalpha()][-7:]
    names = ["weights", "gradients", "optimizer's state", "activations kept", "workspace", "input", "peak"]
    assert [name for name, _, _ in told] == names
    assert [first for _, first, _ in told] == [size_text(size) for size in (*training, training.total)]
    assert [second for _, _, second in told] == [size_text(size) for size in (*inference, inference.total)]


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ({"fits": "1MB"}, 0, "1.00 MB is enough for training with momentum in fp32: the largest batch is "),
        ({"fits": "1MiB", "inference": True}, 0, "1.05 MB is enough for inference in fp32: the largest batch is "),
        ({"fits": "1kB"}, 1, "1.00 kB is too little for training with momentum in fp32: a batch of 1 takes "),
        (
            {"fits": "1MB", "batch": 4096},
            1,
            "1.00 MB is too little for training with momentum in fp32: a batch of 4,096",
        ),
        ({"fits": "1GB", "batch": 8, "optimizer": "sgd"}, 0, "1.00 GB is enough for training with sgd in fp32"),
    ],
)
def test_whether_it_fits(small: str, options: dict[str, Any], code: int, said: str) -> None:
    found, output = shown(small, **options)
    assert found == code
    assert output.splitlines()[-1].startswith(said), output.splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"optimizer": "adam"}, "--optimizer is of the forecast of memory; give --batch or --fits too"),
        ({"inference": True}, "--inference says what is to fit; give --fits too"),
        ({"fits": "much"}, "--fits takes a size such as 8GB or 512MiB; `much` is none"),
        ({"fits": "0GB"}, "--fits takes a size such as 8GB or 512MiB; `0GB` is none"),
    ],
)
def test_wrong_use(small: str, options: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert show(small, **options) == 2
    output = capsys.readouterr()
    assert (output.out, output.err) == ("", f"archdsl: {said}\n")


def test_a_spec_with_errors_has_no_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "wrong.arch").write_text("input(3, 8, 8)\nconv(8, 64)\n")
    assert show(str(tmp_path / "wrong.arch")) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "window-too-large" in output.err


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("8GB", 8 * 10**9),
        ("8 gb", 8 * 10**9),
        ("8g", 8 * 10**9),
        ("8GiB", 8 * 2**30),
        ("512MiB", 2**29),
        ("1.5kB", 1500),
        ("100", None),
        ("100B", 100),
        ("-1GB", None),
        ("8 Gb s", None),
        ("", None),
    ],
)
def test_sizes_as_people_write_them(text: str, size: int | None) -> None:
    assert read_size(text) == size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.00 kB"),
        (9994, "9.99 kB"),
        (9996, "10.0 kB"),
        (99_960, "100 kB"),
        (999_499, "999 kB"),
        (999_500, "1.00 MB"),
        (23_910_120, "23.9 MB"),
        (8 * 2**30, "8.59 GB"),
    ],
)
def test_sizes_as_they_are_shown(size: int, text: str) -> None:
    assert size_text(size) == text
