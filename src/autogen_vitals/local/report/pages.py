"""The code on the rules' pages: what is wrong, and what is right."""

from __future__ import annotations

import re
from functools import lru_cache

from autogen_vitals.local.explain import page_directory
from autogen_vitals.local.report.model import Fix

_BLOCK = re.compile(r"^```(?!text|yaml|sh)\w+[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_MARK = re.compile(r"  #(?: AG\d{3})+$", re.MULTILINE)


@lru_cache(maxsize=128)
def fix_of(rule: str) -> Fix | None:
    """The code under ``Before`` and ``After`` on the page of a rule; ``None`` where there is neither."""
    try:
        page = (page_directory() / f"{rule}.md").read_text(encoding="utf-8") if rule else ""
    except OSError:
        return None
    fix = Fix(_code_after(page, "Before"), _code_after(page, "After"))
    return fix if fix.before or fix.after else None


def _code_after(page: str, word: str) -> str:
    heading = re.search(rf"^{word}\b.*?:", page, re.MULTILINE)
    if heading is None:
        return ""
    block = _BLOCK.search(page, heading.end())
    return _MARK.sub("", block[1]).rstrip() if block else ""
