"""A virtual environment for each subject, in ``.venv-bench``: made once, and again when what it asks for changes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from bench.subjects import BY_NAME, Subject

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".venv-bench"
INSTALL_SECONDS = 600

_VERSIONS_OF = ("autogen-agentchat", "openai", "opentelemetry-sdk", "wrapt")
_PRINT_VERSIONS = """
import importlib.metadata, json, sys
found = {}
for name in sys.argv[1:]:
    try:
        found[name] = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        pass
print(json.dumps(found))
"""


class NotInstalled(Exception):
    """A subject's environment could not be made; the message is why, in a line."""


def python_of(subject: Subject) -> str:
    """The interpreter of a subject's environment, which is made if need be.

    Raises:
        NotInstalled: pip could not.
    """
    subject = BY_NAME.get(subject.folder, subject)
    folder = HOME / subject.name
    python, stamp = folder / "bin" / "python", folder / ".stamp"
    wanted = "\n".join((sys.version, *subject.installs))
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return str(python)
    print(f"bench: installing {subject.title} into {folder.relative_to(ROOT)}", flush=True)
    shutil.rmtree(folder, ignore_errors=True)
    venv.create(folder, symlinks=True, with_pip=True)
    requirements: list[str] = []
    for requirement in subject.installs:
        requirements += ("--editable", str(ROOT)) if requirement == "-e" else (requirement,)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    try:
        subprocess.run(
            [*pip, *requirements],
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=INSTALL_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise NotInstalled(f"pip was not done within {INSTALL_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        raise NotInstalled(_reason(error.stderr)) from error
    stamp.write_text(wanted, encoding="utf-8")
    return str(python)


def versions(python: str, subject: Subject) -> dict[str, str]:
    """Of what matters in an environment: the first that is required beside AutoGen, AutoGen, what both stand on."""
    subject = BY_NAME.get(subject.folder, subject)
    own = [requirement.split()[0].partition("[")[0] for requirement in subject.requirements[:1]]
    asked = [*own, *(["autogen-vitals"] if "-e" in subject.requirements else []), *_VERSIONS_OF]
    ended = subprocess.run([python, "-c", _PRINT_VERSIONS, *asked], capture_output=True, text=True, check=True)
    return dict(json.loads(ended.stdout))


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["pip failed and said nothing"])[0][:300]
