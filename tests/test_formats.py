"""The formats of `archdsl check` for programs: each output is held against its schema, over the whole case corpus."""

from __future__ import annotations

import contextlib
import io
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from test_cases import ALL, contents, is_file

import archdsl
from archdsl.commands.check import check
from archdsl.diagnostics.diagnostic import Diagnostic, Edit, Fix, Label
from archdsl.formats.report import FORMATS, Counts, Result, report_in
from archdsl.formats.schema import SCHEMAS
from archdsl.source import Source, Span

SARIF = json.loads((Path(__file__).parent / "schemas" / "sarif-2.1.0.json").read_text(encoding="utf-8"))


def closed(schema: Any) -> Any:
    """A schema that refuses keys it does not name, as the published ones, which may grow, do not."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    result = {key: closed(value) for key, value in schema.items()}
    if result.get("type") == "object":
        result["additionalProperties"] = False
    return result


VALIDATORS = {
    "json": jsonschema.Draft202012Validator(closed(SCHEMAS["diagnostics"])),
    "jsonl": jsonschema.Draft202012Validator(closed(SCHEMAS["lines"])),
    "sarif": jsonschema.Draft4Validator(SARIF),
}


def checked_in(format: str, *files: str, **options: Any) -> tuple[int, str]:
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = check(files, format=format, **options)
    return code, output.getvalue()


def validate(format: str, output: str) -> None:
    for text in output.splitlines() if format == "jsonl" else [output]:
        VALIDATORS[format].validate(json.loads(text))


def test_the_schemas_are_schemas() -> None:
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft4Validator.check_schema(SARIF)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATORS["json"].validate({"version": 1})
    with pytest.raises(jsonschema.ValidationError):
        VALIDATORS["jsonl"].validate({"type": "diagnostic"})
    with pytest.raises(jsonschema.ValidationError):
        VALIDATORS["sarif"].validate({"version": "2.1.0", "runs": [{}]})


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The specs of all literate cases, a folder each."""
    folder = tmp_path_factory.mktemp("corpus")
    for number, case in enumerate(ALL):
        for block in case.blocks:
            if block.kind == "arch" and "missing" not in block.options:
                path = folder / str(number) / (block.options[0] if is_file(block) else "spec.arch")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(contents(block))
    return folder


@pytest.mark.slow
def test_every_format_takes_the_whole_corpus_and_tells_the_same(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(corpus)
    told: dict[str, str] = {}
    for format in FORMATS:
        code, output = checked_in(format, ".")
        assert code == 1
        assert_nothing_is_obeyed(output)
        assert len(output) > 10_000
        if format in VALIDATORS:
            validate(format, output)
        told[format] = output
    document = json.loads(told["json"])
    found = [(each["code"], each["file"], each["line"]) for each in document["diagnostics"]]
    lines = [json.loads(line) for line in told["jsonl"].splitlines()]
    results = json.loads(told["sarif"])["runs"][0]["results"]
    assert [(each["code"], each["file"], each["line"]) for each in lines if each["type"] == "diagnostic"] == found
    assert [each["ruleId"] for each in results] == [code for code, _, _ in found]
    assert re.findall(r"^.*?: (?:error|warning)\[(.*?)\]", told["concise"], re.MULTILINE) == [f[0] for f in found]
    assert re.findall(r"^::(?:error|warning) title=archdsl (.*?),", told["github"], re.MULTILINE) == [
        f[0] for f in found
    ]
    # Text tells of each file all that is wrong with it, also what an earlier one imports too.
    in_text = Counter(re.findall(r"^(?:error|warning)\[(.*?)\]", told["text"], re.MULTILINE))
    assert in_text >= Counter(f[0] for f in found)
    assert [each for each in lines if each["type"] == "summary"] == [
        {"type": "summary", "version": 1, **document["summary"]}
    ]
    assert document["summary"]["errors"] + document["summary"]["warnings"] == len(found)
    assert document["summary"]["files"] == document["summary"]["fine"] + document["summary"]["with_errors"]
    assert (
        sum(len(document[kind]) for kind in ("networks", "open_networks", "libraries")) == document["summary"]["fine"]
    )


FINE = "input(3, 32, 32)\nconv(8, 3) relu\nglobal_avgpool flatten fc(10)\n"
WRONG = "input(3, 32, 32)\nconv(8, 64) relu\ncnov(8, 3)\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fine.arch").write_text(FINE)
    (tmp_path / "wrong.arch").write_text(WRONG)
    return tmp_path


def test_json_has_what_is_promised(folder: Path) -> None:
    report = json.loads(checked_in("json", "fine.arch", "wrong.arch")[1])
    assert list(report) == [
        "version",
        *("diagnostics", "networks", "open_networks", "libraries", "least_inputs", "accepted_sizes"),
        "summary",
    ]
    assert report["networks"] == [
        {"file": "fine.arch", "input": [3, 32, 32], "output": [10], "layers": 5, "parameters": 314, "macs": 194480}
    ]
    assert report["summary"] == {
        "files": 2,
        "fine": 1,
        "with_errors": 1,
        "unreadable": 0,
        "errors": 2,
        "warnings": 0,
    }
    first, second = report["diagnostics"]
    place = ["file", "line", "column", "end_line", "end_column"]
    assert list(first) == ["code", "severity", "message", "label", *place, "help", "notes", "related", "fix", "trace"]
    assert [first[key] for key in place] == ["wrong.arch", 2, 9, 2, 11]
    assert first["code"] == "window-too-large"
    assert list(first["related"][0]) == ["message", *place]
    assert [first["related"][0][key] for key in place] == ["wrong.arch", 1, 1, 1, 17]
    assert second["code"] == "unknown-layer"
    assert second["help"] == ["did you mean `conv`?"]


def with_fix(name: str = "nets/one two%.arch", message: str = "a fault") -> Result:
    """A result with all that a finding may have, and a warning."""
    source = Source(name, "conv(8)\nlet é = 3  # 🙂x\nx\n", Path(name))
    fault = Span(source, 21, 23)
    fix = Fix("write `y`", (Edit(fault, "yy"), Edit(Span(source, 25, 25), "\n")))
    error = Diagnostic("window-too-large", "error", message, Label(fault, "here"), (Label(Span(source, 0, 8), ""),))
    error = error._replace(fix=fix, notes=("a note",), help=("100%\nof it",))
    warning = error._replace(code="unknown-layer", severity="warning", related=(), fix=None)
    return Result(name, archdsl.Checked(source, None, (error, warning)))


def told(format: str, result: Result) -> str:
    report = report_in(format)
    return "\n".join(filter(None, [report.file(result), report.end(Counts().plus(result))]))


def test_a_fix_is_told_to_programs() -> None:
    result = with_fix()
    for format in VALIDATORS:
        validate(format, told(format, result))
    found = json.loads(told("json", result))["diagnostics"][0]["fix"]
    place = {"file": "nets/one two%.arch", "line": 2, "column": 14, "end_line": 2, "end_column": 16, "text": "yy"}
    assert found["message"] == "write `y`"
    assert found["edits"][0] == place
    sarif = json.loads(told("sarif", result))["runs"][0]
    (change,) = sarif["results"][0]["fixes"][0]["artifactChanges"]
    assert change["artifactLocation"] == {"uri": "nets/one%20two%25.arch", "uriBaseId": "%SRCROOT%"}
    region = {"startLine": 2, "startColumn": 14, "endLine": 2, "endColumn": 16}
    assert change["replacements"][0] == {"deletedRegion": region, "insertedContent": {"text": "yy"}}
    assert sarif["columnKind"] == "unicodeCodePoints"
    assert [each["level"] for each in sarif["results"]] == ["error", "warning"]


def test_github_commands_are_escaped() -> None:
    first, second = told("github", with_fix("a,b:c%.arch", "50%::x")).splitlines()
    assert first == (
        "::error title=archdsl window-too-large,file=a%2Cb%3Ac%25.arch,line=2,endLine=2,col=14,endColumn=16"
        "::50%25::x%0Anote: a note%0Ahelp: 100%25\\nof it"
    )
    assert second.startswith("::warning title=archdsl unknown-layer,file=a%2Cb%3Ac%25.arch,")
    source = Source("x.arch", "a\nb\n", Path("x.arch"))
    lines = Diagnostic("unfinished", "error", "m", Label(Span(source, 0, 3), ""))
    result = Result("x.arch", archdsl.Checked(source, None, (lines,)))
    assert told("github", result) == "::error title=archdsl unfinished,file=x.arch,line=1,endLine=2::m"


def test_paths_are_uris(folder: Path) -> None:
    (folder / "ünlaut #1.arch").write_text(WRONG)
    outside = folder.parent / "outside.arch"
    outside.write_text(WRONG)
    _, output = checked_in("sarif", "ünlaut #1.arch", str(folder / "wrong.arch"), str(outside))
    results = json.loads(output)["runs"][0]["results"]
    places = [each["locations"][0]["physicalLocation"]["artifactLocation"] for each in results]
    assert places[::2] == [
        {"uri": "%C3%BCnlaut%20%231.arch", "uriBaseId": "%SRCROOT%"},
        {"uri": "wrong.arch", "uriBaseId": "%SRCROOT%"},
        {"uri": outside.as_uri()},
    ]
    validate("sarif", output)


def test_a_finding_of_what_several_files_import_is_told_once(folder: Path) -> None:
    (folder / "nets").mkdir()
    (folder / "parts.arch").write_text("block stem { conv(8, 0) relu }\n")
    for name in ("a", "b"):
        (folder / f"{name}.arch").write_text('import "nets/../parts.arch"\ninput(3, 8, 8)\nstem\n')
    files = ("a.arch", "parts.arch", "b.arch")
    for format in FORMATS:
        code, output = checked_in(format, *files)
        assert code == 1
        assert len(re.findall("must be at least 1, not 0", output)) == (3 if format == "text" else 1)
    assert json.loads(checked_in("json", *files)[1])["summary"] == {
        "files": 3,
        "fine": 0,
        "with_errors": 3,
        "unreadable": 0,
        "errors": 1,
        "warnings": 0,
    }


def test_a_trace_is_told_to_programs(folder: Path) -> None:
    for format in VALIDATORS:
        validate(format, checked_in(format, "wrong.arch", trace=True)[1])
    first, second = json.loads(checked_in("json", "wrong.arch", trace=True)[1])["diagnostics"][0]["trace"]
    assert [first["title"], first["gives"], first["line"], first["depth"]] == ["input(3, 32, 32)", "3x32x32", 1, 0]
    assert [second["title"], second["gives"], second["line"]] == ["conv(8, 64)", None, 2]
    (flow,) = json.loads(checked_in("sarif", "wrong.arch", trace=True)[1])["runs"][0]["results"][0]["codeFlows"]
    steps = flow["threadFlows"][0]["locations"]
    assert [each["location"]["message"]["text"] for each in steps] == ["input(3, 32, 32) gives 3x32x32", "conv(8, 64)"]


@pytest.mark.parametrize("format", FORMATS)
def test_what_is_no_spec_is_told_in_every_format(format: str, folder: Path) -> None:
    code, output = checked_in(format, "missing.arch", "fine.arch")
    assert code == 2
    assert "missing.arch can't be read" in output
    if format in VALIDATORS:
        validate(format, output)
    code, output = checked_in(format, "fine.arch", input="3x")
    assert code == 2
    assert "malformed-input" in output
    if format in VALIDATORS:
        validate(format, output)
    assert checked_in(format, "fine.arch")[0] == 0


def test_options_are_notifications_in_sarif(folder: Path) -> None:
    run = json.loads(checked_in("sarif", "fine.arch", "wrong.arch", input="3x")[1])["runs"][0]
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"] is False
    assert run["invocations"][0]["toolConfigurationNotifications"][0]["descriptor"] == {"id": "malformed-input"}


def test_brackets_are_no_links_in_sarif() -> None:
    run = json.loads(told("sarif", with_fix(message="see [here](http://example.org)")))["runs"][0]
    assert run["results"][0]["message"]["text"].startswith("see \\[here\\](http://example.org)\n")


def test_lines_come_as_files_are_checked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader of jsonl sees each file as soon as it is checked, not all in the end."""
    from archdsl.commands import check as module

    output = io.StringIO()
    seen: list[int] = []

    def check_source(*arguments: Any) -> Any:
        seen.append(len(output.getvalue().splitlines()))
        return checker(*arguments)

    checker = module.check_source
    monkeypatch.setattr(module, "check_source", check_source)
    (folder / "other.arch").write_text(FINE)
    with contextlib.redirect_stdout(output):
        check(["fine.arch", "wrong.arch", "other.arch"], format="jsonl")
    assert seen == [0, 1, 3]


# What a terminal, a log or a page would obey

HOSTILE = [
    "\x1b[31mred",
    "\x1b]0;title\x07",
    "a\rb\bc\x9b2J",
    "\u202ereversed\u2066\u200b",
    "[red]markup[/red][link=x]",
    "<script>alert(1)</script>&amp;",
    "::error::x",
    "##[error]x",
    "##vso[task.complete]",
    "%0A::error::x",
    "\U000e0041tag",
    "a\nb",
]
TEXTS = [
    *(f"input(3, 8, 8)\ncnov(3) # {hostile}\n" for hostile in HOSTILE),
    *(f'import "{hostile}"\ninput(3, 8, 8)\nrelu\n' for hostile in HOSTILE),
    *(f"{hostile}\ninput(3, 8, 8)\nrelu\n" for hostile in HOSTILE),
]
NAMES = [each.replace("/", "") + ".arch" for each in HOSTILE]


def assert_nothing_is_obeyed(output: str, *, in_a_runner: bool = False) -> None:
    """No character that can't be seen, and in a runner no command but the format's own."""
    unseen = [c for c in output if c != "\n" and not c.isprintable()]
    assert not unseen, (unseen, output)
    if in_a_runner:
        assert not re.search(r"##(vso)?\[", output), output
        commands = re.findall(r"^\s*::.*", output, re.MULTILINE)
        assert all(re.match(r"::(error|warning) title=archdsl [a-z-]+", each) for each in commands), commands


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in NAMES:
        (tmp_path / name).write_text(WRONG)
    for number, text in enumerate(TEXTS):
        (tmp_path / f"text{number}.arch").write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_hostile_reaches_the_output(format: str, hostile: Path) -> None:
    (hostile / "::warning::fine.arch").write_text(FINE)
    (hostile / "::warning::library.arch").write_text("block ok { relu }")
    for quiet in (False, True):
        code, output = checked_in(format, ".", "missing\x1b[31m.arch", "::error::missing", quiet=quiet)
        assert code == 2
        assert_nothing_is_obeyed(output, in_a_runner=True)
        if format in VALIDATORS:
            validate(format, output)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("value", HOSTILE)
def test_nothing_hostile_of_the_options_reaches_the_output(format: str, value: str, hostile: Path) -> None:
    (hostile / "fine.arch").write_text("let a = 3\n" + FINE)
    for options in ({"input": value}, {"settings": [f"a={value}"]}, {"settings": [f"a{value}=1"]}, {"root": value}):
        errors = io.StringIO()
        with contextlib.redirect_stderr(errors):
            _, output = checked_in(format, "fine.arch", **options)
        assert_nothing_is_obeyed(output, in_a_runner=True)
        assert_nothing_is_obeyed(errors.getvalue())


WORDS = [
    ["VALUE"],
    ["VALUE", "fine.arch"],
    ["check", "--VALUE", "fine.arch"],
    ["check", "fine.arch", "--format", "VALUE"],
    ["check", "fine.arch", "--color=VALUE"],
    ["check", "fine.arch", "--max-layers", "VALUE"],
    ["check", "fine.arch", "--set", "VALUE"],
    ["check", "fine.arch", "--stdin-filename", "VALUE"],
    ["explain", "VALUE"],
    ["fmt", "VALUE"],
    ["fmt", "--VALUE", "fine.arch"],
    ["explain", "conv", "VALUE"],
    ["schema", "VALUE"],
    ["train", "VALUE"],
    ["train", "fine.arch", "--data", "VALUE"],
    ["train", "fine.arch", "--data", "folder:VALUE"],
    ["train", "fine.arch", "--recipe", "VALUE"],
    ["train", "fine.arch", "--lr", "VALUE"],
    ["train", "fine.arch", "--device", "VALUE"],
    ["train", "fine.arch", "--set", "VALUE"],
    ["train", "fine.arch", "--input", "VALUE"],
    ["train", "fine.arch", "--recipe", "recipe.yaml"],
]


@pytest.mark.slow
@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_nothing_hostile_of_the_words_reaches_the_output(
    words: list[str], hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archdsl.__main__ import main

    (hostile / "fine.arch").write_text(FINE)
    for value in HOSTILE:
        (hostile / "recipe.yaml").write_text(f"data:\n  name: {json.dumps(value)}\n")
        monkeypatch.setattr("sys.argv", ["archdsl", *(word.replace("VALUE", value) for word in words)])
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output), pytest.raises(SystemExit) as end:
            main()
        assert end.value.code in (2, 3), output.getvalue()
        assert_nothing_is_obeyed(output.getvalue())
        assert output.getvalue()


def test_names_that_are_no_utf_8_keep_json_whole(folder: Path) -> None:
    name = "bad\udcff.arch"
    (folder / name).write_text(WRONG)
    for format in FORMATS:
        _, output = checked_in(format, name)
        output.encode("utf-8")
        if format in VALIDATORS:
            validate(format, output)
            assert "\\udc" not in output
    assert "bad%FF.arch" in checked_in("sarif", name)[1]


@pytest.mark.slow
def test_a_hundred_thousand_layers_are_no_burden(folder: Path) -> None:
    (folder / "large.arch").write_text("input(3, 32, 32)\n" + "conv(8, 1) relu\n" * 49_000 + "conv(8, 64)\n" * 500)
    for format in ("json", "sarif"):
        code, output = checked_in(format, "large.arch")
        assert code == 1
        validate(format, output)


def test_names_are_no_commands_to_a_runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines of `fmt` and `train` begin with a file's name."""
    from commands import train

    from archdsl.commands.fmt import fmt

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    name = "::error::##[x].arch"
    Path(name).write_text("input(1,16,16) conv(4, 3) relu flatten fc(10)")
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        assert fmt([name], check=True) == 1
        assert fmt([name]) == 0
        assert train(name, epochs=1, limit_train=20, limit_test=10, device="cpu") == 0
    assert "test accuracy" in output.getvalue()
    assert_nothing_is_obeyed(output.getvalue(), in_a_runner=True)
