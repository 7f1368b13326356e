"""What every page must be: well formed, in one file, and without anything that a text in it could start."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from archdsl.diagram.html import hash_of
from archdsl.runs.page import SCRIPT

_VOID = {"meta", "img", "br", "input"}


class Page(HTMLParser):
    """A page that was read. texts: the text in each kind of element. tags: how often each is there."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.tags: dict[str, int] = {}
        self.texts: dict[str, list[str]] = {}
        self.attributes: list[tuple[str, str, str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] = self.tags.get(tag, 0) + 1
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self.open.append(tag)
        self.texts.setdefault(tag, []).append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        for tag in {*self.open}:
            self.texts[tag][-1] += data


def read(text: str) -> Page:
    """Read a page, and hold it against what every page promises."""
    page = Page(text)
    assert page.tags["script"] == 1
    assert page.texts["script"] == [SCRIPT]
    for tag, name, value in page.attributes:
        assert not name.startswith("on"), (tag, name)
        assert name not in ("style", "href", "srcset", "action", "xlink:href"), (tag, name)
        assert name != "src" or re.match(r"data:image/(png|svg\+xml);base64,", value), value[:40]
    policies = [value for tag, name, value in page.attributes if tag == "meta" and value.startswith("default-src")]
    style = page.texts["style"][0]
    assert policies == [
        f"default-src 'none'; img-src data:; script-src '{hash_of(SCRIPT)}'; style-src '{hash_of(style)}'; "
        "base-uri 'none'; form-action 'none'"
    ]
    assert "url(" not in style
    assert "@import" not in style
    assert sum(tag == "img" and name == "alt" for tag, name, _ in page.attributes) == page.tags.get("img", 0)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", text)
    return page
