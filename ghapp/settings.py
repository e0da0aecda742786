"""The environment -> one frozen Settings, or everything that is wrong with it.

Nothing else reads os.environ.
"""

from __future__ import annotations

import base64
import dataclasses
import difflib
import importlib.util
import ipaddress
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from ghapp.errors import GET_DRIVER, WrongSetting

PREFIX = "GHAPP_"
SECRETS_DIR = "GHAPP_SECRETS_DIR"
CREDENTIALS = ("GHAPP_APP_ID", "GHAPP_PRIVATE_KEY", "GHAPP_WEBHOOK_SECRET")
STORED = (
    "or set none of the three, start `ghapp serve`, and open the address of its set-up: it makes "
    "the App on GitHub and stores its credentials"
)
LEAST_SECRET_KEY = 32
SLACK = "GHAPP_SLACK_WEBHOOK_URL"
POSTGRESQL = "postgresql+psycopg://"
BEGIN = "-----BEGIN "
DATA_RESIDENCY, SERVER_PATH = ".ghe.com", "/api/v3"
NOT_A_NUMBER = ("int_parsing", "int_parsing_size")  # pydantic's names
# What Kubernetes sets in each container for a Service whose name begins with `ghapp`.
# Source: https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
SERVICE_LINK = re.compile(
    r"GHAPP_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_\w+)?)"
)
ALIKE = 0.65  # how much a name resembles a setting's, without GHAPP_, to be taken for it
NO_DRIVER = "no_driver"  # our own type of error; its text includes the fix


@dataclasses.dataclass(frozen=True, slots=True)
class Credentials:
    """An App as GitHub hands it out: who it is, and its secrets.

    html_url: the App's page. client_id, client_secret: for signing people in. private_key: PEM.
    """

    app_id: int
    slug: str
    html_url: str
    client_id: str
    client_secret: str = dataclasses.field(repr=False)
    webhook_secret: str = dataclasses.field(repr=False)
    private_key: str = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """The API of one GitHub, and how to connect to it.

    api_url: the base of its REST API, such as "https://api.github.com" or "https://HOST/api/v3".
    proxy: "http://HOST:PORT" or "http://USER:PASSWORD@HOST:PORT"; "" for none.
    ca_file, ca_dir: CAs to trust instead of certifi's, "" for none. A PEM file, or a folder of such
    files named as `openssl rehash` does; if both are set, only the file counts.
    """

    api_url: str
    proxy: str = dataclasses.field(default="", repr=False)
    ca_file: str = ""
    ca_dir: str = ""


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        # Python's message would repeat a part of the address, perhaps a part of a password.
        raise ValueError("is not an address: its host or port cannot be read") from None
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _api_url(given: str) -> str:
    """The base of GitHub's REST API, without a slash at its end.

    Sources: https://docs.github.com/enterprise-server@latest/rest/enterprise-admin#endpoint-urls,
    https://docs.github.com/enterprise-cloud@latest/rest/enterprise-admin/network-configurations
    (data residency)
    """
    parts = _split(given)
    host, path = parts.hostname or "", parts.path.rstrip("/")
    if host == "github.com":
        raise ValueError("is the site, not its API")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ValueError("is not an https:// address")
    if not host or parts.username or parts.query or parts.fragment:
        raise ValueError("is not a plain address")
    if host.endswith(DATA_RESIDENCY) and not host.startswith("api."):
        raise ValueError("is not the API of an enterprise with data residency")
    if host == "api.github.com" or host.endswith(DATA_RESIDENCY):
        if path:
            raise ValueError(f"has a path, {path}, which only GitHub Enterprise Server has")
    elif path != SERVER_PATH and not _is_loopback(host):
        raise ValueError(f"does not end with {SERVER_PATH}, as GitHub Enterprise Server requires")
    return given.rstrip("/")


def _base_url(given: str) -> str:
    """Where people and GitHub reach ghapp, without a slash at its end."""
    parts = _split(given)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(host)):
        raise ValueError("is neither an https:// address nor one of loopback")
    if not host or parts.username or parts.query or parts.fragment or parts.path.strip("/"):
        raise ValueError("is not a plain address without a path")
    return f"{parts.scheme}://{parts.netloc}"


def _client(given: str) -> str:
    if not given.isascii() or not given.isprintable() or " " in given:
        raise ValueError("holds characters that GitHub never uses in it")
    return given


def _secret_key(given: str) -> str:
    if len(given) < LEAST_SECRET_KEY:
        raise ValueError(f"has fewer than {LEAST_SECRET_KEY} characters")
    return given


def _proxy_url(given: str) -> str:
    parts = _split(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is not an http:// address")
    if "%3a" in (parts.username or "").lower():
        raise ValueError("has a `:` in the user name, which no proxy accepts")
    return given


def _decoded(given: str) -> str:
    """PEM text that was given in Base64; "" if that was not given."""
    try:
        decoded = base64.b64decode("".join(given.split()), validate=True).decode()
    except ValueError:
        return ""
    return decoded if BEGIN in decoded else ""


def _key_file(given: str) -> Path | None:
    """The path that was given in the place of PEM text."""
    return None if not given or BEGIN in given or _decoded(given) else Path(given)


def _private_key(given: str) -> str:
    """The PEM text.

    given: that text (line ends may be spelled \\n), the same in Base64, or the path of its file.
    """
    pem = given.replace("\\n", "\n")
    if decoded := _decoded(given):
        pem = decoded
    elif file := _key_file(given):
        try:
            pem = file.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            # The message does not repeat the value, which may be a part of a key.
            why = (isinstance(error, OSError) and error.strerror) or "it is not text"
            text = (
                f"is neither PEM text, nor that in Base64, nor the path of a readable file ({why})"
            )
            raise ValueError(text) from None
    pem = pem.strip() + "\n"
    try:
        key = loaded_key(pem)
    except TypeError:
        raise ValueError("is encrypted with a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is not a complete private key") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("is not an RSA key, the only kind that GitHub Apps have")
    return pem


@lru_cache(maxsize=4)
def loaded_key(pem: str) -> PrivateKeyTypes:
    """The private key of a PEM text, kept: to check it takes tens of milliseconds each time.

    Raises ValueError and UnsupportedAlgorithm (no private key), TypeError (with a passphrase).
    """
    return load_pem_private_key(pem.encode(), password=None)


def _secrets(given: str | tuple[str, ...]) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    if secrets := tuple(part.strip() for part in parts if part.strip()):
        return secrets
    raise ValueError("holds only commas")


def _schedule(given: str) -> str:
    try:
        CronSim(given, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError:
        raise ValueError("is not a schedule") from None
    return given


def _webhooks(given: str | Mapping[str, str]) -> Mapping[str, str]:
    """Addresses by name, from lines "NAME=ADDRESS"; see `_given`."""
    lines = given.splitlines() if isinstance(given, str) else []
    found = dict(given) if isinstance(given, Mapping) else dict(one.split("=", 1) for one in lines)
    for name, address in found.items():
        parts = _split(address)
        is_local = parts.scheme == "http" and _is_loopback(parts.hostname or "")
        if not parts.hostname or not (parts.scheme == "https" or is_local):
            whose = f"{SLACK}_{name.upper()} " if name else ""
            raise ValueError(f"{whose}is not an https:// address")
    return found


def _zone(given: str | ZoneInfo) -> ZoneInfo:
    try:
        return given if isinstance(given, ZoneInfo) else ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: it names a folder
        raise ValueError("is not a time zone") from None


def _database_url(given: str) -> str:
    scheme, _, rest = given.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/"):
        _writable_folder(Path(rest[1:]).parent)
        return given
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg") or not rest:
        raise ValueError("is not a database that ghapp supports")
    # After an "@", the rest of a password would be taken for the host, which messages show.
    if _split(given).netloc.count("@") > 1:
        raise ValueError("has more than one `@`: write the one in the password as %40")
    if importlib.util.find_spec("psycopg") is None:
        text = f"needs the PostgreSQL driver, which is missing; {GET_DRIVER}"
        raise PydanticCustomError(NO_DRIVER, "{text}", {"text": text})
    return POSTGRESQL + rest


def _otlp_endpoint(given: str) -> str:
    """Where traces are sent; the exporter itself reads the variable, and others beside it."""
    if not re.match("https?://[^/]", given):
        raise ValueError("is not an http:// or https:// address")
    if importlib.util.find_spec("opentelemetry") is None:
        text = "needs OpenTelemetry, which is missing; install `ghapp[otel]`, or leave it out"
        raise PydanticCustomError(NO_DRIVER, "{text}", {"text": text})
    return given


def _writable_folder(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds private comments
    except OSError as error:
        raise ValueError(f"{path} cannot be created ({error.strerror})") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise ValueError(f"{path} is not writable for this user")
    return path.absolute()


def _variable(name: str, default: Any, fix: str, *, secret: bool = False) -> Any:
    """A field that is read from the variable `name`. fix: what to do if it is missing or wrong."""
    return Field(default, validation_alias=name, description=fix, repr=not secret)


class Settings(BaseSettings):
    """The settings from the environment; the repr leaves out what may hold a secret.

    webhook_secrets: any of them may have signed. database: "" is SQLite in `data_dir`.
    github_api_url: without a slash at its end. port: 0 is any free port.
    proxy, ca_file, ca_dir: as in Endpoint. unknown: variables that look like settings and are none,
    which may be meant for another program. private_key_file: where the key was read, None if it is
    in the variable itself. base_url: where people and GitHub reach ghapp, without a slash at its
    end; "" if it was not set. app_id: 0 if no credentials are known. is_stored: the credentials are
    those of the database, not of the environment. client_id, client_secret: for signing people in;
    "" if nobody can. pages: "" if it was not set; see `shown`. slack_webhooks: addresses by the
    names that policies use, "" for the one without a name. secrets_dir: where files stood for
    variables, "" for nowhere.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        case_sensitive=True,
        validate_by_name=True,
        validate_by_alias=True,
        validate_default=False,
        hide_input_in_errors=True,
    )

    app_id: Annotated[int, Field(gt=0)] = _variable(
        "GHAPP_APP_ID", 0, "take the App ID from the App's settings page on GitHub"
    )
    private_key: Annotated[str, AfterValidator(_private_key)] = _variable(
        "GHAPP_PRIVATE_KEY",
        "",
        "generate a private key on the App's settings page on GitHub, and set that PEM file's "
        "path, its text or its text in Base64",
        secret=True,
    )
    webhook_secrets: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_secrets)] = _variable(
        "GHAPP_WEBHOOK_SECRET",
        (),
        "set the same text here and as the webhook secret of the App; while rotating, both texts "
        "separated by a comma",
        secret=True,
    )
    client_id: Annotated[str, AfterValidator(_client)] = _variable(
        "GHAPP_CLIENT_ID",
        "",
        "take the client ID from the App's settings page on GitHub, or leave out both "
        "GHAPP_CLIENT_ID and GHAPP_CLIENT_SECRET: then nobody can sign in to the pages",
    )
    client_secret: Annotated[str, AfterValidator(_client)] = _variable(
        "GHAPP_CLIENT_SECRET",
        "",
        "generate a client secret on the App's settings page on GitHub, or leave out both "
        "GHAPP_CLIENT_ID and GHAPP_CLIENT_SECRET: then nobody can sign in to the pages",
        secret=True,
    )
    github_api_url: Annotated[str, AfterValidator(_api_url)] = _variable(
        "GHAPP_GITHUB_API_URL",
        "https://api.github.com",
        "use https://api.github.com, https://HOST/api/v3 for GitHub Enterprise Server, or "
        "https://api.SUBDOMAIN.ghe.com for data residency",
    )
    base_url: Annotated[str, AfterValidator(_base_url)] = _variable(
        "GHAPP_BASE_URL",
        "",
        "use the https:// address of the proxy in front of ghapp, such as https://ghapp.example.com",
    )
    secret_key: Annotated[str, AfterValidator(_secret_key)] = _variable(
        "GHAPP_SECRET_KEY",
        "",
        "set a long random text, as from `openssl rand -hex 32`, and keep it: it encrypts "
        "credentials and tokens in the database",
        secret=True,
    )
    database: Annotated[str, AfterValidator(_database_url)] = _variable(
        "GHAPP_DATABASE_URL",
        "",
        "use postgresql://USER:PASSWORD@HOST/NAME or sqlite:////FOLDER/FILE, or leave it out for "
        "SQLite in GHAPP_DATA_DIR",
        secret=True,
    )
    data_dir: Annotated[Path, AfterValidator(_writable_folder)] = _variable(
        "GHAPP_DATA_DIR", Path("ghapp-data"), "set it to a writable folder on a local disk"
    )
    default_mode: Literal["observe", "advise", "enforce"] = _variable(
        "GHAPP_DEFAULT_MODE", "advise", "use observe, advise or enforce"
    )
    timezone: Annotated[ZoneInfo, BeforeValidator(_zone)] = _variable(
        "GHAPP_TIMEZONE", ZoneInfo("UTC"), "use a name such as Asia/Tokyo or Europe/Berlin"
    )
    pages: Literal["", "off", "local", "sign-in"] = _variable(
        "GHAPP_PAGES",
        "",
        "use sign-in for everybody who signs in with GitHub, local for who is on this machine, or "
        "off",
    )
    standup: Annotated[str, AfterValidator(_schedule)] = _variable(
        "GHAPP_STANDUP",
        "45 11 * * 1-5",
        "use five fields as in cron, by the clock of GHAPP_TIMEZONE, such as 45 11 * * 1-5",
    )
    slack_webhooks: Annotated[Mapping[str, str], NoDecode, BeforeValidator(_webhooks)] = _variable(
        SLACK,
        {},
        "use the https:// address of an incoming webhook; of further ones under names of their "
        "own, as GHAPP_SLACK_WEBHOOK_URL_DBA",
        secret=True,
    )
    github_limits: Literal["github", "off"] = _variable(
        "GHAPP_GITHUB_LIMITS", "github", "use github, or off if the server has no rate limits"
    )
    log_format: Literal["json", "console", "off"] = _variable(
        "GHAPP_LOG_FORMAT", "json", "use json, console, or off for errors only"
    )
    host: str = _variable("HOST", "127.0.0.1", "use the address to listen on, such as 0.0.0.0")
    port: Annotated[int, Field(ge=0, le=65_535)] = _variable(
        "PORT", 8000, "use a number from 0 (any free port) to 65535"
    )
    proxy: Annotated[str, AfterValidator(_proxy_url)] = _variable(
        "HTTPS_PROXY", "", "use http://HOST:PORT, or leave it out", secret=True
    )
    ca_file: str = _variable("SSL_CERT_FILE", "", "name a PEM file with CAs, or leave it out")
    ca_dir: str = _variable("SSL_CERT_DIR", "", "name a folder with CAs, or leave it out")
    otlp_endpoint: Annotated[str, AfterValidator(_otlp_endpoint)] = _variable(
        "OTEL_EXPORTER_OTLP_ENDPOINT",
        "",
        "name the address of a collector that takes OTLP over HTTP, such as http://HOST:4318, or "
        "leave it out",
    )
    secrets_dir: str = _variable(
        SECRETS_DIR, "", "name a folder with a file for each variable, or leave it out"
    )

    unknown: tuple[str, ...] = ()
    private_key_file: Path | None = None
    is_stored: bool = False

    def with_stored(self, found: Credentials) -> Settings:
        """These settings, with credentials of the database."""
        return self.model_copy(
            update={
                "app_id": found.app_id,
                "private_key": found.private_key,
                "webhook_secrets": (found.webhook_secret,),
                "client_id": self.client_id or found.client_id,
                "client_secret": self.client_secret or found.client_secret,
                "is_stored": True,
            }
        )

    @property
    def shown(self) -> Literal["off", "local", "sign-in"]:
        """To whom the pages are shown.

        By default to people who sign in, if they can: with nothing but GHAPP_BASE_URL, set-up
        makes everything that sign-in needs. Otherwise to nobody, because `local` trusts whoever
        connects from this machine, which may be a proxy that serves the whole world.
        """
        return self.pages or ("sign-in" if self.client_id and self.base_url else "off")

    def base(self, listening: str) -> str:
        """Where people reach ghapp: the base URL, else the address for a browser on this machine.

        listening: where the server listens.
        """
        parts = urlsplit(listening)
        host = "[::1]" if ":" in (parts.hostname or "") else "127.0.0.1"
        return self.base_url or f"http://{host}:{parts.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)  # only `from_environment` reads the environment

    @property
    def endpoint(self) -> Endpoint:
        """Where GitHub is reached, and how."""
        return Endpoint(self.github_api_url, self.proxy, self.ca_file, self.ca_dir)

    @property
    def is_local(self) -> bool:
        """Whether GitHub's API is on this machine, as an emulator's."""
        return _is_loopback(urlsplit(self.github_api_url).hostname or "")

    @property
    def web_url(self) -> str:
        """The base of GitHub's pages, without a slash at its end."""
        parts = urlsplit(self.github_api_url)
        host = parts.netloc
        if host == "api.github.com" or host.endswith(DATA_RESIDENCY):
            host = host.removeprefix("api.")
        return f"{parts.scheme}://{host}"

    @property
    def is_server(self) -> bool:
        """Whether GitHub is an Enterprise Server."""
        return urlsplit(self.github_api_url).path == SERVER_PATH

    @property
    def details_base(self) -> str:
        """What links to pages of ghapp begin with on GitHub; "" if they would lead nowhere.

        Pages for this machine alone answer a browser that asks for them by a name of loopback.
        """
        is_local = _is_loopback(urlsplit(self.base_url).hostname or "")
        is_served = self.shown == "sign-in" or (self.shown == "local" and is_local)
        return self.base_url if is_served else ""

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data_dir}/ghapp.sqlite3"

    @property
    def database_variable(self) -> str:
        """The variable that decides where the database is."""
        return "GHAPP_DATABASE_URL" if self.database else "GHAPP_DATA_DIR"

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None for PostgreSQL."""
        path = self.database_url.removeprefix("sqlite:///").partition("?")[0]
        return Path(path) if self.is_sqlite else None

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite:")

    @classmethod
    def from_environment(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        needs_github: bool = True,
        may_be_stored: bool = False,
    ) -> Settings:
        """Read the settings. Raises WrongSetting, one line for each problem.

        environ: None for the environment of the process. needs_github: the App's credentials must
        be set. may_be_stored: unless none of them is, for the database may have them.
        """
        given = _given(_with_files(os.environ if environ is None else environ))
        problems, unknown = [], []
        bare = {name.removeprefix(PREFIX): name for name in FIXES}
        for name in sorted(given.keys() - FIXES.keys()):
            wanted = name.removeprefix(PREFIX)
            # GHAPP_DB_URL resembles GHAPP_BASE_URL more than what it means.
            meant = re.sub(r"\bDB(?=_|$)", "DATABASE", wanted)
            near = difflib.get_close_matches(meant, bare, n=1, cutoff=ALIKE)
            # GHAPP_MODE has too few letters of GHAPP_DEFAULT_MODE to resemble it.
            near += [one for one in bare if {*wanted.split("_")} < {*one.split("_")}]
            if near:
                problems.append(f"{name}: is not a setting; did you mean {bare[near[0]]}?")
            else:
                unknown.append(name)
        if needs_github:
            missing = [name for name in CREDENTIALS if name not in given]
            if may_be_stored and len(missing) == len(CREDENTIALS):
                missing = []
            problems += [f"{name}: is missing; {FIXES[name]}" for name in missing]
        problems += _without_sign_in(given)
        source = EnvSettingsSource(cls)
        source.env_vars = given
        try:
            key = _key_file(given.get("GHAPP_PRIVATE_KEY", ""))
            settings = cls(**source(), unknown=tuple(unknown), private_key_file=key)
        except ValidationError as error:
            for one in error.errors(include_url=False, include_input=False):
                name, what = str(one["loc"][0]), one["msg"][0].lower() + one["msg"][1:]
                if one["type"] in NOT_A_NUMBER:
                    what = "is not a number"
                if ours := one.get("ctx", {}).get("error"):
                    what = str(ours)
                fix = "" if one["type"] == NO_DRIVER else f"; {FIXES[name]}"
                problems.append(f"{name}: {what}{fix}")
        if problems:
            raise WrongSetting("\n".join(sorted(problems)))
        return settings


FIXES: Mapping[str, str] = {  # name of a variable -> what to do if it is missing or wrong
    str(field.validation_alias): str(field.description)
    for field in Settings.model_fields.values()
    if field.validation_alias
}


def _without_sign_in(given: Mapping[str, str]) -> list[str]:
    """Why nobody can sign in although the settings say so.

    Credentials that set-up stored have a client ID and a secret.
    """
    wanted, app = given.get("GHAPP_PAGES") == "sign-in", "GHAPP_APP_ID" in given
    clients = [name for name in ("GHAPP_CLIENT_ID", "GHAPP_CLIENT_SECRET") if name in given]
    missing = {"GHAPP_CLIENT_ID", "GHAPP_CLIENT_SECRET"}.difference(clients)
    found = [
        f"{name}: is missing; {FIXES[name]}" for name in missing if clients or (wanted and app)
    ]
    host = given.get("HOST", "127.0.0.1")
    if wanted and "GHAPP_BASE_URL" not in given and not _is_loopback(host):
        found.append(
            "GHAPP_BASE_URL: is missing, and GHAPP_PAGES=sign-in needs it unless HOST is this "
            f"machine's own address; {FIXES['GHAPP_BASE_URL']}"
        )
    return found


def named(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The names of the settings that are set; all others have their defaults."""
    environ = _with_files(os.environ if environ is None else environ)
    return tuple(name for name in FIXES if environ.get(name, "").strip())


def own_account(environ: Mapping[str, str] | None = None) -> tuple[Endpoint, str]:
    """GitHub's address, and the token of the person who runs a command, as `gh` names it.

    Raises WrongSetting (there is no token, or the address is wrong).
    """
    environ = os.environ if environ is None else environ
    token = (environ.get("GH_TOKEN") or environ.get("GITHUB_TOKEN") or "").strip()
    if not token:
        raise WrongSetting(
            "GH_TOKEN: is missing; set it to a personal access token that may write to the "
            "repository: fine-grained with Contents and Pull requests write, or classic with `repo`"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise WrongSetting("GH_TOKEN: is not a token; copy it once more")
    given = environ.get("GHAPP_GITHUB_API_URL") or environ.get("GITHUB_API_URL")
    try:
        return Endpoint(_api_url((given or "https://api.github.com").strip())), token
    except ValueError as error:
        raise WrongSetting(
            f"GHAPP_GITHUB_API_URL: {error}; {FIXES['GHAPP_GITHUB_API_URL']}"
        ) from None


def _with_files(environ: Mapping[str, str]) -> Mapping[str, str]:
    """The environment, with what GHAPP_SECRETS_DIR holds and the environment does not set.

    Each file there is named as a variable, as Kubernetes mounts a Secret, Compose its secrets and
    systemd its credentials. Raises WrongSetting.
    """
    folder = environ.get(SECRETS_DIR, "").strip()
    if not folder:
        return environ
    try:
        files = {
            path.name: path.read_text(encoding="utf-8")
            for path in Path(folder).iterdir()
            if path.name in FIXES or path.name.startswith(PREFIX)
        }
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "a file there is not text"
        where = getattr(error, "filename", None) or folder
        raise WrongSetting(
            f"{SECRETS_DIR}: {where} cannot be read ({why}); {FIXES[SECRETS_DIR]}"
        ) from None
    return {**files, **{name: value for name, value in environ.items() if value.strip()}}


def _linked(name: str, value: str) -> bool:
    """Whether Kubernetes sets such a variable. GHAPP_PORT may also be a mistake for PORT."""
    is_address = name.endswith("_PORT") and "://" in value
    return is_address or SERVICE_LINK.fullmatch(name) is not None


def _hook(variable: str) -> str:
    """The name that policies give to the webhook of this variable: "dba" of …_URL_DBA."""
    return variable.removeprefix(SLACK).lstrip("_").lower()


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that count and are not empty, and defaults that depend on other variables."""
    given = {
        name: value.strip()
        for name, value in environ.items()
        if value.strip()
        and (name in FIXES or (name.startswith(PREFIX) and not _linked(name, value)))
    }
    hooks = [name for name in given if name == SLACK or name.startswith(f"{SLACK}_")]
    if lines := [f"{_hook(name)}={given.pop(name)}" for name in sorted(hooks)]:
        given[SLACK] = "\n".join(lines)
    if "GHAPP_DATABASE_URL" in given:
        given.pop("GHAPP_DATA_DIR", None)
    else:
        given.setdefault("GHAPP_DATA_DIR", "ghapp-data")
    api = given.get("GHAPP_GITHUB_API_URL", "https://api.github.com")
    if api.rstrip("/").endswith(SERVER_PATH):  # an Enterprise Server has no limits by default
        given.setdefault("GHAPP_GITHUB_LIMITS", "off")
    if "HTTPS_PROXY" not in given and environ.get("https_proxy"):
        given["HTTPS_PROXY"] = environ["https_proxy"]
    host = api.partition("://")[2].partition("/")[0].partition(":")[0]
    direct = (environ.get("NO_PROXY") or environ.get("no_proxy") or "").split(",")
    names = [name.strip().lstrip("*.") for name in direct if name.strip()]
    if any(not name or f".{host}".endswith(f".{name}") for name in names):
        given.pop("HTTPS_PROXY", None)
    return given
