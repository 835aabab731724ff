"""The files that get it running. There is no Docker, Kubernetes, Collector or cloud here: what is checked is that they
fit each other, the schemas that there are, and what the package emits and accepts."""

from __future__ import annotations

import fnmatch
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import kubernetes_validate
import prometheus
import pytest
import yaml
from dockerfile_parse import DockerfileParser
from packaging.requirements import Requirement

from autogen_vitals import environment_variables, semconv
from autogen_vitals.semconv.spans import REQUEST_ATTRIBUTES, SPAN_EVENTS, SPANS, STARTUP_SPAN
from autogen_vitals.settings import load_settings

ROOT = Path(__file__).parents[2]
DASHBOARDS = ROOT / "dashboards"
DEPLOY = DASHBOARDS / "deploy"
DOCKERFILE = DEPLOY / "auto-instrumentation.Dockerfile"
FILES = sorted([*DASHBOARDS.rglob("*.yaml"), *DASHBOARDS.rglob("*.yml")])
# The oldest that is still in use somewhere, and the newest that there are schemas of.
KUBERNETES = ("1.29", kubernetes_validate.latest_version())
OURS = "OTEL_PYTHON_AUTOGEN_"

Yaml = dict[str, Any]


def documents(path: Path) -> list[Yaml]:
    """What is in a file."""
    return list(yaml.safe_load_all(path.read_text()))


def document(name: str) -> Yaml:
    """The only one of a file of dashboards/."""
    [only] = documents(DASHBOARDS / name)
    return only


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_yaml(path: Path) -> None:
    """Each document in it is a mapping."""
    assert documents(path)
    assert all(isinstance(each, dict) for each in documents(path))


# --- docker compose -----------------------------------------------------------------------------------------------


def mounts() -> dict[str, str]:
    """Of the container: what is mounted, by its place in it."""
    pairs = [volume.split(":")[:2] for volume in document("compose.yaml")["services"]["lgtm"]["volumes"]]
    return {target: source for source, target in pairs}


def test_compose_mounts_what_is_there() -> None:
    """Docker would make an empty folder of a file that is not."""
    for target, source in mounts().items():
        if source.startswith("."):
            assert (DASHBOARDS / source).exists(), f"{source} for {target}"
        else:
            assert source in document("compose.yaml")["volumes"]


def test_compose_is_for_this_machine_and_one_version() -> None:
    """It asks for no password, so nobody else may reach it; and tomorrow it is what was read today."""
    service = document("compose.yaml")["services"]["lgtm"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert re.search(r":\d+\.\d+\.\d+$", service["image"])


def test_grafana_finds_the_boards() -> None:
    """The provider names the folder that they are mounted at, and there is nothing else in it."""
    [provider] = document("provisioning/dashboards.yaml")["providers"]
    assert mounts()[provider["options"]["path"]] == "./grafana"
    found = list((DASHBOARDS / "grafana").iterdir())
    assert found
    assert {path.suffix for path in found} == {".json"}
    [place] = [target for target, source in mounts().items() if source == "./provisioning/dashboards.yaml"]
    assert PurePosixPath(place).parent == PurePosixPath(provider["options"]["path"]).parent


def test_grafana_serves_the_pages_that_boards_and_alerts_link_to() -> None:
    """``/public/…`` is its folder ``public``."""
    board = json.loads((DASHBOARDS / "grafana" / "autogen-crashes.json").read_text())
    [docs] = [variable["query"] for variable in board["templating"]["list"] if variable["name"] == "docs"]
    assert mounts()[f"/otel-lgtm/grafana{docs}"] == "../docs"


def test_prometheus_loads_the_rules(tmp_path: Path) -> None:
    """Its pattern matches the rule files where they are mounted, and not their unit tests; the rest is accepted too."""
    config = document("prometheus.yaml")
    [pattern] = config["rule_files"]
    [place] = [target for target, source in mounts().items() if source == "./rules"]
    assert PurePosixPath(pattern).parent == PurePosixPath(place)
    matched = [path for path in (DASHBOARDS / "rules").iterdir() if fnmatch.fnmatch(path.name, Path(pattern).name)]
    assert {path.name for path in matched} == {"autogen.rules.yml", "autogen.alerts.yml"}
    # The one that is here is older than its OTLP receiver.
    assert config.pop("otlp")["keep_identifying_resource_attributes"] is True
    config["rule_files"] = [str(path) for path in matched]
    checked = tmp_path / "prometheus.yml"
    checked.write_text(yaml.safe_dump(config))
    prometheus.promtool("check", "config", checked)


def test_data_sources_lead_from_a_graph_to_its_trace() -> None:
    """By the label that exemplars have, to a source that is there; and Grafana leaves its own variables alone."""
    sources = {source["uid"]: source for source in document("provisioning/datasources.yaml")["datasources"]}
    [destination] = sources["prometheus"]["jsonData"]["exemplarTraceIdDestinations"]
    assert destination == {"name": "trace_id", "datasourceUid": "tempo"}
    assert sources["tempo"]["jsonData"]["tracesToLogsV2"]["datasourceUid"] in sources
    [field] = sources["loki"]["jsonData"]["derivedFields"]
    assert field["datasourceUid"] in sources
    assert field["url"] == "$${__value.raw}"


# --- the Collector ------------------------------------------------------------------------------------------------


def test_the_collector_has_what_its_pipelines_name() -> None:
    """Each part is defined, none is left over, memory is limited first and batches are made last."""
    config = document("collector.yaml")
    pipelines = config["service"]["pipelines"]
    assert set(pipelines) == {"traces", "metrics", "logs"}
    for kind in ("receivers", "processors", "exporters"):
        assert {part for pipeline in pipelines.values() for part in pipeline[kind]} == set(config[kind])
    assert set(config["service"]["extensions"]) == set(config["extensions"])
    for pipeline in pipelines.values():
        assert pipeline["processors"][0] == "memory_limiter"
        assert pipeline["processors"][-1] == "batch"
    assert [name for name, pipeline in pipelines.items() if "tail_sampling" in pipeline["processors"]] == ["traces"]


def policies() -> Iterator[tuple[str, str, Any]]:
    """The policies of sampling: name, type, and what they ask for."""
    for policy in document("collector.yaml")["processors"]["tail_sampling"]["policies"]:
        assert set(policy) == {"name", "type", policy["type"]}
        yield policy["name"], policy["type"], policy[policy["type"]]


def test_sampling_asks_for_what_spans_have() -> None:
    """Attributes, values and events of spans, as semconv has them."""
    on_spans = {name for span in SPANS for name, _ in span.attributes} | {*REQUEST_ATTRIBUTES}
    for name, kind, wanted in policies():
        text = json.dumps(wanted)
        for attribute in re.findall(r'(?:attributes\[\\"|"key": ")([a-z._]+)', text):
            assert attribute in on_spans, f"{name}: {attribute}"
        for event in re.findall(r'name == \\"([a-z._]+)', text):
            assert event in {event.name for event in SPAN_EVENTS}, f"{name}: {event}"
        if kind == "string_attribute":
            [meaning] = [each.meaning for each in semconv.ATTRIBUTES if each.name == wanted["key"]]
            assert all(f"`{value}`" in meaning for value in wanted["values"])


def test_sampling_keeps_cold_starts_crashes_and_errors() -> None:
    """Whatever is dropped, these are not: each has a policy of its own."""
    found = {name: (kind, wanted) for name, kind, wanted in policies()}
    assert semconv.STARTUP_TOTAL in json.dumps(found["start-ups"])
    assert (semconv.STARTUP_TOTAL, "always") in STARTUP_SPAN.attributes
    assert found["cold-requests"] == ("string_attribute", {"key": semconv.START_TYPE, "values": ["cold"]})
    assert semconv.CRASH_CATEGORY in json.dumps(found["crashes"])
    assert found["errors"] == ("status_code", {"status_codes": ["ERROR"]})
    assert not {"drop", "and", "composite"} & {kind for kind, _ in found.values()}


SECRETS = (
    "sk-proj-0123456789abcdefghij",
    "AKIAABCDEFGHIJKLMNOP",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N",
    "Authorization: Bearer abcdefghijklmnopqrstuvwxyz",
    "postgresql://shop:secret@db/orders",
)
PLAIN = (
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "/usr/lib/python3.12/site-packages/autogen_ext/models/openai/_openai_client.py",
    "invoke_agent writer",
    "https://models.example:8443/v1/chat/completions",
    "agents.pod-a.app",
    "2026-01-01T00:00:00.000000+00:00",
)


def masked(value: str) -> bool:
    """Whether the Collector would mask it, or a part of it."""
    return any(
        re.search(pattern, value) for pattern in document("collector.yaml")["processors"]["redaction"]["blocked_values"]
    )


@pytest.mark.parametrize("value", SECRETS)
def test_the_collector_masks_a_secret(value: str) -> None:
    """One that another instrumentation let through."""
    assert masked(value)


@pytest.mark.parametrize("value", PLAIN)
def test_the_collector_leaves_alone_what_boards_need(value: str) -> None:
    """Ids, files, names and addresses."""
    assert not masked(value)


# --- Kubernetes and the clouds ------------------------------------------------------------------------------------


def manifests() -> list[Yaml]:
    """Everything that is deployed."""
    return [each for path in sorted(DEPLOY.rglob("*.yaml")) for each in documents(path)]


def containers(node: Any) -> Iterator[Yaml]:
    """Whatever has environment variables, wherever it is."""
    if isinstance(node, dict):
        if "env" in node:
            yield node
        for value in node.values():
            yield from containers(value)
    elif isinstance(node, list):
        for value in node:
            yield from containers(value)


def environments() -> list[dict[str, str]]:
    """The variables that have a value, of each container."""
    found = [
        {variable["name"]: str(variable["value"]) for variable in container["env"] if "value" in variable}
        for container in containers(manifests())
    ]
    assert len(found) >= 4
    return found


@pytest.mark.parametrize("version", KUBERNETES)
def test_kubernetes_accepts_the_objects(version: str) -> None:
    """By its own schemas, without a field that it does not know; of what Cloud Run adds only the containers."""
    objects = documents(DEPLOY / "kubernetes" / "deployment.yaml")
    assert [each["kind"] for each in objects] == ["Deployment", "Service"]
    [cloud_run] = documents(DEPLOY / "cloud-run.yaml")
    spec = {"containers": cloud_run["spec"]["template"]["spec"]["containers"]}
    for each in (*objects, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "agents"}, "spec": spec}):
        kubernetes_validate.validate(each, version, strict=True)


def test_our_variables_are_settings(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is one that the package reads, and has a value that it accepts."""
    known = {name for name in vars(environment_variables) if name.startswith(OURS)}
    given = 0
    for environment in environments():
        with monkeypatch.context() as patch, caplog.at_level(logging.WARNING, "autogen_vitals"):
            for name, value in environment.items():
                if name.startswith(OURS):
                    given += 1
                    assert name in known
                    patch.setenv(name, value)
            load_settings({})
    assert given >= 3
    assert caplog.messages == []


def test_nobody_gives_an_identity_to_all_workers() -> None:
    """AG801: the SDK makes one for each process, unless it is told one."""
    named = [environment for environment in environments() if "OTEL_RESOURCE_ATTRIBUTES" in environment]
    assert len(named) >= 3
    for environment in named:
        assert semconv.SERVICE_INSTANCE_ID not in environment["OTEL_RESOURCE_ATTRIBUTES"]
        assert environment["OTEL_SERVICE_NAME"]


def test_the_logs_of_crashes_are_exported() -> None:
    """``autogen.crash`` and ``autogen.process.exit`` are logs, which are not exported everywhere unless asked for."""
    for path in (
        DEPLOY / "kubernetes" / "instrumentation.yaml",
        DEPLOY / "cloud-run.yaml",
        DEPLOY / "container-app.yaml",
    ):
        [container] = containers(documents(path))
        assert {"name": "OTEL_LOGS_EXPORTER", "value": "otlp"} in container["env"]


@pytest.mark.parametrize("name", ["kubernetes/deployment.yaml", "container-app.yaml"])
def test_the_state_folder_outlives_the_container(name: str) -> None:
    """It is inside a mount, and not the mount, which anybody may write to; the mount is a volume of the pod."""
    template = documents(DEPLOY / name)[0]
    template = template["spec"]["template"]["spec"] if "spec" in template else template["properties"]["template"]
    [container] = template["containers"]
    folder = PurePosixPath({each["name"]: each.get("value", "") for each in container["env"]}[f"{OURS}STATE_DIR"])
    mounted = {mount["mountPath"]: mount.get("name") or mount["volumeName"] for mount in container["volumeMounts"]}
    volume = mounted[str(folder.parent)]
    assert str(folder) not in mounted
    [kept] = [each for each in template["volumes"] if each["name"] == volume]
    assert "emptyDir" in kept or kept["storageType"] == "EmptyDir"


def test_the_pod_ends_gracefully_and_the_rollout_waits() -> None:
    """There is time for the last export, and a version that does not come up replaces nobody."""
    spec = documents(DEPLOY / "kubernetes" / "deployment.yaml")[0]["spec"]
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    slept = int(container["lifecycle"]["preStop"]["exec"]["command"][-1])
    assert pod["terminationGracePeriodSeconds"] > slept + load_settings({}).flush_timeout
    assert spec["strategy"]["rollingUpdate"]["maxUnavailable"] == 0
    assert container["readinessProbe"]["httpGet"] == container["startupProbe"]["httpGet"]


def test_the_operator_injects_the_image_that_is_built() -> None:
    """The name in the resource is the one in the Dockerfile's own command, and the pod asks for it."""
    [instrumentation] = documents(DEPLOY / "kubernetes" / "instrumentation.yaml")
    assert (instrumentation["apiVersion"], instrumentation["kind"]) == ("opentelemetry.io/v1alpha1", "Instrumentation")
    assert f"-t {instrumentation['spec']['python']['image']} ." in DOCKERFILE.read_text()
    template = documents(DEPLOY / "kubernetes" / "deployment.yaml")[0]["spec"]["template"]
    assert template["metadata"]["annotations"]["instrumentation.opentelemetry.io/inject-python"] == "true"


# --- the image of the Operator ------------------------------------------------------------------------------------


@pytest.fixture
def dockerfile(tmp_path: Path) -> list[Yaml]:
    """The instructions of the Dockerfile, read from a copy: the parser would like to write."""
    copy = tmp_path / "Dockerfile"
    copy.write_text(DOCKERFILE.read_text())
    return [each for each in DockerfileParser(str(copy)).structure if each["instruction"] != "COMMENT"]


def test_the_image_copies_what_is_there(dockerfile: list[Yaml]) -> None:
    """From the checkout, all that the wheel is made of; and from the first stage what the Operator copies on."""
    copied = [each["value"].split() for each in dockerfile if each["instruction"] == "COPY"]
    *from_checkout, from_build = copied
    sources = [source for *sources, _ in from_checkout for source in sources]
    assert {"pyproject.toml", "README.md", "LICENSE", "src", "examples"} == set(sources)
    assert all((ROOT / source).exists() for source in sources)
    assert from_build == ["--from=build", "/autoinstrumentation", "/autoinstrumentation"]
    assert next(each["value"] for each in dockerfile if each["instruction"] == "FROM").endswith(" AS build")


def test_the_image_installs_what_fits(dockerfile: list[Yaml]) -> None:
    """The versions below which workers share an identity are not in it, and protobuf is one that AutoGen accepts."""
    [install] = [each["value"] for each in dockerfile if each["value"].startswith("pip install")]
    assert "--target /autoinstrumentation" in " ".join(install.split())
    wanted = {found.name: found for found in map(Requirement, re.findall(r'"([^"]+)"', install))}
    extra = re.search(r"^local = \[(.+?)^\]", (ROOT / "pyproject.toml").read_text(), flags=re.DOTALL | re.MULTILINE)
    floors = {found.name: found for found in map(Requirement, re.findall(r'"([^"]+)"', extra[1]))}
    for name in ("opentelemetry-distro", "opentelemetry-instrumentation-fastapi"):
        assert next(iter(wanted[name].specifier)).version in str(floors[name].specifier)
    assert wanted["protobuf"].specifier.contains("5.29.5")
    assert not wanted["protobuf"].specifier.contains("6.30.0")
