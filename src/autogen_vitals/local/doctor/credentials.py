"""Keys: which variables have one. By name only: of a value nothing is told, not even how long it is."""

from __future__ import annotations

from collections.abc import Iterator

from autogen_vitals.local.doctor.checks import Check, Group, Outcome, Surroundings, ok, warning

_PROVIDERS: dict[str, tuple[str, ...]] = {
    "OpenAI": ("OPENAI_API_KEY",),
    "Azure OpenAI": ("AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"),
    "Anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
    "Gemini": ("GEMINI_API_KEY", "GOOGLE_API_KEY"),
    "Mistral": ("MISTRAL_API_KEY",),
    "Groq": ("GROQ_API_KEY",),
    "Together": ("TOGETHER_API_KEY",),
    "Bedrock": ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_BEARER_TOKEN_BEDROCK"),
}
_AZURE = ("AZURE_OPENAI_ENDPOINT", "OPENAI_API_VERSION")
_QUOTES = "\"'"
_RULE = "AG301"


def _keys(around: Surroundings) -> Iterator[Outcome]:
    names = [name for variables in _PROVIDERS.values() for name in variables]
    present = [name for name in names if around.value(name)]
    empty = [name for name in names if name in around.environ and not around.value(name)]
    if present:
        yield ok(f"set: {', '.join(present)}")
    for name in empty:
        yield warning(
            f"{name} is set, but empty", "give it its value, or take it away: an SDK may take that for a key", _RULE
        )
    if not present and not empty:
        yield warning(
            f"no key of a model provider is set ({', '.join(names[:4])}, …)",
            "set it where the service runs, and read it in the factory, not at import",
            _RULE,
        )


def _azure(around: Surroundings) -> Iterator[Outcome]:
    if not any(around.value(name) for name in _PROVIDERS["Azure OpenAI"]):
        return
    missing = [name for name in _AZURE if not around.value(name)]
    if missing:
        yield warning(
            f"a key for Azure is set, but not {', '.join(missing)}", "set it, or pass it to the client", _RULE
        )
    else:
        yield ok(f"with {', '.join(_AZURE)}")


def _shape(around: Surroundings) -> Iterator[Outcome]:
    for name in (name for variables in _PROVIDERS.values() for name in variables):
        value = around.environ.get(name, "")
        if value.strip() and (value != value.strip() or value.strip()[0] in _QUOTES):
            yield warning(
                f"{name} begins or ends with a blank, a line end or a quote, which is not part of a key",
                "strip it where it is set: printf instead of echo, no quotes in an env file of docker's",
                _RULE,
            )


CREDENTIALS = Group(
    "Credentials (names only)",
    (
        Check("model-keys", "keys", _keys),
        Check("azure-openai", "Azure OpenAI", _azure),
        Check("key-shape", "shape", _shape),
    ),
)
