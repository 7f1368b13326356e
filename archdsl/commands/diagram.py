"""`archdsl diagram`: a network as a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from archdsl.commands.output import refuse, refuse_file, write_exactly, wrong_output
from archdsl.commands.spec import read_network
from archdsl.diagnostics.render import visible
from archdsl.diagram.dot import dot
from archdsl.diagram.html import html
from archdsl.diagram.layout import Layout, depth_of, drawn_count, layout_of
from archdsl.diagram.mermaid import markdown, mermaid
from archdsl.diagram.picture import Picture, picture_of
from archdsl.diagram.svg import svg
from archdsl.exit_codes import EXIT_FINE
from archdsl.reader import STDIN
from archdsl.writer import write_bytes

WRITERS: dict[str, Callable[[Layout, str], str]] = {
    "svg": svg,
    "markdown": markdown,
    "mermaid": mermaid,
    "dot": dot,
}
ENDINGS = {
    ".svg": "svg",
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".mmd": "mermaid",
    ".dot": "dot",
    ".gv": "dot",
}

MOST_OPEN = 300
"""Blocks are shown open as long as no more boxes are drawn."""

MOST_DRAWN = 2000
"""No picture has more boxes: nobody could read it, and few programs could show it."""

STDOUT = "-"


def diagram(
    spec: str,
    *,
    output: str | None = None,
    format: str | None = None,
    by: str = "parameters",
    depth: int | None = None,
    direction: str = "down",
    bare: bool = False,
    input: str | None = None,
    settings: Sequence[str] = (),
    root: str | None = None,
) -> int:
    """Draw a network.

    Args:
        output: the file to write, whose ending says the format; standard output where it is `-` or not given.
        format: "svg", "html", "markdown", "mermaid" or "dot".
        by: what boxes are colored by: "parameters" or "multiply-adds".
        depth: so many blocks in each other are shown open; by default as many as are legible.
        direction: where the data flows: "down" or "right".
        bare: of an SVG, the drawing alone, without heading and legend.

    Returns:
        0 when drawn, 1 where the spec has errors, 2 on wrong use, where a file can't be read or written, or where
        there is too much to draw.
    """
    kind, wrong = format_of(output, format)
    if kind is None:
        return refuse(wrong)
    if bare and kind != "svg":
        return refuse(f"--bare leaves out the heading and the legend of an SVG, and this is {kind}")
    found = read_network(spec, input=input, settings=settings, root=root)
    if isinstance(found, int):
        return found
    if output not in (None, STDOUT) and (misplaced := wrong_output(output, found.files)) is not None:
        return refuse(misplaced)
    picture = picture_of(found.network)
    open_depth, wrong = open_depth_of(picture, depth)
    if open_depth is None:
        name = "<stdin>" if spec == STDIN else visible(spec)
        return refuse(f"{name}: {wrong}")
    down = direction == "down"
    if kind == "html":
        text = html(layout_of(picture, deepest_of(picture, open_depth), down), by, open_depth)
    elif bare:
        text = svg(layout_of(picture, open_depth, down), by, bare=True)
    else:
        text = WRITERS[kind](layout_of(picture, open_depth, down), by)
    if output is None or output == STDOUT:
        write_exactly(text)
        return EXIT_FINE
    try:
        write_bytes(Path(output), text.encode("utf-8"))
    except (OSError, ValueError) as error:
        return refuse_file(output, error)
    print(f"{visible(output)}: {told(picture, open_depth, depth)}")
    return EXIT_FINE


def format_of(output: str | None, format: str | None) -> tuple[str | None, str]:
    """The format that is meant, or None and what is wrong."""
    endings = ", ".join(f"`{ending}`" for ending in ENDINGS)
    if output is None or output == STDOUT:
        if format is None:
            return None, "say where to draw: `-o net.svg` writes a file, `--format svg` prints"
        return format, ""
    by_ending = ENDINGS.get(Path(output).suffix.lower())
    if format is not None and by_ending not in (format, None):
        return None, f"`{visible(output)}` is {by_ending} by its ending, and --format says {format}"
    if format is None and by_ending is None:
        return None, f"what to draw is not clear from `{visible(output)}`; endings are {endings}, or give --format"
    return format or by_ending, ""


def open_depth_of(picture: Picture, asked: int | None) -> tuple[int | None, str]:
    """How many frames in each other are open, or None and what is wrong."""
    deepest = depth_of(picture)
    closed = drawn_count(picture, 0)
    if closed > MOST_DRAWN:
        return None, (
            f"there would be {closed:,} boxes with all blocks closed, and {MOST_DRAWN:,} are the most that are drawn; "
            "put what belongs together in blocks, or in bodies with labels (`stage1: { ... }`), which are drawn closed"
        )
    if asked is not None:
        drawn = drawn_count(picture, min(asked, deepest))
        if drawn > MOST_DRAWN:
            largest = max(depth for depth in range(deepest + 1) if drawn_count(picture, depth) <= MOST_DRAWN)
            return (
                None,
                f"--depth {asked} would draw {drawn:,} boxes, and {MOST_DRAWN:,} are the most; --depth {largest} fits",
            )
        return min(asked, deepest), ""
    return max((depth for depth in range(deepest + 1) if drawn_count(picture, depth) <= MOST_OPEN), default=0), ""


def deepest_of(picture: Picture, open_depth: int) -> int:
    """How many frames in each other can be opened in a page."""
    depths = range(open_depth, depth_of(picture) + 1)
    return max((depth for depth in depths if drawn_count(picture, depth) <= MOST_DRAWN), default=open_depth)


def told(picture: Picture, open_depth: int, asked: int | None) -> str:
    """What was drawn, and how to see more where blocks are closed that nobody asked to close."""
    text = count_of_boxes(drawn_count(picture, open_depth))
    if asked is None and open_depth < depth_of(picture):
        closed = f"blocks deeper than {open_depth}" if open_depth else "all blocks"
        text += f"; {closed} are closed, and --depth opens more"
    return text


def count_of_boxes(count: int) -> str:
    return f"{count:,} box{'' if count == 1 else 'es'}"
