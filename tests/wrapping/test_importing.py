"""Import hooks: applied when the target is imported, by whomever, and never by us."""

from __future__ import annotations

import gc
import importlib
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from autogen_vitals.wrapping.importing import ImportHooks, resolve, split_target


@pytest.fixture
def new_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Writes a module that nobody has imported; answers its name."""
    monkeypatch.syspath_prepend(str(tmp_path))
    made: list[str] = []

    def make(source: str = "value = 1", package: str = "") -> str:
        name = f"imported_by_{abs(hash(request.node.nodeid))}_{len(made)}"
        folder = tmp_path / package
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.py").write_text(source)
        made.append(f"{package}.{name}".lstrip("."))
        importlib.invalidate_caches()
        return made[-1]

    yield make  # type: ignore[misc]
    for name in made:
        sys.modules.pop(name, None)


def test_a_hook_runs_at_a_later_import(new_module: Callable[..., str]) -> None:
    """Once the module is complete, with the module, once."""
    name, seen = new_module(), []
    hooks = ImportHooks()
    hooks.when_imported(name, lambda module: seen.append((module.__name__, module.value)))
    assert seen == []
    importlib.import_module(name)
    importlib.import_module(name)
    assert seen == [(name, 1)]


def test_a_hook_runs_now_if_the_module_is_there(new_module: Callable[..., str]) -> None:
    """Before when_imported returns."""
    module, seen = importlib.import_module(new_module()), []
    ImportHooks().when_imported(module.__name__, seen.append)
    assert seen == [module]


def test_nothing_is_imported_for_a_hook(new_module: Callable[..., str]) -> None:
    """Neither the module nor its package."""
    name = new_module(package="package_that_stays_unimported")
    ImportHooks().when_imported(name, lambda module: None)
    assert name not in sys.modules
    assert "package_that_stays_unimported" not in sys.modules


def test_every_hook_of_a_module_runs(new_module: Callable[..., str]) -> None:
    """In the order they were given."""
    name, seen, hooks = new_module(), [], ImportHooks()
    hooks.when_imported(name, lambda module: seen.append(1))
    hooks.when_imported(name, lambda module: seen.append(2))
    importlib.import_module(name)
    assert seen == [1, 2]


def test_off_stops_hooks_that_have_not_run(new_module: Callable[..., str]) -> None:
    """After off, an import is an import."""
    name, seen, hooks = new_module(), [], ImportHooks()
    hooks.when_imported(name, seen.append)
    hooks.off()
    importlib.import_module(name)
    assert seen == []


def test_hooks_that_never_run_are_let_go() -> None:
    """wrapt keeps what it was given for the life of the process, and with it nothing of ours."""
    hooks = ImportHooks()
    hooks.when_imported("there_is_no_such_module", lambda module: None)
    hooks.off()
    reference = weakref.ref(hooks)
    del hooks
    gc.collect()
    assert reference() is None


def test_off_is_for_its_own_hooks(new_module: Callable[..., str]) -> None:
    """Those of another installation go on."""
    name, seen, old, new = new_module(), [], ImportHooks(), ImportHooks()
    old.when_imported(name, lambda module: seen.append("old"))
    old.off()
    new.when_imported(name, lambda module: seen.append("new"))
    importlib.import_module(name)
    assert seen == ["new"]


def test_whoever_waits_for_a_module_is_told(new_module: Callable[..., str]) -> None:
    """Though wrapt holds one hook for all of them; and those that come afterwards are."""
    name, seen = new_module(), []
    first, second, later = ImportHooks(), ImportHooks(), ImportHooks()
    first.when_imported(name, lambda module: seen.append("first"))
    second.when_imported(name, lambda module: seen.append("second"))
    importlib.import_module(name)
    assert sorted(seen) == ["first", "second"]
    later.when_imported(name, lambda module: seen.append("later"))
    del sys.modules[name]
    first.when_imported(name, lambda module: seen.append("again"))
    importlib.import_module(name)
    assert seen[2:] == ["later", "again"]


def test_a_module_whose_import_nobody_saw_is_there(new_module: Callable[..., str]) -> None:
    """Put into sys.modules by hand, while somebody waits for its import: whoever comes then need not wait."""
    name, seen = new_module(), []
    waiting, later = ImportHooks(), ImportHooks()
    waiting.when_imported(name, lambda module: seen.append("waiting"))
    sys.modules[name] = ModuleType(name)
    later.when_imported(name, lambda module: seen.append("later"))
    assert "later" in seen


@pytest.mark.parametrize("imported_first", [True, False])
def test_a_hook_that_raises_breaks_no_import(
    imported_first: bool, new_module: Callable[..., str], caplog: pytest.LogCaptureFixture
) -> None:
    """The app's import succeeds, and the hooks after it run."""
    name, seen, hooks = new_module(), [], ImportHooks()

    def failing(module: ModuleType) -> None:
        raise LookupError(module.__name__)

    if imported_first:
        importlib.import_module(name)
    hooks.when_imported(name, failing)
    hooks.when_imported(name, seen.append)
    module = importlib.import_module(name)
    assert module.value == 1
    assert seen == [module]


def test_an_import_that_fails_fails_as_without_us(new_module: Callable[..., str]) -> None:
    """The app's own error, and no hook."""
    name, seen = new_module("raise LookupError('the app')"), []
    ImportHooks().when_imported(name, seen.append)
    with pytest.raises(LookupError, match="the app"):
        importlib.import_module(name)
    assert seen == []


def test_a_missing_module_is_missing_as_without_us() -> None:
    """A hook for what is not installed changes nothing."""
    ImportHooks().when_imported("there_is_no_such_module", lambda module: None)
    with pytest.raises(ModuleNotFoundError, match="there_is_no_such_module"):
        importlib.import_module("there_is_no_such_module")


def test_split_target() -> None:
    """The module is before the colon, the path after it."""
    assert split_target("package.module:Class.method") == ("package.module", "Class.method")


def made_up_module() -> ModuleType:
    module = ModuleType("made_up")
    module.outer = SimpleNamespace(inner=SimpleNamespace(name=17), nothing=None)  # type: ignore[attr-defined]
    module.zero = 0  # type: ignore[attr-defined]
    return module


def test_resolve_finds_owner_name_and_value() -> None:
    """Along attributes, however deep."""
    module = made_up_module()
    assert resolve(module, "outer") == (module, "outer", module.outer)
    assert resolve(module, "outer.inner.name") == (module.outer.inner, "name", 17)


def test_resolve_finds_a_value_that_is_false() -> None:
    """Nought is a value."""
    module = made_up_module()
    assert resolve(module, "zero") == (module, "zero", 0)


@pytest.mark.parametrize("path", ["missing", "missing.name", "outer.missing", "outer.missing.name", "outer.nothing"])
def test_resolve_passes_over_what_a_version_lacks(path: str) -> None:
    """Wherever on the path it is missing."""
    assert resolve(made_up_module(), path) is None
