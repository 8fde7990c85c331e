"""Laws of docker-compose.yml and the Dockerfile: checked by schema and by reading, as no engine is at hand."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from dashboards.grafana import PLUGIN, PLUGIN_VERSION, SOURCE
from dashboards.page import create_app
from whence.settings import load_settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, one in SERVICES.items() if str(one["image"]).startswith("whence:")}
ONCE = {"migrate"}
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
REQUIRED = re.compile(r"\$\{(\w+):\?[^}]+\}")


def test_file_follows_the_official_schema() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)


def test_schema_refuses_a_misspelt_key() -> None:
    schema = json.loads((Path(__file__).parent / "compose-spec.json").read_text(encoding="utf-8"))
    wrong = {**COMPOSE, "services": {**SERVICES, "web": {**SERVICES["web"], "healthchek": {}}}}
    with pytest.raises(jsonschema.ValidationError, match="healthchek"):
        jsonschema.Draft202012Validator(schema).validate(wrong)


def test_all_parts_are_there() -> None:
    assert {"admit", "agents", "alerts", "sink", "quality", "web", "migrate"} == OURS
    assert set(SERVICES) - OURS == {"kafka", "clickhouse", "grafana"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_image_is_pinned_to_a_patch(name: str) -> None:
    assert re.search(r":\d+\.\d+\.\d+", SERVICES[name]["image"])


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_runs_as_nobody_special(name: str) -> None:
    assert not str(SERVICES[name]["user"]).startswith(("0", "root"))
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_that_stays_has_a_health_check_and_comes_back(name: str) -> None:
    if name in ONCE:
        assert SERVICES[name]["healthcheck"] == {"disable": True}
        assert SERVICES[name]["restart"] == "on-failure:5"
    else:
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"
        assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", SERVICES)
def test_only_page_and_grafana_are_published_and_only_here(name: str) -> None:
    published = SERVICES[name].get("ports", [])
    assert all(port.startswith("127.0.0.1:") for port in published)
    assert bool(published) == (name in ("web", "grafana"))
    assert ("outside" in SERVICES[name]["networks"]) == (name in ("web", "grafana", "alerts"))


def test_the_inner_network_has_no_way_out() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}


@pytest.mark.parametrize("name", SERVICES)
def test_no_secret_has_a_value_or_a_default(name: str) -> None:
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|TOKEN|SECRET|CUSTOMER_KEY", variable):
            assert REQUIRED.fullmatch(str(value)), f"{variable} of {name}"


@pytest.mark.parametrize("name", SERVICES)
def test_services_start_after_what_they_need(name: str) -> None:
    conditions = {one: how["condition"] for one, how in SERVICES[name].get("depends_on", {}).items()}
    wanted = {"service_completed_successfully" if one in ONCE else "service_healthy" for one in conditions}
    assert set(conditions.values()) == wanted
    if name in OURS - ONCE:
        assert "kafka" in conditions


@pytest.mark.parametrize("name", sorted(OURS))
def test_settings_used_exist_and_are_accepted(name: str) -> None:
    environ = {
        key: REQUIRED.sub("a secret long enough", str(value)) for key, value in SERVICES[name]["environment"].items()
    }
    assert environ.pop("WHENCE_CONFIG") == "/etc/whence/whence.toml"
    settings = load_settings(ROOT / "deploy" / "whence.toml", environ=environ)
    assert (settings.broker.servers, settings.store.host, settings.store.path) == ("kafka:9092", "clickhouse", "")


def test_agents_keep_their_checkpoints_in_the_volume() -> None:
    folder = re.search(r"WHENCE_DATA_FOLDER=(\S+)", DOCKERFILE)
    assert folder is not None
    environ = {"WHENCE_BROKER_SERVERS": "kafka:9092", "WHENCE_DATA_FOLDER": folder[1]}
    kept = load_settings(ROOT / "deploy" / "whence.toml", environ=environ).agents.checkpoint_folder
    assert kept == "/var/lib/whence/agents"
    assert "whence-data:/var/lib/whence" in SERVICES["agents"]["volumes"]


def test_an_unknown_setting_would_be_refused() -> None:
    with pytest.raises(Exception, match="WHENCE_NONSENSE"):
        load_settings(ROOT / "deploy" / "whence.toml", environ={"WHENCE_NONSENSE_NAME": "1"})


def test_the_example_names_exactly_the_variables_that_are_required() -> None:
    required = set(REQUIRED.findall((ROOT / "docker-compose.yml").read_text(encoding="utf-8")))
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w+)=", example, flags=re.MULTILINE)) == required
    assert not re.search(r"^\w+=.", example, flags=re.MULTILINE)


def test_health_is_asked_where_the_parts_answer() -> None:
    toml = tomllib.loads((ROOT / "deploy" / "whence.toml").read_text(encoding="utf-8"))
    assert "port" not in toml["health"]
    for name in OURS - ONCE:
        port = "8750" if name == "web" else "8751"
        assert f"http://127.0.0.1:{port}/health" in SERVICES[name]["healthcheck"]["test"][-1]


def test_every_mounted_file_exists() -> None:
    for one in SERVICES.values():
        for volume in one.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in COMPOSE["volumes"]


def test_image_is_built_in_stages_from_the_lock_and_runs_as_nobody_special() -> None:
    assert len(re.findall(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)) == 2
    assert all(re.search(r":\d+\.\d+\.\d+", line) for line in re.findall(r"^FROM .+", DOCKERFILE, flags=re.MULTILINE))
    assert re.findall(r"^USER (.+)", DOCKERFILE, flags=re.MULTILINE) == ["10001:10001"]
    assert all("--require-hashes" in line for line in re.findall(r"pip install .*\.lock", DOCKERFILE))


def test_image_holds_every_package_and_the_context_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {name.split(".")[0] for name in project["tool"]["setuptools"]["packages"]}
    copied = set(re.findall(r"^COPY (\w+) \1$", DOCKERFILE, flags=re.MULTILINE))
    assert copied == packages
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert sent == packages | {"pyproject.toml", "README.md", "requirements.lock", "requirements-dev.lock"}


def test_the_build_tool_is_found_in_the_lock_as_the_dockerfile_looks_for_it() -> None:
    lock = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")
    found = re.search(r"^setuptools==.*?[^\\]$", lock, flags=re.MULTILINE | re.DOTALL)
    assert found is not None
    assert "--hash=sha256:" in found[0]


def test_grafana_is_of_the_version_that_its_dashboards_are_built_for() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    sdk = re.search(r"grafana-foundation-sdk==\d+!(\d+\.\d+)\.", project)
    assert sdk is not None
    assert SERVICES["grafana"]["image"].startswith(f"grafana/grafana:{sdk[1]}.")
    assert SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL"] == f"{PLUGIN}@{PLUGIN_VERSION}"


def test_grafanas_source_is_the_one_that_dashboards_ask() -> None:
    folder = ROOT / "deploy" / "grafana" / "provisioning"
    source = yaml.safe_load((folder / "datasources" / "whence.yaml").read_text(encoding="utf-8"))["datasources"][0]
    assert (source["uid"], source["type"]) == (SOURCE.uid, PLUGIN)
    assert source["secureJsonData"] == {"password": "$GRAFANA_STORE_PASSWORD"}
    provider = yaml.safe_load((folder / "dashboards" / "whence.yaml").read_text(encoding="utf-8"))["providers"][0]
    mounted = [volume for volume in SERVICES["grafana"]["volumes"] if provider["options"]["path"] in volume]
    assert mounted == ["./deploy/grafana/dashboards:/etc/whence/dashboards:ro"]


def test_the_store_has_no_user_without_a_password() -> None:
    users = (ROOT / "deploy" / "clickhouse" / "users.xml").read_text(encoding="utf-8")
    assert '<default remove="remove"/>' in users
    assert set(re.findall(r'<password from_env="(\w+)"/>', users)) == {
        "WHENCE_STORE_PASSWORD",
        "GRAFANA_STORE_PASSWORD",
    }
    assert "<password>" not in users


def test_what_a_reading_user_may_change_is_allowed_by_the_server() -> None:
    folder = ROOT / "deploy" / "clickhouse"
    assert "<changeable_in_readonly/>" in (folder / "users.xml").read_text(encoding="utf-8")
    allowed = "<settings_constraints_replace_previous>true</settings_constraints_replace_previous>"
    assert allowed in (folder / "server.xml").read_text(encoding="utf-8")


def test_the_page_is_what_the_web_service_serves() -> None:
    assert SERVICES["web"]["command"] == ["run", "web"]
    assert callable(create_app)
