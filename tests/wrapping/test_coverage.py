"""Coverage: a root, its subclasses that exist, and those that will; on class trees made up here."""

from __future__ import annotations

import sys
import textwrap
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from autogen_vitals.wrapping.coverage import ClassPlan, Coverage
from autogen_vitals.wrapping.importing import ImportHooks
from autogen_vitals.wrapping.patches import Patches

LIBRARY = """
import abc, asyncio, dataclasses

class Root:
    def __init__(self, name="root"):
        self.name = name

    async def run(self):
        return self.name

    async def run_stream(self):
        yield self.name

    def start(self):
        return "started"

    async def start_later(self):
        return "started"
"""


class Tree:
    """A made-up library under coverage."""

    def __init__(self, watches: dict[str, Any], plans: tuple[ClassPlan, ...], monkeypatch: pytest.MonkeyPatch) -> None:
        self.watches = watches
        self.module: Any = ModuleType("made_up_library")
        monkeypatch.setitem(sys.modules, "made_up_library", self.module)
        self.patches = Patches()
        self.coverage = Coverage([plan.target for plan in plans], lambda: plans, self.patches, ImportHooks())

    def define(self, source: str) -> Any:
        exec(compile(textwrap.dedent(source), "made_up_library.py", "exec", dont_inherit=True), vars(self.module))
        return self.module

    @property
    def classes(self) -> list[type]:
        return [value for value in vars(self.module).values() if isinstance(value, type)]

    def inits(self, watch: str = "constructor") -> list[str]:
        """Classes of the objects whose constructors were told of, in order; and forgets them."""
        observed, self.watches[watch].observed = self.watches[watch].observed, []
        return [type(told.instance).__name__ for told in observed]


@pytest.fixture
def tree(new_watch: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Root is covered from the start of each test on: what it defines comes after."""
    tree = uncovered_tree(new_watch, monkeypatch)
    tree.coverage.install()
    return tree


@pytest.fixture
def later(new_watch: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Tree:
    """Root is there and not covered yet."""
    return uncovered_tree(new_watch, monkeypatch)


def uncovered_tree(new_watch: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> Tree:
    watches = {name: new_watch() for name in ("constructor", "run", "run_stream", "start", "near")}
    runs = {name: watches[name] for name in ("run", "run_stream")}
    starts = dict.fromkeys(("start", "start_later"), watches["start"])
    plans = (
        ClassPlan("made_up_library:Root", watches["constructor"], runs, starts),
        ClassPlan("made_up_library:Near", watches["near"]),
        ClassPlan("made_up_library:NotThere", watches["near"]),
        ClassPlan("made_up_library:asyncio", watches["near"]),
    )
    tree = Tree(watches, plans, monkeypatch)
    tree.define(LIBRARY)
    return tree


# --- which constructors -----------------------------------------------------------------------------------------------

CLASSES = """
class Plain(Root): ...

class Own(Root):
    def __init__(self):
        super().__init__("own")

class Careless(Root):
    def __init__(self):
        self.name = "careless"

class Deep(Own):
    def __init__(self):
        super().__init__()

class Mixin:
    def __init__(self):
        self.name = "mixed"

class Mixed(Mixin, Root): ...

class MixedDeep(Mixed): ...

class MixedLast(Root, Mixin): ...

class Left(Root): ...
class Right(Root):
    def __init__(self, *args):
        super().__init__("right")
class Diamond(Left, Right): ...

class Slotted(Root):
    __slots__ = ("extra",)
    def __init__(self):
        super().__init__("slotted")
        self.extra = 1

class Loud(type): ...
class WithMeta(Root, metaclass=Loud): ...
"""
# The constructors that are told of, in order; the tracker takes those of one object for one init.
TOLD = {
    "Root": 1,
    "Plain": 1,
    "Own": 2,
    "Careless": 1,
    "Deep": 3,
    "Mixed": 1,
    "MixedDeep": 1,
    "MixedLast": 1,
    "Left": 1,
    "Right": 2,
    "Diamond": 2,
    "Slotted": 2,
    "WithMeta": 1,
}


@pytest.mark.parametrize("covered_first", [True, False], ids=["defined after", "defined before"])
@pytest.mark.parametrize(("name", "times"), TOLD.items())
def test_every_construction_is_told_of(name: str, times: int, covered_first: bool, later: Tree) -> None:
    """Own, inherited or mixed in, with or without super().__init__(), defined before or after we came."""
    if covered_first:
        later.coverage.install()
    later.define(CLASSES)
    if not covered_first:
        later.coverage.install()
    assert isinstance(getattr(later.module, name)().name, str)
    assert later.inits() == [name] * times


def test_classes_outside_the_tree_are_left_alone(tree: Tree) -> None:
    """A mixin is not ours, also where a covered class inherits from it."""
    mixin = tree.define(CLASSES).Mixin
    assert type(vars(mixin)["__init__"]).__name__ == "function"
    mixin()
    assert tree.inits() == []


def test_a_class_without_any_constructor_has_none_to_time(tree: Tree) -> None:
    """object.__init__ is not an init."""
    module = tree.define("class Near: ...\nclass Nearer(Near): ...")
    tree.coverage.install()
    module.Nearer()
    assert tree.inits("near") == []
    assert "__init__" not in vars(module.Nearer)


def test_the_nearest_plan_holds(tree: Tree) -> None:
    """A class under two roots of the tables is told of under the nearer, its runs included."""
    module = tree.define("""
        class Near(Root):
            def __init__(self): ...
            async def run(self): ...
        class Nearer(Near):
            def __init__(self): ...
    """)
    module.Nearer()
    assert tree.inits("near") == ["Nearer"]
    assert tree.inits() == []
    assert type(vars(module.Near)["run"]).__name__ == "function"


@pytest.mark.parametrize("eager", [True, False], ids=["slots", "plain"])
@pytest.mark.parametrize("covered_first", [True, False], ids=["defined after", "defined before"])
def test_a_dataclass_is_told_of(eager: bool, covered_first: bool, later: Tree) -> None:
    """Its constructor is generated after its class was made. One limit, which the README names: @dataclass without
    slots sets it on a class that has been covered already, and nothing says so."""
    if covered_first:
        later.coverage.install()
    module = later.define(f"""
        @dataclasses.dataclass(slots={eager})
        class Data(Root):
            name: str = "data"
    """)
    if not covered_first:
        later.coverage.install()
    assert module.Data("given").name == "given"
    assert later.inits() == ([] if covered_first and not eager else ["Data"])


async def test_a_class_made_again_is_wrapped_once(tree: Tree) -> None:
    """What makes a new class of an old one's attributes takes no wrapper of ours along."""
    module = tree.define("""
        @dataclasses.dataclass(slots=True)
        class Data(Root):
            async def run(self):
                return "data"
    """)
    assert await module.Data().run() == "data"
    assert len(tree.watches["run"].observed) == 1
    tree.patches.undo()
    assert type(vars(module.Data)["run"]).__name__ == "function"


# --- runs and starts --------------------------------------------------------------------------------------------------


async def test_runs_are_told_of(tree: Tree) -> None:
    """Inherited, overridden, coroutine and stream; a plain function in their place is let through."""
    module = tree.define("""
        class Child(Root):
            async def run(self):
                return await super().run() + "!"
        class Odd(Root):
            def run(self):
                return "at once"
    """)
    assert await module.Root().run() == "root"
    assert await module.Child().run() == "root!"
    assert [item async for item in module.Child().run_stream()] == ["root"]
    assert module.Odd().run() == "at once"
    assert tree.inits("run") == ["Root", "Child", "Child"]
    assert tree.inits("run_stream") == ["Child"]


async def test_starts_are_told_of_sync_and_async(tree: Tree) -> None:
    """A second-stage init is timed while it runs: at once, or when it is awaited."""
    root = tree.module.Root()
    assert root.start() == "started"
    assert tree.inits("start") == ["Root"]
    coroutine = root.start_later()
    assert tree.inits("start") == []
    assert await coroutine == "started"
    assert tree.inits("start") == ["Root"]


def test_a_synchronous_run_is_the_call(new_watch: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it returns; a subclass's call of super() is inside it."""
    watch, constructor = new_watch(), new_watch()
    tree = Tree({"run": watch}, (ClassPlan("made_up_library:Caller", constructor, calls={"run": watch}),), monkeypatch)
    tree.coverage.install()
    module = tree.define("""
        class Caller:
            def run(self):
                return self
        class Child(Caller):
            def run(self):
                return super().run()
    """)
    tree.coverage._cover_root(module, "Caller")
    child = module.Child()
    assert child.run() is child
    assert module.Caller.run.__name__ == "run"
    assert [observed.result for observed in watch.observed] == [child, child]
    assert tree.inits("run") == ["Child", "Child"]


def test_a_protocols_constructor_is_left_to_typing(
    new_watch: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subclass without one of its own is built by the next that is there, as without us."""
    watch = new_watch()
    tree = Tree({"constructor": watch}, (ClassPlan("made_up_library:Able", watch),), monkeypatch)
    module = tree.define("""
        from typing import Protocol, runtime_checkable
        @runtime_checkable
        class Able(Protocol):
            def work(self): ...
        class Mixin:
            def __init__(self):
                self.mixed = True
        class Mixed(Able, Mixin): ...
        class Own(Able):
            def __init__(self):
                super().__init__()
    """)
    tree.coverage._cover_root(module, "Able")
    later = tree.define("class Later(Able, Mixin): ...").Later
    assert module.Mixed().mixed
    assert later().mixed
    assert module.Own()
    with pytest.raises(TypeError, match="Protocols cannot be instantiated"):
        module.Able()
    assert isinstance(module.Own(), module.Able)
    assert not isinstance(object(), module.Able)
    assert tree.inits() == ["Own", "Own"]


def test_what_is_no_method_is_left_alone(tree: Tree) -> None:
    """Abstract, static and class methods, properties, None: not ours to wrap, and still what they were."""
    module = tree.define("""
        class Child(Root, abc.ABC):
            @abc.abstractmethod
            async def run(self): ...
            @staticmethod
            def run_stream(): ...
            start = None
            @property
            def start_later(self): return 17
    """)
    kinds = {name: type(vars(module.Child)[name]).__name__ for name in ("run", "run_stream", "start", "start_later")}
    assert kinds == {"run": "function", "run_stream": "staticmethod", "start": "NoneType", "start_later": "property"}
    with pytest.raises(TypeError, match="abstract"):
        module.Child()


def test_covering_twice_wraps_once(tree: Tree) -> None:
    """A class met again is left as it is."""
    tree.define("class Child(Root):\n    def __init__(self): ...")
    tree.coverage.install()
    tree.coverage.cover(tree.module.Child)
    tree.module.Child()
    tree.module.Root()
    assert tree.inits() == ["Child", "Root"]


# --- __init_subclass__ ------------------------------------------------------------------------------------------------

HOOKED = """
class Hooked(Root):
    seen = []
    def __init_subclass__(cls, flavour="plain", **kwargs):
        super().__init_subclass__(**kwargs)
        Hooked.seen.append((cls.__name__, flavour))

class Kind:
    kinds = []
    def __init_subclass__(cls, kind, **kwargs):
        super().__init_subclass__(**kwargs)
        Kind.kinds.append((cls.__name__, kind))

class Sweet(Hooked, flavour="sweet"): ...
class Typed(Root, Kind, kind="typed"): ...
class TypedFirst(Kind, Root, kind="first"): ...
"""


def test_the_subclass_hooks_of_the_app_get_their_arguments(tree: Tree) -> None:
    """The library's own and a mixin's, before or after the root in the bases."""
    module = tree.define(HOOKED)
    assert module.Hooked.seen == [("Sweet", "sweet")]
    assert module.Kind.kinds == [("Typed", "typed"), ("TypedFirst", "first")]
    for name in ("Sweet", "Typed", "TypedFirst"):
        getattr(module, name)()
        assert tree.inits() == [name]


def test_a_root_s_own_subclass_hook_still_runs(later: Tree) -> None:
    """Bound to the new class, with its arguments, and before us: what it patches, we wrap."""
    module = later.define("""
        class Root:
            seen = []
            def __init__(self): ...
            def __init_subclass__(cls, /, flavour, **kwargs):
                super().__init_subclass__(**kwargs)
                Root.seen.append((cls.__name__, flavour))
                cls.__init__ = lambda self: None
    """)
    later.coverage.install()
    later.define('class Child(Root, flavour="sweet"): ...')
    module.Child()
    assert (module.Root.seen, later.inits()) == ([("Child", "sweet")], ["Child"])


@pytest.mark.parametrize("base", ["Root", "Hooked"])
def test_a_wrong_class_argument_is_the_error_it_was(base: str, later: Tree) -> None:
    """The TypeError of a class statement has the message it has without us."""
    statement = f"{HOOKED}\nclass Wrong({base}, colour=1): ..."
    with pytest.raises(TypeError) as without_us:
        later.define(statement)
    later.coverage.install()
    with pytest.raises(TypeError) as with_us:
        later.define(statement)
    assert with_us.value.args == without_us.value.args


def test_a_subclass_hook_that_raises_keeps_its_exception(later: Tree) -> None:
    """The very exception comes out of the class statement, with the frames it has without us."""
    source = """
        class Root:
            error = LookupError("the app's")
            def __init_subclass__(cls):
                raise cls.error
    """
    frames = []
    for covered in (False, True):
        module = later.define(source)
        if covered:
            later.coverage.install()
        with pytest.raises(LookupError) as caught:
            later.define("class Child(Root): ...")
        assert caught.value is module.Root.error
        frames.append([frame.name for frame in traceback.extract_tb(caught.value.__traceback__)][2:])
    if sys.version_info >= (3, 11):
        assert frames[0] == frames[1] == ["<module>", "__init_subclass__"]


# --- undo -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("covered_first", [True, False], ids=["defined after", "defined before"])
def test_undo_leaves_identical_classes(covered_first: bool, later: Tree) -> None:
    """Every attribute of every class is the object it is without us, and there is no other."""
    if covered_first:
        later.coverage.install()
    later.define(CLASSES + HOOKED)
    definitions = {} if covered_first else {cls: dict(vars(cls)) for cls in later.classes}
    if not covered_first:
        later.coverage.install()
    assert any("Wrapper" in type(value).__name__ for value in vars(later.module.Own).values())
    later.patches.undo()
    for cls in later.classes:
        assert [name for name, value in vars(cls).items() if "autogen_vitals" in type(value).__module__] == []
    for cls, attributes in definitions.items():
        assert dict(vars(cls)) == attributes
        assert all(vars(cls)[name] is value for name, value in attributes.items())
    assert "__init_subclass__" not in vars(later.module.Root)
    assert "__init__" not in vars(later.module.Mixed)


def test_classes_defined_after_undo_are_left_alone(tree: Tree) -> None:
    """The subclass hook is gone too."""
    tree.patches.undo()
    tree.define(CLASSES).Own()
    assert tree.inits() == []
