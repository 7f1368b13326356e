"""The JSON Schemas of the formats `json` and `jsonl`: what programs may rely on."""

from __future__ import annotations

from typing import Any

from archdsl.formats.report import VERSION

_DRAFT = "https://json-schema.org/draft/2020-12/schema"


def _object(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    """An object that has all of these keys. More may be there, for a later release may add some."""
    return {"description": description, "type": "object", "properties": properties, "required": list(properties)}


def _list(items: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "type": "array", "items": items}


def _text(description: str) -> dict[str, Any]:
    return {"description": description, "type": "string"}


def _count(description: str) -> dict[str, Any]:
    return {"description": description, "type": "integer", "minimum": 0}


def _line_or_column(description: str) -> dict[str, Any]:
    return {"description": description, "type": ["integer", "null"], "minimum": 1}


def _reference(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


def _constant(value: Any) -> dict[str, Any]:
    return {"const": value}


_PLACE = {
    "file": {
        "description": "The file as it was named; null for what was given on the command line.",
        "type": ["string", "null"],
    },
    "line": _line_or_column("Where it starts, from 1; null where the place is a file as a whole."),
    "column": _line_or_column("From 1, in characters (Unicode code points)."),
    "end_line": _line_or_column("Where it ends."),
    "end_column": _line_or_column("One past the last character."),
}

_SHAPE = {
    "description": "One sample: channels, height and width of an image, or the features of a vector.",
    "type": "array",
    "items": {"type": "integer", "minimum": 1},
    "minItems": 1,
    "maxItems": 3,
}

_DIAGNOSTIC = {
    "code": {"description": "What was found; `archdsl explain CODE` tells more.", "type": "string"},
    "severity": {"enum": ["error", "warning"]},
    "message": _text("The headline."),
    "label": _text("A few words on the characters at fault; may be empty."),
    **_PLACE,
    "help": _list({"type": "string"}, "What would work."),
    "notes": _list({"type": "string"}, "Facts that help to understand."),
    "related": _list(_reference("label"), "Further places: the calls that led there, another definition."),
    "fix": {"description": "Edits that mend it without doubt.", "oneOf": [{"type": "null"}, _reference("fix")]},
    "trace": _list(_reference("step"), "With --trace, the way from the input to a shape that does not fit."),
}

_STEP = {
    "title": _text("The item, as it is written, or the turn of a loop."),
    "gives": {"description": "The shape that it gives; null where the fault lies in it.", "type": ["string", "null"]},
    "depth": _count("How many chains stand around it."),
    **_PLACE,
}

_NETWORK = {
    "file": _text("The file as it was named."),
    "input": _SHAPE,
    "output": _SHAPE,
    "layers": _count("How many layers it has, without those of auxiliary heads."),
    "parameters": _count("Weights and biases, without those of auxiliary heads."),
    "macs": _count("Multiply-adds of conv and fc weights for one sample, without those of auxiliary heads."),
}

_OPEN_NETWORK = {
    "file": _text("The file as it was named."),
    "input": {
        "description": 'Channels, height and width, of which some are names: [3, "H", "W"].',
        "type": "array",
        "items": {"type": ["integer", "string"]},
        "minItems": 3,
        "maxItems": 3,
    },
    "least": {
        "description": "The smallest input that it accepts; null where that can't be told.",
        "oneOf": [{"type": "null"}, _SHAPE],
    },
}

_LIBRARY = {
    "file": _text("The file as it was named."),
    "blocks": _list({"type": "string"}, "The blocks that it defines."),
}

_LEAST_INPUT = {
    "file": _text("The file as it was named."),
    "input": {
        "description": "The smallest input that it accepts; null where that can't be told.",
        "oneOf": [{"type": "null"}, _SHAPE],
    },
    "steps": _list(
        {
            "oneOf": [
                {"type": "null"},
                _object("Sizes accepted.", {"least": _count("The smallest."), "step": _count("To the next.")}),
            ]
        },
        "For the height and the width, the sizes accepted; null where they are not so regular.",
    ),
}

_NUMBERS = {"type": "array", "items": {"type": "integer", "minimum": 1}}

_ACCEPTED_SIZES = {
    "file": _text("The file as it was named."),
    "channels": _count("The channels of the range."),
    "heights": {"description": "The first and the last height that is asked for.", **_NUMBERS},
    "widths": {"description": "The first and the last width that is asked for.", **_NUMBERS},
    "size_count": _count("How many sizes that are."),
    "accepted_count": _count("How many of them are accepted."),
    "accepted": _list(
        _object("Heights, with the widths that are accepted for each.", {"heights": _NUMBERS, "widths": _NUMBERS}),
        "The sizes accepted.",
    ),
    "first_refused": {
        "description": "The first input refused, which the errors are about; null where all are accepted.",
        "oneOf": [{"type": "null"}, _SHAPE],
    },
}

_COUNTS = {
    "files": _count("All files that were checked."),
    "fine": _count("Those without errors."),
    "with_errors": _count("Those with errors."),
    "unreadable": _count("Those that can't be read."),
    "errors": _count("All errors."),
    "warnings": _count("All warnings."),
}

_PARTS = {
    "label": _object("A place, and what is said of it.", {"message": _text("A few words."), **_PLACE}),
    "step": _object("A step on the way from the input to a fault.", _STEP),
    "fix": _object(
        "Edits that mend a finding. They are all in one file and do not overlap.",
        {"message": _text("What they do."), "edits": _list(_reference("edit"), "The replacements.")},
    ),
    "edit": _object(
        "A replacement of characters; an insertion where it ends as it starts.",
        {**_PLACE, "text": _text("The new text.")},
    ),
}


def _line(kind: str, description: str, properties: dict[str, Any]) -> dict[str, Any]:
    return _object(description, {"type": _constant(kind), **properties})


_FIELD = {
    "oneOf": [
        {"type": "null"},
        _object(
            "The receptive field of an output pixel; null where the network takes no image.",
            {
                "size": {
                    "description": "Height and width of the window; behind a layer that sees all, of that before it.",
                    "type": "array",
                    "items": {"type": "integer", "minimum": 1},
                    "minItems": 2,
                    "maxItems": 2,
                },
                "step": {
                    "description": "How far the windows of neighbours are apart, down and across.",
                    "type": "array",
                    "items": {"type": "number", "minimum": 0},
                    "minItems": 2,
                    "maxItems": 2,
                },
                "sees_all": {"description": "Whether it depends on every pixel of the input.", "type": "boolean"},
                "is_window": {"description": "Whether a window is left beside that.", "type": "boolean"},
            },
        ),
    ]
}


def _count_or_null(description: str) -> dict[str, Any]:
    return {"description": description, "type": ["integer", "null"], "minimum": 0}


_COST_ROW = {
    "key": _text("Its path in the state dict: `features.0`."),
    "file": {"description": "The file; null where it is the spec's own.", "type": ["string", "null"]},
    "line": {"description": "Where it is written.", "type": "integer", "minimum": 1},
    "layer": _text("As it is written, cut off where it is long."),
    "output": _SHAPE,
    "parameters": _count_or_null("Null for a block whose rows follow; so are the next two."),
    "macs": _count_or_null("Multiply-adds of conv and fc weights for one sample."),
    "kept_bytes": _count_or_null("What is kept for the backward pass of what it makes, for one sample."),
    "in_head": {"description": "Whether it is part of an auxiliary head.", "type": "boolean"},
    "receptive_field": _FIELD,
}

_MEMORY_PARTS = {
    "weights": _count("Parameters, and the running statistics of norms."),
    "gradients": _count("Those of the parameters that are there at that moment."),
    "optimizer": _count("The optimizer's state."),
    "activations": _count("What is kept for the backward pass."),
    "workspace": _count("Outputs and gradients on their way, and copies that operations work on."),
    "input": _count("The batch of samples, in training with its labels."),
    "total": _count("All of them."),
}

_COST = {
    "version": _constant(VERSION),
    "file": _text("The file as it was named."),
    "input": _SHAPE,
    "output": _SHAPE,
    "layers": _count("How many layers it has, without those of auxiliary heads."),
    "parameters": _count("Weights and biases, without those of auxiliary heads."),
    "macs": _count("Multiply-adds of conv and fc weights for one sample, without those of auxiliary heads."),
    "head_parameters": _count("Weights and biases of the auxiliary heads alone."),
    "head_macs": _count("Multiply-adds of the auxiliary heads alone."),
    "precision": {"enum": ["fp32", "bf16"]},
    "kept_bytes": _count("What is kept for the backward pass of one sample, heads included."),
    "receptive_field": _FIELD,
    "rows": _list(_object("A layer, or a block.", _COST_ROW), "In the order of the text, down to `--depth`."),
    "memory": {
        "oneOf": [
            {"type": "null"},
            _object(
                "With --batch or --fits, the bytes at the worst moment.",
                {
                    "batch": _count("The size of the batch; without --batch, the largest that fits, or 1."),
                    "optimizer": {"enum": ["sgd", "momentum", "adam", "adamw"]},
                    "training": _object("Of a training step.", _MEMORY_PARTS),
                    "inference": _object("Of a forward pass in evaluation.", _MEMORY_PARTS),
                },
            ),
        ]
    },
    "fit": {
        "oneOf": [
            {"type": "null"},
            _object(
                "With --fits, whether the batch fits.",
                {
                    "limit": _count("The limit in bytes."),
                    "purpose": {"enum": ["training", "inference"]},
                    "batch": _count("The batch that is asked about; 1 without --batch."),
                    "largest_batch": _count("The largest that fits; 0 where one sample does not."),
                    "fits": {"description": "Whether the batch asked about fits.", "type": "boolean"},
                },
            ),
        ]
    },
}


def _rate(description: str) -> dict[str, Any]:
    return {"description": description, "type": "number", "minimum": 0, "maximum": 1}


def _rate_or_null(description: str) -> dict[str, Any]:
    return {"description": description, "type": ["number", "null"], "minimum": 0, "maximum": 1}


_SCORES = {
    "precision": _rate_or_null("Of the images taken for the class, the part that is of it; null where none is."),
    "recall": _rate_or_null("Of the images of the class, the part taken for it; null where there are none."),
    "f1": _rate_or_null("The harmonic mean of both; null where there are no images of either kind."),
}

_MISTAKE = {
    "image": _count("Its place in the set, from 0."),
    "label": _count("The number of its class, from 0."),
    "predicted": _count("The number of the class that it was taken for."),
    "probability": _rate("Of the class that it was taken for."),
    "label_probability": _rate("Of its own class."),
    "file": {"description": "Where it was read from; null for a published set.", "type": ["string", "null"]},
}

_EVALUATION = {
    "version": _constant(VERSION),
    "weights": _text("The file of weights."),
    "data": _text("The data set, as a recipe names it."),
    "part": {"enum": ["test", "validation", "train", "all"]},
    "images": _count("How many images there were; each counts once."),
    "loss": {"description": "The mean cross entropy, without label smoothing.", "type": "number", "minimum": 0},
    "accuracy": _rate("The part that is right."),
    "top5_accuracy": _rate_or_null("The part whose class is among the first five; null for five classes or fewer."),
    "calibration_error": _rate("The expected calibration error over the bins (Guo et al. 2017)."),
    "mean": _object(
        "The means over the classes that images are of or were taken for; null counts as 0.",
        {name: _rate(f"Of the {name} of the classes.") for name in _SCORES},
    ),
    "classes": _list(
        _object("A class.", {"name": _text("Its name."), "images": _count("How many are of it."), **_SCORES}),
        "In the order of their numbers.",
    ),
    "confusion": _list(
        _list(_count("Images of the class of the row, taken for that of the column."), "A class."),
        "The confusion matrix.",
    ),
    "bins": _list(
        _object(
            "A fifteenth of the way from 0 to 1.",
            {
                "images": _count("Those whose predicted class has a probability in it."),
                "confidence": _rate("The mean of these probabilities; 0 where there are no images."),
                "accuracy": _rate("The part that is right; 0 where there are no images."),
            },
        ),
        "How probable what is predicted was, and how often right.",
    ),
    "worst": _list(_object("An image that is wrong.", _MISTAKE), "With --worst, the images most wrong."),
}

_PREDICTION = {
    "image": _text("The file as it was named."),
    "predictions": _list(
        _object(
            "A class.",
            {
                "class": _text("Its name."),
                "label": _count("Its number, from 0."),
                "probability": _rate("How probable it is."),
            },
        ),
        "The most probable classes, the first of them first.",
    ),
}


def _or_null(kind: str, description: str) -> dict[str, Any]:
    return {"description": description, "type": [kind, "null"]}


_EPOCH = {
    "epoch": _count("Epochs done."),
    "step": _count("Steps done."),
    "lr": {"description": "The learning rate of the last step.", "type": "number"},
    "train_loss": {"description": "The mean over the epoch.", "type": "number"},
    "train_accuracy": _rate("The mean over the epoch."),
    "validation_loss": _or_null("number", "On the images held back; null where it was not evaluated on them."),
    "validation_accuracy": _rate_or_null("The same of the accuracy."),
    "test_loss": _or_null("number", "On the test images; null where it was not evaluated on them."),
    "test_accuracy": _rate_or_null("The same of the accuracy."),
    "seconds": {"description": "Of training and evaluation.", "type": "number"},
    "images_per_second": {"description": "Of training alone.", "type": "number"},
}

_RUN = {
    "name": _text("Its folder, as it was found."),
    "status": {"enum": ["running", "finished", "stopped", "failed", "damaged"]},
    "network": _or_null("string", "The name of its spec."),
    "data": _or_null("string", "The data set, as a recipe names it."),
    "epochs_done": _count("Epochs with metrics."),
    "epochs": _count_or_null("Those that the recipe asks for."),
    "evaluated_on": {"description": "Whose accuracy best and last are.", "enum": ["validation", "test", None]},
    "best": _rate_or_null("The best accuracy of an epoch."),
    "best_epoch": _count_or_null("Which epoch that is, from 1."),
    "last": _rate_or_null("The accuracy of the last epoch."),
    "test_accuracy": _rate_or_null("Of the weights that were kept, of a run that is finished."),
    "started": _or_null("string", "When, in UTC, as ISO 8601 has it."),
    "seconds": {"description": "The time of all epochs.", "type": "number", "minimum": 0},
    "images_per_second": _or_null("number", "In training, the median over the epochs."),
    "problem": _or_null("string", "Why it failed, or what can't be read."),
}

_COMPARISON = {
    "version": _constant(VERSION),
    "runs": _list(
        _object(
            "A run.",
            {
                **_RUN,
                "parameters": _count_or_null("Of its network; null where its spec has errors now."),
                "multiply_adds": _count_or_null("Of its network, for one sample."),
                "metrics": _list(_object("An epoch.", _EPOCH), "Of each epoch."),
            },
        ),
        "In the order in which they were named.",
    ),
    "differences": _list(
        _object(
            "What is not the same in all.",
            {
                "key": _text("As optimizer.lr."),
                "values": {"description": "That of each run; null where it has none.", "type": "array"},
            },
        ),
        "Of what they were made of.",
    ),
    "networks": _list(_text("As `2 changes`."), "How the network of each run differs from that of the first."),
}

_SWEEP = {
    "version": _constant(VERSION),
    "sweep": _text("Its folder."),
    "ranked_by": {"description": "By which images the points are ranked.", "enum": ["validation", "test"]},
    "points": _list(
        _object(
            "A point of the grid, with its run.",
            {
                "values": {"description": "Its values of the keys that are swept.", "type": "object"},
                "accuracy": _rate_or_null("On the images that points are ranked by; null where it is not finished."),
                **_RUN,
                "status": {"enum": [*_RUN["status"]["enum"], "not begun"]},
            },
        ),
        "The best first, those without an accuracy last.",
    ),
}

_RANGE_TEST = {
    "version": _constant(VERSION),
    "suggestion": _or_null("number", "The rate to begin with; null where the loss falls at none."),
    "ended_early": {"description": "Whether the loss grew too large, or was no number.", "type": "boolean"},
    "steps": _list(
        _object(
            "A step.",
            {
                "lr": {"description": "Its rate.", "type": "number"},
                "loss": {"description": "That of its batch, before the step.", "type": "number"},
                "smoothed": {"description": "The moving average of the losses so far.", "type": "number"},
            },
        ),
        "In their order, at rates that rise.",
    ),
}

_KINDS = ("diagnostic", "network", "open_network", "library", "least_input", "accepted_sizes", "summary")

SCHEMAS: dict[str, dict[str, Any]] = {
    "cost": {
        "$schema": _DRAFT,
        "title": "What `archdsl show --format json` prints",
        **_object("One document for a network.", _COST),
    },
    "diagnostics": {
        "$schema": _DRAFT,
        "title": "What `archdsl check --format json` prints",
        **_object(
            "One document for all files.",
            {
                "version": _constant(VERSION),
                "diagnostics": _list(_reference("diagnostic"), "All findings, file after file, by their place."),
                "networks": _list(_reference("network"), "The networks of files without errors."),
                "open_networks": _list(_reference("open_network"), "Those whose input has names for sizes."),
                "libraries": _list(_reference("library"), "The files without errors that have definitions alone."),
                "least_inputs": _list(_reference("least_input"), "With --least-input, the smallest inputs."),
                "accepted_sizes": _list(_reference("accepted_sizes"), "Where --input is a range, what is accepted."),
                "summary": _object("What was found in all files.", _COUNTS),
            },
        ),
        "$defs": {
            "diagnostic": _object("One finding.", _DIAGNOSTIC),
            "network": _object("One network.", _NETWORK),
            "open_network": _object("One network whose input has names for sizes.", _OPEN_NETWORK),
            "library": _object("One library.", _LIBRARY),
            "least_input": _object("The smallest input of a network.", _LEAST_INPUT),
            "accepted_sizes": _object("What of a range of inputs is accepted.", _ACCEPTED_SIZES),
            **_PARTS,
        },
    },
    "runs": {
        "$schema": _DRAFT,
        "title": "What `archdsl runs --format json` prints",
        **_object("One document.", {"version": _constant(VERSION), "runs": _list(_object("A run.", _RUN), "By name.")}),
    },
    "comparison": {
        "$schema": _DRAFT,
        "title": "What `archdsl compare --format json` prints",
        **_object("One document.", _COMPARISON),
    },
    "sweep": {
        "$schema": _DRAFT,
        "title": "What `archdsl sweep --format json` prints",
        **_object("One document for a sweep.", _SWEEP),
    },
    "rates": {
        "$schema": _DRAFT,
        "title": "What `archdsl find-lr --format json` prints",
        **_object("One document for a range test of learning rates.", _RANGE_TEST),
    },
    "evaluation": {
        "$schema": _DRAFT,
        "title": "What `archdsl eval --format json` prints",
        **_object("One document for an evaluation.", _EVALUATION),
    },
    "prediction": {
        "$schema": _DRAFT,
        "title": "A line that `archdsl predict --format jsonl` prints",
        **_object("An image.", _PREDICTION),
    },
    "lines": {
        "$schema": _DRAFT,
        "title": "A line that `archdsl check --format jsonl` prints",
        "oneOf": [_reference(name) for name in _KINDS],
        "$defs": {
            "diagnostic": _line("diagnostic", "One finding.", _DIAGNOSTIC),
            "network": _line("network", "One network.", _NETWORK),
            "open_network": _line("open_network", "A network whose input has names for sizes.", _OPEN_NETWORK),
            "library": _line("library", "A file that has definitions alone.", _LIBRARY),
            "least_input": _line("least_input", "The smallest input of a network.", _LEAST_INPUT),
            "accepted_sizes": _line("accepted_sizes", "What of a range of inputs is accepted.", _ACCEPTED_SIZES),
            "summary": _line(
                "summary", "What was found in all files; the last line.", {"version": _constant(VERSION), **_COUNTS}
            ),
            **_PARTS,
        },
    },
}
