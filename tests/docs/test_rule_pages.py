"""The pages of the rules: that what they show goes wrong as they say, that the fix does not, and that one finds them.

After ``python`` a block of code may say what becomes of it when it is run: ``runs``, ``finds=<rule>`` or ``finds`` (the
page's), ``fails=<category or class>``, ``rebuilds=<class>`` or ``blocks``; and ``without=<variable>``,
``needs=<module>,<module>``; ``imported``, as a module is, and ``fresh``, in a process in which no other test has used
anything; ``threshold=<number>``, the page's rule's, where no test can wait for its own. One that says nothing is not
run. The line that is to blame ends with the rule's id as a comment. What ``runs`` gives no finding that is more than
worth knowing.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from observed import Vitals

import autogen_vitals
from autogen_vitals import semconv
from autogen_vitals.crashes.classify import classify
from autogen_vitals.local.stub_model import StubModel
from autogen_vitals.semconv.spans import SPAN_EVENTS
from autogen_vitals.vocabulary import CATEGORIES, EXIT_REASONS, NOT_CRASHES

autogen_core: Any = pytest.importorskip("autogen_core")

PAGES = Path(__file__).parents[2] / "docs" / "rules"
RULES = sorted(page for page in PAGES.glob("AG*.md"))
FRESH = "PAGE_IN_A_NEW_PROCESS"
# Of these the fix is no Python.
WITHOUT_CODE = {"AG104", "AG405", "AG501", "AG801"}


@dataclass(frozen=True)
class Block:
    """A piece of code on a page, and what it says of itself."""

    rule: str
    line: int
    code: str
    says: dict[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> list[tuple[int, str]]:
        """Each line, with its number on the page."""
        return list(enumerate(self.code.splitlines(), self.line))

    def __str__(self) -> str:
        return f"{self.rule}:{self.line}-{'-'.join(self.says)}"


def blocks() -> Iterator[Block]:
    """Those of all pages that say something."""
    for page in RULES:
        text = page.read_text()
        for found in re.finditer(r"^```python (.+)\n((?s:.*?))^```$", text, flags=re.MULTILINE):
            says = dict(word.partition("=")[::2] for word in found[1].split())
            yield Block(page.stem, text.count("\n", 0, found.start(2)) + 1, found[2], says)


BLOCKS = list(blocks())


@pytest.fixture(scope="module")
def model() -> Iterator[StubModel]:
    """What answers instead of OpenAI."""
    with StubModel() as stub:
        yield stub


@pytest.fixture
def run(
    silent_vitals: Vitals,
    model: StubModel,
    in_fork: Callable[[Callable[[], Any]], Any],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Callable[[Block], dict[str, Any]]:
    """Runs a block in a process of its own that is instrumented, and answers what became of it."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    monkeypatch.setenv("OPENAI_BASE_URL", model.base_url)
    monkeypatch.setenv("DOCKER_HOST", "unix:///no/such/docker.sock")
    monkeypatch.chdir(tmp_path)
    vitals = silent_vitals
    # Its own: what has ended with an exception is reported to whoever comes next.
    vitals.enable(state_dir=str(tmp_path / "state"))

    def outcome(block: Block) -> dict[str, Any]:
        sys.stdin = open(os.devnull)  # noqa: SIM115 - the child's, to its end
        if "threshold" in block.says:
            autogen_vitals.disable()
            vitals.enable(thresholds={block.rule: float(block.says["threshold"])})
        elif "runs" in block.says and block.rule != "AG604":
            # How long a busy machine lets a loop stand still is nothing that the page could help.
            autogen_vitals.disable()
            vitals.enable(state_dir=str(tmp_path / "state"), loop_blocked_threshold=5000)
        raised: BaseException | None = None
        try:
            source, file = "\n" * (block.line - 1) + block.code, tmp_path / f"{block.rule}.py"
            if "imported" in block.says:
                file.write_text(source)
                sys.path.insert(0, str(tmp_path))
                importlib.import_module(block.rule)
            else:
                exec(compile(source, str(file), "exec"), {"__name__": "__main__"})
        except BaseException as error:
            # As a program that ends with it is seen to.
            raised = error.with_traceback(error.__traceback__ and error.__traceback__.tb_next)
            vitals.installed.escapes.escaped(raised, "process")
        return {
            "raised": [] if raised is None else [classify(raised), type(raised).__name__, str(raised)[:500]],
            "rebuilt": [point.attributes[semconv.COMPONENT_TYPE] for point in vitals.points(semconv.REINITS.name)],
            "blocked": len(vitals.points(semconv.LOOP_BLOCKED_DURATION_METRIC.name)),
            "found": [
                [said[semconv.FINDING_RULE], said.get(semconv.CODE_LINE_NUMBER, 0)] for said in vitals.findings()
            ],
            "scolded": vitals.scolded(),
        }

    def run(block: Block) -> dict[str, Any]:
        for name in filter(None, block.says.get("needs", "").split(",")):
            if importlib.util.find_spec(name) is None:
                pytest.skip(f"needs the module {name}, which is not installed")
        if (variable := block.says.get("without")) == "PATH":
            # Without any, the system has one of its own.
            monkeypatch.setenv(variable, str(tmp_path))
        elif variable:
            monkeypatch.delenv(variable)
        # A client that another test has left to the garbage, on a loop that is closed, is not to be collected in there.
        gc.collect()
        return in_fork(lambda: outcome(block))

    return run


@pytest.mark.skipif(autogen_core.__version__.split(".") < ["0", "7"], reason="the pages are for AutoGen 0.7")
@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_code_does_what_the_page_says(block: Block, run: Callable[[Block], dict[str, Any]]) -> None:
    """It fails with that category, builds that class again, blocks the loop; or runs, and builds nothing again."""
    if "fresh" in block.says and FRESH not in os.environ:
        test = f"{__file__}::test_code_does_what_the_page_says[{block}]"
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-o", "addopts="]
        variables = {**os.environ, FRESH: "yes"}
        result = subprocess.run([*command, test], env=variables, capture_output=True, text=True, timeout=150)
        assert result.returncode == 0, result.stdout
        return
    became = run(block)
    if "finds" in block.says:
        rule = block.says["finds"] or block.rule
        guilty = [number for number, line in block.lines if line.endswith(f"# {rule}")]
        for _ in range(2 if "blocks" in block.says else 0):
            # Who has no time to look while the loop stands still does not know the line.
            if (rule, 0) in map(tuple, became["found"]):
                became = run(block)
        lines = [line for found, line in became["found"] if found == rule]
        assert lines, became["found"]
        assert not guilty or lines[0] in guilty
    if "fails" in block.says:
        assert block.says["fails"] in became["raised"][:2], became["raised"] or "it runs"
    if "finds" in block.says or "fails" in block.says:
        return
    assert not became["raised"]
    if "runs" in block.says:
        assert not became["scolded"]
        assert block.rule not in [found for found, _ in became["found"]]
    if "rebuilds" in block.says:
        assert block.says["rebuilds"] in became["rebuilt"]
    elif "blocks" in block.says:
        assert became["blocked"]
    else:
        assert "runs" in block.says
        before = {other.says["rebuilds"] for other in BLOCKS if other.rule == block.rule and "rebuilds" in other.says}
        assert before.isdisjoint(became["rebuilt"])


@pytest.mark.parametrize("page", RULES, ids=lambda page: page.stem)
def test_a_page_is_complete(page: Path) -> None:
    """Number and name, what one sees, how it is known, a fix that runs, and when it does not matter."""
    text = page.read_text()
    assert re.match(rf"# {page.stem} · [a-z][a-z-]+\n", text)
    for word in ("**You see**", "**Known by**", "**Ignore it**"):
        assert word in text, f"{page.name} has no {word}"
    assert page.stem in WITHOUT_CODE or any("runs" in block.says for block in BLOCKS if block.rule == page.stem)


@pytest.mark.parametrize(
    "page",
    [*RULES, PAGES / "README.md", PAGES.parent / "runbook.md", PAGES.parent / "dashboards.md"],
    ids=lambda page: page.stem,
)
def test_what_a_page_names_is_emitted(page: Path) -> None:
    """Every name of ours in it is one of a signal, and every link goes somewhere."""
    text = page.read_text()
    emitted = {
        *(attribute.name for attribute in semconv.ATTRIBUTES),
        *(metric.name for metric in semconv.METRICS),
        *(event.name for event in (*semconv.EVENTS, *SPAN_EVENTS)),
    }
    named = set(re.findall(r"`((?:autogen|process|code|exception|service)\.(?!rules|alerts)[a-z_.]+)`", text))
    assert named - emitted - {"service.instance.id", "namespace.pod.container"} == set()
    for target in re.findall(r"\]\(((?!https:)[^)#]+?)(?:#[^)]*)?\)", text):
        assert (page.parent / target).exists(), target


def test_every_category_and_reason_leads_to_a_page() -> None:
    """What a crash or an end is called stands in the index."""
    index = (PAGES / "README.md").read_text()
    assert [word for word in (*CATEGORIES, *EXIT_REASONS.keys() - NOT_CRASHES) if f"`{word}`" not in index] == []


def test_every_page_is_in_the_index() -> None:
    """By what one sees."""
    by_symptom = (PAGES / "README.md").read_text().split("## By category")[0]
    assert [page.stem for page in RULES if f"({page.name})" not in by_symptom] == []
