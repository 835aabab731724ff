"""What makes no sense on the command line is said before anything is started."""

from __future__ import annotations

import pytest

from autogen_vitals.cli import main

ASK = ("--request", "GET /ask?q={word}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("app:app",), "--request"),
        (("app", *ASK), "Write MODULE:APP"),
        (("app:app", *ASK, "--preload"), "Add --server gunicorn"),
        (("app:app", *ASK, "--workers", "1,none"), "--workers"),
        (("app:app", *ASK, "--workers", "0"), "0 is less than 1"),
        (("app:app", *ASK, "--app-dir", "/no/such/folder"), "there is no folder /no/such/folder"),
        (("app:app", "--request", "/ask"), "Write 'GET /ask?q={word}'"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 2, and what to write instead."""
    with pytest.raises(SystemExit) as exited:
        main(["compare", *arguments])
    assert exited.value.code == 2
    assert said in capsys.readouterr().err
