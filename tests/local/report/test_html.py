"""The page of a report: what it says, that it is one file which asks nobody for anything, and that all can read it."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rich")
pytest.importorskip("jinja2")

from autogen_vitals.local.report.html import render, render_comparison
from autogen_vitals.local.report.html_view import page_of

from .builders import crash, finding, gone, reported, request, startup
from .page_structure import Structure
from .whole_reports import broken, compared, fixed, planted, silent

PAGES: Mapping[str, Callable[[], str]] = {
    "broken": lambda: render(broken()),
    "fixed": lambda: render(fixed()),
    "silent": lambda: render(silent()),
    "compared": lambda: render_comparison(compared()),
}
EVIL = "<script>alert('x')</script>\"'><img src=x onerror=alert(1)>&"


@pytest.fixture(params=PAGES)
def page(request: pytest.FixtureRequest) -> str:
    return PAGES[request.param]()


# --- what it says -------------------------------------------------------------------------------------------------


def test_the_verdict_comes_first() -> None:
    """Before anything else there is what is to be fixed: as title, as heading, and as the first section."""
    report = broken()
    shown = Structure(render(report))
    assert shown.one("title").text.startswith(report.verdict.sentence)
    assert shown.one("h1").text == report.verdict.sentence
    assert shown.all("h2")[0].text == "What to fix"


def test_what_is_to_be_fixed_has_line_evidence_remedy_saving_and_code() -> None:
    shown = Structure(render(broken()))
    (item,) = [item for item in shown.all("li", css_class="item") if "AG101" in item.text and "warning" in item.classes]
    for said in ("warning", "name-of-ag101", "app.py:51", "ask", "what process", "what AG101 says", "per request"):
        assert said in item.text, said
    before, after = (code.text for code in shown.inside(item, "pre"))
    assert "OpenAIChatCompletionClient" in before
    assert "warm_up" in after


def test_lines_of_one_rule_are_one_item() -> None:
    """Their remedy and code are told once, each line with its own evidence."""
    shown = Structure(render(broken()))
    (item,) = [item for item in shown.all("li", css_class="item") if "AG201" in item.text]
    places = shown.inside(item, "p", css_class="place")
    assert [place.text.split()[0] for place in places] == ["app.py:12", "app.py:13"]
    assert len(shown.inside(item, "p", css_class="remedy")) == 1


def test_every_finding_is_there_in_its_order() -> None:
    report = broken()
    shown = Structure(render(report))
    rules = [rule.text for item in shown.all("h3") for rule in shown.inside(item, "span", css_class="rule")]
    expected = [one.rule for one in (*report.verdict.to_fix, *report.verdict.worth_knowing)]
    assert rules == list(dict.fromkeys(rule for rule in expected if rule))


def test_a_waterfall_has_every_stage_where_the_one_before_it_ended() -> None:
    """All bars are on one scale; the numbers beside them are the text of the picture."""
    report = broken()
    starts = page_of(report).open_starts
    assert [one.start.pid for one in starts] == [7, 8], "those that served, the longest first"
    longest = starts[0].start.total_ms
    for one in starts:
        ended = 0.0
        for bar in (*one.until_ready, *one.in_request):
            assert bar.x == pytest.approx(ended / longest * 1000, abs=3.1)
            assert bar.width == pytest.approx(max(3.0, bar.ms / longest * 1000), abs=0.1)
            assert bar.x + bar.width <= 1000.1
            ended += bar.ms
    text = Structure(render(report)).by_id("cold-starts").within[-1].text
    assert "imports 2,100 54%" in text
    assert "connect_tls < 0.1 < 1%" in text


def test_a_report_has_its_sections() -> None:
    """Each is linked from the top, and none is there of which nothing was told."""
    headings = {name: [h.text for h in Structure(PAGES[name]()).all("h2")] for name in ("broken", "silent")}
    assert headings["broken"] == [
        "What to fix",
        "Cold starts",
        "What was built",
        "Requests",
        "Connections and retries",
        "Blocked event loop",
        "Crashes and exits",
        "Worth knowing",
        "Processes",
        "How it was run",
    ]
    assert headings["silent"] == ["How it was run"]


def test_crashes_say_how_and_why_and_where_the_trace_stops() -> None:
    shown = Structure(render(broken()))
    crashes = shown.by_id("crashes").within[-1].text
    for said in (
        "3 processes, children of 50, died before serving within 5 minutes: a crash loop",
        "SIGKILL",
        "chat gpt-4o-mini",
        "def" * 10,
        "there was no key, token or password",
        "ValueError",
        "team_already_running",
        "1 process drained",
    ):
        assert said in crashes, said


def test_what_was_lost_is_said_at_the_top_and_at_the_end() -> None:
    shown = Structure(render(broken()))
    lost = "12 spans were not kept: the disk was full."
    assert lost in shown.one("header").text
    assert lost in shown.by_id("run").within[-1].text


def test_a_healthy_report_says_so() -> None:
    report = fixed()
    shown = Structure(render(report))
    assert report.verdict.state == "nothing_to_fix"
    assert shown.one("h1").text == report.verdict.sentence
    assert not [item for item in shown.all("li", css_class="item") if "info" not in item.classes]


def test_who_told_nothing_is_not_called_healthy() -> None:
    shown = Structure(render(silent()))
    assert shown.one("h1").text == "No process told anything."
    assert "nothing to fix" not in shown.one("body").text.lower()


def test_a_comparison_says_what_is_gone() -> None:
    comparison = compared()
    shown = Structure(render_comparison(comparison))
    assert shown.one("h1").text == comparison.sentences[0]
    items = shown.all("li", css_class="item")
    assert {"gone"} == {item.text.split()[0] for item in items}
    assert len(items) == len(comparison.findings)
    for sentence in comparison.sentences:
        assert sentence in shown.one("header").text


# --- one file, and whatever is in it is text ----------------------------------------------------------------------


def test_nothing_is_fetched_and_nothing_runs(page: str) -> None:
    """No script, no handler, no address but places on the page; and the browser is told to insist on it."""
    shown = Structure(page)
    assert not shown.all("script", "img", "iframe", "object", "embed", "form", "base", "audio", "video", "use")
    for element in shown.elements:
        assert not [name for name in element.attributes if name.startswith("on") or name in ("style", "src", "srcset")]
        if "href" in element.attributes:
            assert element.attributes["href"] == "data:," or element.attributes["href"].startswith("#")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style
    assert not re.search(r"url\(|@import|@font-face|</", style[1])
    (policy,) = [
        element.attributes["content"]
        for element in shown.all("meta")
        if element.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    allowed = b64encode(sha256(style[1].encode()).digest()).decode()
    assert policy.split("; ")[:2] == ["default-src 'none'", f"style-src 'sha256-{allowed}'"]


@pytest.mark.parametrize(("render_it", "made"), [(render, broken), (render, silent), (render_comparison, compared)])
def test_what_was_recorded_stays_text(render_it: Callable[[Any], str], made: Callable[[], Any]) -> None:
    """Class names, paths, evidence, the command: whatever they hold, no element and no attribute comes of it."""
    hostile = render_it(planted(made(), EVIL))
    shown, usual = Structure(hostile), Structure(render_it(made()))
    assert {element.tag for element in shown.elements} <= {element.tag for element in usual.elements} | {"wbr"}
    known = {(element.tag, name) for element in usual.elements for name in element.attributes}
    assert {(element.tag, name) for element in shown.elements for name in element.attributes} <= known
    assert "alert('x')" in shown.one("body").text
    assert "<script>alert" not in hostile


def test_a_path_that_is_no_unicode_can_be_written(tmp_path: Path) -> None:
    page = render(reported(directory="/srv/caf\udce9"))
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    assert "/srv/caf" in page


def test_a_page_stays_small_enough_to_be_opened() -> None:
    """Of what there are thousands of it shows some, and says how many it leaves out."""
    told = [
        log
        for number in range(2000)
        for log in (
            crash("ValueError", pid=number, number=number),
            gone(number, "signal", signal="SIGKILL", operation=f"chat {number}"),
            request(number, 10, name=f"GET /{number}"),
            startup(number, spawn=100 + number, imports=500),
            finding("AG101", number=number, pid=number),
        )
    ]
    page = render(reported(*told))
    assert len(page) < 1_500_000
    assert page.count("1,800 more") >= 3


# --- everybody can read it ----------------------------------------------------------------------------------------


def test_headings_are_in_order(page: str) -> None:
    levels = [int(element.tag[1]) for element in Structure(page).all("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_landmarks_and_links_lead_somewhere(page: str) -> None:
    """One main part, a named list of its sections, and a way past that; ids are there once."""
    shown = Structure(page)
    assert shown.one("html").attributes["lang"] == "en"
    assert shown.one("nav").attributes["aria-label"]
    for landmark in ("main", "header", "footer"):
        shown.one(landmark)
    ids = [element.attributes["id"] for element in shown.elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))
    first = next(element for element in shown.elements if element.tag == "a")
    assert first.attributes["href"] == "#main"
    targets = {element.attributes["href"][1:] for element in shown.all("a")}
    targets |= {
        element.attributes["aria-labelledby"] for element in shown.elements if "aria-labelledby" in element.attributes
    }
    assert targets <= set(ids)
    listed = [link.attributes["href"][1:] for link in shown.inside(shown.one("nav"), "a")]
    assert listed == [heading.attributes["id"] for heading in shown.all("h2")]


def test_tables_have_captions_and_headings(page: str) -> None:
    """Every table says what it has; wide ones scroll in a box of their own, which has a name and takes the focus."""
    shown = Structure(page)
    for table in shown.all("table"):
        assert len(shown.inside(table, "caption")) == 1
        assert {head.attributes.get("scope") for head in shown.inside(table, "th")} <= {
            "col",
            "row",
            "colgroup",
            "rowgroup",
        }
        assert shown.inside(table, "thead")
    for box in [*shown.all("div", css_class="scroll"), *shown.all("pre")]:
        assert box.attributes["tabindex"] == "0"
        assert box.attributes["role"] in ("region", "group")
        assert box.attributes.get("aria-labelledby") or box.attributes.get("aria-label")
    assert all(head.text for head in shown.all("th"))


def test_pictures_have_their_text(page: str) -> None:
    """A bar is beside its numbers, or has a name itself; colours only repeat what is written."""
    shown = Structure(page)
    for picture in shown.all("svg"):
        named = picture.attributes.get("role") == "img" and picture.attributes["aria-label"]
        assert named or picture.attributes.get("aria-hidden") == "true"
    for badge in shown.all("span", css_class="badge"):
        assert badge.text in badge.classes


# --- colours ------------------------------------------------------------------------------------------------------

_GROUNDS = ("ground", "raised")
_TEXTS = ("text", "muted", "link", "bad", "warn", "good", "info")
_BARS = ("process", "imports", "inits", "connecting", "model", "request", "focus")


def _colours() -> Mapping[str, dict[str, str]]:
    """The light ones, and the dark ones."""
    style = re.search(r"<style>(.*?)</style>", render(silent()), re.DOTALL)
    assert style
    light, dark = re.findall(r":root \{(.*?)\}", style[1], re.DOTALL)
    return {
        name: dict(re.findall(r"--([\w-]+): (#\w{6})", block)) for name, block in (("light", light), ("dark", dark))
    }


def _luminance(colour: str) -> float:
    parts = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough(scheme: str) -> None:
    """WCAG's AA: 4.5 for text, 3 for bars and for the frame of what has the focus, on both grounds."""
    colours = _colours()[scheme]
    assert set(colours) == set(_colours()["light"])
    for ground in _GROUNDS:
        for name, least in [*((text, 4.5) for text in _TEXTS), *((bar, 3.0) for bar in _BARS)]:
            ratio = _contrast(colours[name], colours[ground])
            assert ratio >= least, f"--{name} on --{ground} has {ratio:.2f}"


def test_a_text_is_of_a_colour_that_was_checked() -> None:
    style = re.search(r"<style>(.*?)</style>", render(silent()), re.DOTALL)
    assert style
    rules = re.sub(r":root \{.*?\}", "", style[1], flags=re.DOTALL)
    assert not re.search(r"#[0-9a-fA-F]{3,8}\b", rules)
    assert set(re.findall(r"[;{ ]color: var\(--(\w+)\)", rules)) <= set(_TEXTS)
    assert set(re.findall(r"fill: var\(--(\w+)\)", rules)) <= set(_BARS)
