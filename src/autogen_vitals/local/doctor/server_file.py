"""A configuration file of gunicorn's, read and not run: what stands there as a literal, and which functions."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass, field

HOOKS = ("on_starting", "when_ready", "pre_fork", "post_fork", "post_worker_init", "worker_int", "worker_abort",
         "worker_exit", "child_exit", "on_exit")  # fmt: skip

Literal = str | int | float | bool


@dataclass(frozen=True)
class ServerFile:
    """What the file says.

    Attributes:
        values: settings whose value is a literal, by name.
        computed: settings whose value is not, and so is not known.
        hooks: functions that the server calls.
    """

    values: dict[str, Literal] = field(default_factory=dict[str, Literal])
    computed: frozenset[str] = frozenset()
    hooks: frozenset[str] = frozenset()


def read_server_file(source: str) -> ServerFile:
    """Read it; nothing in it is run.

    Raises:
        SyntaxError: it is no Python; also where it is nested too deep, or has a null byte.
    """
    try:
        tree = ast.parse(source)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(type(error).__name__) from None
    values: dict[str, Literal] = {}
    computed: set[str] = set()
    hooks: set[str] = set()
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            hooks.add(statement.name)
        for name, value in _assigned(statement):
            literal = _literal(value)
            values.pop(name, None)
            computed.discard(name)
            if literal is None:
                computed.add(name)
            else:
                values[name] = literal
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            # What an "if" or a "try" assigns may hold, or not.
            for name in _assigned_inside(statement):
                values.pop(name, None)
                computed.add(name)
    return ServerFile(values, frozenset(computed), frozenset(hooks.intersection(HOOKS)))


def _assigned(statement: ast.stmt) -> Iterable[tuple[str, ast.expr]]:
    if isinstance(statement, ast.Assign):
        return [(target.id, statement.value) for target in statement.targets if isinstance(target, ast.Name)]
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value is not None:
        return [(statement.target.id, statement.value)]
    return []


def _assigned_inside(statement: ast.stmt) -> Iterable[str]:
    for node in ast.walk(statement):
        if node is not statement and isinstance(node, ast.stmt):
            for name, _ in _assigned(node):
                yield name


def _literal(value: ast.expr) -> Literal | None:
    try:
        found: object = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return found if isinstance(found, str | int | float | bool) else None
