"""What is written of the metrics beside `metrics.jsonl`."""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import pytest

from archdsl.errors import TrainingError
from archdsl.runs.metrics import EpochMetrics
from archdsl.training.loggers import CsvLog, TensorBoard

FIRST = EpochMetrics(1, 10, 0.001, 2.25, 0.125, None, None, 2.0, 0.25, 12.5, 8.0)
SECOND = FIRST._replace(epoch=2, step=20, validation_loss=1.5, validation_accuracy=0.5, test_loss=None)


def test_the_table_has_a_row_an_epoch_and_none_twice(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    CsvLog(path).on_epoch(FIRST)
    CsvLog(path, [FIRST]).on_epoch(SECOND)  # As after a resume.
    with open(path, newline="", encoding="utf-8") as file:
        first, second = csv.DictReader(file)
    assert list(first) == list(EpochMetrics._fields)
    assert (first["epoch"], first["train_loss"], first["validation_loss"]) == ("1", "2.25", "")
    assert (second["step"], second["validation_accuracy"], second["test_loss"]) == ("20", "0.5", "")
    assert [each.name for each in tmp_path.iterdir()] == ["metrics.csv"]


def test_tensorboard_has_the_curves_by_step_and_the_recipe(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    # The first process is killed before it tells of the first epoch, the next one after it has told of the second,
    # which was not kept.
    for earlier, told in (([], []), ([FIRST], [SECOND]), ([FIRST], [SECOND])):
        log = TensorBoard(tmp_path, "epochs: 2\n", earlier)
        for metrics in told:
            log.on_epoch(metrics)
        log.close()
    events = EventAccumulator(str(tmp_path))
    events.Reload()
    assert [(each.step, each.value) for each in events.Scalars("loss/train")] == [(10, 2.25), (20, 2.25)]
    assert [(each.step, each.value) for each in events.Scalars("accuracy/validation")] == [(20, 0.5)]
    assert {"lr", "epoch", "loss/validation", "loss/test", "accuracy/test"} <= set(events.Tags()["scalars"])
    assert b"epochs: 2" in events.Tensors("recipe/text_summary")[0].tensor_proto.string_val[0]


def test_tensorboard_that_is_not_installed_is_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    monkeypatch.delitem(sys.modules, "torch.utils.tensorboard", raising=False)
    with pytest.raises(TrainingError, match=r"^--tensorboard needs .*`pip install 'archdsl\[tensorboard\]'`") as error:
        TensorBoard(tmp_path / "tensorboard", "")
    assert error.value.exit_code == 2
    assert not (tmp_path / "tensorboard").exists()
