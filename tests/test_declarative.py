"""``enabled: false`` in a declarative configuration file switches us off, which the loader alone would not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from autogen_vitals.declarative import is_disabled_in_config_file

VARIABLES = ("OTEL_CONFIG_FILE", "OTEL_EXPERIMENTAL_CONFIG_FILE")


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def write(content: str | bytes, variable: str = "OTEL_CONFIG_FILE") -> None:
        path = tmp_path / f"{variable}.config"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        monkeypatch.setenv(variable, str(path))

    return write


def document(node: object) -> dict[str, object]:
    return {"file_format": "1.1", "instrumentation/development": {"python": {"autogen_vitals": node}}}


def test_without_a_file_nothing_is_disabled() -> None:
    """No variable, no file, no answer but no."""
    assert is_disabled_in_config_file() is False


def test_an_empty_variable_names_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty variable means unset."""
    monkeypatch.setenv("OTEL_CONFIG_FILE", "")
    assert is_disabled_in_config_file() is False


@pytest.mark.parametrize(
    ("node", "disabled"),
    [
        ({"enabled": False}, True),
        ({"enabled": False, "model_spans": "off"}, True),
        ({"enabled": True}, False),
        ({"model_spans": "off"}, False),
        ({}, False),
        (None, False),
        ({"enabled": None}, False),
        ({"enabled": 0}, False),
        ({"enabled": "false"}, False),
    ],
)
def test_only_enabled_false_disables(node: object, disabled: bool, configured: Any) -> None:
    """The boolean false under our own name, and nothing that merely looks like it."""
    configured(json.dumps(document(node)))
    assert is_disabled_in_config_file() is disabled


@pytest.mark.parametrize("variable", VARIABLES)
def test_both_variables_name_the_file(variable: str, configured: Any) -> None:
    """The stable name and the one of older SDKs."""
    configured(json.dumps(document({"enabled": False})), variable)
    assert is_disabled_in_config_file() is True


def test_the_stable_variable_comes_first(configured: Any) -> None:
    """Where both are set, the file of OTEL_CONFIG_FILE is read, as the SDK does."""
    configured(json.dumps(document({"enabled": True})), "OTEL_CONFIG_FILE")
    configured(json.dumps(document({"enabled": False})), "OTEL_EXPERIMENTAL_CONFIG_FILE")
    assert is_disabled_in_config_file() is False


@pytest.mark.parametrize(
    "tree",
    [
        {"instrumentation/development": {"python": {"other": {"enabled": False}}}},
        {"instrumentation/development": {"java": {"autogen_vitals": {"enabled": False}}}},
        {"autogen_vitals": {"enabled": False}},
        {"instrumentation/development": None},
    ],
)
def test_other_nodes_are_not_ours(tree: object, configured: Any) -> None:
    """What is disabled elsewhere in the file is somebody else."""
    configured(json.dumps(tree))
    assert is_disabled_in_config_file() is False


YAML = """\
file_format: "1.1"
instrumentation/development:
  python:
    autogen_vitals:
      enabled: {}
"""


@pytest.mark.parametrize(("word", "disabled"), [("false", True), ("true", False), ("", False)])
def test_a_yaml_file_is_read(word: str, disabled: bool, configured: Any) -> None:
    """YAML is what such files usually are."""
    pytest.importorskip("yaml")
    configured(YAML.format(word))
    assert is_disabled_in_config_file() is disabled


def test_without_pyyaml_a_yaml_file_disables_nothing(configured: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK cannot read the file either, and says so."""
    monkeypatch.setitem(sys.modules, "yaml", None)
    configured(YAML.format("false"))
    assert is_disabled_in_config_file() is False


@pytest.mark.parametrize(
    "content",
    ["", "null", "[]", '"text"', "17", "{", "{'enabled': false}", "a: [b", "\t@", b"\xff\xfe\x00", b"\x00"],
    ids=repr,
)
def test_a_malformed_file_disables_nothing(content: str | bytes, configured: Any) -> None:
    """What cannot be understood is left to the SDK to report."""
    configured(content)
    assert is_disabled_in_config_file() is False


@pytest.mark.parametrize("node", [[], ["enabled"], "enabled", 17, True])
def test_a_node_of_another_type_disables_nothing(node: object, configured: Any) -> None:
    """A list or a word where settings should be is not understood."""
    configured(json.dumps(document(node)))
    assert is_disabled_in_config_file() is False


def test_a_missing_file_disables_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path without a file is left to the SDK to report."""
    monkeypatch.setenv("OTEL_CONFIG_FILE", str(tmp_path / "missing.yaml"))
    assert is_disabled_in_config_file() is False


def test_a_folder_disables_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that cannot be opened is left to the SDK to report."""
    monkeypatch.setenv("OTEL_CONFIG_FILE", str(tmp_path))
    assert is_disabled_in_config_file() is False


def test_a_path_that_cannot_exist_disables_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does one that is longer than any path may be."""
    monkeypatch.setenv("OTEL_CONFIG_FILE", "x" * 5000)
    assert is_disabled_in_config_file() is False
