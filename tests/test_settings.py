"""The environment becomes settings, or each mistake in it is named with its fix."""

from __future__ import annotations

import base64
import importlib.util
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from ghapp.errors import WrongSetting
from ghapp.settings import CREDENTIALS, FIXES, Credentials, Endpoint, Settings, named

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key: RSAPrivateKey | ec.EllipticCurvePrivateKey = RSA, passphrase: bytes = b"") -> str:
    closed = BestAvailableEncryption(passphrase) if passphrase else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, closed).decode()


PEM = pem()


@pytest.fixture
def good(tmp_path: Path) -> dict[str, str]:
    return {
        "GHAPP_APP_ID": "123",
        "GHAPP_PRIVATE_KEY": PEM,
        "GHAPP_WEBHOOK_SECRET": "hush",
        "GHAPP_DATA_DIR": str(tmp_path / "data"),
        "PATH": "/usr/bin",
    }


def problems(environ: Mapping[str, str]) -> list[str]:
    with pytest.raises(WrongSetting) as wrong:
        Settings.from_environment(environ)
    return str(wrong.value).splitlines()


def test_three_settings_are_enough(good: dict[str, str], tmp_path: Path) -> None:
    settings = Settings.from_environment(good)
    assert (settings.app_id, settings.private_key) == (123, PEM)
    assert settings.webhook_secrets == ("hush",)
    assert settings.github_api_url == "https://api.github.com"
    assert settings.database_url == f"sqlite:///{tmp_path}/data/ghapp.sqlite3"
    assert settings.is_sqlite
    assert (settings.default_mode, settings.github_limits) == ("advise", "github")
    assert (settings.log_format, settings.host, settings.port) == ("json", "127.0.0.1", 8000)
    assert settings.endpoint == Endpoint("https://api.github.com")


def test_proxy_and_cas_have_their_usual_names(good: dict[str, str]) -> None:
    where = {
        "GHAPP_GITHUB_API_URL": "https://ghe.example/api/v3",
        "HTTPS_PROXY": "http://proxy.example:3128",
        "SSL_CERT_FILE": " /etc/ca.pem",
        "SSL_CERT_DIR": "/etc/ca",
    }
    assert Settings.from_environment(good | where).endpoint == Endpoint(
        "https://ghe.example/api/v3",
        proxy="http://proxy.example:3128",
        ca_file="/etc/ca.pem",
        ca_dir="/etc/ca",
    )


def test_empty_environment_names_what_is_missing() -> None:
    lines = problems({"GHAPP_DATABASE_URL": "sqlite:////tmp/ghapp.sqlite3"})
    assert [line.partition(":")[0] for line in lines] == list(CREDENTIALS)
    assert all("is missing; " in line for line in lines)


def test_empty_variable_is_unset(good: dict[str, str]) -> None:
    empty = dict.fromkeys(FIXES, "") | good | {"GHAPP_WEBHOOK_SECRET": " "}
    assert [line.partition(":")[0] for line in problems(empty)] == ["GHAPP_WEBHOOK_SECRET"]


@pytest.mark.parametrize("name", ["GHAPP_APP_ID", "PORT"])
@pytest.mark.parametrize("given", ["abc", "9" * 5000])
def test_not_a_number(good: dict[str, str], name: str, given: str) -> None:
    (line,) = problems(good | {name: given})
    assert line == f"{name}: is not a number; {FIXES[name]}"


def test_without_github_only_the_database_is_needed(good: dict[str, str]) -> None:
    kept = {name: value for name, value in good.items() if name not in CREDENTIALS}
    assert Settings.from_environment(kept, needs_github=False).is_sqlite


class TestPrivateKey:
    def test_with_escaped_line_ends(self, good: dict[str, str]) -> None:
        good["GHAPP_PRIVATE_KEY"] = PEM.strip().replace("\n", "\\n")
        assert Settings.from_environment(good).private_key == PEM

    @pytest.mark.parametrize("width", [0, 76])
    def test_in_base64(self, good: dict[str, str], width: int) -> None:
        encoded = base64.b64encode(PEM.encode()).decode()
        if width:  # as `base64` prints it
            encoded = "\n".join(textwrap.wrap(encoded, width))
        good["GHAPP_PRIVATE_KEY"] = encoded
        assert Settings.from_environment(good).private_key == PEM

    def test_from_a_file(self, good: dict[str, str], tmp_path: Path) -> None:
        file = tmp_path / "key.pem"
        file.write_text(PEM)
        assert Settings.from_environment(good).private_key_file is None
        good["GHAPP_PRIVATE_KEY"] = str(file)
        settings = Settings.from_environment(good)
        assert (settings.private_key, settings.private_key_file) == (PEM, file)

    @pytest.mark.parametrize(
        ("key", "what"),
        [
            ("/nowhere/key.pem", "the path of a readable file (No such file or directory)"),
            ("/", "the path of a readable file (Is a directory)"),
            (base64.b64encode(b"no key").decode(), "is neither PEM text, nor that in Base64, nor"),
            ("/bin/sh", "the path of a readable file (it is not text)"),
            ("x" * 5000, "the path of a readable file (File name too long)"),
            (PEM[:400], "is not a complete private key"),
            (pem(passphrase=b"open sesame"), "is encrypted with a passphrase"),
            (pem(ec.generate_private_key(ec.SECP256R1())), "is not an RSA key"),
        ],
        ids=["missing", "folder", "encoded", "program", "long", "half", "encrypted", "other"],
    )
    def test_broken(self, good: dict[str, str], key: str, what: str) -> None:
        (line,) = problems(good | {"GHAPP_PRIVATE_KEY": key})
        assert line.startswith("GHAPP_PRIVATE_KEY: ")
        assert what in line
        assert "generate a private key" in line
        assert key[:60] not in line or len(key) < 20


def test_several_secrets_while_rotating(good: dict[str, str]) -> None:
    settings = Settings.from_environment(good | {"GHAPP_WEBHOOK_SECRET": "new, old,"})
    assert settings.webhook_secrets == ("new", "old")


class TestAddressOfGitHub:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("https://ghe.example/api/v3/", "https://ghe.example/api/v3"),
            ("http://127.0.0.1:9", "http://127.0.0.1:9"),
            ("http://localhost:9", "http://localhost:9"),
            ("http://[::1]:9", "http://[::1]:9"),
            ("https://api.acme.ghe.com", "https://api.acme.ghe.com"),
            ("https://api.github.com/", "https://api.github.com"),
        ],
    )
    def test_good(self, good: dict[str, str], given: str, expected: str) -> None:
        settings = Settings.from_environment(good | {"GHAPP_GITHUB_API_URL": given})
        assert settings.github_api_url == expected

    @pytest.mark.parametrize(
        "given",
        [
            "http://ghe.example",
            "https://github.com",
            "ghe.example/api/v3",
            "https://",
            "https://x:nine",
            "https://[::1",
            "https://u:p@ghe.example",
            "https://ghe.example?x=1",
            "http://127.0.0.1.evil.example",
            "https://ghe.example",
            "https://ghe.example/api",
            "https://ghe.example/api/graphql",
            "https://ghe.example/api/v3/graphql",
            "https://api.github.com/api/v3",
            "https://acme.ghe.com",
            "https://acme.ghe.com/api/v3",
            "https://api.acme.ghe.com/api/v3",
        ],
    )
    def test_bad(self, good: dict[str, str], given: str) -> None:
        (line,) = problems(good | {"GHAPP_GITHUB_API_URL": given})
        assert line.startswith("GHAPP_GITHUB_API_URL: ")
        assert "use https://api.github.com" in line

    @pytest.mark.parametrize(
        ("given", "what"),
        [
            ("https://ghe.example", "does not end with /api/v3"),
            ("https://acme.ghe.com/api/v3", "is not the API of an enterprise with data residency"),
            ("https://api.github.com/api/v3", "has a path, /api/v3, which only"),
        ],
    )
    def test_wrong_base_is_named(self, good: dict[str, str], given: str, what: str) -> None:
        (line,) = problems(good | {"GHAPP_GITHUB_API_URL": given})
        assert what in line

    @pytest.mark.parametrize(
        ("given", "limits"),
        [
            ("https://ghe.example/api/v3/", "off"),
            ("https://api.acme.ghe.com", "github"),
            ("https://api.github.com", "github"),
        ],
    )
    def test_limits_are_off_on_a_server_unless_set(
        self, good: dict[str, str], given: str, limits: str
    ) -> None:
        bare = {name: value for name, value in good.items() if name != "GHAPP_GITHUB_LIMITS"}
        where = bare | {"GHAPP_GITHUB_API_URL": given}
        assert Settings.from_environment(where).github_limits == limits
        on = where | {"GHAPP_GITHUB_LIMITS": "github"}
        assert Settings.from_environment(on).github_limits == "github"


class TestBaseUrl:
    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("https://ghapp.example", "https://ghapp.example"),
            ("https://ghapp.example:8443/", "https://ghapp.example:8443"),
            ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
            ("http://localhost:8000/", "http://localhost:8000"),
        ],
    )
    def test_good(self, good: dict[str, str], given: str, expected: str) -> None:
        assert Settings.from_environment(good | {"GHAPP_BASE_URL": given}).base_url == expected

    @pytest.mark.parametrize(
        "given",
        [
            "http://ghapp.example",
            "https://",
            "ghapp.example",
            "https://ghapp.example/path",
            "https://u@ghapp.example",
            "https://ghapp.example?x",
        ],
    )
    def test_bad(self, good: dict[str, str], given: str) -> None:
        (line,) = problems(good | {"GHAPP_BASE_URL": given})
        assert line.startswith("GHAPP_BASE_URL: ") and "use the https:// address" in line


class TestStoredCredentials:
    def test_all_may_be_missing_if_the_database_may_have_them(self, good: dict[str, str]) -> None:
        bare = {name: value for name, value in good.items() if name not in CREDENTIALS}
        assert Settings.from_environment(bare, may_be_stored=True).app_id == 0

    @pytest.mark.parametrize("name", CREDENTIALS)
    def test_some_without_the_others_are_an_error(self, good: dict[str, str], name: str) -> None:
        bare = {one: value for one, value in good.items() if one not in CREDENTIALS}
        with pytest.raises(WrongSetting) as wrong:
            Settings.from_environment(bare | {name: good[name]}, may_be_stored=True)
        lines = str(wrong.value).splitlines()
        assert {line.partition(":")[0] for line in lines} == {*CREDENTIALS} - {name}

    def test_a_short_key_is_refused(self, good: dict[str, str]) -> None:
        (line,) = problems(good | {"GHAPP_SECRET_KEY": "hush-hush"})
        assert "has fewer than 32 characters" in line and "hush-hush" not in line


class TestDatabase:
    @pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
    def test_postgresql(self, good: dict[str, str], scheme: str) -> None:
        url = f"{scheme}://ghapp:pw@db.example:5432/ghapp"
        settings = Settings.from_environment(good | {"GHAPP_DATABASE_URL": url})
        assert settings.database_url == "postgresql+psycopg://ghapp:pw@db.example:5432/ghapp"
        assert not settings.is_sqlite

    def test_missing_driver_is_named_with_how_to_install_it(
        self, good: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        (line,) = problems(good | {"GHAPP_DATABASE_URL": "postgresql://db.example/ghapp"})
        assert line == (
            "GHAPP_DATABASE_URL: needs the PostgreSQL driver, which is missing; in ghapp's folder,"
            " start it as `uv run --no-dev --extra postgres ghapp ...`, or install it with"
            " `uv pip install '.[postgres]'`"
        )

    def test_postgresql_creates_no_folder(self, good: dict[str, str], tmp_path: Path) -> None:
        Settings.from_environment(good | {"GHAPP_DATABASE_URL": "postgresql://db.example/ghapp"})
        assert not (tmp_path / "data").exists()

    @pytest.mark.parametrize(
        "given",
        [
            "mysql://db.example/ghapp",
            "sqlite://",
            "sqlite:///",
            "postgresql://",
            "ghapp.sqlite3",
            "postgresql://ghapp:sec/ret@db.example/ghapp",
        ],
    )
    def test_bad(self, good: dict[str, str], given: str) -> None:
        (line,) = problems(good | {"GHAPP_DATABASE_URL": given})
        assert line.startswith("GHAPP_DATABASE_URL: ")
        assert "use postgresql://USER:PASSWORD@HOST/NAME" in line
        assert "sec" not in line.replace("GHAPP_", "").lower()

    def test_folder_that_cannot_be_created(self, good: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        (line,) = problems(good | {"GHAPP_DATA_DIR": str(tmp_path / "file" / "data")})
        assert line.startswith(f"GHAPP_DATA_DIR: {tmp_path}/file/data cannot be created")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GHAPP_APP_ID", "my-app"),
        ("GHAPP_APP_ID", "0"),
        ("GHAPP_APP_ID", "-5"),
        ("GHAPP_WEBHOOK_SECRET", " , ,"),
        ("GHAPP_DEFAULT_MODE", "strict"),
        ("GHAPP_GITHUB_LIMITS", "none"),
        ("GHAPP_LOG_FORMAT", "xml"),
        ("PORT", "http"),
        ("PORT", "70000"),
        ("HTTPS_PROXY", "proxy.example:3128"),
        ("HTTPS_PROXY", "http://a%3Ab:c@proxy.example:3128"),
    ],
)
def test_wrong_value_is_named_with_its_fix(good: dict[str, str], name: str, value: str) -> None:
    (line,) = problems(good | {name: value})
    assert line.startswith(f"{name}: ")
    assert line.endswith(f"; {FIXES[name]}")


def test_settings_made_in_code_read_no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "0.0.0.0")
    assert Settings(app_id=7).host == "127.0.0.1"


def test_misspelt_name_is_corrected(good: dict[str, str]) -> None:
    (line,) = problems(good | {"GHAPP_WEBHOOK_SECRETS": "hush"})
    assert line == "GHAPP_WEBHOOK_SECRETS: is not a setting; did you mean GHAPP_WEBHOOK_SECRET?"


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("GHAPP_APPID", "GHAPP_APP_ID"),
        ("GHAPP_HOST", "HOST"),
        ("GHAPP_PORT", "PORT"),
        ("GHAPP_MODE", "GHAPP_DEFAULT_MODE"),
        ("GHAPP_KEY", "GHAPP_PRIVATE_KEY"),
        ("GHAPP_DB_URL", "GHAPP_DATABASE_URL"),
    ],
)
def test_name_that_resembles_a_setting_is_a_mistake(
    good: dict[str, str], name: str, meant: str
) -> None:
    assert problems(good | {name: "8001"}) == [f"{name}: is not a setting; did you mean {meant}?"]


def test_name_that_resembles_nothing_is_a_warning(good: dict[str, str]) -> None:
    assert Settings.from_environment(good).unknown == ()
    found = Settings.from_environment(good | {"GHAPP_TEAM_CHAT": "#sre", "GHAPP_IMAGE": "x"})
    assert found.unknown == ("GHAPP_IMAGE", "GHAPP_TEAM_CHAT")


def test_variables_of_kubernetes_are_ignored(good: dict[str, str]) -> None:
    address = "tcp://10.0.171.239:80"
    linked = {
        "GHAPP_SERVICE_HOST": "10.0.171.239",
        "GHAPP_SERVICE_PORT": "80",
        "GHAPP_SERVICE_PORT_HTTP_WEB": "80",
        "GHAPP_PORT": address,
        "GHAPP_PORT_80_TCP": address,
        "GHAPP_PORT_80_TCP_PROTO": "tcp",
        "GHAPP_PORT_80_TCP_PORT": "80",
        "GHAPP_PORT_80_TCP_ADDR": "10.0.171.239",
        # of a second Service, `ghapp-db`
        "GHAPP_DB_SERVICE_HOST": "10.0.171.240",
        "GHAPP_DB_PORT": "udp://10.0.171.240:53",
        "GHAPP_DB_PORT_53_UDP_ADDR": "10.0.171.240",
    }
    found = Settings.from_environment(good | linked)
    assert (found.unknown, found.port) == ((), 8000)


def test_all_problems_are_named_at_once(good: dict[str, str]) -> None:
    broken = {"GHAPP_APP_ID": "x", "PORT": "x", "GHAPP_PRIVATE_KEY": "x", "GHAPP_DATA_DIRS": "x"}
    names = [line.partition(":")[0] for line in problems(good | broken)]
    assert names == sorted(broken)


def test_no_secret_is_shown(good: dict[str, str]) -> None:
    secrets = {
        "GHAPP_WEBHOOK_SECRET": "hush-hush",
        "GHAPP_DATABASE_URL": "postgresql://ghapp:hush-hush@db.example/ghapp",
        "HTTPS_PROXY": "http://me:hush-hush@proxy.example",
        "GHAPP_SECRET_KEY": "hush-hush" * 4,
    }
    settings = Settings.from_environment(good | secrets)
    shown = f"{settings} {settings!r} {settings.endpoint} {settings.endpoint!r}"
    assert "hush-hush" not in shown
    assert "PRIVATE KEY" not in shown


@pytest.mark.parametrize(
    ("direct", "proxy"),
    [
        ("", "http://proxy.example:3128"),
        ("other.example", "http://proxy.example:3128"),
        ("corp.example,github.com", ""),
        (".github.com", ""),
        ("*", ""),
    ],
)
def test_proxy_is_used_unless_no_proxy_names_the_host(
    good: dict[str, str], direct: str, proxy: str
) -> None:
    environ = {"https_proxy": "http://proxy.example:3128", "NO_PROXY": direct}
    assert Settings.from_environment(good | environ).proxy == proxy


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://github.corp.example/api/v3", "https://github.corp.example"),
        ("https://api.corp.example/api/v3", "https://api.corp.example"),
        ("https://api.acme.ghe.com", "https://acme.ghe.com"),
        ("http://127.0.0.1:8001", "http://127.0.0.1:8001"),
    ],
)
def test_pages_have_the_address_that_belongs_to_the_api(api: str, web: str) -> None:
    assert Settings(github_api_url=api).web_url == web
    assert Settings(github_api_url=api).is_server == api.endswith("/api/v3")


class TestFilesOfSecrets:
    """GHAPP_SECRETS_DIR: one file for each variable, as platforms mount secrets."""

    def test_a_file_stands_for_a_variable(self, good: dict[str, str], tmp_path: Path) -> None:
        folder = tmp_path / "secrets"
        (folder / "..data").mkdir(parents=True)  # of Kubernetes
        (folder / "GHAPP_WEBHOOK_SECRET").write_text("from a file\n")
        (folder / "GHAPP_PRIVATE_KEY").write_text(good.pop("GHAPP_PRIVATE_KEY"))
        (folder / "unrelated").write_bytes(b"\xff")
        del good["GHAPP_WEBHOOK_SECRET"]
        given = good | {"GHAPP_SECRETS_DIR": str(folder)}
        settings = Settings.from_environment(given)
        assert settings.webhook_secrets == ("from a file",)
        assert (settings.private_key, settings.private_key_file) == (PEM, None)
        assert {"GHAPP_APP_ID", "GHAPP_PRIVATE_KEY"} <= {*named(given)}

    def test_the_environment_takes_precedence(self, good: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "GHAPP_WEBHOOK_SECRET").write_text("from a file")
        (tmp_path / "GHAPP_APP_ID").write_text("7")
        given = good | {"GHAPP_SECRETS_DIR": str(tmp_path), "GHAPP_APP_ID": " "}
        settings = Settings.from_environment(given)
        assert (settings.webhook_secrets, settings.app_id) == (("hush",), 7)

    def test_a_misspelt_file_is_named(self, good: dict[str, str], tmp_path: Path) -> None:
        (tmp_path / "GHAPP_WEBHOOK_SECRETS").write_text("hush")
        (line,) = problems(good | {"GHAPP_SECRETS_DIR": str(tmp_path)})
        assert line.endswith("is not a setting; did you mean GHAPP_WEBHOOK_SECRET?")

    @pytest.mark.parametrize("content", [None, b"\xff"])
    def test_what_cannot_be_read_is_named(
        self, good: dict[str, str], tmp_path: Path, content: bytes | None
    ) -> None:
        folder = tmp_path / "none"
        if content:
            folder.mkdir()
            (folder / "GHAPP_WEBHOOK_SECRET").write_bytes(content)
        (line,) = problems(good | {"GHAPP_SECRETS_DIR": str(folder)})
        assert line.startswith(f"GHAPP_SECRETS_DIR: {folder} cannot be read (")
        assert "name a folder with a file for each variable" in line


@pytest.mark.parametrize(
    ("pages", "base", "details"),
    [
        ("off", "http://127.0.0.1:8000", ""),
        ("local", "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("local", "https://ghapp.example.com", ""),
        ("sign-in", "https://ghapp.example.com", "https://ghapp.example.com"),
        ("sign-in", "", ""),
        ("local", "", ""),
    ],
)
def test_links_lead_only_to_pages_that_answer(pages: str, base: str, details: str) -> None:
    given = {"base_url": base} if base else {}
    assert Settings(pages=pages, **given).details_base == details


# --- who sees the pages ---------------------------------------------------------------------------

CLIENT = {"GHAPP_CLIENT_ID": "Iv23.abc", "GHAPP_CLIENT_SECRET": "c1ient-secret"}
BASE = {"GHAPP_BASE_URL": "https://ghapp.example"}


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, "off"),
        (BASE, "off"),
        (CLIENT, "off"),
        (CLIENT | BASE, "sign-in"),
        (CLIENT | BASE | {"GHAPP_PAGES": "off"}, "off"),
        (CLIENT | BASE | {"GHAPP_PAGES": "local"}, "local"),
        (CLIENT | {"GHAPP_PAGES": "sign-in"}, "sign-in"),
        ({"GHAPP_PAGES": "local"}, "local"),
    ],
    ids=str,
)
def test_pages_are_for_those_who_sign_in_if_people_can(
    good: dict[str, str], more: dict[str, str], shown: str
) -> None:
    assert Settings.from_environment(good | more).shown == shown


def test_what_set_up_stored_is_enough_to_sign_in(tmp_path: Path) -> None:
    made = Credentials(7, "ghapp", "https://github.com/apps/ghapp", "Iv1.a", "secret", "hook", PEM)
    data = {"GHAPP_DATA_DIR": str(tmp_path)}
    found = Settings.from_environment(data | BASE, may_be_stored=True).with_stored(made)
    assert (found.client_id, found.client_secret, found.shown) == ("Iv1.a", "secret", "sign-in")
    rotated = Settings.from_environment(data | CLIENT, may_be_stored=True).with_stored(made)
    assert (rotated.client_id, rotated.client_secret) == ("Iv23.abc", "c1ient-secret")


@pytest.mark.parametrize(
    ("more", "names"),
    [
        ({"GHAPP_CLIENT_ID": "Iv23.abc"}, ["GHAPP_CLIENT_SECRET"]),
        ({"GHAPP_CLIENT_SECRET": "c1ient-secret"}, ["GHAPP_CLIENT_ID"]),
        ({"GHAPP_PAGES": "sign-in"}, ["GHAPP_CLIENT_ID", "GHAPP_CLIENT_SECRET"]),
        (CLIENT | {"GHAPP_PAGES": "sign-in", "HOST": "0.0.0.0"}, ["GHAPP_BASE_URL"]),
        (CLIENT | {"GHAPP_BASE_URL": "http://ghapp.example"}, ["GHAPP_BASE_URL"]),
        (CLIENT | {"GHAPP_CLIENT_ID": "Iv23 abc"}, ["GHAPP_CLIENT_ID"]),
        ({"GHAPP_PAGES": "on"}, ["GHAPP_PAGES"]),
    ],
    ids=str,
)
def test_why_nobody_could_sign_in_is_named(
    good: dict[str, str], more: dict[str, str], names: list[str]
) -> None:
    assert [line.partition(":")[0] for line in problems(good | more)] == names


@pytest.mark.parametrize(
    ("listening", "base"),
    [
        ("http://0.0.0.0:8000", "http://127.0.0.1:8000"),
        ("http://[::]:81", "http://[::1]:81"),
    ],
)
def test_without_a_base_url_people_reach_this_machine(
    good: dict[str, str], listening: str, base: str
) -> None:
    assert Settings.from_environment(good).base(listening) == base
    assert Settings.from_environment(good | BASE).base(listening) == BASE["GHAPP_BASE_URL"]
