"""Addresses as they are given in settings: what is none, or leads elsewhere, and why.

Those that lead to GitHub are an Endpoint.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

DATA_RESIDENCY, SERVER_PATH = ".ghe.com", "/api/v3"


@dataclass(frozen=True, slots=True)
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
