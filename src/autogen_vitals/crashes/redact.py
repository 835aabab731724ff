"""What of an exception's message may be told: no key, no token, no password, and nothing that looks like one.

Linear in the length of the text: only its beginning is read, every pattern is bounded or begins where no other match
of it can, and what is long and opaque is judged a token at a time.
"""

from __future__ import annotations

import re

from autogen_vitals.crashes.patterns import compiled

HIDDEN = "[redacted]"
_CUT = "…"
_READ_AHEAD = 4096
_OPAQUE_LENGTH = 24
_OPAQUE_WORDS = 12
_PASSES = 4

_NAMES = (
    r"(?:api|access|account|private|secret|subscription|shared|signing|encryption|master)[_\- ]?keys?"
    r"|secrets?|passw(?:or)?ds?|passwd|passphrase|pwd|token(?!s|izer|_?(?:limit|count|usage|id))|authorization"
    r"|credentials?|signature|(?<![a-z])sig(?![a-z])|session[_\-]?id|cookie|connection[_\- ]?string|jwt"
)
_SCHEME = r"(?:(?:Bearer|Basic|Digest|Token|ApiKey)\s{1,3})?"
_QUOTE = r"\\{0,2}[\"']"

_ASSIGNMENT = (
    rf"(?i)(?P<name>(?:{_NAMES})(?:[_\-][A-Za-z0-9_\-]{{1,20}}| provided)?(?:{_QUOTE})?\]?"
    r"\s{0,3}(?:=>|[:=]|%3[DdAa]),?\s{0,3})"
    rf"(?P<value>{_SCHEME}[bru]{{0,2}}(?:\\{{0,2}}\"[^\"…]*(?:\"|$|(?=…))|\\{{0,2}}'[^'…]*(?:'|$|(?=…))|[^\s&\"'`<>…]+))"
)
# A header, as it is represented: ("authorization", "Bearer x").
_PAIR = (
    rf"(?i)(?P<name>\(b?[\"'][A-Za-z0-9_\-]{{0,40}}(?:{_NAMES})[A-Za-z0-9_\-]{{0,20}}[\"'],\s{{0,2}})"
    r"(?P<value>b?(?:\"[^\"…]*(?:\"|$|(?=…))|'[^'…]*(?:'|$|(?=…))))(?=\)|…|$)"
)
_HARMLESS_VALUE = r"(?i)(?:none|null|true|false|\"\"|''|\[redacted\])[)\]},.;:]*"
_BARE_END = ")]},.;:"

_PEM = r"-----BEGIN [\s\S]*?(?:-----END [^\n-]{0,64}-----|\Z)"
# A password may have any character in it, though not before it is seen that there is one: a port is none.
_URL_CREDENTIALS = r"(?<=://)(?:[^\s/@:\"'<>]{0,256}:(?!\d{1,5}(?:[/?#\s]|$))[^\s\"'<>]{1,512}@|[^\s/?#\"'<>]{1,512}@)"
_KEYS = (
    r"(?<![A-Za-z0-9])(?:"
    r"(?:sk|pk|rk)[-_][A-Za-z0-9_\-*.]{4,}"
    r"|eyJ[A-Za-z0-9_\-]{6,}(?:\.[A-Za-z0-9_\-=]*){0,4}"
    r"|(?:gh[opsur]|github_pat|glpat|xox[abeprs]|hf|gsk|xai|npm|pypi|lsv2|r8|tvly|pplx|shpat|dop_v1|nvapi)[-_][A-Za-z0-9_\-]{8,}"
    r"|(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{12,}"
    r"|AIza[0-9A-Za-z_\-]{20,}|ya29\.[0-9A-Za-z_\-.]{10,}|SG\.[0-9A-Za-z_\-.]{10,}"
    r")"
)
_BEARER = r"(?i)(?<![A-Za-z0-9])(?P<name>(?:Bearer|Basic)\s{1,3})(?P<value>[A-Za-z0-9._~+/=\-]{6,})"
# A pydantic error quotes what was given: a part of it, in which a key need not look like one, or somebody's words.
_GIVEN = r"(?<=input_value=)[^\n…]{1,2000}?(?=, input_type=|\n|…|\Z)"
_LONG = r"[A-Za-z0-9+/_=\-]{24,}"
_WORD = r"[A-Za-z0-9]+"
_LOWER_RUN = r"[a-z]{3,23}"
_PLAIN_WORD = r"(?:[a-z]{1,23}|[A-Z]{1,23}|[A-Z][a-z]{1,22}|0x)?\d{0,8}"


def redact(text: str, limit: int = 500) -> str:
    """``text`` without its secrets, cut to ``limit`` characters. Doing it again changes nothing.

    Class names, paths, modules, hosts and numbers stay; so does prose: that a prompt is one cannot be told.
    """
    if limit <= 0:
        return ""
    text = _beginning(text, limit)
    for _ in range(_PASSES):
        shortened = _shorten(_substitute(text), limit)
        if shortened == text:
            return text
        text = shortened
    return HIDDEN[:limit]


def _beginning(text: str, limit: int) -> str:
    # More than is told, so that what is told was whole when it was judged: a half of a key need not look like one.
    bound = limit + _READ_AHEAD
    if len(text) <= bound:
        return text
    text = text[:bound]
    end = max(text.rfind(" "), text.rfind("\n"), text.rfind("\t"))
    return text[: end + 1] + _CUT if end >= 0 else HIDDEN + _CUT


def _substitute(text: str) -> str:
    text = compiled(_PEM).sub(HIDDEN, text)
    text = compiled(_GIVEN).sub(HIDDEN, text)
    text = compiled(_URL_CREDENTIALS).sub(HIDDEN + "@", text)
    text = compiled(_ASSIGNMENT).sub(_without_value, text)
    text = compiled(_PAIR).sub(_without_value, text)
    text = compiled(_BEARER).sub(_without_token, text)
    text = compiled(_KEYS).sub(HIDDEN, text)
    return compiled(_LONG).sub(_without_opaque, text)


def _without_value(found: re.Match[str]) -> str:
    value = found["value"]
    if compiled(_HARMLESS_VALUE).fullmatch(value):
        return found[0]
    # What closes a call or a sentence stays.
    rest = value[len(value.rstrip(_BARE_END)) :] if value[-1] in _BARE_END else ""
    return found["name"] + HIDDEN + rest.lstrip("]")


def _without_token(found: re.Match[str]) -> str:
    # "Bearer token", "basic authentication".
    value = found["value"]
    is_word = len(value) < _OPAQUE_LENGTH and value.rstrip(".").isalpha() and value.islower()
    return found[0] if is_word else found["name"] + HIDDEN


def _without_opaque(found: re.Match[str]) -> str:
    run = found[0]
    if not _is_opaque(run):
        # A folder or file within a path.
        return "/".join(HIDDEN if _is_opaque(part) else part for part in run.split("/")) if "/" in run else run
    return HIDDEN


def _is_opaque(run: str) -> bool:
    """Whether it is random rather than words: names, paths and class names are made of words."""
    if len(run) < _OPAQUE_LENGTH:
        return False
    odd = sum(len(word) for word in compiled(_WORD).findall(run) if not _is_plain(word))
    return odd >= _OPAQUE_WORDS and odd * 3 >= len(run)


def _is_plain(word: str) -> bool:
    if compiled(_PLAIN_WORD).fullmatch(word):
        return True
    if not word.isalpha():
        return False
    # CamelCase is mostly lower case, in runs; base64 changes its case at every second letter.
    return sum(map(len, compiled(_LOWER_RUN).findall(word))) * 2 >= len(word)


def _shorten(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    end = limit - len(_CUT)
    # Neither a half of the placeholder nor of a word, which might be taken for something else then.
    start = text.rfind("[", max(0, end - len(HIDDEN)), end)
    if start >= 0 and text.startswith(HIDDEN, start) and start + len(HIDDEN) > end:
        end = start
    blank = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end))
    if blank > end - 80 and blank > 0:
        end = blank
    return text[:end] + _CUT
