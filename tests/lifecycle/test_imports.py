"""The import finder: what it times, what it leaves alone, and that nobody can tell it is there."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import pkgutil
import runpy
import sys
import threading
import time
import types
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import six
import wrapt
from _pytest.assertion.rewrite import AssertionRewritingHook

from autogen_vitals.lifecycle import imports
from autogen_vitals.lifecycle.imports import ImportFinder, ImportRecord
from autogen_vitals.lifecycle.sites import Site

# Has wrapt's own finder among those that each test puts back at its end.
wrapt.register_post_import_hook(lambda module: None, "a_module_that_nobody_imports")

PLANTED = "import time; time.sleep(0.05)\n"
MS = 1_000_000
SLOW_NS = imports._SLOW_NS

Load = Callable[..., types.ModuleType]


class Project:
    """A folder on ``sys.path`` with modules in it, none of which is imported after the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, **sources: str) -> None:
        """Modules by name; ``a__b`` is ``a/b.py``, and ``a`` a package then."""
        for name, source in sources.items():
            *packages, module = name.split("__")
            folder = self.folder
            for package in packages:
                folder = folder / package
                folder.mkdir(exist_ok=True)
                (folder / "__init__.py").touch()
            path = folder / module
            (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).write_text(source)
        importlib.invalidate_caches()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """An empty project. Modules, finders and path are put back in place.

    The limit is just below what is planted: on a busy machine a quick import, too, may take a while.
    """
    monkeypatch.setattr(imports, "_SLOW_NS", 40 * MS)
    before, finders = set(sys.modules), list(sys.meta_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield Project(tmp_path)
    sys.meta_path[:] = finders
    for name in set(sys.modules) - before:
        if not name.startswith(("encodings.", "_pytest")):
            del sys.modules[name]


@pytest.fixture
def told() -> list[tuple[int, int]]:
    """What ``outermost`` was told."""
    return []


@pytest.fixture
def finder(project: Project, told: list[tuple[int, int]]) -> Iterator[ImportFinder]:
    """A finder that is installed, in front of pytest's."""
    finder = ImportFinder(lambda begin, end: told.append((begin, end)))
    finder.install()
    yield finder
    finder.remove()


def names(finder: ImportFinder) -> list[str]:
    """What it has recorded."""
    return [record.name for record in finder.records]


def record(finder: ImportFinder, name: str) -> ImportRecord:
    """The one record of that name."""
    [found] = [record for record in finder.records if record.name == name]
    return found


def in_thread(function: Callable[[], Any]) -> threading.Thread:
    """Runs it in a thread that has been started."""
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def assert_clean(module: types.ModuleType) -> None:
    """Nothing of the finder's is on the module or its loader."""
    loader = module.__spec__.loader
    assert module.__loader__ is loader
    assert "exec_module" not in vars(loader)


# What is timed


def test_a_planted_sleep_is_in_the_right_record(
    project: Project, finder: ImportFinder, told: list[tuple[int, int]]
) -> None:
    """Cumulative in the outer, self in the inner."""
    project.write(outer="import inner\n" + PLANTED, inner=PLANTED)
    import_("outer")
    outer, inner = record(finder, "outer"), record(finder, "inner")
    assert inner.duration_ns == inner.self_ns >= 50 * MS
    assert outer.nested_ns == inner.duration_ns
    assert outer.self_ns == outer.duration_ns - inner.duration_ns >= 50 * MS
    assert told == [(outer.begin_ns, outer.begin_ns + outer.duration_ns)]
    assert (outer.parent, inner.parent) == (None, outer)
    assert (outer.error, inner.error) == (None, None)


def test_records_are_in_order_of_beginning(project: Project, finder: ImportFinder) -> None:
    """Though the inner ones end first."""
    project.write(outer="import first, second\n", first=PLANTED, second=PLANTED)
    import_("outer")
    assert names(finder) == ["outer", "first", "second"]


def test_five_milliseconds_are_recorded(
    project: Project, finder: ImportFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit that the documentation names."""
    monkeypatch.setattr(imports, "_SLOW_NS", SLOW_NS)
    project.write(slow="import time; time.sleep(0.005)")
    import_("slow")
    assert names(finder) == ["slow"]
    assert SLOW_NS == 5 * MS


def test_a_quick_import_is_told_of_but_not_recorded(
    project: Project, finder: ImportFinder, told: list[tuple[int, int]]
) -> None:
    """However short."""
    project.write(quick="import quicker", quicker="")
    before = time.perf_counter_ns()
    import_("quick")
    assert finder.records == []
    [(begin, end)] = told
    assert before < begin < end < time.perf_counter_ns()


def test_the_self_times_of_all_records_add_up(project: Project, finder: ImportFinder) -> None:
    """What is too quick for a record of its own is in that of its parent."""
    project.write(outer="import middle\n" + PLANTED, middle="import inner, quick\n" + PLANTED, inner=PLANTED, quick="")
    import_("outer")
    assert sum(record.self_ns for record in finder.records) == record(finder, "outer").duration_ns


def test_a_dotted_name_is_recorded_only_if_nothing_waits_for_it(project: Project, finder: ImportFinder) -> None:
    """``proj.urls`` after ``proj``; but not what the package imports of its own."""
    project.write(proj__urls=PLANTED, proj__own=PLANTED, proj="import proj.own")
    import_("proj.urls")
    assert names(finder) == ["proj", "proj.urls"]


def test_a_lazy_dotted_import_is_recorded(project: Project, finder: ImportFinder) -> None:
    """Long after its package."""
    project.write(lazy__resources=PLANTED)
    import_("lazy")
    assert names(finder) == []
    import_("lazy.resources")
    assert names(finder) == ["lazy.resources"]


def test_with_the_whole_tree_every_name_is_recorded(project: Project) -> None:
    """And has its parent."""
    project.write(proj__own=PLANTED, proj="import proj.own")
    finder = ImportFinder(lambda begin, end: None, whole_tree=True)
    finder.install()
    import_("proj")
    finder.remove()
    assert names(finder) == ["proj", "proj.own"]
    assert record(finder, "proj.own").parent is record(finder, "proj")


def test_what_create_module_costs_is_counted(project: Project, finder: ImportFinder) -> None:
    """As ``dlopen`` does, and what an extension imports meanwhile is nested."""
    project.write(nested=PLANTED)

    def create(spec: Any) -> None:
        time.sleep(0.05)
        import_("nested")

    provide("extension", create=create)
    import_("extension")
    assert names(finder) == ["extension", "nested"]
    assert record(finder, "extension").duration_ns >= 100 * MS
    assert record(finder, "nested").parent is record(finder, "extension")


def test_circular_imports_are_fine(project: Project, finder: ImportFinder) -> None:
    """Each is timed once."""
    project.write(one="import two\n" + PLANTED, two="import one\n" + PLANTED)
    import_("one")
    assert names(finder) == ["one", "two"]


def test_there_are_only_so_many_records(
    project: Project, finder: ImportFinder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first are kept, and a parent is not charged for what is not recorded."""
    monkeypatch.setattr(imports, "_RECORD_LIMIT", 1)
    project.write(outer="import first, second", first=PLANTED, second=PLANTED)
    import_("outer")
    assert names(finder) == ["first"]


# What fails


@pytest.mark.parametrize("error", ["ZeroDivisionError", "ImportError", "SystemExit", "KeyboardInterrupt"])
def test_a_failing_import_is_recorded_and_remembered(project: Project, finder: ImportFinder, error: str) -> None:
    """By class name, and the outermost also with its exception."""
    project.write(outer="import inner", inner=f"{PLANTED}raise {error}('why')")
    with pytest.raises(BaseException, match="why") as raised:
        import_("outer")
    assert [(found.name, found.error) for found in finder.records] == [("outer", error), ("inner", error)]
    assert finder.failure == ("outer", raised.value)


def test_a_failure_is_forgotten_when_a_later_import_succeeds(project: Project, finder: ImportFinder) -> None:
    """The app went on."""
    project.write(failing="1 / 0", good="")
    with pytest.raises(ZeroDivisionError):
        import_("failing")
    import_("good")
    assert finder.failure is None


def test_a_failure_is_forgotten_on_removal(project: Project, finder: ImportFinder) -> None:
    """It would keep the frames of the app alive."""
    project.write(failing="1 / 0")
    with pytest.raises(ZeroDivisionError):
        import_("failing")
    finder.remove()
    assert finder.failure is None


def test_an_import_that_fails_after_the_removal_is_not_remembered(project: Project, finder: ImportFinder) -> None:
    """Nobody would forget it."""

    def execute(module: types.ModuleType) -> None:
        finder.remove()
        raise ZeroDivisionError

    provide("removing", execute=execute)
    with pytest.raises(ZeroDivisionError):
        import_("removing")
    assert finder.failure is None


def test_an_inner_failure_that_is_caught_is_no_failure(project: Project, finder: ImportFinder) -> None:
    """An optional dependency."""
    project.write(outer="try:\n    import inner\nexcept ImportError:\n    pass", inner=PLANTED + "import not_there_")
    import_("outer")
    assert record(finder, "inner").error == "ModuleNotFoundError"
    assert finder.failure is None


def test_a_module_that_could_not_be_created_is_dropped(project: Project, finder: ImportFinder) -> None:
    """``dlopen`` failed: what is imported next is not inside it, and nothing stays on its loader."""
    project.write(later=PLANTED, lazy__resources=PLANTED)
    import_("lazy")
    loader = provide("extension", create=lambda spec: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        import_("extension")
    import_("lazy.resources")
    import_("later")
    assert [(found.name, found.parent) for found in finder.records] == [("lazy.resources", None), ("later", None)]
    assert "exec_module" not in vars(loader)


def test_a_module_that_is_nowhere_is_dropped(project: Project, finder: ImportFinder) -> None:
    """An optional dependency of the main program."""
    project.write(later=PLANTED)
    with pytest.raises(ModuleNotFoundError):
        import_("not_there_")
    import_("later")
    assert record(finder, "later").parent is None


def test_an_exception_of_another_finder_is_its_own(project: Project, finder: ImportFinder) -> None:
    """It passes, asked once, and is a failed import."""
    asked: list[str] = []

    class Failing:
        def find_spec(self, name: str, path: object, target: object) -> None:
            if name == "unfindable":
                asked.append(name)
                raise LookupError("mine")

    sys.meta_path.append(Failing())
    with pytest.raises(LookupError, match="mine") as raised:
        import_("unfindable")
    assert asked == ["unfindable"]
    assert finder.failure == ("unfindable", raised.value)


def test_a_callback_that_raises_hurts_nobody(project: Project) -> None:
    """The import succeeds."""
    project.write(quick="answer = 42")

    def fail(begin: int, end: int) -> None:
        raise RuntimeError

    finder = ImportFinder(fail)
    finder.install()
    assert import_("quick").answer == 42
    finder.remove()


@pytest.mark.parametrize("place", ["_begin", "_take_off", "_ended", "_stack"])
def test_an_error_of_ours_hurts_nobody(
    project: Project, finder: ImportFinder, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """Wherever it happens."""

    def fail(*args: object) -> None:
        raise RuntimeError("ours")

    project.write(outer="import inner\nfrom inner import answer", inner="answer = 42")
    # As the method is: guarded from within or without.
    replacement = imports.guarded(fail) if place == "_begin" else fail
    monkeypatch.setattr(ImportFinder, place, replacement)
    assert import_("outer").answer == 42
    assert_clean(sys.modules["outer"])


# What is not an import


def test_who_asks_for_a_spec_gets_a_clean_one(project: Project, finder: ImportFinder) -> None:
    """``importlib.util.find_spec``, with nothing on the loader."""
    project.write(there="")
    spec = importlib.util.find_spec("there")
    assert spec is not None
    assert "exec_module" not in vars(spec.loader)
    assert importlib.util.find_spec("not_there_") is None


def test_a_finder_asked_by_hand_passes(finder: ImportFinder) -> None:
    """Without an import around, however shallow the stack."""
    assert finder.find_spec("json") is None
    assert eval("ask('json')", {"ask": finder.find_spec}) is None


def test_a_reload_is_no_import(project: Project, finder: ImportFinder, told: list[Any]) -> None:
    """Nothing is timed, and the module is executed again."""
    project.write(there="import time; at = time.perf_counter_ns()")
    module = import_("there")
    at, told[:] = module.at, []
    assert importlib.reload(module).at > at
    assert told == []
    assert_clean(module)


def test_pkgutil_and_runpy_work_as_ever(project: Project, finder: ImportFinder, told: list[Any]) -> None:
    """They find by themselves; ``runpy`` imports the package for real."""
    project.write(tool__run="answer = __name__", other="")
    assert {"tool", "other"} <= {module.name for module in pkgutil.iter_modules([str(project.folder)])}
    assert pkgutil.resolve_name("tool:__name__") == "tool"
    assert len(told) == 1
    assert runpy.run_module("tool.run")["answer"] == "tool.run"
    assert "tool.run" not in names(finder)


# Threads


def test_imports_of_two_threads_are_not_nested(project: Project, finder: ImportFinder, told: list[Any]) -> None:
    """Each has its own outermost."""
    project.write(one=PLANTED, two=PLANTED)
    for thread in [in_thread(lambda: import_("one")), in_thread(lambda: import_("two"))]:
        thread.join()
    assert sorted(names(finder)) == ["one", "two"]
    assert [found.parent for found in finder.records] == [None, None]
    assert len(told) == 2


def test_one_name_in_two_threads_is_one_import(project: Project, finder: ImportFinder) -> None:
    """The second waits for the first."""
    project.write(one=PLANTED)
    for thread in [in_thread(lambda: import_("one")) for _ in range(4)]:
        thread.join()
    assert names(finder) == ["one"]


def test_threads_that_share_a_loader_execute_what_is_theirs(project: Project, finder: ImportFinder) -> None:
    """One is about to execute when the other comes."""
    both, executed = threading.Barrier(2, timeout=10), []

    class Shared(importlib.abc.Loader):
        def create_module(self, spec: Any) -> None:
            both.wait()

        def exec_module(self, module: types.ModuleType) -> None:
            executed.append((threading.current_thread().name, module.__name__))

    shared = Shared()
    provide("shared_one", loader=shared)
    provide("shared_two", loader=shared)
    threads = [threading.Thread(target=import_, args=(name,), name=name) for name in ("shared_one", "shared_two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(executed) == [("shared_one", "shared_one"), ("shared_two", "shared_two")]
    assert vars(shared) == {}


def test_modules_that_share_a_loader_end_when_they_end(project: Project, finder: ImportFinder) -> None:
    """One is imported while the other is created, and is not taken for it."""

    class Shared(importlib.abc.Loader):
        def create_module(self, spec: Any) -> None:
            if spec.name == "shared_one":
                import_("shared_two")

        def exec_module(self, module: types.ModuleType) -> None:
            time.sleep(0.05)

    shared = Shared()
    provide("shared_one", loader=shared)
    provide("shared_two", loader=shared)
    import_("shared_one")
    assert names(finder) == ["shared_one"]
    assert record(finder, "shared_one").duration_ns >= 100 * MS
    assert vars(shared) == {}


def test_many_threads_import_from_one_zip(project: Project, finder: ImportFinder) -> None:
    """Whose loader is one object."""
    with zipfile.ZipFile(project.folder / "many.zip", "w") as archive:
        for number in range(40):
            archive.writestr(f"zipped{number}.py", f"import zipped{number // 2}\nname = 'zipped{number}'")
    sys.path.insert(0, str(project.folder / "many.zip"))
    start = threading.Barrier(4, timeout=10)

    def load(first: int) -> None:
        start.wait()
        for number in range(40):
            import_(f"zipped{(first + number) % 40}")

    for thread in [in_thread(lambda first=first: load(first)) for first in (0, 10, 20, 30)]:
        thread.join()
    for number in range(40):
        module = sys.modules[f"zipped{number}"]
        assert module.name == f"zipped{number}"
        assert_clean(module)


def test_it_may_be_removed_while_a_thread_imports(project: Project, finder: ImportFinder) -> None:
    """And no thread misses a module, whichever finder knows it; what is being imported is still recorded."""
    project.write(slow=PLANTED, **{f"quick{number}": "" for number in range(200)})
    slow = in_thread(lambda: import_("slow"))
    failed: list[BaseException] = []
    last = provide("the_last_one")  # after the finder of paths, as editable installs are

    def load() -> None:
        try:
            for number in range(200):
                import_(f"quick{number}")
                sys.modules.pop("the_last_one", None)
                import_("the_last_one")
        except BaseException as error:
            failed.append(error)

    quick = in_thread(load)
    while quick.is_alive():
        finder.remove()
        finder.install()
    quick.join()
    slow.join()
    assert failed == []
    assert "exec_module" not in vars(last)
    assert names(finder)[:1] in (["slow"], [])


# Forks


def test_a_child_starts_empty_and_goes_on(project: Project, finder: ImportFinder, in_fork: Callable[..., Any]) -> None:
    """What the parent imported, or was importing, is not the child's."""
    project.write(before=PLANTED, failing="1 / 0", after=PLANTED)
    import_("before")
    with pytest.raises(ZeroDivisionError):
        import_("failing")

    def child() -> list[Any]:
        found = [names(finder), finder.failure, finder.installed]
        import_("after")
        return [*found, names(finder), len(finder._attached)]

    assert in_fork(child) == [[], None, True, ["after"], 0]
    assert names(finder) == ["before"]
    assert finder.failure is not None


def test_a_fork_in_the_middle_of_an_import(
    project: Project, finder: ImportFinder, told: list[Any], in_fork: Callable[..., Any]
) -> None:
    """The child ends its parent's import without a word, and its own are outermost."""
    project.write(after=PLANTED)

    def execute(module: types.ModuleType) -> None:
        def child() -> list[Any]:
            import_("after")
            return [[found.name for found in finder.records if found.parent is None], len(told)]

        module.answer = in_fork(child)

    provide("forking_", execute=execute)
    assert import_("forking_").answer == [["after"], 1]
    assert len(told) == 1


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_what_another_thread_was_importing_is_not_in_the_child(
    project: Project, finder: ImportFinder, in_fork: Callable[..., Any]
) -> None:
    """The call that would clean its loader never comes there."""
    created, forked = threading.Event(), threading.Event()

    def create(spec: Any) -> None:
        created.set()
        forked.wait(10)

    loader = provide("creating", create=create)
    thread = in_thread(lambda: import_("creating"))
    created.wait(10)
    assert list(vars(loader)) == ["exec_module"]
    answer = in_fork(lambda: [list(vars(loader)), len(finder._attached)])
    forked.set()
    thread.join()
    assert answer == [[], 0]


def test_a_removed_finder_stays_removed_in_a_child(finder: ImportFinder, in_fork: Callable[..., Any]) -> None:
    """As it was."""
    finder.remove()
    assert in_fork(lambda: finder.installed) is False


# Installing and removing


def test_installing_twice_is_once(finder: ImportFinder) -> None:
    """At the first place."""
    finder.install()
    assert sys.meta_path[0] is finder
    assert sum(found is finder for found in sys.meta_path) == 1
    assert finder.installed


def test_removing_leaves_the_finders_as_they_were(finder: ImportFinder) -> None:
    """In their order; a second time changes nothing."""
    others = [found for found in sys.meta_path if found is not finder]
    finder.remove()
    finder.remove()
    assert sys.meta_path == others
    assert not finder.installed


def test_it_is_removed_from_a_list_that_was_replaced(finder: ImportFinder) -> None:
    """And reordered."""
    sys.meta_path = sys.meta_path[::-1]
    assert finder.installed
    finder.remove()
    assert finder not in sys.meta_path


def test_a_removed_finder_that_is_put_back_does_nothing(
    project: Project, finder: ImportFinder, told: list[Any]
) -> None:
    """Somebody restores a list from before."""
    project.write(slow=PLANTED)
    saved = list(sys.meta_path)
    finder.remove()
    sys.meta_path[:] = saved
    calls = finder.calls
    import_("slow")
    assert (finder.installed, finder.records, told, finder.calls) == (False, [], [], calls)


def test_a_removal_makes_no_other_finder_be_skipped(project: Project, finder: ImportFinder) -> None:
    """Where the list is just being gone through, in this thread or another."""

    class Removing:
        def find_spec(self, *asked: object) -> None:
            finder.remove()

    provide("known", at=1)
    sys.meta_path.insert(1, Removing())
    assert importlib.util.find_spec("known") is not None
    assert not finder.installed


def test_a_removal_cleans_the_loaders(project: Project, finder: ImportFinder) -> None:
    """At once: who knows whether the import goes on."""
    found: list[list[str]] = []

    def create(spec: Any) -> None:
        found.append(list(vars(loader)))
        finder.remove()
        found.append(list(vars(loader)))

    loader = provide("removing", create=create)
    import_("removing")
    assert found == [["exec_module"], []]


def test_it_may_be_installed_again(project: Project, finder: ImportFinder) -> None:
    """After a removal in the middle of an import, too."""
    project.write(after=PLANTED)

    def create(spec: Any) -> None:
        finder.remove()

    loader = provide("removing", create=create)
    import_("removing")
    assert vars(loader) == {}
    finder.install()
    import_("after")
    assert [(found.name, found.parent) for found in finder.records] == [("after", None)]


def test_the_self_test_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in ``sys.modules``, the records, the calls, or what is told; and it is quick."""
    told: list[Any] = []
    finder = ImportFinder(lambda begin, end: told.append(begin), whole_tree=True)
    before = list(sys.modules)
    took: list[float] = []
    for _ in range(5):
        monkeypatch.setattr(imports, "_is_probed", False)
        begin = time.perf_counter()
        finder.install()
        took.append(time.perf_counter() - begin)
        finder.remove()
    assert list(sys.modules) == before
    assert (finder.records, finder.calls, told, finder.failure) == ([], 0, [], None)
    assert min(took) < 0.001


def test_a_warm_import_does_no_finder_work(project: Project, finder: ImportFinder) -> None:
    """What is in ``sys.modules`` is not asked for."""
    project.write(warm__inner="")
    import_("warm.inner")
    calls = finder.calls
    exec("import warm.inner\nfrom warm import inner", {})
    assert finder.calls == calls > 0


# Other people's hooks


def test_a_module_is_as_if_nothing_had_been_there(project: Project, finder: ImportFinder) -> None:
    """Its loader is the original, and has no attribute of ours."""
    project.write(outer="seen = dict(vars(__loader__))")
    module = import_("outer")
    assert "exec_module" not in module.seen
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert_clean(module)
    assert finder._attached == set()


def test_the_finder_of_wrapt_works_as_ever(project: Project, finder: ImportFinder) -> None:
    """A post-import hook runs once, what it hooks is timed, and its proxy is taken off."""
    project.write(hooked="import nested\n" + PLANTED, nested=PLANTED)
    seen: list[types.ModuleType] = []
    wrapt.register_post_import_hook(seen.append, "hooked")
    finder.remove()
    finder.install()  # in front of wrapt's
    module = import_("hooked")
    assert seen == [module]
    assert names(finder) == ["hooked", "nested"]
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert_clean(module)


def test_the_assertions_of_pytest_are_still_rewritten(project: Project, finder: ImportFinder) -> None:
    """Its hook is finder and loader in one: not timed, but what is imported there is."""
    project.write(test_rewritten="import nested\ndef test():\n    assert 1 == len('ab')", nested=PLANTED)
    [hook] = [found for found in sys.meta_path if isinstance(found, AssertionRewritingHook)]
    hook.mark_rewrite("test_rewritten")
    module = import_("test_rewritten")
    with pytest.raises(AssertionError, match=r"where 2 = len\('ab'\)"):
        module.test()
    assert module.__loader__ is hook
    assert "exec_module" not in vars(hook)
    assert [(found.name, found.parent) for found in finder.records] == [("nested", None)]


def test_six_moves_works_as_ever(project: Project, finder: ImportFinder) -> None:
    """Loaded by the finder itself."""
    source = Path(six.__file__).read_text()
    project.write(sixth=source)  # a copy, whose moves nobody has imported
    namespace: dict[str, Any] = {}
    exec("import sixth; from sixth.moves.urllib.parse import urlparse; from sixth.moves import range as r", namespace)
    assert namespace["r"] is range
    assert namespace["urlparse"]("http://host/").netloc == "host"


def test_an_editable_install_is_timed(project: Project, finder: ImportFinder) -> None:
    """Found by the finder that setuptools writes."""
    finder.remove()
    editable = pytest.importorskip("setuptools.command.editable_wheel")
    finder.install()
    source = project.folder / "elsewhere" / "edited"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text(PLANTED)
    namespace: dict[str, Any] = {"__name__": "__editable___edited_finder"}
    exec(editable._finder_template("edited", {"edited": str(source)}, {}), namespace)
    sys.modules.pop("edited", None)
    namespace["install"]()
    assert_clean(import_("edited"))
    assert names(finder) == ["edited"]


def test_a_lazy_loader_stays_lazy(project: Project, finder: ImportFinder) -> None:
    """Executed when first touched, and then as it would have been."""
    project.write(lazily=PLANTED + "import nested; answer = 42", nested=PLANTED)
    eager = importlib.util.find_spec("lazily")
    assert eager is not None
    provide("lazily", loader=importlib.util.LazyLoader(eager.loader), at=1)
    module = import_("lazily")
    assert finder.records == []
    assert module.answer == 42
    assert names(finder) == ["nested"]
    assert_clean(module)


def test_a_namespace_package_is_passed_over(project: Project, finder: ImportFinder) -> None:
    """It has no loader that could execute; what is in it is as ever."""
    (project.folder / "space").mkdir()
    (project.folder / "space" / "module.py").write_text(PLANTED)
    import_("space.module")
    assert names(finder) == ["space.module"]


def test_builtin_and_frozen_modules_are_passed_over(finder: ImportFinder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their loader is a class."""
    monkeypatch.delitem(sys.modules, "__hello__", raising=False)
    monkeypatch.delitem(sys.modules, "_symtable", raising=False)
    import_("_symtable")
    import_("__hello__")
    for loader in (importlib.machinery.BuiltinImporter, importlib.machinery.FrozenImporter):
        assert not isinstance(vars(loader)["exec_module"], imports._Timing)
    assert finder._attached == set()


class Slotted:
    """Has no room for an attribute."""

    __slots__ = ()

    def create_module(self, spec: object) -> None:
        """The default."""

    def exec_module(self, module: types.ModuleType) -> None:
        """Import something."""
        import_("nested")


class Described:
    """Answers with something else than the attribute."""

    def create_module(self, spec: object) -> None:
        """The default."""

    exec_module = property(lambda self: lambda module: import_("nested"), lambda self, value: None)


class Old:
    """Knows ``load_module`` only."""

    def load_module(self, name: str) -> types.ModuleType:
        """The module."""
        sys.modules[name] = types.ModuleType(name)
        import_("nested")
        return sys.modules[name]


@pytest.mark.filterwarnings("ignore::ImportWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("loader", [Slotted(), Described(), Old()])
def test_a_loader_that_refuses_is_not_timed(project: Project, finder: ImportFinder, loader: Any) -> None:
    """What it imports is, as outermost."""
    project.write(nested=PLANTED)
    if isinstance(loader, Old) and sys.version_info >= (3, 15):
        pytest.skip("load_module is no more")
    provide("refusing", loader=loader)
    import_("refusing")
    assert [(found.name, found.parent) for found in finder.records] == [("nested", None)]
    assert "exec_module" not in getattr(loader, "__dict__", {})


def test_somebody_elses_attribute_stays(project: Project, finder: ImportFinder) -> None:
    """It is called, and not timed."""
    executed: list[str] = []
    loader = provide("theirs")
    loader.exec_module = theirs = lambda module: executed.append(module.__name__)
    import_("theirs")
    assert executed == ["theirs"]
    assert vars(loader) == {"exec_module": theirs}
    assert finder._stack() == []


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="find_module is no more")
@pytest.mark.filterwarnings("ignore::ImportWarning")
def test_a_finder_of_the_old_kind_keeps_its_turn(project: Project, finder: ImportFinder) -> None:
    """It is ahead of the finder of paths, and answers first."""
    project.write(contested="answer = 'path'", nested=PLANTED)

    class Finder(Old):
        def find_module(self, name: str, path: object = None) -> Any:
            return self if name == "contested" else None

    sys.meta_path.insert(1, Finder())
    assert not hasattr(import_("contested"), "answer")


def test_a_finder_without_find_spec_is_skipped(project: Project, finder: ImportFinder) -> None:
    """It only knows distributions, say."""
    if sys.version_info < (3, 12):
        pytest.skip("asked for find_module")
    project.write(slow=PLANTED)
    sys.meta_path.insert(1, object())
    import_("slow")
    assert names(finder) == ["slow"]


def import_(name: str) -> Any:
    """Import it for real."""
    __import__(name)
    return sys.modules[name]


def provide(
    name: str,
    *,
    create: Callable[[Any], Any] = lambda spec: None,
    execute: Callable[[Any], object] = lambda module: None,
    loader: Any = None,
    at: int | None = None,
) -> Any:
    """A finder, last by default, that knows one module. Answers its loader."""

    class Loader:
        def create_module(self, spec: Any) -> Any:
            return create(spec)

        def exec_module(self, module: types.ModuleType) -> None:
            execute(module)

    found = Loader() if loader is None else loader

    class Finder:
        def find_spec(self, asked: str, path: object, target: object) -> Any:
            return importlib.util.spec_from_loader(name, found) if asked == name else None

    sys.meta_path.insert(len(sys.meta_path) if at is None else at, Finder())
    return found


def test_a_slow_import_knows_the_line_that_asked_for_it(project: Project) -> None:
    """One that is inside another was asked for by that one; a quick one is not recorded."""
    asked: list[str] = []

    def caller() -> Site:
        asked.append("")
        return Site("app.py", 7, "app.ask")

    finder = ImportFinder(lambda begin, end: None, caller=caller)
    finder.install()
    try:
        project.write(slow_within="import time; time.sleep(0.05)", slow_around="import slow_within", quick="")
        importlib.import_module("slow_around")
        importlib.import_module("quick")
    finally:
        finder.remove()
    assert record(finder, "slow_around").site == Site("app.py", 7, "app.ask")
    assert record(finder, "slow_within").site is None
    assert len(asked) == 1
