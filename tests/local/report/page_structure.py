"""What a page is made of: its elements, in order, with their attributes and their text."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

_APART = {"td", "th", "dt", "dd", "li", "p", "h1", "h2", "h3", "h4", "caption", "pre", "summary"}
_VOID = {"meta", "link", "br", "wbr", "rect", "img", "input", "hr"}


@dataclass
class Element:
    """``text`` is that of all within it, its white space made one; ``within`` the elements that it is in."""

    tag: str
    attributes: dict[str, str]
    within: tuple[Element, ...]
    pieces: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()


class Structure(HTMLParser):
    """The elements of a page. An element that is not closed, or not the one that was open, is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self._open: list[Element] = []
        self.feed(page)
        self.close()
        assert not self._open, f"left open: {[element.tag for element in self._open]}"

    def all(self, *tags: str, css_class: str = "") -> list[Element]:
        return [
            element
            for element in self.elements
            if (not tags or element.tag in tags) and (not css_class or css_class in element.classes)
        ]

    def one(self, *tags: str, css_class: str = "") -> Element:
        (element,) = self.all(*tags, css_class=css_class)
        return element

    def inside(self, outer: Element, *tags: str, css_class: str = "") -> list[Element]:
        found = self.all(*tags, css_class=css_class)
        return [element for element in found if any(around is outer for around in element.within)]

    def by_id(self, name: str) -> Element:
        (element,) = [element for element in self.elements if element.attributes.get("id") == name]
        return element

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open))
        self.elements.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(Element(tag, {name: value or "" for name, value in attrs}, tuple(self._open)))

    def handle_endtag(self, tag: str) -> None:
        assert [element.tag for element in self._open[-1:]] == [tag], f"</{tag}> closes {self._open[-1:]}"
        self._open.pop()
        if tag in _APART:
            self.handle_data(" ")

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.pieces.append(data)
