"""Python imports this at its start where ``autogen-vitals run`` has put this folder first on ``PYTHONPATH``.

It instruments the process, whoever has started it, and then lets the ``sitecustomize`` that it hides have its turn.
"""

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))


def _attach() -> None:
    try:
        from autogen_vitals import auto_instrumentation, installing
    except ImportError:
        _say_who_we_are()
        return
    installing.install()
    auto_instrumentation.ends()


def _say_who_we_are() -> None:
    """This is another environment's Python, which does not have us: ``run`` can say so, and what to install where."""
    from http.client import HTTPConnection, HTTPException

    address = os.environ.get("AUTOGEN_VITALS_ATTACHED", "").removeprefix("http://")
    try:
        connection = HTTPConnection(address, timeout=1)
        connection.request("POST", "/strangers", sys.executable or "python")
        connection.getresponse().read()
        connection.close()
    except (OSError, HTTPException):
        pass


def _next_sitecustomize() -> None:
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    spec = PathFinder.find_spec("sitecustomize", [path for path in sys.path if os.path.abspath(path) != _HERE])
    if spec is not None and spec.loader is not None:
        module = sys.modules["sitecustomize"] = module_from_spec(spec)
        spec.loader.exec_module(module)


_attach()
_next_sitecustomize()
