"""Settings: where values come from, what is refused and how it is said, and that no secret is ever shown."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.certificates import Authority
from whence.errors import SettingsError
from whence.sections import is_loopback
from whence.settings import load_settings, shown_settings
from whence.structs import HIDDEN, is_secret

SECRETS = (
    "WHENCE_BROKER_SASL_PASSWORD",
    "WHENCE_BROKER_SSL_KEY_PASSWORD",
    "WHENCE_STORE_PASSWORD",
    "WHENCE_ADMIT_CUSTOMER_KEY",
    "WHENCE_WEB_TOKEN",
    "WHENCE_INTAKE_TOKEN",
    "WHENCE_GRAFANA_TOKEN",
)


def _file(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "whence.toml"
    path.write_text(text, encoding="utf-8")
    return path


def _problems(tmp_path: Path, text: str = "", **environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load_settings(_file(tmp_path, text), environ=environ)
    return list(caught.value.problems)


def test_defaults_are_embedded_and_on_loopback() -> None:
    settings = load_settings(environ={})
    assert settings.broker.embedded
    assert settings.store.path == "var/store"
    assert is_loopback(settings.web.address)
    assert is_loopback(settings.health.address)
    assert not settings.has_customer_key
    assert [one.name for one in settings.workspaces] == ["main"]


def test_environment_beats_the_file_and_the_command_line_beats_both(tmp_path: Path) -> None:
    path = _file(tmp_path, "[web]\nport = 1\naddress = '::1'\n[health]\nport = 1\n[log]\nlevel = 'error'")
    environ = {"WHENCE_WEB_PORT": "2", "WHENCE_HEALTH_PORT": "2"}
    settings = load_settings(path, environ=environ, flags={"web": {"port": 3}})
    assert (settings.web.port, settings.web.address) == (3, "::1")
    assert settings.health.port == 2
    assert settings.log.level == "error"


def test_file_is_named_by_the_environment_where_no_option_does(tmp_path: Path) -> None:
    path = _file(tmp_path, "[web]\nport = 77")
    assert load_settings(environ={"WHENCE_CONFIG": str(path)}).web.port == 77


def test_embedded_store_lives_in_the_data_folder_unless_a_server_is_named() -> None:
    assert load_settings(environ={"WHENCE_DATA_FOLDER": "/srv/w"}).store.path == "/srv/w/store"
    assert load_settings(environ={"WHENCE_STORE_HOST": "db"}).store.path == ""


def test_checkpoints_lie_in_the_data_folder_where_the_broker_outlives_us() -> None:
    kafka = {"WHENCE_BROKER_SERVERS": "kafka:9092", "WHENCE_DATA_FOLDER": "/srv/w"}
    assert load_settings(environ=kafka).agents.checkpoint_folder == "/srv/w/agents"
    elsewhere = {**kafka, "WHENCE_AGENTS_CHECKPOINT_FOLDER": "/fast"}
    assert load_settings(environ=elsewhere).agents.checkpoint_folder == "/fast"
    assert load_settings(environ={**kafka, "WHENCE_AGENTS_CHECKPOINT_FOLDER": ""}).agents.checkpoint_folder == ""
    assert load_settings(environ={}).agents.checkpoint_folder == ""


def test_workspaces_may_come_as_json() -> None:
    found = load_settings(environ={"WHENCE_WORKSPACES": '[{"name": "a", "bucket_s": "300"}]'}).workspaces
    assert (found[0].name, found[0].bucket_s) == ("a", 300)


def test_settings_are_frozen() -> None:
    settings = load_settings(environ={})
    with pytest.raises(ValueError, match="frozen"):
        settings.web.port = 1


def test_tls_and_sasl_pass_through_to_the_client(tmp_path: Path) -> None:
    ca = Authority(tmp_path).ca
    environ = {
        "WHENCE_BROKER_SERVERS": "a:1,b:2",
        "WHENCE_BROKER_SECURITY_PROTOCOL": "SASL_SSL",
        "WHENCE_BROKER_SASL_MECHANISM": "SCRAM-SHA-512",
        "WHENCE_BROKER_SASL_USERNAME": "u",
        "WHENCE_BROKER_SASL_PASSWORD": "p",
        "WHENCE_BROKER_SSL_CA_FILE": str(ca),
        "WHENCE_BROKER_SSL_VERIFY_HOSTNAME": "false",
    }
    broker = load_settings(environ=environ).broker.broker()
    assert broker.servers == "a:1,b:2"
    assert broker.security == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "p",
        "ssl.ca.location": str(ca),
        "ssl.endpoint.identification.algorithm": "none",
    }
    assert "'p'" not in repr(broker)


def test_secret_comes_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("sixteen letters!\n")
    settings = load_settings(environ={"WHENCE_WEB_TOKEN_FILE": str(secret)})
    assert settings.web.token.get_secret_value() == "sixteen letters!"


def test_variables_of_the_tests_and_tools_are_no_settings() -> None:
    environ = {"WHENCE_KAFKA_LIB": "/jars", "WHENCE_CHROMIUM": "/chromium", "WHENCE_SHARED": "/data"}
    assert load_settings(environ=environ) == load_settings(environ={})


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({"WHENCE_WEB_PORT": "abc"}, "web.port (from WHENCE_WEB_PORT) is 'abc'; allowed is a valid integer"),
        ({"WHENCE_WEB_PORT": "70000"}, "web.port (from WHENCE_WEB_PORT) is '70000'; allowed is less than or equal to 65535"),
        ({"WHENCE_WEB_PROT": "1"}, "web.prot (from WHENCE_WEB_PROT) is not a setting; allowed in web of address, hour_cost, port, token (did you mean port?)"),
        ({"WHENCE_BOKER_X": "1"}, "WHENCE_BOKER_X is not a setting; its section must be one of admit, agents, alerts, broker"),
        ({"WHENCE_BROKER_SERVERS": "a b"}, "broker.servers (from WHENCE_BROKER_SERVERS) is 'a b'; allowed is embedded or host:port[,host:port...]"),
        ({"WHENCE_GRAFANA_URL": "ftp://x"}, "allowed is http://host[:port] or https://host[:port], without user or password in it"),
        ({"WHENCE_GRAFANA_CA_FILE": "/no/such"}, "is '/no/such'; allowed is the path of a file that exists"),
        ({"WHENCE_WEB_ADDRESS": "0.0.0.0"}, "web.address is 0.0.0.0, which other machines can reach; allowed without a token is 127.0.0.1, ::1 or localhost: set WHENCE_WEB_TOKEN or WHENCE_WEB_TOKEN_FILE"),
        ({"WHENCE_BROKER_SECURITY_PROTOCOL": "SASL_SSL"}, "which needs broker.sasl_mechanism, broker.sasl_username and WHENCE_BROKER_SASL_PASSWORD"),
        ({"WHENCE_BROKER_SASL_USERNAME": "x"}, "allowed with them is SASL_PLAINTEXT or SASL_SSL"),
        ({"WHENCE_BROKER_SSL_CA_FILE": __file__}, "broker.security_protocol is PLAINTEXT, which does not use broker.ssl_ca_file, broker.ssl_certificate_file or broker.ssl_key_file; allowed with them is SSL or SASL_SSL"),
        ({"WHENCE_BROKER_SSL_CA_FILE": __file__, "WHENCE_BROKER_SECURITY_PROTOCOL": "SSL"}, "which holds no certificate. Allowed is a PEM file"),
        ({"WHENCE_STORE_PRT": "1"}, "store.prt is not a setting; allowed in store is"),
        ({"WHENCE_STORE_PORT": "x"}, "store.port is 'x'; allowed is a whole number"),
        ({"WHENCE_STORE_DATABASE": "a b"}, "store.database is 'a b'; allowed is text matching regex "),
        ({"WHENCE_ADMIT_BATCH_SIZE": "0"}, "admit.batch_size is '0'; allowed is a whole number >= 1"),
        ({"WHENCE_ADMIT_CUSTOMER_KEY": "short"}, "admit: customer_key has 5 bytes; allowed is at least 16"),
        ({"WHENCE_WEB_TOKEN": "abcde"}, "web.token (from WHENCE_WEB_TOKEN) is ********; allowed is a secret of at least 16 characters (it has 5); python3 -c 'import secrets; print(secrets.token_urlsafe(32))' makes one"),
        ({"WHENCE_INTAKE_TOKEN": "fifteen letters"}, "intake.token (from WHENCE_INTAKE_TOKEN) is ********; allowed is a secret of at least 16 characters (it has 15); python3 -c"),
        ({"WHENCE_WEB_TOKEN_FILE": "/no/such"}, "WHENCE_WEB_TOKEN_FILE names /no/such, which cannot be read: No such file or directory"),
        ({"WHENCE_WEB_TOKEN_FILE": "/dev/null"}, "WHENCE_WEB_TOKEN_FILE names /dev/null, which is empty; allowed is a file that holds the secret"),
        ({"WHENCE_WEB_TOKEN_FILE": "/x", "WHENCE_WEB_TOKEN": "sixteen letters!"}, "WHENCE_WEB_TOKEN_FILE and WHENCE_WEB_TOKEN are both set; allowed is one of them"),
        ({"WHENCE_WORKSPACES": "[]"}, "workspaces is []; allowed is a list of at least one [[workspaces]]"),
        ({"WHENCE_WORKSPACES": '[{"name": "a", "dimensions": ["colour"]}]'}, "workspaces[0].dimensions[0] is 'colour'; allowed is channel, product, platform, "),
        ({"WHENCE_WORKSPACES": '[{"name": "a", "bucket_s": 0}]'}, "workspaces[0].bucket_s is 0; allowed is a whole number >= 1"),
        ({"WHENCE_WORKSPACES": "[{}]"}, "workspaces[0].name is missing; it has no default"),
        ({"WHENCE_WORKSPACES": '[{"name": "a"}, {"name": "a"}]'}, "workspaces[1].name is 'a', as is an earlier one's; allowed is a name of its own"),
        ({"WHENCE_WORKSPACES": '[{"name": "a", "dimensions": ["topic", "topic"]}]'}, "workspaces[0].dimensions is 'topic, topic'; allowed are one to six different ones"),
        ({"WHENCE_WORKSPACES": '[{"name": "a", "dimensions": ["topci"]}]'}, "workspaces[0].dimensions[0] is 'topci'; allowed is"),
        ({"WHENCE_WORKSPACES": '[{"name": "a", "keep": {"team": ["x"]}}]'}, "workspaces[0].keep names 'team'; allowed is one of its dimensions"),
        ({"WHENCE_WORKSPACES": '[{"name": "a", "timezone": "Mars/Base"}]'}, "workspaces[0].timezone is 'Mars/Base'; allowed is a name such as Europe/Berlin or UTC"),
        ({"WHENCE_WORKSPACES": '[{"name": "a", "bukcet_s": 1}]'}, "workspaces[0].bukcet_s is not a setting; allowed in workspaces[0] is"),
        ({"WHENCE_DATA": "x"}, "data (from WHENCE_DATA) is 'x'; allowed is a"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_error_is_one_sentence_with_field_value_and_what_is_allowed(
    tmp_path: Path, environ: dict[str, str], sentence: str
) -> None:
    (problem,) = _problems(tmp_path, **environ)
    assert sentence in problem
    assert "\n" not in problem
    assert "unable to" not in problem


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    assert len(_problems(tmp_path, "[web]\nport = -1\n[health]\nprot = 1", WHENCE_LOG_LEVEL="loud")) == 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[web", "is not TOML: "),
        ("[web]\ntoken = 'abc'", "web.token is a secret and stands in "),
        ("[broker]\nsasl_password = 'abc'", "allowed is WHENCE_BROKER_SASL_PASSWORD or WHENCE_BROKER_SASL_PASSWORD_FILE in the environment"),
        ("web = 1", "web is 1; allowed is a valid dictionary"),
        ("[wbe]\nport = 1", "wbe is not a setting; allowed is one of admit, agents, alerts, broker"),
    ],
)  # fmt: skip
def test_file_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    problems = _problems(tmp_path, text)
    assert sentence in problems[0]
    assert "abc" not in "".join(problems)


def test_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsError, match=r"the settings file /no/such\.toml cannot be read: No such file"):
        load_settings(Path("/no/such.toml"), environ={})


def test_file_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="is not UTF-8; allowed is TOML in UTF-8"):
        load_settings(path, environ={})


def test_variables_that_kubernetes_adds_for_services_are_ignored() -> None:
    environ = {
        "WHENCE_WEB_PORT": "tcp://10.0.0.1:80",
        "WHENCE_WEB_SERVICE_HOST": "10.0.0.1",
        "WHENCE_X_PORT_80_TCP": "y",
    }
    assert load_settings(environ=environ).web.port == 8750


@hypothesis.settings(deadline=None)
@given(
    st.text(alphabet="abcdefgh0123456789!%#'\"{}[]\\ ", min_size=20, max_size=40).filter(
        lambda text: text.strip() == text
    )
)
def test_no_secret_is_ever_shown(secret: str) -> None:
    settings = load_settings(environ=dict.fromkeys(SECRETS, secret))
    shown = shown_settings(settings)
    for variable in SECRETS:
        section, name = variable.removeprefix("WHENCE_").lower().split("_", 1)
        assert shown[section][name] == HIDDEN
    for text in (json.dumps(shown), repr(settings), str(settings)):
        assert json.dumps(secret)[1:-1] not in text
        assert secret not in text


@hypothesis.settings(deadline=None)
@given(st.from_regex(r"[a-h0-9]{16,30}", fullmatch=True))
def test_no_secret_is_told_in_an_error(secret: str) -> None:
    environ = {
        **dict.fromkeys(SECRETS, secret),
        "WHENCE_WEB_PORT": "x",
        "WHENCE_STORE_PORT": "x",
        "WHENCE_ADMIT_BATCH_SIZE": "x",
    }
    with pytest.raises(SettingsError) as caught:
        load_settings(environ=environ)
    assert len(caught.value.problems) == 3
    assert re.search(re.escape(secret), repr(caught.value)) is None


EXAMPLE = Path(__file__).parents[2] / "examples" / "whence.toml"


def test_example_states_every_default_as_it_is(tmp_path: Path) -> None:
    assert shown_settings(load_settings(EXAMPLE, environ={})) == shown_settings(load_settings(environ={}))
    stated = tomllib.loads(re.sub(r"(?m)^# (\w+ = )", r"\1", EXAMPLE.read_text(encoding="utf-8")))
    for section, values in shown_settings(load_settings(environ={})).items():
        if section != "workspaces":
            plain = {name: value for name, value in values.items() if not is_secret(name)}
            assert list(stated[section]) == list(plain)
            assert all(stated[section][name] == value for name, value in plain.items() if value is not None)
