"""What an exception's message does not tell, and its frames do."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from autogen_vitals.crashes.chain import Link
from autogen_vitals.crashes.patterns import compiled

LIBRARIES = frozenset(
    (
        "anthropic",
        "autogen",
        "autogen_agentchat",
        "autogen_core",
        "autogen_ext",
        "azure",
        "docker",
        "google",
        "httpcore",
        "httpcore2",
        "httpx",
        "httpx2",
        "mcp",
        "ollama",
        "openai",
        "pydantic",
        "pydantic_core",
        "tiktoken",
    )
)
"""Top-level packages of AutoGen and of what it calls."""

_BY_CONFIG = "autogen_core._component_config"
_MODULE = r"module '([^']+)'"

_PROGRAMS = (
    r"'(?:python[\d.]*|(?:ba|z|da|k|c)?sh|docker|podman|git|node|npx|npm|uvx?|pip\d?|pwsh|powershell|java"
    r"|deno|bun|pipx|conda|playwright|ffmpeg)(?:\.exe)?'"
)


def names_a_program(link: Link) -> bool:
    """Whether the file that was not found is the program that was to be run, and not the folder to run it in.

    ``subprocess`` says the same of both: which of them it was its frame knows. Of a text, the name of a well-known
    program without its folder has to do.
    """
    error = link.error
    if error is None:
        return compiled(_PROGRAMS).search(link.text) is not None
    traceback = error.__traceback__
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    file: object = getattr(error, "filename", None)
    if traceback is None or traceback.tb_frame.f_globals.get("__name__") != "subprocess":
        return False
    folder: object = traceback.tb_frame.f_locals.get("cwd")
    return not (isinstance(folder, (str, bytes, os.PathLike)) and os.fspath(folder) == file)


def between_libraries(link: Link) -> bool:
    """Whether a library failed to use another one as it is installed: no code of the app's is at fault."""
    modules = _modules(link)
    error = link.error
    name: object = None
    if isinstance(error, ImportError):
        name = error.name or ""
    elif isinstance(error, AttributeError):
        module = compiled(_MODULE).match(link.text)
        name = "" if module is None else module[1]
    used = name.partition(".")[0] if isinstance(name, str) else ""
    if isinstance(error, AttributeError) and modules and modules[-1] == used:
        del modules[-1]  # its own __getattr__
    # What AutoGen imports for a component's config is named by the config.
    if not modules or modules[-1] == _BY_CONFIG:
        return False
    user = modules[-1].partition(".")[0]
    if name is None:
        return user in LIBRARIES
    # A folder of that name, such as an app's "docker", is found where the library is not installed; it has no file.
    installed = getattr(sys.modules.get(used), "__file__", None) is not None
    return installed and LIBRARIES.issuperset((user, used)) and used != user


def called_by_a_library(*packages: str) -> Callable[[Link], bool]:
    """Whether one of ``packages`` has raised it of what another library had passed to it, and not the app."""

    def was_called_by_a_library(link: Link) -> bool:
        users = [module.partition(".")[0] for module in _modules(link)]
        raised_by = users[-1] if users else ""
        while users and users[-1] == raised_by:
            del users[-1]
        return raised_by in packages and bool(users) and users[-1] in LIBRARIES

    return was_called_by_a_library


def _modules(link: Link) -> list[str]:
    return [name for name in link.modules() if not name.startswith(("importlib", "autogen_vitals"))]


def raised_in(module: str) -> Callable[[Link], bool]:
    """Whether it was raised in a frame of ``module``."""

    def was_raised_in(link: Link) -> bool:
        return _modules(link)[-1:] == [module]

    return was_raised_in


def through(*modules: str) -> Callable[[Link], bool]:
    """Whether it came through a frame of one of ``modules``."""

    def came_through(link: Link) -> bool:
        return not frozenset(modules).isdisjoint(link.modules())

    return came_through
