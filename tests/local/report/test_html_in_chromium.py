"""The pages of reports in a real browser that has no network: on a desk and on a phone, light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rich")
pytest.importorskip("jinja2")

from autogen_vitals.local.report.html import render, render_comparison

from .chromium import Page, browsing, find_chromium
from .whole_reports import broken, compared, planted, silent

# It starts a browser, which the matrix has no use for.
pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("chromium")]

TAB_STOPS = "a[href], summary, [tabindex='0']"
OPEN_ALL = "document.querySelectorAll('details').forEach(one => one.open = true)"
MOST_STOPS = 300
FOCUS = """(() => {
    const one = document.activeElement, style = getComputedStyle(one), box = one.getBoundingClientRect();
    return {
        index: [...document.querySelectorAll("a[href], summary, [tabindex='0']")].indexOf(one),
        outlined: style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2,
        seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
        what: one.outerHTML.slice(0, 120),
    };
})()"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    made = {
        "broken": render(broken()),
        "silent": render(silent()),
        "compared": render_comparison(compared()),
        "long": render(planted(broken(), "x" * 300)),
        "long-compared": render_comparison(planted(compared(), "x" * 300)),
    }
    for name, page in made.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in made}


@pytest.fixture(scope="module")
def chromium() -> str:
    program = find_chromium()
    if program is None:
        pytest.skip("needs Chromium: on PATH, or unpacked by scripts/system-tools pictures")
    return program


@pytest.fixture
def page(chromium: str, tmp_path: Path) -> Iterator[Page]:
    with browsing(chromium, tmp_path / "profile") as page:
        yield page


@pytest.mark.parametrize("name", ["broken", "silent", "compared", "long", "long-compared"])
def test_it_fits_asks_nobody_and_complains_of_nothing(name: str, page: Page, pages: dict[str, Path]) -> None:
    """At each width, in both schemes, folded and unfolded: no page is wider than its window, and one file is all."""
    for scheme in ("light", "dark"):
        for width in (1280, 768, 390, 320):
            page.look(width, 800, scheme)
            page.open(pages[name])
            for unfold in ("0", OPEN_ALL):
                page.evaluate(unfold)
                wide, window = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
                assert (wide, window) == (width, width), f"{scheme}: {wide} wide in a window of {window}"
    assert set(page.requests) == {pages[name].resolve().as_uri()}
    assert page.complaints == []


@pytest.mark.parametrize("width", [1280, 390])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(width: int, page: Page, pages: dict[str, Path]) -> None:
    """Each link, each fold and each box that scrolls, in the order of the page; what has the focus has a frame."""
    page.look(width, 800, "dark")
    page.open(pages["broken"])
    page.evaluate(OPEN_ALL)
    stops = page.evaluate(f'document.querySelectorAll("{TAB_STOPS}").length')
    assert 20 < stops < MOST_STOPS
    reached: list[int] = []
    for _ in range(stops):
        page.press_tab()
        focus = page.evaluate(FOCUS)
        assert focus["outlined"], f"no frame around {focus['what']}"
        assert focus["seen"], f"out of sight: {focus['what']}"
        reached.append(focus["index"])
    assert reached == list(range(stops))


def test_a_fold_opens_by_the_keyboard(page: Page, pages: dict[str, Path]) -> None:
    page.look(390, 800, "light")
    page.open(pages["broken"])
    page.evaluate("document.querySelector('summary').focus()")
    page.press("Enter", "\r")
    assert page.evaluate("document.querySelector('details').open")
    assert page.evaluate("document.querySelector('details pre').checkVisibility()")


def test_what_scrolls_says_so_and_can_be_scrolled(page: Page, pages: dict[str, Path]) -> None:
    """On a phone the widest table scrolls in its own box, and its first column stays."""
    page.look(390, 800, "light")
    page.open(pages["broken"])
    moved = page.evaluate(
        """(() => {
            const box = document.getElementById("requests-table").closest(".scroll");
            const name = box.querySelector("tbody th"), before = name.getBoundingClientRect().left;
            box.scrollLeft = 200;
            return [box.scrollLeft, Math.abs(name.getBoundingClientRect().left - before) < 2];
        })()"""
    )
    assert moved == [200, True]


def test_the_schemes_differ_and_paper_is_light(page: Page, pages: dict[str, Path]) -> None:
    """As the reader prefers; on paper it is light, has what the reader has unfolded, and no links to sections."""
    ground = "getComputedStyle(document.body).backgroundColor"
    seen = {}
    for scheme in ("light", "dark"):
        page.look(1280, 800, scheme)
        page.open(pages["broken"])
        seen[scheme] = page.evaluate(ground)
    assert seen["light"] != seen["dark"]
    page.print_preview("dark")
    assert page.evaluate(ground) == seen["light"]
    page.evaluate("document.querySelector('details').open = true")
    assert page.evaluate("document.querySelector('details[open] pre').checkVisibility()")
    assert not page.evaluate("document.querySelector('details:not([open])').checkVisibility()")
    assert not page.evaluate("document.querySelector('nav').checkVisibility()")
