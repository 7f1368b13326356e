"""A page in one file that loads nothing: what pages on runs have in common, and their style and script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from archdsl.diagram.html import page_head
from archdsl.diagram.style import DARK, FONT, LIGHT, Palette
from archdsl.diagram.svg import written
from archdsl.runs.chart import LAST

CURVES_ON_LIGHT = ("#17548f", "#b3460a", "#1b7a4b", "#7a3fa0", "#8a6400", "#a8204e", "#0b7285", "#5a6570")
CURVES_ON_DARK = ("#7db8f0", "#ff9d5c", "#6fcf97", "#c79be8", "#e0c04f", "#ff8fa8", "#5fd0dc", "#b0bac4")


class Raw(str):
    """HTML as it is; any other text is written out."""


def page(title: str, lines: Iterable[str], body: Iterable[str]) -> str:
    """A page with a heading, lines below it as text, and what follows as HTML."""
    parts = [
        *page_head(title, style_sheet(), SCRIPT, "img-src data:; "),
        "<body>",
        "<header>",
        f"<h1>{written(title)}</h1>",
        *(f"<p>{written(line)}</p>" for line in lines),
        "</header>",
        "<main>",
        *body,
        "</main>",
        f"<script>{SCRIPT}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(parts) + "\n"


def section(title: str, body: Iterable[str], note: str = "") -> list[str]:
    """A part of a page with its heading, and a sentence that says how to read it; nothing where it has no body."""
    lines = list(body)
    if not lines:
        return []
    explained = [f'<p class="note">{written(note)}</p>'] if note else []
    return ["<section>", f"<h2>{written(title)}</h2>", *explained, *lines, "</section>"]


def charts(figures: Iterable[list[str]]) -> list[str]:
    """Figures beside each other, as many as there is room for."""
    lines = [line for each in figures for line in each]
    return ['<div class="charts">', *lines, "</div>"] if lines else []


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[str]],
    numeric: Iterable[int] = (),
    headed: bool = True,
    label: str = "",
) -> list[str]:
    """A table that scrolls where it is too wide.

    numeric: the columns that are aligned right. headed: whether the first cell of a row is its heading. label: what
    the table is, for those who hear it.
    """
    right = set(numeric)

    def cell(text: str, column: int) -> str:
        name = "th" if headed and column == 0 else "td"
        scope = ' scope="row"' if name == "th" else ""
        aligned = ' class="number"' if column in right else ""
        return f"<{name}{scope}{aligned}>{content(text)}</{name}>"

    named = f' aria-label="{written(label)}"' if label else ""
    heads = "".join(
        f'<th scope="col"{" class=" + chr(34) + "number" + chr(34) if i in right else ""}>{content(text)}</th>'
        for i, text in enumerate(head)
    )
    return [
        f'<div class="wide" tabindex="0"><table{named}>',
        f"<thead><tr>{heads}</tr></thead>" if any(head) else "",
        "<tbody>",
        *("<tr>" + "".join(cell(text, i) for i, text in enumerate(row)) + "</tr>" for row in rows),
        "</tbody></table></div>",
    ]


def folded(title: str, body: Iterable[str], is_open: bool = False) -> list[str]:
    """What is shown when its heading is clicked, and, where it is open, from the first."""
    return [f"<details{' open' if is_open else ''}><summary>{written(title)}</summary>", *body, "</details>"]


def content(text: str) -> str:
    return text if isinstance(text, Raw) else written(text)


def preformatted(text: str, wrapped: bool = False) -> list[str]:
    """A text as it is laid out; one that is wrapped needs no scrolling."""
    start = '<pre class="wrapped">' if wrapped else "<pre>"
    return [start + "\n".join(map(written, text.rstrip("\n").split("\n"))) + "</pre>"]


SCRIPT = """
"use strict";
for (const figure of document.querySelectorAll("figure.chart")) {
  const svg = figure.querySelector("svg");
  const rule = svg.querySelector(".rule");
  const place = figure.querySelector(".place b");
  const values = [...figure.querySelectorAll(".entry b")];
  const curves = [...svg.querySelectorAll("polyline")].map((line) => ({
    xs: line.dataset.x.split(" "),
    ys: line.dataset.y.split(" "),
    across: line.getAttribute("points").split(" ").map((point) => Number(point.split(",")[0])),
  }));
  const found = new Map();
  for (const curve of curves) curve.xs.forEach((x, i) => found.set(x, curve.across[i]));
  const places = [...found].sort((a, b) => Number(a[0]) - Number(b[0]));
  let at = places.length - 1;
  const show = (index) => {
    at = Math.max(0, Math.min(places.length - 1, index));
    const [x, across] = places[at];
    place.textContent = x;
    curves.forEach((curve, i) => {
      const k = curve.xs.indexOf(x);
      values[i].textContent = k < 0 ? "-" : curve.ys[k];
    });
    rule.setAttribute("transform", `translate(${across} 0)`);
    rule.setAttribute("visibility", "visible");
  };
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const across = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    let nearest = 0;
    places.forEach((each, i) => {
      if (Math.abs(each[1] - across) < Math.abs(places[nearest][1] - across)) nearest = i;
    });
    show(nearest);
  });
  const told = values.map((each) => each.textContent);
  const leave = () => {
    place.textContent = "LAST";
    values.forEach((each, i) => { each.textContent = told[i]; });
    rule.setAttribute("visibility", "hidden");
    at = places.length - 1;
  };
  svg.addEventListener("pointerleave", leave);
  svg.addEventListener("blur", leave);
  svg.addEventListener("keydown", (event) => {
    const steps = {ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: places.length - 1};
    if (!(event.key in steps)) return;
    event.preventDefault();
    show(steps[event.key]);
  });
}
""".replace("LAST", LAST)


def style_sheet() -> str:
    return f"""
body {{ margin: 0 auto; max-width: 1320px; font: 15px/1.5 {FONT} }}
header, section {{ padding: 0 24px }}
header {{ padding-top: 20px }}
h1 {{ font-size: 22px; margin: 0 0 4px; overflow-wrap: anywhere }}
h2 {{ font-size: 17px; margin: 36px 0 8px }}
h3 {{ font-size: 14px; margin: 12px 0 6px }}
section p {{ margin: 0 0 8px; max-width: 80ch }}
section pre {{ margin-bottom: 12px }}
header p {{ margin: 0; overflow-wrap: anywhere }}
.note {{ margin: 0 0 12px; max-width: 80ch }}
.charts {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(min(330px, 100%), 1fr)); gap: 20px 28px }}
figure {{ margin: 0 }}
figcaption {{ font-weight: bold; font-size: 14px }}
.chart > svg {{ display: block; width: 100%; touch-action: pan-y }}
.chart text {{ font: 12px {FONT} }}
.middle {{ text-anchor: middle }}
.end {{ text-anchor: end }}
.grid, .axis, .tick, .rule {{ fill: none; stroke-width: 1 }}
.curve {{ fill: none; stroke-width: 2; stroke-linejoin: round }}
.dashed {{ stroke-dasharray: 5 3 }}
.legend {{ margin: 4px 0 0; display: flex; flex-wrap: wrap; gap: 0 16px; font-size: 13px }}
.legend b {{ font-variant-numeric: tabular-nums; font-weight: normal }}
.entry {{ overflow-wrap: anywhere }}
.swatch {{ width: 22px; height: 8px }}
.wide {{ overflow-x: auto; padding-bottom: 4px }}
table {{ border-collapse: collapse; font-size: 14px }}
th, td {{ padding: 3px 14px 3px 0; text-align: left; vertical-align: top; font-weight: normal }}
thead th {{ font-weight: bold; white-space: nowrap }}
tbody tr {{ border-top: 1px solid }}
.number {{ text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }}
td, tbody th {{ overflow-wrap: break-word }}
tbody th {{ min-width: 7em }}
pre, code, .code {{ font: 13px/1.45 ui-monospace, Menlo, Consolas, "Liberation Mono", monospace }}
.code {{ white-space: pre }}
pre {{ margin: 0; padding: 12px 14px; border: 1px solid; border-radius: 6px; overflow-x: auto }}
.wrapped {{ white-space: pre-wrap; overflow-wrap: anywhere }}
.beside {{ display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 20px 28px }}
.beside > * {{ min-width: 0 }}
summary {{ cursor: pointer; padding: 4px 0 }}
.facts {{ display: flex; flex-wrap: wrap; gap: 12px 32px; margin: 20px 0 0 }}
.facts div {{ display: flex; flex-direction: column-reverse }}
.facts dd {{ margin: 0; font-size: 22px; line-height: 1.2; font-variant-numeric: tabular-nums }}
.facts dt {{ font-size: 13px }}
.confusion {{ font-size: 12px }}
.confusion td {{ padding: 4px 6px; text-align: right; min-width: 2.2em; font-variant-numeric: tabular-nums;
  border: 1px solid }}
.confusion th {{ min-width: 0; vertical-align: middle; padding: 2px 8px 2px 4px; font-weight: normal; max-width: 12em }}
.confusion thead th {{ vertical-align: bottom; text-align: center; padding: 2px 4px }}
.confusion thead span {{ writing-mode: vertical-rl; transform: rotate(180deg); max-height: 12em }}
.confusion tbody tr {{ border: 0 }}
.confusion .right {{ font-weight: bold }}
.pictures {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(124px, 1fr)); gap: 18px 16px; padding: 0;
  margin: 0; list-style: none; font-size: 13px; line-height: 1.35 }}
.pictures img {{ display: block; width: 112px; height: 112px; object-fit: contain; margin-bottom: 4px;
  border: 1px solid; background: #808080 }}
.pictures .small {{ image-rendering: pixelated }}
.pictures li {{ overflow-wrap: anywhere }}
.picture-of-network {{ overflow: auto; max-height: 85vh; border: 1px solid; border-radius: 6px }}
.picture-of-network img {{ display: block; margin: 0 auto }}
[tabindex]:focus-visible, summary:focus-visible {{ outline: 3px solid; outline-offset: 2px }}
footer {{ padding: 40px 24px 24px; font-size: 13px }}
{colors(LIGHT, CURVES_ON_LIGHT)}
@media screen and (prefers-color-scheme: dark) {{
{colors(DARK, CURVES_ON_DARK)}
}}
@media (max-width: 500px) {{ header, section {{ padding-left: 14px; padding-right: 14px }} }}
@media print {{ section {{ break-inside: avoid }} }}
@media print {{ .wide, .picture-of-network {{ overflow: visible; max-height: none }} }}
"""


def colors(palette: Palette, curves: Sequence[str]) -> str:
    """The rules that give colors. Cells of a confusion matrix are shaded as boxes of a diagram are."""
    shades = "\n".join(f".confusion .s{level} {{ background: {color} }}" for level, color in enumerate(palette.levels))
    lines = "\n".join(
        f".curve.of-{i} {{ stroke: {color} }} .dot.of-{i} {{ fill: {color} }}" for i, color in enumerate(curves)
    )
    return f"""\
body {{ color: {palette.ink}; background: {palette.paper} }}
.note, .legend, .facts dt, footer {{ color: {palette.quiet_ink} }}
.legend b {{ color: {palette.ink} }}
.chart text {{ fill: {palette.quiet_ink} }}
.grid {{ stroke: {palette.strip} }}
.axis, .tick {{ stroke: {palette.line} }}
.rule {{ stroke: {palette.line} }}
tbody tr, pre, .confusion td, .picture-of-network, .pictures img {{ border-color: {palette.strip} }}
pre {{ background: {palette.areas[0]} }}
[tabindex]:focus-visible, summary:focus-visible {{ outline-color: {palette.focus} }}
{lines}
{shades}"""
