"""Writes the boards into ``dashboards/grafana``; with --check, says whether they are up to date."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from boards import cold_starts, crashes, workers

FOLDER = Path(__file__).resolve().parent.parent / "grafana"


def generate() -> dict[str, str]:
    """File names and what is to be in them."""
    return {f"{board.uid}.json": board.as_json() for board in (m.build() for m in (cold_starts, crashes, workers))}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m boards", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a board is out of date")
    check = parser.parse_args().check
    stale = [
        name
        for name, text in generate().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text(encoding="utf-8") != text
    ]
    if check and stale:
        sys.stderr.write(f"{', '.join(stale)}: not what dashboards/boards says; run make boards\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    for name in stale:
        (FOLDER / name).write_text(generate()[name], encoding="utf-8", newline="\n")
        sys.stdout.write(f"dashboards/grafana/{name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
