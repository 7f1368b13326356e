"""The colors and types of a drawing, for paper and for dark screens.

The contrast of every text with what is behind it is at least 4.5 to 1, as WCAG 2.2 asks for (AA), and lines have 3 to
1; a test computes both. What is printed is light. Colors are written out, not as variables, for programs that turn SVG
into other formats know no variables.
"""

from __future__ import annotations

from typing import NamedTuple


class Palette(NamedTuple):
    """Colors. `levels` are those of boxes by what they cost, from nothing to the most."""

    paper: str
    ink: str
    quiet_ink: str
    line: str
    outline: str
    strip: str
    areas: tuple[str, str]
    meter: str
    join: str
    focus: str
    levels: tuple[str, ...]


LIGHT = Palette(
    paper="#ffffff",
    ink="#16202a",
    quiet_ink="#333f4b",
    line="#66727e",
    outline="#7e8b97",
    strip="#dfe5eb",
    areas=("#f3f6f8", "#eaeff3"),
    meter="#17548f",
    join="#2f3d4a",
    focus="#b3460a",
    levels=("#ffffff", "#eef5fc", "#d9e9f8", "#bedaf3", "#a4cbef", "#8bbbe8"),
)

DARK = Palette(
    paper="#0f151b",
    ink="#f0f4f8",
    quiet_ink="#cfd8e1",
    line="#93a1af",
    outline="#71808f",
    strip="#2a3540",
    areas=("#161e26", "#1c2630"),
    meter="#9cc9f5",
    join="#c9d4de",
    focus="#ffb27a",
    levels=("#1a232c", "#1b2d40", "#1d3853", "#204468", "#25517c", "#2c5f91"),
)

FONT = '"Helvetica Neue", Helvetica, Arial, "Liberation Sans", sans-serif'


def style_sheet() -> str:
    """The style of a drawing, light, and dark where the screen is."""
    return f"""\
text {{ font-family: {FONT}; font-size: 13px }}
.small, .shape {{ font-size: 11px }}
.bold {{ font-weight: bold }}
.end {{ text-anchor: end }}
.middle {{ text-anchor: middle }}
.edge {{ fill: none; stroke-width: 1.3 }}
.face, .area, .swatch {{ stroke-width: 1 }}
.terminal .face {{ stroke-width: 1.3 }}
.side > .area, .side > .closed > .face, .dashed {{ stroke-dasharray: 5 3 }}
.sign {{ fill: none; stroke-width: 1.6 }}
{colors_of(LIGHT)}
@media screen and (prefers-color-scheme: dark) {{
{colors_of(DARK)}
}}
"""


def colors_of(palette: Palette) -> str:
    """The rules that give colors."""
    levels = "\n".join(
        f'[data-by="{by}"] .{letter}{level} > .closed > .face, .swatch.{letter}{level} {{ fill: {color} }}'
        for by, letter in (("parameters", "p"), ("multiply-adds", "m"))
        for level, color in enumerate(palette.levels)
    )
    return f"""\
.paper {{ fill: {palette.paper} }}
text {{ fill: {palette.ink} }}
.small, .shape {{ fill: {palette.quiet_ink} }}
.edge {{ stroke: {palette.line} }}
.arrow {{ fill: {palette.line} }}
.face, .area, .swatch, .behind {{ stroke: {palette.outline} }}
.behind {{ fill: {palette.paper} }}
.area {{ fill: {palette.areas[0]} }}
.odd > .area {{ fill: {palette.areas[1]} }}
.strip {{ fill: {palette.strip} }}
.mark {{ fill: {palette.quiet_ink} }}
.meter {{ fill: {palette.meter} }}
.disc {{ fill: {palette.paper}; stroke: {palette.join}; stroke-width: 1.6 }}
.sign {{ stroke: {palette.join} }}
.bar {{ fill: {palette.join} }}
.bar-text {{ fill: {palette.paper} }}
.terminal .face {{ fill: {palette.paper}; stroke: {palette.join} }}
{levels}"""
