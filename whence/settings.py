"""All settings of a process, from one TOML file and the environment, checked at start.

Only this module reads the environment: ``WHENCE_<SECTION>_<NAME>`` sets one value and beats the file;
``WHENCE_<SECTION>_<NAME>_FILE`` names a file that holds a secret. A secret in the TOML file is refused.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from pydantic import BaseModel, ConfigDict, PlainValidator, SecretStr, ValidationError
from pydantic_core import ErrorDetails

from schemas.workspace import Workspace
from sinks.quality.settings import QualitySettings
from sinks.retention import Retention
from sinks.settings import SinkSettings
from sinks.store import StoreSettings
from streams.admit.settings import AdmitSettings
from streams.deliver.settings import CourierSettings
from streams.settings import AgentSettings
from whence.errors import SettingsError
from whence.sections import (
    EMBEDDED,
    BrokerSection,
    DataSection,
    GrafanaSection,
    HealthSection,
    IntakeSection,
    LogSection,
    WebSection,
)
from whence.structs import HIDDEN, is_secret, nearest, read_struct, refusal, shown, struct_section

PREFIX = "WHENCE_"
DEFAULT_FILE = Path("whence.toml")
NOT_SETTINGS = ("WHENCE_CONFIG", "WHENCE_SHARED", "WHENCE_KAFKA_LIB", "WHENCE_CHROMIUM")
_KUBERNETES = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_\w+)?)$")
NO_KEY = b"no customer key was set"
Plain = dict[str, Any]


def _admit(data: object) -> AdmitSettings:
    """Admit's settings; without a customer key, one that :attr:`Settings.has_customer_key` recognises as none."""
    if isinstance(data, Mapping):
        key = data.get("customer_key") or NO_KEY
        data = {**data, "customer_key": key.encode() if isinstance(key, str) else key}
    return read_struct(AdmitSettings, data, "admit")


def _channels(data: object) -> dict[str, SecretStr]:
    """Secrets of channels, by name with ``_secret`` at the end, as the environment spells them."""
    if not isinstance(data, Mapping):
        raise refusal(f"channels is {shown('secret', data)}; allowed are secrets from the environment")
    for name in data:
        if not name.endswith("_secret"):
            raise refusal(
                f"channels.{name} is not a setting; allowed is WHENCE_CHANNELS_<NAME>_SECRET or …_SECRET_FILE"
            )
    return {name: one if isinstance(one, SecretStr) else SecretStr(str(one)) for name, one in data.items()}


def _workspaces(data: object) -> tuple[Workspace, ...]:
    if not isinstance(data, list | tuple) or not data:
        raise refusal(f"workspaces is {shown('', data)}; allowed is a list of at least one [[workspaces]]")
    found = tuple(read_struct(Workspace, one, f"workspaces[{at}]") for at, one in enumerate(data))
    for at, one in enumerate(found):
        _check_workspace(one, f"workspaces[{at}]", [other.name for other in found[:at]])
    return found


def _check_workspace(one: Workspace, place: str, earlier: list[str]) -> None:
    named = ", ".join(one.dimensions)
    if one.name in earlier:
        raise refusal(f"{place}.name is {one.name!r}, as is an earlier one's; allowed is a name of its own")
    if not 1 <= len(set(one.dimensions)) == len(one.dimensions) <= 6:
        raise refusal(f"{place}.dimensions is {named!r}; allowed are one to six different ones")
    if strangers := sorted(set(one.keep) - set(one.dimensions)):
        raise refusal(f"{place}.keep names {strangers[0]!r}; allowed is one of its dimensions: {named}")
    try:
        ZoneInfo(one.timezone)
    except (KeyError, ValueError, OSError):
        raise refusal(f"{place}.timezone is {one.timezone!r}; allowed is a name such as Europe/Berlin or UTC") from None


class Settings(BaseModel):
    """Everything that can be set, frozen and checked. Made by :func:`load_settings`."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    broker: BrokerSection = BrokerSection()
    store: Annotated[StoreSettings, PlainValidator(struct_section(StoreSettings, "store"))] = StoreSettings()
    admit: Annotated[AdmitSettings, PlainValidator(_admit)] = AdmitSettings(customer_key=NO_KEY)
    agents: Annotated[AgentSettings, PlainValidator(struct_section(AgentSettings, "agents"))] = AgentSettings()
    alerts: Annotated[CourierSettings, PlainValidator(struct_section(CourierSettings, "alerts"))] = CourierSettings()
    channels: Annotated[dict[str, SecretStr], PlainValidator(_channels)] = {}
    quality: Annotated[QualitySettings, PlainValidator(struct_section(QualitySettings, "quality"))] = QualitySettings()
    sink: Annotated[SinkSettings, PlainValidator(struct_section(SinkSettings, "sink"))] = SinkSettings()
    retention: Annotated[Retention, PlainValidator(struct_section(Retention, "retention"))] = Retention()
    web: WebSection = WebSection()
    intake: IntakeSection = IntakeSection()
    health: HealthSection = HealthSection()
    log: LogSection = LogSection()
    grafana: GrafanaSection = GrafanaSection()
    data: DataSection = DataSection()
    workspaces: Annotated[tuple[Workspace, ...], PlainValidator(_workspaces)] = (Workspace(name="main"),)

    @property
    def has_customer_key(self) -> bool:
        """Whether customers can be hashed: ``run admit`` on Kafka needs a key, ``up`` makes its own."""
        return self.admit.customer_key != NO_KEY


def load_settings(
    config: Path | None = None, *, environ: Mapping[str, str] | None = None, flags: Mapping[str, Plain] | None = None
) -> Settings:
    """Settings from defaults, then the TOML file, then the environment, then ``flags`` of the command line.

    Args:
        config: The file; without it ``WHENCE_CONFIG``, or ``whence.toml`` here if there is one.
        environ: The environment, by default the process's own.
        flags: ``{section: {name: value}}``.

    Raises:
        SettingsError: one sentence for each problem found.
    """
    environ = os.environ if environ is None else environ
    values, origins, problems = _from_file(_config_file(config, environ))
    for place, variable, value, problem in _from_environment(environ):
        problems += [problem] if problem else []
        if not problem:
            _put(values, place, value)
            origins[place] = variable
    for section, names in (flags or {}).items():
        for name, value in names.items():
            _put(values, (section, name), value)
            origins[(section, name)] = "the command line"
    _embed_store(values)
    _place_checkpoints(values)
    settings: Settings | None = None
    try:
        settings = Settings(**values)
    except ValidationError as error:
        problems += [_sentence(one, origins) for one in error.errors(include_url=False)]
    if problems or settings is None:
        raise SettingsError(*problems)
    return settings


def _embed_store(values: Plain) -> None:
    """Without a word on where the store is, it is embedded in the data folder."""
    store, data = values.get("store", {}), values.get("data", {})
    if isinstance(store, dict) and isinstance(data, dict) and not {"path", "host"} & set(store):
        _put(values, ("store", "path"), str(Path(data.get("folder", DataSection().folder)) / "store"))


def _place_checkpoints(values: Plain) -> None:
    """Without a word on where the agents keep checkpoints, it is in the data folder; with an embedded broker, whose log
    ends with the process, nowhere."""
    sections = [values.get(name, {}) for name in ("agents", "data", "broker")]
    if all(isinstance(one, dict) for one in sections) and "checkpoint_folder" not in sections[0]:
        embedded = sections[2].get("servers", EMBEDDED) == EMBEDDED
        folder = Path(sections[1].get("folder", DataSection().folder)) / "agents"
        _put(values, ("agents", "checkpoint_folder"), "" if embedded else str(folder))


def _config_file(config: Path | None, environ: Mapping[str, str]) -> Path | None:
    if config is None and environ.get("WHENCE_CONFIG"):
        config = Path(environ["WHENCE_CONFIG"])
    if config is None:
        return DEFAULT_FILE if DEFAULT_FILE.is_file() else None
    return config


def _from_file(config: Path | None) -> tuple[Plain, dict[tuple[str, ...], str], list[str]]:
    """Values, where each came from, and problems, of the TOML file."""
    if config is None:
        return {}, {}, []
    try:
        values = tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        return {}, {}, [f"the settings file {config} cannot be read: {error.strerror}; give another with --config"]
    except UnicodeDecodeError:
        return {}, {}, [f"the settings file {config} is not UTF-8; allowed is TOML in UTF-8"]
    except tomllib.TOMLDecodeError as error:
        return {}, {}, [f"the settings file {config} is not TOML: {error}"]
    problems = [_secret_in_file(config, place) for place in _secrets_of(values)]
    origins: dict[tuple[str, ...], str] = {
        (section, name): str(config) for section, names in values.items() if isinstance(names, dict) for name in names
    }
    return values, origins, problems


def _secrets_of(values: Plain) -> Iterator[tuple[str, str]]:
    for section, names in values.items():
        yield from ((section, name) for name in (names if isinstance(names, dict) else ()) if is_secret(name))


def _secret_in_file(config: Path, place: tuple[str, str]) -> str:
    variable = PREFIX + "_".join(place).upper()
    return f"{'.'.join(place)} is a secret and stands in {config}; allowed is {variable} or {variable}_FILE in the environment"


def _from_environment(environ: Mapping[str, str]) -> Iterator[tuple[tuple[str, ...], str, object, str]]:
    """(place, variable, value, problem) of every ``WHENCE_`` variable; a problem comes without a value."""
    for variable in sorted(environ):
        if not variable.startswith(PREFIX) or variable in NOT_SETTINGS or _is_kubernetes(variable, environ[variable]):
            continue
        place = tuple(variable.removeprefix(PREFIX).lower().split("_", 1))
        if variable.endswith("_FILE") and len(place) == 2 and is_secret(place[1].removesuffix("_file")):
            yield _from_secret_file(variable, (place[0], place[1].removesuffix("_file")), environ)
        elif place[0] not in Settings.model_fields:
            yield (
                place,
                variable,
                None,
                f"{variable} is not a setting; its section must be one of {nearest(place[0], Settings.model_fields)}",
            )
        else:
            yield place, variable, _parsed(environ[variable], place), ""


def _is_kubernetes(variable: str, value: str) -> bool:
    """Kubernetes adds such variables for every service whose name starts with ``whence-``."""
    return _KUBERNETES.search(variable) is not None or (variable.endswith("_PORT") and value.startswith("tcp://"))


def _from_secret_file(
    variable: str, place: tuple[str, str], environ: Mapping[str, str]
) -> tuple[tuple[str, ...], str, object, str]:
    path = environ[variable]
    if variable.removesuffix("_FILE") in environ:
        return (
            place,
            variable,
            None,
            f"{variable} and {variable.removesuffix('_FILE')} are both set; allowed is one of them",
        )
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        return place, variable, None, f"{variable} names {path}, which cannot be read: {reason}"
    return (
        place,
        variable,
        text,
        "" if text else f"{variable} names {path}, which is empty; allowed is a file that holds the secret",
    )


def _parsed(text: str, place: tuple[str, ...]) -> object:
    if text[:1] in ("[", "{") and not is_secret(place[-1]):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def _put(values: Plain, place: tuple[str, ...], value: object) -> None:
    if len(place) == 1:
        values[place[0]] = value
    elif isinstance(values.setdefault(place[0], {}), dict):
        values[place[0]] = {**values[place[0]], place[1]: value}


def _sentence(error: ErrorDetails, origins: Mapping[tuple[str, ...], str]) -> str:
    if error["type"] == "sentence":
        return error["msg"]
    place = tuple(str(step) for step in error["loc"])
    named = ".".join(place)
    origin = f" (from {origins[place[:2]]})" if place[:2] in origins else ""
    if error["type"] == "extra_forbidden":
        known = _known(place[:-1])
        return f"{named}{origin} is not a setting; allowed {'in ' + place[0] if place[:-1] else 'is one'} of {nearest(place[-1], known)}"
    if error["type"] == "value_error" and len(place) < 2:
        return error["msg"].removeprefix("Value error, ")
    allowed = error["msg"].removeprefix("Value error, ").removeprefix("Input should be ").removeprefix("String should ")
    allowed = allowed.partition(", unable to ")[0]
    return f"{named}{origin} is {shown(place[-1], error['input'])}; allowed is {allowed}"


def _known(place: tuple[str, ...]) -> list[str]:
    kind = Settings.model_fields[place[0]].annotation if place else Settings
    return list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []


def shown_settings(settings: Settings) -> Plain:
    """All settings as plain data, secrets hidden, ready for TOML or JSON."""
    return {name: _shown(name, getattr(settings, name)) for name in Settings.model_fields}


def _shown(name: str, value: object) -> Any:
    if isinstance(value, SecretStr) or is_secret(name):
        given = value.get_secret_value() if isinstance(value, SecretStr) else value
        return HIDDEN if given and given != NO_KEY else ""
    if isinstance(value, BaseModel):
        return {field: _shown(field, getattr(value, field)) for field in type(value).model_fields}
    if isinstance(value, msgspec.Struct):
        return {field: _shown(field, getattr(value, field)) for field in value.__struct_fields__}
    if isinstance(value, list | tuple):
        return [_shown(name, one) for one in value]
    if isinstance(value, dict):
        return {key: _shown(key, one) for key, one in value.items()}
    return value if isinstance(value, str | int | float | bool | None) else str(value)
