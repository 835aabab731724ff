"""AG406 missing-module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autogen_vitals.crashes.chain import Link, links
from autogen_vitals.findings.rule import Rule

if TYPE_CHECKING:
    from autogen_vitals.crashes.reports import Crash
    from autogen_vitals.findings.finding import Finding

_EXTRAS = {
    "agents.azure": "azure",
    "agents.file_surfer": "file-surfer",
    "agents.magentic_one": "magentic-one",
    "agents.openai": "openai",
    "agents.video_surfer": "video-surfer",
    "agents.web_surfer": "web-surfer",
    "auth.azure": "azure",
    "cache_store.diskcache": "diskcache",
    "cache_store.redis": "redis",
    "code_executors.azure": "azure",
    "code_executors.docker": "docker",
    "code_executors.docker_jupyter": "docker-jupyter-executor",
    "code_executors.jupyter": "jupyter-executor",
    "experimental.task_centric_memory": "task-centric-memory",
    "memory.canvas": "canvas",
    "memory.chromadb": "chromadb",
    "memory.mem0": "mem0",
    "memory.redis": "redisvl",
    "models.anthropic": "anthropic",
    "models.azure": "azure",
    "models.llama_cpp": "llama-cpp",
    "models.ollama": "ollama",
    "models.openai": "openai",
    "models.semantic_kernel": "semantic-kernel-core",
    "runtimes.grpc": "grpc",
    "teams.magentic_one": "magentic-one",
    "tools.azure": "azure",
    "tools.graphrag": "graphrag",
    "tools.http": "http-tool",
    "tools.langchain": "langchain",
    "tools.mcp": "mcp",
    "tools.semantic_kernel": "semantic-kernel-core",
    "ui": "rich",
}
"""Of autogen-ext, by the part of it that asks for what is missing."""
_DISTRIBUTIONS = {
    "autogen": "autogen-agentchat~=0.2, or ag2<1: neither beside autogen-agentchat 0.4 and later",
    "autogen_agentchat": "autogen-agentchat",
    "autogen_core": "autogen-core",
    "autogen_ext": "autogen-ext",
}


class MissingModule(Rule):
    """A module is not installed, and the import of it got out. Where autogen-ext asked for it, an extra brings it."""

    id = "AG406"
    name = "missing-module"
    severity = "error"
    remedy = "install the package, or the extra, that brings it; import it at start-up"
    categories = ("missing_module",)

    def crashed(self, crash: Crash) -> Finding | None:
        """Fire."""
        return self.about_crash(crash, remedy=_remedy(crash))


def _remedy(crash: Crash) -> str:
    for link in () if crash.error is None else links(crash.error):
        extra = _extra(link)
        if extra is not None:
            return f"install autogen-ext[{extra}]"
        if isinstance(link.error, ModuleNotFoundError) and link.error.name in _DISTRIBUTIONS:
            return f"install {_DISTRIBUTIONS[link.error.name]}"
    return ""


def _extra(link: Link) -> str | None:
    """The extra that the part of autogen-ext needs which has raised it, or whose import has."""
    importers = [name for name in link.modules() if not name.startswith(("importlib", "autogen_vitals"))]
    package, *path = importers[-1].split(".") if importers else [""]
    if package != "autogen_ext":
        return None
    return next((_EXTRAS[part] for part in (".".join(path[:2]), *path[:1]) if part in _EXTRAS), None)


RULE = MissingModule
