"""A wrapper around async generators that never leaks context to their consumer.

The run's context is current only while the generator's own code runs: attached before each resume and detached before
the item, or the suspension, reaches the consumer. So a consumer that breaks early, closes from another task, or is
cancelled can never meet a token of another context ("Failed to detach context"), and its own current span stays its
own between items. The run begins at the first resume and ends exactly once.
"""

from __future__ import annotations

import copy
import sys
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from functools import partial
from types import AsyncGeneratorType, MappingProxyType, TracebackType
from typing import Any

import wrapt

from autogen_vitals.guard import guarded, guarded_by_position, hide_caller_frame, unseen
from autogen_vitals.wrapping.watch import Observation, Watch

_ObjectProxy: Any = getattr(wrapt, "BaseObjectProxy", wrapt.ObjectProxy)

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class ObservedIterator(_ObjectProxy):
    """Stands for an async iterator: ``isinstance`` and every attribute answer as it does."""

    # wrapt 1's only proxy is an iterable, which nothing asynchronous may be taken for; 2's base proxy is none.
    if not hasattr(wrapt, "BaseObjectProxy"):
        __iter__ = None

    def __init__(
        self, stream: Any, watch: Watch, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        super().__init__(stream)
        self._self_run = _StreamRun(stream, watch, instance, args, kwargs)

    # wrapt's proxies refuse these in words of their own; what a stream answers is another matter.
    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def __copy__(self) -> Any:
        return copy.copy(self.__wrapped__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __aiter__(self) -> Any:
        return self

    def __anext__(self) -> Any:
        run = self._self_run
        # Not by ``__wrapped__``: what is asked of a proxy itself takes as long as all of this.
        step = run.stream.__anext__()
        # Of one that turned out to be a part of another, there is nothing to tell.
        return step if run.begun and run.observation is None else _Step(run, step, True)


class ObservedStream(ObservedIterator):
    """Stands for an async generator, ``inspect.isasyncgen`` included."""

    def asend(self, value: Any) -> Any:
        return _Step(self._self_run, self.__wrapped__.asend(value), True)

    def athrow(self, *exception: Any) -> Any:
        one = _as_one_argument(self.__wrapped__, *exception) if len(exception) > 1 else None
        if one is not None:
            # The generator would warn of our line: a warning of C code's own does not step over the frame it is met in.
            try:
                warnings.warn(_DEPRECATED_ATHROW, DeprecationWarning, stacklevel=2)
            except DeprecationWarning as error:
                hide_caller_frame(error)
                raise
            exception = (one,)
        _forgo(self._self_run)
        return _Step(self._self_run, self.__wrapped__.athrow(*exception), True)

    def aclose(self) -> Any:
        _forgo(self._self_run)
        return _Step(self._self_run, self.__wrapped__.aclose(), False)


_DEPRECATED_ATHROW = "the (type, exc, tb) signature of athrow() is deprecated, use the single-arg signature instead."


@guarded
def _as_one_argument(stream: Any, kind: Any, value: Any = None, traceback: Any = None) -> BaseException | None:
    """What an async generator would throw for these, if it is one that would warn of them.

    Only for an exception that exists. What remains for it to build, or to refuse, is left to the generator.
    """
    while type(stream) is ObservedStream:
        stream = stream.__wrapped__
    if sys.version_info < (3, 12) or type(stream) is not AsyncGeneratorType:
        return None
    if not (traceback is None or isinstance(traceback, TracebackType)):
        return None
    if isinstance(kind, BaseException) and value is None:
        return kind if traceback is None else kind.with_traceback(traceback)
    if isinstance(kind, type) and isinstance(value, BaseException) and isinstance(value, kind):
        # Beside a class, no traceback means none: not the one that the exception has.
        return value.with_traceback(traceback)
    return None


def observed_stream(
    stream: Any, watch: Watch, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> ObservedIterator:
    """What stands for ``stream``: it has an ``aclose`` exactly if the stream has."""
    kind = ObservedStream if hasattr(stream, "asend") else ObservedIterator
    return kind(stream, watch, instance, args, kwargs)


class _StreamRun:
    """One stream's observation: begun at the first resume, ended once.

    ``step`` is the one that is under way: what Python answers to a second at the same time is not the run's end.
    """

    __slots__ = (
        "args",
        "begun",
        "ended",
        "instance",
        "kwargs",
        "last_item",
        "observation",
        "seen_item",
        "step",
        "stream",
        "timed",
        "watch",
    )

    def __init__(
        self, stream: Any, watch: Watch, instance: object, args: tuple[Any, ...], kwargs: Mapping[str, Any]
    ) -> None:
        self.stream = stream
        self.watch = watch
        self.instance: object = instance
        self.args = args
        self.kwargs = kwargs
        self.begun = False
        self.ended = False
        self.observation: Observation | None = None
        self.seen_item = False
        self.last_item: object = None
        self.step: object = None
        self.timed = False

    def resume(self) -> object:
        if not self.begun:
            self.begun = True
            self.observation = self.watch.begin(self.instance, self.args, self.kwargs)
            self.timed = self.observation is not None and bool(self.watch.timed(self.observation))
            # A prompt and a component are not kept alive by a stream's bookkeeping.
            self.instance, self.args, self.kwargs = None, (), _NOTHING
        if self.observation is None or self.ended:
            return None
        return self.watch.enter(self.observation)

    def forgo_if_unstarted(self) -> None:
        # Closing a generator whose first item nobody asked for runs none of its code.
        self.begun = True

    def end(self, error: BaseException | None) -> None:
        if self.observation is None or self.ended:
            return
        self.ended = True
        last_item, self.last_item = self.last_item, None
        self.watch.end(self.observation, last_item, error)

    @guarded
    def __del__(self) -> None:
        if self.observation is not None and not self.ended:
            self.watch.abandon(self.observation)


_resume = guarded_by_position(_StreamRun.resume)
_forgo = guarded(_StreamRun.forgo_if_unstarted)


_caught: Callable[[], Any] = getattr(sys, "exception", lambda: sys.exc_info()[1])
"""The exception that is being handled; not by a name, see ``calls.observation_on``."""


class _Step:
    """The awaitable behind one ``__anext__``, ``asend``, ``athrow`` or ``aclose``."""

    __slots__ = ("_driver", "_gives_item", "_next", "_run")

    def __init__(self, run: _StreamRun, awaitable: Any, gives_item: bool) -> None:
        self._run = run
        # An async generator's steps drive themselves; those of a hand-written iterator may be any awaitable.
        driver = awaitable if hasattr(awaitable, "send") else awaitable.__await__()
        self._driver = driver
        # A coroutine can be sent to but is no iterator.
        self._next: Callable[[], Any] = getattr(driver, "__next__", None) or partial(driver.send, None)
        self._gives_item = gives_item

    @unseen
    def __await__(self) -> Generator[Any, Any, Any]:
        """What an ``await`` drives, and that is nearly always who does: a generator, whose result is given back without
        an exception. Those of the other methods, for who drives a step by hand, take longer."""
        run, resume = self._run, self._next
        while True:
            observation = run.observation
            # Once it has begun, which takes the longest, without another call of ours around the watch's, which is
            # guarded.
            token = _resume(run) if observation is None or run.ended else run.watch.enter(observation)
            if run.step is None:
                run.step = self
            begin_ns = time.perf_counter_ns() if run.timed else 0
            try:
                try:
                    waits_for = resume()
                finally:
                    if begin_ns:
                        run.watch.ran(run.observation, begin_ns, time.perf_counter_ns())
                    if token is not None:
                        run.watch.leave(run.observation, token)
            except StopIteration:
                given = _caught().value
                if run.seen_item and self._gives_item and run.step is self:
                    # One item more, as most steps end: what _settle() would do, without two calls.
                    run.step, run.last_item = None, given
                else:
                    self._settle(_caught())
                return given
            except BaseException:
                self._settle(_caught())
                hide_caller_frame(_caught())
                raise
            is_closed = False
            try:
                sent = yield waits_for
            except GeneratorExit:
                is_closed = True
            except BaseException:
                hide_caller_frame(_caught())
                resume = partial(self._driver.throw, _caught())
            else:
                resume = self._next if sent is None else partial(self._driver.send, sent)
            if is_closed:
                # Not while that is handled: it would be the context of what this raises.
                try:
                    self.close()
                except BaseException:
                    hide_caller_frame(_caught())
                    raise
                raise GeneratorExit

    def __iter__(self) -> _Step:
        return self

    @unseen
    def __next__(self, resume: Callable[[], Any] | None = None) -> Any:
        run = self._run
        token = _resume(run)
        if run.step is None:
            run.step = self
        begin_ns = time.perf_counter_ns() if run.timed else 0
        try:
            try:
                return self._next() if resume is None else resume()
            finally:
                if begin_ns:
                    run.watch.ran(run.observation, begin_ns, time.perf_counter_ns())
                if token is not None:
                    run.watch.leave(run.observation, token)
        except BaseException:
            if not self._settle(_caught()):
                hide_caller_frame(_caught())
            raise

    @unseen
    def send(self, value: Any) -> Any:
        try:
            return self.__next__(partial(self._driver.send, value))
        except BaseException as error:
            hide_caller_frame(error)
            raise

    @unseen
    def throw(self, *exception: Any) -> Any:
        _forgo(self._run)
        try:
            return self.__next__(partial(self._driver.throw, *exception))
        except BaseException as error:
            hide_caller_frame(error)
            raise

    @unseen
    def close(self) -> None:
        _forgo(self._run)
        try:
            self.__next__(self._driver.close)
        except BaseException as error:
            hide_caller_frame(error)
            raise
        if self._run.step is self:
            self._run.step = None

    @guarded_by_position
    def _settle(self, outcome: BaseException | None) -> bool:
        """A step ends by an exception: StopIteration carries what it gave. Whether it is that, whose traceback no
        ``await`` shows."""
        run = self._run
        gave = isinstance(outcome, StopIteration)
        if run.step is not self:
            return gave
        run.step = None
        if gave and self._gives_item:
            if run.observation is not None:
                run.last_item = outcome.value
                if not run.seen_item:
                    run.seen_item = True
                    run.watch.first_item(run.observation)
        elif gave or isinstance(outcome, (StopAsyncIteration, GeneratorExit)):
            # aclose() has finished: the consumer closed the stream, which is no error. GeneratorExit is how a generator
            # is told that its consumer has gone.
            run.end(None)
        else:
            run.end(outcome)
        return gave
