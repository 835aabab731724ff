"""Construction sites: the user's line that builds a component, and how often it has done so."""

from __future__ import annotations

import importlib
import itertools
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import pytest

from autogen_vitals.lifecycle import sites
from autogen_vitals.lifecycle.sites import Site, SiteFinder, SiteRegistry, describe

FINDER = SiteFinder(("made_up_autogen",))
Find = Callable[[], Any]
CALL = "def build(find):\n    return find()\n"
LINES = itertools.count()


def here(*, to_import: bool = False) -> Find:
    """What a constructor does: look outwards from where it is called."""
    return lambda: FINDER.find(sys._getframe(1), to_import=to_import)


def build_in(file: str | Path, module: str, source: str = CALL) -> Callable[[Find], Any]:
    """A function ``build`` whose code is in this file of this module, at a line where no other is."""
    namespace: dict[str, Any] = {"__name__": module}
    exec(compile("\n" * next(LINES) + source, str(file), "exec", dont_inherit=True), namespace)
    return namespace["build"]


def line_in(build: Any) -> int:
    return build.__code__.co_firstlineno + 1


def found(answer: tuple[FrameType | None, bool]) -> tuple[str, int]:
    frame, importing = answer
    assert frame is not None
    assert importing is False
    return frame.f_code.co_filename, frame.f_lineno


def here_line() -> int:
    return sys._getframe(1).f_lineno


def test_the_user_s_line_is_found() -> None:
    """The line that calls, in the function that calls."""

    def build(find: Find) -> Any:
        return find()

    assert found(build(here())) == (__file__, line_in(build))


@pytest.mark.parametrize("folder", ["site-packages", "dist-packages", "lib/site-packages/deeper"])
def test_installed_code_is_skipped(folder: str, tmp_path: Path) -> None:
    """A library between the constructor and the app, wherever site-packages are."""
    build = build_in(tmp_path / folder / "library.py", "library")
    answer = found(build(here()))
    assert answer == (__file__, here_line() - 1)


@pytest.mark.parametrize("name", ["stdlib", "purelib", "platlib", "scripts"])
def test_the_interpreter_s_own_folders_are_skipped(name: str) -> None:
    """Standard library, packages, and the console scripts beside the interpreter."""
    build = build_in(Path(sysconfig.get_paths()[name]) / "some_file", "__main__")
    answer = found(build(here()))
    assert answer == (__file__, here_line() - 1)


@pytest.mark.parametrize("file", ["<string>", "<frozen runpy>", "<stdin>"])
def test_code_without_a_file_is_skipped(file: str) -> None:
    """Generated code is nobody's line."""
    build = build_in(file, "anything")
    answer = found(build(here()))
    assert answer == (__file__, here_line() - 1)


@pytest.mark.parametrize("module", ["made_up_autogen", "made_up_autogen.teams", "autogen_vitals.x", "wrapt.wrappers"])
def test_observed_packages_and_ours_are_skipped(module: str) -> None:
    """An editable install of the library is outside site-packages, and still not the app."""
    build = build_in("/srv/checkout/file.py", module)
    answer = found(build(here()))
    assert answer == (__file__, here_line() - 1)


def test_a_package_with_a_longer_name_is_not_skipped() -> None:
    """It is the whole first part of the name that counts."""
    build = build_in("/srv/app/main.py", "made_up_autogen_app")
    assert found(build(here())) == ("/srv/app/main.py", line_in(build))


def in_a_thread(call: Callable[[], Any]) -> Any:
    """Calls where nothing but the standard library is around: a function of this file would be the site."""
    namespace: dict[str, Any] = {"__name__": "runner", "call": call, "answers": []}
    exec(compile("def run():\n    answers.append(call())\n", "<string>", "exec"), namespace)
    thread = threading.Thread(target=namespace["run"])
    thread.start()
    thread.join()
    return namespace["answers"][0]


def test_an_app_in_site_packages_falls_back_to_its_first_frame(tmp_path: Path) -> None:
    """Where no frame is a user's, it is the first outside the observed packages."""
    app = tmp_path / "site-packages" / "app" / "main.py"
    library = tmp_path / "site-packages" / "made_up_autogen" / "agents.py"
    nested = "def build(find, inner):\n    return inner(find)\n"
    app_build, library_build = build_in(app, "app.main", nested), build_in(library, "made_up_autogen.agents")
    namespace = {"__name__": "x", "app": app_build, "library": library_build, "find": here()}
    exec(compile("def call():\n    return app(find, library)\n", "<string>", "exec"), namespace)
    frame, importing = in_a_thread(namespace["call"])
    assert (frame.f_code.co_filename, frame.f_lineno, importing) == (str(app), line_in(app_build), False)


def test_without_any_frame_there_is_no_site() -> None:
    """A constructor called from C has no line."""
    assert FINDER.find(None, to_import=True) == (None, False)


def test_a_deep_recursion_is_given_up() -> None:
    """The walk is bounded."""
    build = build_in("<string>", "x", "def build(find, n=300):\n    return build(find, n - 1) if n else find()\n")
    frame, _ = build(here())
    assert frame.f_code.co_filename == "<string>"


def test_equal_code_in_two_files_is_told_apart(tmp_path: Path) -> None:
    """A factory copied from a library is the user's, whichever was met first."""
    source, names = "\n" * next(LINES) + CALL, ({"__name__": "library"}, {"__name__": "app"})
    for file, name in zip(("site-packages/copied.py", "copied.py"), names, strict=True):
        exec(compile(source, str(tmp_path / file), "exec"), name)
        answer = found(name["build"](here()))
    assert answer == (str(tmp_path / "copied.py"), line_in(names[1]["build"]))


# --- imports ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Any:
    """Imports a new module with this body, in which ``probe.here()`` is a construction."""
    probe: Any = ModuleType("probe_of_sites")
    probe.here = lambda: FINDER.find(sys._getframe(1), to_import=True)
    probe.here_without = lambda: FINDER.find(sys._getframe(1), to_import=False)
    monkeypatch.setitem(sys.modules, "probe_of_sites", probe)
    monkeypatch.syspath_prepend(str(tmp_path))

    def do(body: str) -> Any:
        name = f"module_{abs(hash(request.node.nodeid))}"
        (tmp_path / f"{name}.py").write_text(f"import probe_of_sites as probe\n{body}")
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        monkeypatch.delitem(sys.modules, name)
        return module

    return do


def test_a_construction_in_a_module_body_is_import(imported: Any) -> None:
    """At import, on the line of the body."""
    module = imported("found = probe.here()\nline = 2")
    frame, importing = module.found
    assert (frame.f_code.co_filename, importing) == (module.__file__, True)


def test_a_function_called_by_a_module_body_is_import(imported: Any) -> None:
    """Import is what is around it, however deep; the site is the function's line."""
    module = imported("def build():\n    return probe.here()\nfound = build()")
    frame, importing = module.found
    assert (frame.f_code.co_name, importing) == ("build", True)


def test_a_function_called_after_import_is_not(imported: Any) -> None:
    """That its module was once imported does not count."""
    module = imported("def build():\n    return probe.here()")
    assert module.build()[1] is False


def test_import_is_not_looked_for_unasked(imported: Any) -> None:
    """Once the process is ready, the walk ends at the site."""
    assert imported("found = probe.here_without()").found[1] is False


MAIN = """
import sys
from autogen_vitals.lifecycle.sites import SiteFinder, describe
def here():
    frame, importing = SiteFinder(()).find(sys._getframe(0), to_import=True)
    site = describe(frame)
    return site.file == __file__, site.line, site.function, importing
print(here())
"""


def test_the_main_script_is_no_import(tmp_path: Path) -> None:
    """What a script does at its top level is its start-up, not an import."""
    script = tmp_path / "script.py"
    script.write_text(MAIN)
    output = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    assert output.strip() == str((True, 6, "__main__.here", False))


# --- description and registry -----------------------------------------------------------------------------------------


class Builder:
    """Builds."""

    def build(self) -> FrameType:
        return sys._getframe(0)


def test_a_site_is_file_line_and_function() -> None:
    """The function by module and qualified name, where Python knows it."""
    frame = Builder().build()
    name = "Builder.build" if sys.version_info >= (3, 11) else "build"
    assert describe(frame) == Site(__file__, frame.f_lineno, f"{__name__}.{name}")


def test_a_module_body_is_called_module() -> None:
    """It has no function."""
    namespace: dict[str, Any] = {"sys": sys, "__name__": "app"}
    exec(compile("\nframe = sys._getframe(0)\n", "/srv/app.py", "exec"), namespace)
    site = describe(namespace["frame"])
    assert (site.file, site.function) == ("/srv/app.py", "<module>")


def test_a_site_counts_each_class_and_stage() -> None:
    """The how manieth, in this process, of this class, at this line."""
    registry, frame = SiteRegistry(), sys._getframe(0)
    assert [registry.tally(frame, "Agent", "construct").count for _ in range(3)] == [1, 2, 3]
    assert registry.tally(frame, "Team", "construct").count == 1
    assert registry.tally(frame, "Agent", "start").count == 1
    assert registry.tally(Builder().build(), "Agent", "construct").count == 1


def test_two_lines_are_two_sites() -> None:
    """Also in one function."""
    registry = SiteRegistry()
    first = registry.tally(sys._getframe(0), "Agent", "construct")
    second = registry.tally(sys._getframe(0), "Agent", "construct")
    assert (first.count, second.count) == (1, 1)
    assert second.site.line == first.site.line + 1


def test_no_site_counts_too() -> None:
    """What has no line is counted by its class."""
    registry = SiteRegistry()
    assert [registry.tally(None, "Agent", "construct").count for _ in range(2)] == [1, 2]
    assert registry.tally(None, "Agent", "construct").site == Site("", 0, "")


def test_the_registry_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Past the limit the oldest sites are forgotten, the newest are there."""
    monkeypatch.setattr(sites, "_SITE_LIMIT", 10)
    registry = SiteRegistry()
    for number in range(100):
        registry.tally(None, f"Agent{number}", "construct")
    assert len(registry._tallies) == 10
    assert registry.tally(None, "Agent99", "construct").count == 2
    assert registry.tally(None, "Agent0", "construct").count == 1


def test_the_limit_is_a_few_thousand() -> None:
    """As the documentation of the registry says."""
    assert sites._SITE_LIMIT == 4096


def test_a_forked_child_starts_empty(in_fork: Callable[..., Any]) -> None:
    """What the master built, the worker did not."""
    registry, frame = SiteRegistry(), Builder().build()
    registry.tally(frame, "Agent", "construct")
    assert in_fork(lambda: registry.tally(frame, "Agent", "construct").count) == 1
    assert registry.tally(frame, "Agent", "construct").count == 2
