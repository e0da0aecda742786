"""Environment -> one frozen Settings, or all that is wrong. Nobody else reads os.environ."""

from __future__ import annotations

import dataclasses
import difflib
import importlib.util
import ipaddress
import os
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from pydantic.dataclasses import dataclass
from pydantic_core import ErrorDetails

from ghapp.errors import GET_DRIVER, WrongSetting

POSTGRESQL = "postgresql+psycopg://"
BEGIN = "-----BEGIN "
STRICT = ConfigDict(extra="forbid", validate_by_name=True, validate_by_alias=True)
NO_NUMBER = {"int_parsing", "int_parsing_size"}  # pydantic's names for it


class _Advised(ValueError):
    """Says by itself what to do, which here is not what the variable's `fix` says."""


def _private_key(given: str) -> str:
    """The PEM text, where PEM text (line ends may be spelled \\n) or a path to it is given."""
    pem = given.replace("\\n", "\n") if BEGIN in given else _file(given)
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except TypeError:
        raise ValueError("is encrypted by a passphrase") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is no whole private key") from None
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("is no RSA key, as GitHub makes them")
    return pem.strip() + "\n"


def _file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        # What stands here may be half a key: it is not repeated.
        reason = (isinstance(error, OSError) and error.strerror) or "it is no text"
        raise ValueError(f"is neither PEM text nor a file that can be read ({reason})") from None


def _secrets(given: str | tuple[str, ...]) -> tuple[str, ...]:
    parts = given.split(",") if isinstance(given, str) else given
    if secrets := tuple(part.strip() for part in parts if part.strip()):
        return secrets
    raise ValueError("holds commas only")


def _database_url(given: str) -> str:
    scheme, _, rest = given.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and rest.strip("/"):
        _folder(Path(rest[1:]).parent)
        return given
    if scheme not in ("postgres", "postgresql", "postgresql+psycopg") or not rest:
        raise ValueError("is no database that ghapp knows")
    # Of a password with an "@" of its own, the rest would pass for the host, and hosts are told.
    if split(given).netloc.count("@") > 1:
        raise ValueError("has more than one `@`: write the one in the password as %40")
    if importlib.util.find_spec("psycopg") is None:
        raise _Advised(f"needs the PostgreSQL driver, which is missing; {GET_DRIVER}")
    return POSTGRESQL + rest


def _folder(path: Path) -> Path:
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)  # pulls of private repositories
    except OSError as error:
        raise ValueError(f"{path} cannot be made ({error.strerror})") from None
    if not os.access(path, os.W_OK | os.X_OK):
        raise ValueError(f"{path} is not writable for this user")
    return path.absolute()


def _variable(name: str, default: Any, fix: str, *, secret: bool = False) -> Any:
    """A field read from the variable `name`. fix: what to do where it is missing or wrong."""
    return Field(default, validation_alias=name, description=fix, repr=not secret)


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class Settings:
    """All that the environment decides; what may hold a secret is left out of its repr.

    webhook_secrets: any of them may have signed. database: "" is SQLite under `data_dir`.
    github_api_url: without a slash at its end. port: 0 is any free one.
    proxy, ca_file, ca_dir: as in Endpoint.
    """

    app_id: Annotated[int, Field(gt=0)] = _variable(
        "GHAPP_APP_ID", 0, "take the App ID from the App's settings page on GitHub"
    )
    private_key: Annotated[str, AfterValidator(_private_key)] = _variable(
        "GHAPP_PRIVATE_KEY",
        "",
        "generate a private key on the App's settings page on GitHub, and give that PEM file's "
        "path or its text",
        secret=True,
    )
    webhook_secrets: Annotated[tuple[str, ...], BeforeValidator(_secrets)] = _variable(
        "GHAPP_WEBHOOK_SECRET",
        (),
        "set the same text here and as the webhook secret of the App; while rotating, both texts "
        "separated by a comma",
        secret=True,
    )
    github_api_url: Annotated[str, AfterValidator(api_url)] = _variable(
        "GHAPP_GITHUB_API_URL",
        "https://api.github.com",
        "use https://api.github.com, https://HOST/api/v3 for GitHub Enterprise Server, or "
        "https://api.SUBDOMAIN.ghe.com for data residency",
    )
    database: Annotated[str, AfterValidator(_database_url)] = _variable(
        "GHAPP_DATABASE_URL",
        "",
        "use postgresql://USER:PASSWORD@HOST/NAME or sqlite:////FOLDER/FILE, or leave it out for "
        "SQLite in GHAPP_DATA_DIR",
        secret=True,
    )
    data_dir: Annotated[Path, AfterValidator(_folder)] = _variable(
        "GHAPP_DATA_DIR", Path("ghapp-data"), "set it to a writable folder on a local disk"
    )
    default_mode: Literal["observe", "advise", "enforce"] = _variable(
        "GHAPP_DEFAULT_MODE", "advise", "use observe, advise or enforce"
    )
    github_limits: Literal["github", "off"] = _variable(
        "GHAPP_GITHUB_LIMITS", "github", "use github, or off where the server has no rate limits"
    )
    log_format: Literal["json", "console", "off"] = _variable(
        "GHAPP_LOG_FORMAT", "json", "use json, console, or off for errors only"
    )
    host: str = _variable("HOST", "127.0.0.1", "use the address to listen on, as 0.0.0.0")
    port: Annotated[int, Field(ge=0, le=65_535)] = _variable(
        "PORT", 8000, "use a number from 0 (any free port) to 65535"
    )
    proxy: Annotated[str, AfterValidator(proxy_url)] = _variable(
        "HTTPS_PROXY", "", "use http://HOST:PORT, or leave it out", secret=True
    )
    ca_file: str = _variable("SSL_CERT_FILE", "", "name a PEM file with CAs, or leave it out")
    ca_dir: str = _variable("SSL_CERT_DIR", "", "name a folder with CAs, or leave it out")

    @property
    def endpoint(self) -> Endpoint:
        """Where GitHub is reached, and how."""
        return Endpoint(self.github_api_url, self.proxy, self.ca_file, self.ca_dir)

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data_dir}/ghapp.sqlite3"

    @property
    def database_variable(self) -> str:
        """The variable that says where the database is."""
        return "GHAPP_DATABASE_URL" if self.database else "GHAPP_DATA_DIR"

    @property
    def file(self) -> Path | None:
        """Where SQLite lies; None for PostgreSQL."""
        where = self.database_url.removeprefix("sqlite:///").partition("?")[0]
        return Path(where) if self.is_sqlite else None

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite:")

    @classmethod
    def from_environment(
        cls, environ: Mapping[str, str] | None = None, *, needs_github: bool = True
    ) -> Settings:
        """environ: None is that of the process. needs_github: whether the App must be given.

        Raises WrongSetting, one line for each problem there is.
        """
        given = _given(os.environ if environ is None else environ)
        problems = _unknown(given)
        if needs_github:
            missing = [name for name in CREDENTIALS if name not in given]
            problems += [_told(name, "is missing") for name in missing]
        try:
            known = {name: value for name, value in given.items() if name in FIXES}
            settings = _ADAPTER.validate_python(known)
        except ValidationError as error:
            found = error.errors(include_url=False, include_input=False)
            problems += [_problem(one) for one in found]
        if problems:
            raise WrongSetting("\n".join(sorted(problems))) from None
        return settings


CREDENTIALS = ("GHAPP_APP_ID", "GHAPP_PRIVATE_KEY", "GHAPP_WEBHOOK_SECRET")
_ADAPTER = TypeAdapter(Settings)
FIXES: Mapping[str, str] = {  # name of a variable -> what to do where it is missing or wrong
    str(field.validation_alias): str(field.description)
    for field in vars(Settings)["__pydantic_fields__"].values()
}


def _given(environ: Mapping[str, str]) -> dict[str, str]:
    """What is set and of use: an empty variable counts as unset."""
    given = {name: value.strip() for name, value in environ.items() if value.strip()}
    given = {name: value for name, value in given.items() if _ours(name)}
    if "GHAPP_DATABASE_URL" in given:
        given.pop("GHAPP_DATA_DIR", None)
    else:
        given.setdefault("GHAPP_DATA_DIR", "ghapp-data")
    if "HTTPS_PROXY" not in given and environ.get("https_proxy"):
        given["HTTPS_PROXY"] = environ["https_proxy"]
    api = given.get("GHAPP_GITHUB_API_URL", "https://api.github.com")
    if _bypasses(environ, api):
        given.pop("HTTPS_PROXY", None)
    if is_server(api):  # its limits are off unless somebody sets them
        given.setdefault("GHAPP_GITHUB_LIMITS", "off")
    return given


def _bypasses(environ: Mapping[str, str], url: str) -> bool:
    direct = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    host = url.partition("://")[2].partition("/")[0].partition(":")[0]
    names = [name.strip().lstrip("*.") for name in direct.split(",") if name.strip()]
    return any(not name or f".{host}".endswith(f".{name}") for name in names)


def _ours(name: str) -> bool:
    return name.startswith("GHAPP_") or name in FIXES


def _unknown(given: Mapping[str, str]) -> list[str]:
    problems = []
    for name in given.keys() - FIXES.keys():
        near = difflib.get_close_matches(name, FIXES, n=1)
        fix = f"did you mean {near[0]}?" if near else f"there are {', '.join(FIXES)}"
        problems.append(f"{name}: is no setting; {fix}")
    return problems


def _told(name: str, what: str) -> str:
    return f"{name}: {what}; {FIXES[name]}"


def _problem(error: ErrorDetails) -> str:
    """In our words where we have some, else in pydantic's; neither repeats a secret."""
    name, ours = str(error["loc"][0]), error.get("ctx", {}).get("error")
    if isinstance(ours, _Advised):
        return f"{name}: {ours}"
    if error["type"] in NO_NUMBER:
        return _told(name, "is no number")
    return _told(name, str(ours) if ours else error["msg"][0].lower() + error["msg"][1:])


def named(environ: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The variables that are set and count; all others are at their defaults."""
    environ = os.environ if environ is None else environ
    return tuple(name for name in FIXES if environ.get(name, "").strip())


DATA_RESIDENCY, SERVER_PATH = ".ghe.com", "/api/v3"


@dataclasses.dataclass(frozen=True, slots=True)
class Endpoint:
    """A GitHub's API, and the way to it.

    api_url: the base of its REST API, as "https://api.github.com" or "https://HOST/api/v3".
    proxy: "http://HOST:PORT" or "http://USER:PASSWORD@HOST:PORT"; "" is none.
    ca_file, ca_dir: whom to trust instead of certifi's list: a PEM file, or a folder of such as
    `openssl rehash` names them; the file comes before the folder, "" is none.
    """

    api_url: str
    proxy: str = field(default="", repr=False)
    ca_file: str = ""
    ca_dir: str = ""


def split(url: str) -> SplitResult:
    """The parts of an address. Raises ValueError."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        # Its words would repeat a part of the address, which may be one of a password.
        raise ValueError("is no address: its host or port cannot be read") from None
    return parts


def api_url(given: str) -> str:
    """The base of GitHub's REST API, without a slash at its end. Raises ValueError."""
    parts = split(given)
    if parts.hostname == "github.com":
        raise ValueError("is the site, not its API")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise ValueError("is no https:// address")
    if not parts.hostname or parts.username or parts.query or parts.fragment:
        raise ValueError("is no plain address")
    if not _is_loopback(parts.hostname):
        _check_base(parts.hostname, parts.path.rstrip("/"))
    return given.rstrip("/")


def is_server(url: str) -> bool:
    """Whether this is the API of a GitHub Enterprise Server."""
    return url.rstrip("/").endswith(SERVER_PATH)


def _check_base(host: str, path: str) -> None:
    """Raises ValueError where GitHub has no API on this host below this path.

    Sources: https://docs.github.com/enterprise-server@latest/rest/enterprise-admin#endpoint-urls,
    https://docs.github.com/enterprise-cloud@latest/rest/enterprise-admin/network-configurations
    (data residency)
    """
    if host.endswith(DATA_RESIDENCY) and not host.startswith("api."):
        raise ValueError("is not the API of an enterprise with data residency")
    of_cloud = host == "api.github.com" or host.endswith(DATA_RESIDENCY)
    if of_cloud and path:
        raise ValueError(f"has a path, {path}, which only GitHub Enterprise Server has")
    if not of_cloud and path != SERVER_PATH:
        raise ValueError(f"does not end with {SERVER_PATH}, where GitHub Enterprise Server has it")


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False


def proxy_url(given: str) -> str:
    """The address of a proxy. Raises ValueError."""
    parts = split(given)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("is no http:// address")
    if "%3a" in (parts.username or "").lower():
        raise ValueError("has a `:` in the name of a user, which no proxy takes")
    return given
