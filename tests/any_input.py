"""What must hold for any bytes at all: `take`, which the tests and the fuzzer in `fuzz/` both call."""

from __future__ import annotations

import re
from pathlib import Path

import archdsl
from archdsl.checker.check import Checked
from archdsl.diagnostics.render import render
from archdsl.fixes import fixed
from archdsl.formats.json import diagnostic_as_json
from archdsl.formats.report import FORMATS, Counts, Result, report_in
from archdsl.reader import source_of
from archdsl.source import Source
from archdsl.syntax.format import formatted

ROOT = Path(__file__).parent.parent

UNSEEN = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What no output has: control characters but the line feed, and marks that turn the direction of a text."""


def sound(checked: Checked) -> None:
    """A check ended as a check may end, and what it found can be shown."""
    assert (checked.network is None) or not checked.errors
    assert checked.errors or checked.network or checked.library is not None or checked.sizes
    assert (checked.network is None and not checked.errors) == (checked.nothing_to_build is not None)
    for each in checked.diagnostics:
        for label in (each.primary, *each.related):
            span = label.span
            assert 0 <= span.start <= span.end <= len(span.source.text)
        assert each.message
        assert each.message[-1] not in ".:"
        diagnostic_as_json(each)
    assert not UNSEEN.search(render(checked.diagnostics))


def take(data: bytes) -> None:
    """Check any bytes as a spec, show what comes of it in every format, mend it, and lay it out anew."""
    source, found = source_of(data, "spec.arch")
    if not found:
        text, _ = formatted(source)
        assert text is None or formatted(Source("", text))[0] == text
    checked = Checked(source, None, tuple(found)) if found else archdsl.check(source, trace=True)
    sound(checked)
    for format in FORMATS:
        report = report_in(format)
        text = report.file(Result("spec.arch", checked)) + report.end(Counts().plus(Result("spec.arch", checked)))
        assert not UNSEEN.search(text)
    if any(each.fix for each in checked.diagnostics):
        mended = fixed(checked, archdsl.check)
        sound(mended.checked)
        assert len(mended.checked.errors) <= len(checked.errors)
    if checked.sizes is not None:
        checked.sizes.least()
    if checked.network is not None and checked.network.layer_count < 1_000:
        assert not UNSEEN.search(archdsl.summary(checked.network))


def seeds() -> list[str]:
    """The specs, and those of the cases, short ones; every fourth with names for the sizes of its input."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob("specs/*.arch"))]
    for path in sorted(ROOT.glob("tests/cases/**/*.md")):
        texts += re.findall(r"^```arch[^\n]*\n(.*?)^```$", path.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    texts = [text for text in texts if len(text) < 4_000]
    for index in range(0, len(texts), 4):
        texts[index] = re.sub(r"input\((\w+), \d+, \d+\)", r"input(\1, H, W)", texts[index])
    return texts
