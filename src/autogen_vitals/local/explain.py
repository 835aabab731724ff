"""``autogen-vitals explain``: what a rule means and what to do, from its page."""

from __future__ import annotations

import re
import sys
from difflib import get_close_matches
from pathlib import Path

from autogen_vitals.findings.catalogue import catalogue
from autogen_vitals.findings.rule import Rule

_PACKAGED = Path(__file__).parents[1] / "findings" / "pages"
_IN_CHECKOUT = Path(__file__).parents[3] / "docs" / "rules"
_LIST_HINT = "autogen-vitals explain AG205 prints the page of one; a word such as pickle finds those that speak of it"


def explain(asked: str | None) -> int:
    """Print the page of a rule, asked for by id or name; those that speak of a word; without any, the catalogue.

    Returns:
        The exit status: 1 where there is no such rule and no page that speaks of it.
    """
    rules = catalogue()
    if asked is None:
        _print_list(list(rules.values()), _LIST_HINT)
        return 0
    found = rules.get(asked.upper()) or next((rule for rule in rules.values() if rule.name == asked.lower()), None)
    if found is not None:
        _print_page(found)
        return 0
    speaking = [rule for rule in rules.values() if asked.lower() in _page(rule).lower()]
    if speaking and not re.fullmatch(r"(?i)ag\d+", asked):
        _print_list(speaking, f"these speak of {asked!r}; autogen-vitals explain {speaking[0].id} prints the first")
        return 0
    near = get_close_matches(asked.upper(), rules, n=3) or get_close_matches(
        asked.lower(), [rule.name for rule in rules.values()], n=3
    )
    hint = f"; near to it: {', '.join(near)}" if near else ""
    print(f"There is no rule {asked!r}{hint}. autogen-vitals explain lists all of them.", file=sys.stderr)
    return 1


def page_directory() -> Path:
    """Where the pages are: in the package, or in the checkout that it is run from."""
    return _PACKAGED if _PACKAGED.is_dir() else _IN_CHECKOUT


def _page(rule: type[Rule]) -> str:
    try:
        text = (page_directory() / f"{rule.id}.md").read_text(encoding="utf-8")
    except OSError:
        return f"# {rule.id} · {rule.name}\n\n{rule.__doc__ or ''}\n\nWhat to do: {rule.remedy}.\n"
    # What the tests are told about a piece of code is not the reader's concern.
    return re.sub(r"^```python .*$", "```python", text, flags=re.MULTILINE)


def _print_page(rule: type[Rule]) -> None:
    text = _page(rule)
    if sys.stdout.isatty():
        try:
            from rich.console import Console
            from rich.markdown import Markdown
        except ImportError:
            pass
        else:
            console = Console()
            console.print(Markdown(text), width=min(console.width, 100))
            return
    print(text.rstrip())


def _print_list(rules: list[type[Rule]], hint: str) -> None:
    width = max(len(rule.name) for rule in rules)
    for rule in rules:
        print(f"{rule.id}  {rule.severity:8}  {rule.name:{width}}  {rule.remedy}")
    print(f"\n{hint}")
