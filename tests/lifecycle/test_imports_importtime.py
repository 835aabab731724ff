"""The import finder in processes of its own: the same tracebacks as without it, the same times as ``-X importtime``."""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

INSTALL = """
import os
if os.environ.get("WITH_FINDER"):
    from autogen_vitals.lifecycle.imports import ImportFinder
    finder = ImportFinder(lambda begin, end: None)
    finder.install()
"""

FINDER = """
import sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "unfindable":
            raise {error}("in a finder")
sys.meta_path.append(Finder())
"""

RAISES = {
    "a ZeroDivisionError": "1 / 0",
    "an ImportError": "raise ImportError('why')",
    "a missing module": "import not_there_",
    "a name that is not there": "from json import not_there_",
    "a SyntaxError": "def :",
    "a SystemExit": "raise SystemExit('why')",
    "a KeyboardInterrupt": "raise KeyboardInterrupt",
    "an exception with a cause": "try:\n    import not_there_\nexcept ImportError as e:\n    raise ValueError from e",
    "a finder's ImportError": FINDER.format(error="ImportError") + "import unfindable",
}
NOT_ON_310 = {"a finder's LookupError": FINDER.format(error="LookupError") + "import unfindable"}
REPORTS = """
import traceback
try:
    import outer
except BaseException:
    print(traceback.format_exc())
import outer
"""


def run(script: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs a script to its end."""
    return subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def assert_same_end(folder: Path, script: str, **modules: str) -> None:
    """With the finder and without: the same output, traceback and exit status."""
    for name, source in modules.items():
        (folder / f"{name}.py").write_text(source)
    (folder / "script.py").write_text(INSTALL + script)
    without, with_it = run(folder / "script.py"), run(folder / "script.py", WITH_FINDER="1")
    assert without.returncode != 0
    assert without.stderr
    assert (with_it.returncode, with_it.stdout, with_it.stderr) == (
        without.returncode,
        without.stdout,
        without.stderr,
    )


@pytest.mark.parametrize("what", RAISES)
def test_the_traceback_of_a_failed_import_is_the_same(tmp_path: Path, what: str) -> None:
    """Two levels down, as ``traceback`` formats it and as the interpreter prints it."""
    assert_same_end(tmp_path, REPORTS, outer="import inner", inner=RAISES[what])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="keeps the wrapper's frame")
@pytest.mark.parametrize("what", NOT_ON_310)
def test_so_is_that_of_a_finder_that_fails(tmp_path: Path, what: str) -> None:
    """With every frame of the import machinery, and none of ours."""
    assert_same_end(tmp_path, REPORTS, outer="import inner", inner=NOT_ON_310[what])


@pytest.mark.skipif(sys.version_info < (3, 11), reason="keeps the wrapper's frame")
@pytest.mark.parametrize("what", RAISES | NOT_ON_310)
def test_so_is_that_of_import_module(tmp_path: Path, what: str) -> None:
    """From which CPython strips nothing; it is how servers load an app."""
    script = "import importlib; importlib.import_module('outer')"
    assert_same_end(tmp_path, script, outer="import inner", inner=(RAISES | NOT_ON_310)[what])


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="takes the wrapper's frame off")
@pytest.mark.parametrize("script", ["import importlib; importlib.import_module('outer')", "import unfindable"])
def test_on_310_there_is_a_line_more(tmp_path: Path, script: str) -> None:
    """Of importlib's, as it seems, for each of our frames that nothing strips."""
    (tmp_path / "outer.py").write_text("1 / 0")
    (tmp_path / "script.py").write_text(INSTALL + FINDER.format(error="LookupError") + script)
    without, with_it = run(tmp_path / "script.py"), run(tmp_path / "script.py", WITH_FINDER="1")
    more = list(difflib.ndiff(without.stderr.splitlines(), with_it.stderr.splitlines()))
    assert [line[:43] for line in more if line[0] in "+-"] == ['+   File "<frozen importlib._bootstrap>", l']


def test_a_warning_is_at_the_same_line(tmp_path: Path) -> None:
    """``stacklevel=2`` in a module means the line that imports it."""
    warns = "import warnings; warnings.warn('old', DeprecationWarning, stacklevel=2)"
    script = "import warnings; warnings.simplefilter('always')\nimport outer\nraise SystemExit('end')"
    assert_same_end(tmp_path, script, outer="import inner", inner=warns)


def test_a_zip_fails_alike(tmp_path: Path) -> None:
    """Its loader is another one."""
    script = """
import sys, zipfile
with zipfile.ZipFile(__file__ + ".zip", "w") as archive:
    archive.writestr("zipped.py", "import zipped_too")
    archive.writestr("zipped_too.py", "1 / 0")
sys.path.insert(0, __file__ + ".zip")
import zipped
"""
    assert_same_end(tmp_path, script)


def test_where_cpython_strips_no_frame_ours_has_its_own_name(tmp_path: Path) -> None:
    """The self-test decides; it is deceived here by an ``__import__`` in Python, from which nothing is stripped."""
    script = tmp_path / "script.py"
    script.write_text("""
import builtins, importlib
builtins.__import__, original = importlib.__import__, builtins.__import__
from autogen_vitals.lifecycle.imports import ImportFinder, _Timing
ImportFinder(print).install()
print(_Timing.__call__.__code__.co_name, _Timing.__call__.__code__.co_filename)
""")
    name, file = run(script).stdout.split(maxsplit=1)
    assert name == "__call__"
    assert file.strip().endswith("imports.py")


# Against the interpreter's own clock

PACKAGES = """
import json, sys
from autogen_vitals.lifecycle.imports import ImportFinder
finder = ImportFinder(lambda begin, end: None)
before = list(sys.modules)
finder.install()
import autogen_agentchat.agents
import autogen_ext.models.openai
finder.remove()
assert finder.failure is None
print(json.dumps([before, {record.name: [record.duration_ns, record.error] for record in finder.records}]))
"""
IMPORTTIME_LINE = re.compile(r"^import time: +\d+ \| +(\d+) \| +(\S+)$", re.MULTILINE)
LARGE_NS = 20_000_000


def test_it_agrees_with_importtime(tmp_path: Path) -> None:
    """In the same process, within 2 %, on every package of more than 20 ms that both know.

    Only top-level names: for ``import a.b`` the interpreter charges ``a.b`` with ``a``.
    """
    pytest.importorskip("autogen_agentchat")
    pytest.importorskip("openai")
    script = tmp_path / "script.py"
    script.write_text(PACKAGES)
    ended = run(script, PYTHONPROFILEIMPORTTIME="1")
    assert ended.returncode == 0, ended.stderr[-2000:]
    theirs = {name: 1000 * int(micros) for micros, name in IMPORTTIME_LINE.findall(ended.stderr)}
    before, records = json.loads(ended.stdout)
    ours = {name: ns for name, (ns, error) in records.items() if "." not in name and error is None}
    large = {name: ns for name, ns in theirs.items() if ns > LARGE_NS and "." not in name and name not in before}
    assert len(large) >= 3, large
    assert "openai" in large
    assert {name: ours.get(name) for name in large} == {name: pytest.approx(ns, rel=0.02) for name, ns in large.items()}
