"""A layout as a page in one file: its blocks open and close, and it loads nothing.

The drawing is that of `svg.py`, with everything open, so that without its script the page is a picture of all there is.
The script closes what is to be closed at first.
"""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import Any

from archdsl.diagram import layout as sizes
from archdsl.diagram.layout import Layout, Part, Row
from archdsl.diagram.picture import Fork
from archdsl.diagram.script import SCRIPT
from archdsl.diagram.style import DARK, FONT, LIGHT, Palette, style_sheet
from archdsl.diagram.svg import ARROW, BEND, BY, MARGIN, Marks, attribute, heading_lines, legend_of, written
from archdsl.diagram.text_width import text_width

SIZES = (
    "RAIL LABEL_SIZE TAP SIDE_GAP GAP LABELLED_GAP HEADER BRANCH_GAP PAD BAR DISC FAN LEAST_BAR".split()  # noqa: SIM905
)
"""The numbers of the layout that the script needs."""

LEGEND_WIDTH = 900


def html(layout: Layout, by: str, depth: int) -> str:
    """The drawing as a page.

    Args:
        layout: with everything open that can be opened.
        by: what boxes are colored by at first: "parameters" or "multiply-adds".
        depth: so many frames in each other are open at first.
    """
    heading = list(heading_lines(layout))
    width, height = layout.width + 2 * MARGIN, layout.height + 2 * MARGIN
    choices = "".join(
        f'<label><input type="radio" name="by" value="{each}"{" checked" if each == by else ""}> {each}</label>'
        for each in BY
    )
    name = written(heading[0])
    lines = [
        *page_head(heading[0], page_style(), SCRIPT),
        f'<body data-by="{by}">',
        "<header>",
        f"<h1>{name}</h1>",
        *(f"<p>{written(line)}</p>" for line in heading[1:]),
        '<div class="controls">',
        f"<fieldset><legend>color by</legend>{choices}</fieldset>",
        '<span class="buttons"><button type="button" id="open-all">open all</button>'
        '<button type="button" id="close-all">close all</button></span>',
        '<p class="keys">arrows move, Enter opens and closes</p>',
        "</div>",
        *(line for each in BY for line in legend(layout, each)),
        "</header>",
        "<main>",
        f'<svg id="drawing" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
        ARROW,
        f'<g id="content" role="tree" aria-label={attribute("the layers of " + heading[0])} '
        f'transform="translate({MARGIN} {MARGIN})">',
        *Marks(layout, BY, is_tree=True).row(layout.row, 0),
        "</g>",
        "</svg>",
        "</main>",
        '<aside id="told" aria-label="about the box that is pointed at"></aside>',
        f'<script type="application/json" id="archdsl-data">{data_of(layout, depth)}</script>',
        f"<script>{SCRIPT}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def page_head(title: str, style: str, script: str, policy: str = "") -> list[str]:
    """What a page in one file begins with: it loads nothing, and runs no script but its own.

    policy: what else it needs, as "img-src data:; ".
    """
    policy = (
        f"default-src 'none'; {policy}script-src '{hash_of(script)}'; style-src '{hash_of(style)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{written(title)}</title>",
        f"<style>{style}</style>",
        "</head>",
    ]


def legend(layout: Layout, by: str) -> list[str]:
    entries, height = legend_of(layout, by, LEGEND_WIDTH, is_page=True)
    size = f'width="{LEGEND_WIDTH}" height="{height}" viewBox="0 0 {LEGEND_WIDTH} {height}"'
    return [f'<svg class="legend of-{by}" {size} role="img" aria-label="legend">', *entries, "</svg>"]


def data_of(layout: Layout, depth: int) -> str:
    """What the script lays out: the parts in each other, with the sizes of their texts."""
    numbers = {name: getattr(sizes, name) for name in SIZES}
    data = {
        "sizes": {**numbers, "BEND": BEND, "MARGIN": MARGIN},
        "down": layout.down,
        "depth": depth,
        "row": row_data(layout.row),
    }
    return json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")


def row_data(row: Row) -> dict[str, Any]:
    labels = [text_width(label, sizes.LABEL_SIZE) if label else 0 for label in row.labels]
    return {"number": row.number, "labels": labels, "parts": [part_data(part) for part in row.parts]}


def part_data(part: Part) -> dict[str, Any]:
    data: dict[str, Any] = {"number": part.number, "kind": part.kind}
    if isinstance(part.item, Fork):
        data["join"] = part.item.join
    if part.face:
        data |= {"width": part.face.width, "height": part.face.height}
    if part.header_width:
        data["header"] = part.header_width
    if part.chains:
        data["rows"] = [row_data(row) for row in part.chains]
    return data


def hash_of(text: str) -> str:
    """A text as a content security policy names it."""
    return "sha256-" + b64encode(sha256(text.encode("utf-8")).digest()).decode("ascii")


def page_style() -> str:
    return f"""
{style_sheet()}
[data-by="parameters"] .of-multiply-adds, [data-by="multiply-adds"] .of-parameters {{ display: none }}
.live g.frame:not(.open) > .area, .live g.side:not(.open) > .area {{ display: none }}
.live g:not(.open) > .header, .live g:not(.open) > .body {{ display: none }}
g.open > .closed {{ display: none }}
g[aria-expanded] > .header, g[aria-expanded] > .closed {{ cursor: pointer }}
g[role="treeitem"]:focus {{ outline: none }}
g[role="treeitem"]:focus-visible > .closed > .face, g[role="treeitem"]:focus-visible > .area {{ stroke-width: 3 }}
.skip:focus-visible ~ .edge {{ stroke-width: 3 }}
body {{ margin: 0; font: 14px/1.5 {FONT} }}
header {{ padding: 20px 24px 0 }}
h1 {{ font-size: 20px; margin: 0 0 4px }}
header p {{ margin: 0 }}
.controls {{ display: flex; flex-wrap: wrap; gap: 8px 24px; align-items: center; margin: 12px 0 }}
fieldset {{ border: 0; padding: 0; margin: 0; display: flex; gap: 14px; align-items: center }}
fieldset legend {{ float: left; padding: 0 }}
button {{ font: inherit; padding: 2px 10px; margin-right: 8px; border-radius: 5px; border: 1px solid; cursor: pointer }}
button:focus-visible, input:focus-visible {{ outline: 3px solid; outline-offset: 2px }}
.legend {{ max-width: 100%; height: auto }}
main {{ overflow-x: auto; padding-bottom: 140px }}
main > svg {{ display: block; margin: 0 auto }}
aside {{ position: fixed; right: 16px; bottom: 16px; max-width: min(420px, calc(100vw - 64px)); padding: 10px 16px;
  border: 1px solid; border-radius: 8px; font-size: 13px }}
aside h2 {{ font-size: 14px; margin: 0 }}
aside p {{ margin: 0 }}
body:not(.live) aside, body:not(.live) .buttons, body:not(.live) .keys {{ display: none }}
@media print {{ aside, .controls {{ display: none }} }}
{page_colors(LIGHT)}
@media screen and (prefers-color-scheme: dark) {{
{page_colors(DARK)}
}}
"""


def page_colors(palette: Palette) -> str:
    return f"""\
body, aside, button {{ color: {palette.ink}; background: {palette.paper} }}
aside, button {{ border-color: {palette.outline} }}
.keys {{ color: {palette.quiet_ink} }}
g[role="treeitem"]:focus-visible > .closed > .face {{ stroke: {palette.focus} }}
g[role="treeitem"]:focus-visible > .area, .skip:focus-visible ~ .edge {{ stroke: {palette.focus} }}
button:focus-visible, input:focus-visible {{ outline-color: {palette.focus} }}"""
