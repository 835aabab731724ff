"""The row types that the tables of this room are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Literal

from autogen_vitals.records import Record
from autogen_vitals.vocabulary import ComponentKind, ConnectStage, Escape, Moment, Operation


class Argument(Record, frozen=True):
    """A fact that is an argument of the call, not an attribute of the component."""

    keyword: str
    position: int
    path: str = ""
    """Where in the argument it is: dotted attributes, keys and indexes."""


Source = str | Argument
"""Where a fact is read: the component's dotted path of attributes, mapping keys and indexes, or an argument."""


class Run(Record, frozen=True):
    """One method whose calls are runs.

    Attributes:
        method: name of the method, on the row's class and on every subclass that overrides it. Whether it returns a
            coroutine or a stream is seen when it is called.
        operation: the kind of run.
        facts: span attribute → its source, or several of which the first that has a value counts; read before the call.
        result: span attribute → path, or several, read from what the call returned, or from the last item of a stream.
        failed: path in the result that is true when the component reports a failure without raising it.
        succeeded: path in the result that is false then.
        cached: path in the result that is true when the reply cost no tokens.
        is_synchronous: the call itself is the run, whatever it returns.
        of: the argument that is what runs, where that is not the component whose method it is.
        kind: what that is in AutoGen's terms, where it is not the row's.
    """

    method: str
    operation: Operation
    facts: Mapping[str, Source | tuple[Source, ...]] = field(default_factory=dict[str, Source | tuple[Source, ...]])
    result: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict[str, str | tuple[str, ...]])
    failed: str | None = None
    succeeded: str | None = None
    cached: str | None = None
    is_synchronous: bool = False
    of: Argument | None = None
    kind: ComponentKind | None = None


class Component(Record, frozen=True):
    """One class, with all its subclasses: those that exist and those the user defines later.

    The row nearest in a class's method resolution order holds for it.

    Attributes:
        kind: what the class is in AutoGen's terms.
        target: ``module:Class``. A target that an installed version lacks is passed over.
        runs: its methods that are runs.
        starts: its methods that are a second-stage init.
        restores: its methods that rebuild it when it is unpickled or copied.
        builds: its methods that every constructor calls, those too that a decorator puts on a class after it was made.
        name: path of the name the component gives itself.
        provider: path of a word that ``Library.providers`` knows, where the class does not say whose model it is.
        refines: target of the row whose class it inherits runs from that are, for this one, what this row says.
        plumbing: packages whose own subclasses are AutoGen's inner works, not components of the user's.
        forgets: its methods after which it has forgotten what it was told, or knows something else. What has none keeps
            nothing that the next one to use it should not see.
        folder: path of the name of the folder that it runs code in, where others may, too; ``None`` is there for one of
            its own.
    """

    kind: ComponentKind
    target: str
    runs: tuple[Run, ...] = ()
    starts: tuple[str, ...] = ()
    restores: tuple[str, ...] = ()
    builds: tuple[str, ...] = ()
    name: str = "name"
    provider: str | None = None
    refines: str | None = None
    plumbing: tuple[str, ...] = ()
    forgets: tuple[str, ...] = ()
    folder: str | None = None


class NativeSpans(Record, frozen=True):
    """Where a library makes OpenTelemetry spans of its own.

    Attributes:
        scopes: names of its tracers.
        tracing: ``module:name`` of the globals through which its modules get a tracer: ``opentelemetry.trace`` or that
            module's ``get_tracer``, as they import it.
        messaging: ``module:Class.method``, the context manager around each message its runtimes move.
        envelope_context: ``module:function`` that reads the trace context a message's envelope carries.
        publishing: ``module:Class.method`` that is given each message for another process, of which those that are
            published carry no context by themselves.
    """

    scopes: tuple[str, ...]
    tracing: tuple[str, ...]
    messaging: str | None = None
    envelope_context: str | None = None
    publishing: str | None = None


class Handover(Record, frozen=True):
    """Where a library gives a function of its own to another thread, which knows nothing of what it belongs to.

    Attributes:
        target: ``module:name`` of the global through which one of its modules knows the module of the standard library.
        callable: what it calls of that.
        function: the argument that is run in the thread.
    """

    target: str
    callable: str
    function: Argument


class Library(Record, frozen=True):
    """Everything we know about one library.

    Attributes:
        packages: its top-level packages; a frame of theirs is never the site of an init.
        components: its classes.
        providers: class name → ``gen_ai.provider.name``; the name nearest in a class's method resolution order holds.
            And the words that components say it by themselves, see ``Component.provider``.
        model_sdks: provider → ``module:Class.method`` of the model's SDK; when another instrumentation has wrapped
            it, that instrumentation makes the chat spans.
        native: its own spans.
        caches: ``module:Class.method`` of what looks for a model's reply in a cache, ``None`` if there is none.
        handovers: where what a run does goes on in another thread.
    """

    packages: tuple[str, ...]
    components: tuple[Component, ...]
    providers: Mapping[str, str]
    model_sdks: Mapping[str, str]
    native: NativeSpans
    caches: tuple[str, ...] = ()
    handovers: tuple[Handover, ...] = ()


class ConnectCall(Record, frozen=True):
    """A function or coroutine function whose call is one stage of a new connection."""

    target: str
    stage: ConnectStage
    is_synchronous: bool = False


class Transport(Record, frozen=True):
    """Where connections are made, and where a model's SDK decides to try again.

    Attributes:
        connects: the functions that connect.
        retries: ``module:Class.method`` of functions that return the seconds to wait before another try.
    """

    connects: tuple[ConnectCall, ...]
    retries: tuple[str, ...]


class Boundary(Record, frozen=True):
    """A callable through which requests come.

    Attributes:
        target: ``module:Class.method``.
        protocol: ``asgi``: an application, ``(scope, receive, send)``. ``wsgi``: an application,
            ``(environ, start_response)``, whose answer is the body. ``server``: a server's own method that serves one
            request from its beginning to the last byte, whatever application it calls for that.
    """

    target: str
    protocol: Literal["asgi", "wsgi", "server"]


class TaskSignals(Record, frozen=True):
    """What tells of each task of a server of tasks, by its ``task_id``, in the context it runs in.

    Attributes:
        begins, ends: signal objects that are sent around it.
        answers: ``module:Class.method``, called with its id as soon as what was to be done is done, to hand over the
            outcome. Whoever waits for that knows it before the task has ended.
    """

    begins: str
    ends: str
    answers: tuple[str, ...]


class LifeCall(Record, frozen=True):
    """A function or method whose call begins or ends a part of the process's life.

    Attributes:
        target: ``module:Class.method``, or a coroutine function.
        before, after: the moment it is.
        failed: what an exception that comes out of it has ended.
        may_exit: ``SystemExit`` comes out of it where nothing has failed, too, whatever its code.
    """

    target: str
    before: Moment | None = None
    after: Moment | None = None
    failed: Escape | None = None
    may_exit: bool = False


class LifeSignal(Record, frozen=True):
    """A signal object (``connect``, ``disconnect``) that a server sends at a moment of a process's life."""

    target: str
    moment: Moment


class FailureSignal(Record, frozen=True):
    """A signal object that is sent when an exception has ended a request.

    Attributes:
        target: ``module:signal``.
        argument: what it is sent with that is the exception; ``None``: the one that is being handled.
    """

    target: str
    argument: str | None = "exception"


class FailureCall(Record, frozen=True):
    """A method that is given the exception which has ended a request."""

    target: str


class Servers(Record, frozen=True):
    """Request boundaries and worker life.

    Attributes:
        boundaries: what requests come through. Of several that one comes through, the outermost is it.
        tasks: what tells of requests that are tasks.
        lifespans: ``module:Class.method`` of what handles an ASGI application's lifespan, ``(scope, receive, send)``.
        calls, signals: what tells of a moment of a process's life.
        failures: what tells of a failed request whose exception gets to no boundary.
        services: modules that only a server's processes import.
        kills: ``module:Class.method`` of what ends a worker, its argument, that has taken too long over a task.
        reapers: modules through which supervisors wait for their children, all of them by ``os.waitpid``.
    """

    boundaries: tuple[Boundary, ...]
    tasks: tuple[TaskSignals, ...]
    lifespans: tuple[str, ...]
    calls: tuple[LifeCall, ...]
    signals: tuple[LifeSignal, ...]
    failures: tuple[FailureSignal | FailureCall, ...]
    services: tuple[str, ...]
    kills: tuple[str, ...]
    reapers: tuple[str, ...]
