"""Imports that fail in every way, with AutoGen among them: the tracebacks, and what can be asked about a loader."""

import importlib
import importlib.util
import os
import pickle
import sys
import tempfile
import traceback
from pathlib import Path

MINIMUM = (0, 4, 9)
CANARY = "CANARY-PROMPT-7f3a"

BROKEN = {
    "divides": f"message = '{CANARY}'\n1 / 0",
    "nested_package/__init__": "from nested_package import inner",
    "nested_package/inner": "import autogen_core\nimport no_such_module_anywhere",
    "misspelt": "from autogen_agentchat.agents import AssistentAgent",
    "unparsable": "def (:",
    "leaves": "raise SystemExit(3)",
    "interrupted": "raise KeyboardInterrupt",
    "chained": "try:\n import divides\nexcept ZeroDivisionError as error:\n raise ImportError('chained') from error",
    "needs_a_name": "import os\nos.environ['NO_SUCH_VARIABLE_ANYWHERE']",
    "fine": "import autogen_agentchat.agents\nvalue = 1",
}


def attempt(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except BaseException as error:
        lines = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        print(lines.replace(os.getcwd(), "<here>"))
        print(type(error).__name__, error.args[:1], error.__suppress_context__, name in sys.modules)
    else:
        loader = module.__spec__.loader
        print(name, type(loader).__name__, sorted(vars(loader)), module.__loader__ is loader)
        print(pickle.loads(pickle.dumps(loader)) == loader)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        sys.path.insert(0, "")
        for name, source in BROKEN.items():
            file = Path(f"{name}.py")
            file.parent.mkdir(exist_ok=True)
            file.write_text(source + "\n")
        importlib.invalidate_caches()
        for name in ("nested_package" if "/" in name else name for name in BROKEN):
            attempt(name)
        attempt("no_such_module_anywhere")
        attempt("fine.no_package")
        spec = importlib.util.find_spec("fine")
        print(type(spec.loader).__name__, sorted(vars(spec.loader)))
        print(importlib.reload(sys.modules["fine"]).value)
        print(type(sys.modules["fine"].autogen_agentchat.agents.AssistantAgent("a", None)).__name__)
        os.chdir("/")


if __name__ == "__main__":
    main()
