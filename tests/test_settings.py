"""Settings: one name three ways, and a bad value is one clear warning."""

from __future__ import annotations

import dataclasses
import os
import sys
import typing
from pathlib import PurePosixPath
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.instrumentation import auto_instrumentation

from autogen_vitals import environment_variables
from autogen_vitals.configuration import Configuration
from autogen_vitals.records import names_of, values_of
from autogen_vitals.settings import Settings, load_settings

DEFAULTS = {
    "enabled": True,
    "native_spans": "replace",
    "model_spans": "auto",
    "init_span_threshold": 1.0,
    "flush_timeout": 3.0,
    "import_tree": False,
    "loop_heartbeat": 50.0,
    "loop_blocked_threshold": 200.0,
    "exit_record": True,
    "state_dir": "",
    "exception_messages": "known",
    "findings": True,
    "silence": (),
    "thresholds": {},
}
# name: (in the environment, as Settings has it, as a keyword, as Settings has it)
ACCEPTED: dict[str, tuple[str, Any, Any, Any]] = {
    "enabled": ("false", False, True, True),
    "native_spans": ("keep", "keep", "replace", "replace"),
    "model_spans": ("off", "off", "on", "on"),
    "init_span_threshold": ("0", 0.0, 2.5, 2.5),
    "flush_timeout": ("7", 7.0, 0, 0.0),
    "import_tree": ("1", True, False, False),
    "loop_heartbeat": ("0", 0.0, 20, 20.0),
    "loop_blocked_threshold": ("0.5", 0.5, 1000, 1000.0),
    "exit_record": ("false", False, True, True),
    "state_dir": ("/var/run/app", "/var/run/app", PurePosixPath("/tmp/app"), "/tmp/app"),
    "exception_messages": ("none", "none", "All", "all"),
    "findings": ("false", False, True, True),
    "silence": ("AG102, AG4*", ("AG102", "AG4*"), ["*"], ("*",)),
    "thresholds": ("AG101=5,AG604=0.5", {"AG101": 5.0, "AG604": 0.5}, {"AG101": 2}, {"AG101": 2.0}),
}
TAKES = {
    "enabled": "'true' or 'false'",
    "native_spans": "'replace' or 'keep'",
    "model_spans": "'auto' or 'on' or 'off'",
    "init_span_threshold": "a number of milliseconds, 0 or more",
    "flush_timeout": "a number of seconds, 0 or more",
    "import_tree": "'true' or 'false'",
    "loop_heartbeat": "a number of milliseconds, 0 or more",
    "loop_blocked_threshold": "a number of milliseconds, 0 or more",
    "exit_record": "'true' or 'false'",
    "state_dir": "a folder",
    "exception_messages": "'known' or 'all' or 'none'",
    "findings": "'true' or 'false'",
    "silence": "ids of rules or globs, such as 'AG102,AG4*'",
    "thresholds": "rules and numbers, such as 'AG101=5'",
}
REFUSED: dict[str, list[Any]] = {
    "enabled": ["yes", "2", "on", 2, 1.5, [], object],
    "native_spans": ["drop", True, 0, ["keep"]],
    "model_spans": ["always", False, {"on": True}],
    "init_span_threshold": ["fast", "1 ms", "-1", -0.5, "nan", float("nan"), "inf", float("inf"), True, False, [1]],
    "flush_timeout": ["soon", "-3", "nan", "-inf", float("-inf"), True, {}],
    "import_tree": ["all", "2", 2, []],
    "loop_heartbeat": ["50 ms", "-1", float("nan"), True],
    "loop_blocked_threshold": ["never", -1, "inf", False],
    "exit_record": ["memory", 2, []],
    "state_dir": [3, True, ["/tmp"]],
    "exception_messages": ["redacted", True, {}],
    "findings": ["never", 2, []],
    "silence": ["client-rebuilt", "ag101", 101, True, [101]],
    "thresholds": ["AG101", "AG101=many", "AG101=-1", "5", "101=5", 5, True, {"client": 5}, {"AG101": float("nan")}],
}
NAMES = sorted(DEFAULTS)


def variable(name: str) -> str:
    return f"OTEL_PYTHON_AUTOGEN_{name.upper()}"


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(variable(name), raising=False)


def test_the_defaults_are_the_documented_ones() -> None:
    """Nothing given, nothing set: the defaults."""
    assert values_of(load_settings({})) == DEFAULTS == values_of(Settings())


def test_settings_are_frozen() -> None:
    """What was loaded stays as it is."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_settings({}).enabled = False  # type: ignore[misc]


@pytest.mark.parametrize("name", NAMES)
def test_the_environment_beats_the_default(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable sets its own setting and no other."""
    text, value, _, _ = ACCEPTED[name]
    monkeypatch.setenv(variable(name), text)
    assert values_of(load_settings({})) == {**DEFAULTS, name: value}


@pytest.mark.parametrize("name", NAMES)
def test_a_keyword_beats_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyword of enable(), which is also what declarative configuration passes, wins over the variable."""
    text, _, keyword, value = ACCEPTED[name]
    monkeypatch.setenv(variable(name), text)
    assert values_of(load_settings({name: keyword})) == {**DEFAULTS, name: value}


@pytest.mark.parametrize("name", NAMES)
def test_a_keyword_of_none_is_not_given(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, which declarative configuration has for what its file leaves out, lets the environment hold."""
    text, value, _, _ = ACCEPTED[name]
    monkeypatch.setenv(variable(name), text)
    assert getattr(load_settings({name: None}), name) == value


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_variable_is_not_given(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An empty variable means unset, as everywhere in OpenTelemetry, and nobody is warned."""
    monkeypatch.setenv(variable(name), "")
    assert values_of(load_settings({})) == DEFAULTS
    assert caplog.records == []


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("True", True), (" TRUE ", True), ("1", True), ("false", False), ("FALSE", False), ("0", False)],
)
def test_a_boolean_is_read_in_any_case(text: str, value: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Case and surrounding space do not matter; 1 and 0 will do."""
    monkeypatch.setenv("OTEL_PYTHON_AUTOGEN_ENABLED", text)
    assert load_settings({}).enabled is value


def test_a_word_is_read_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    """Case and surrounding space do not matter."""
    monkeypatch.setenv("OTEL_PYTHON_AUTOGEN_MODEL_SPANS", " Off ")
    assert load_settings({"native_spans": "KEEP"}) == Settings(native_spans="keep", model_spans="off")


def test_a_number_is_a_float(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole numbers and text become float, so that nothing later meets another type."""
    monkeypatch.setenv("OTEL_PYTHON_AUTOGEN_FLUSH_TIMEOUT", "0.25")
    settings = load_settings({"init_span_threshold": 5})
    assert (settings.flush_timeout, settings.init_span_threshold) == (0.25, 5.0)
    assert type(settings.init_span_threshold) is float


def refusals(kind: type | tuple[type, ...] = object) -> list[Any]:
    return [
        pytest.param(name, value, id=f"{name}={value!r:.20}")
        for name, values in REFUSED.items()
        for value in values
        if isinstance(value, kind)
    ]


def refusal(name: str, source: str, value: object) -> str:
    default = DEFAULTS[name]
    return f"autogen-vitals: {source}={value!r} is not accepted: it takes {TAKES[name]}; using the default, {default!r}"


@pytest.mark.parametrize(("name", "value"), refusals())
def test_a_bad_keyword_is_one_warning(name: str, value: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The warning names the keyword, the value and what is accepted; the default is used."""
    assert values_of(load_settings({name: value})) == DEFAULTS
    assert [(record.name, record.levelname, record.getMessage()) for record in caplog.records] == [
        (
            "autogen_vitals",
            "WARNING",
            refusal(name, name, value),
        )
    ]


@pytest.mark.parametrize(("name", "text"), refusals(str))
def test_a_bad_variable_is_one_warning(
    name: str, text: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning names the variable, the value and what is accepted; the default is used."""
    monkeypatch.setenv(variable(name), text)
    assert values_of(load_settings({})) == DEFAULTS
    assert [record.getMessage() for record in caplog.records] == [refusal(name, variable(name), text)]


def test_a_bad_keyword_does_not_fall_back_to_the_variable(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As the warning says, the default is used."""
    monkeypatch.setenv("OTEL_PYTHON_AUTOGEN_FLUSH_TIMEOUT", "7")
    assert load_settings({"flush_timeout": "soon"}).flush_timeout == 3.0
    assert len(caplog.records) == 1


def test_a_number_too_large_for_a_float_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """Python's whole numbers have no end; that is a bad value like any other."""
    assert load_settings({"flush_timeout": 10**400}) == Settings()
    assert len(caplog.records) == 1


def test_one_bad_value_leaves_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """Each setting stands for itself."""
    assert load_settings({"flush_timeout": "soon", "model_spans": "off"}) == Settings(model_spans="off")
    assert len(caplog.records) == 1


def test_an_unknown_name_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    """A misspelt keyword is named, with the settings there are, and the others hold."""
    assert load_settings({"flush_timout": 1, "model_spans": "on"}) == Settings(model_spans="on")
    (record,) = caplog.records
    names = ", ".join(DEFAULTS)
    assert record.getMessage() == f"autogen-vitals: there is no setting 'flush_timout'; there are {names}"


def test_the_configuration_has_the_fields_of_the_settings() -> None:
    """Declarative configuration knows every setting, and "not given" for each."""
    names = list(names_of(Settings))
    assert [field.name for field in dataclasses.fields(Configuration)] == names
    assert dataclasses.astuple(Configuration()) == (None,) * len(names)


def test_the_configuration_says_which_types_it_takes() -> None:
    """Each field is the JSON type of its setting, or None; the loader resolves these annotations."""
    hints = typing.get_type_hints(Configuration)
    expected: dict[str, set[Any]] = {name: {type(default), type(None)} for name, default in DEFAULTS.items()}
    # In a file there are lists and maps, too.
    expected["silence"] = {str, list[str], type(None)}
    expected["thresholds"] = {str, dict[str, float], type(None)}
    assert {name: set(typing.get_args(hint)) for name, hint in hints.items()} == expected


def test_each_setting_has_its_constant() -> None:
    """environment_variables has one constant for each setting, named as its value, and no other."""
    constants = {name: value for name, value in vars(environment_variables).items() if name.startswith("OTEL_")}
    assert constants == {variable(name): variable(name) for name in names_of(Settings)}


@pytest.mark.parametrize(
    ("name", "default"),
    [
        ("enabled", "``true`` (default)"),
        ("native_spans", "``replace`` (default)"),
        ("model_spans", "``auto`` (default)"),
        ("init_span_threshold", "(default ``1``)"),
        ("flush_timeout", "(default ``3``)"),
        ("import_tree", "``false`` (default)"),
        ("loop_heartbeat", "(default ``50``)"),
        ("loop_blocked_threshold", "(default ``200``)"),
        ("exit_record", "``true`` (default)"),
        ("state_dir", "Default: ``autogen-vitals``"),
        ("exception_messages", "``known`` (default)"),
    ],
)
def test_each_constant_is_documented(name: str, default: str) -> None:
    """Under each constant stands what it does, and its default."""
    with open(environment_variables.__file__, encoding="utf-8") as file:
        source = file.read()
    assignment = f'{variable(name)} = "{variable(name)}"\n"""\n.. envvar:: {variable(name)}\n\n'
    assert assignment in source
    assert default in source.partition(assignment)[2].partition('"""')[0]


@pytest.mark.parametrize("name", NAMES)
def test_each_constant_is_a_flag(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """opentelemetry-instrument takes --autogen_<name> and starts the command with the variable set."""
    started: list[str | None] = []
    entry_point = SimpleNamespace(load=lambda: environment_variables)
    monkeypatch.setattr(auto_instrumentation, "entry_points", lambda group: [entry_point])
    monkeypatch.setattr(auto_instrumentation, "execl", lambda *command: started.append(os.environ.get(variable(name))))
    monkeypatch.setenv("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    monkeypatch.setenv(variable(name), "before")
    monkeypatch.setattr(sys, "argv", ["opentelemetry-instrument", f"--autogen_{name}", "given", "python"])
    auto_instrumentation.run()
    assert started == ["given"]


def test_the_flag_in_the_documentation_is_a_flag() -> None:
    """The example in the docstring of environment_variables is what opentelemetry-instrument really takes."""
    assert "``--autogen_model_spans``" in (environment_variables.__doc__ or "")
