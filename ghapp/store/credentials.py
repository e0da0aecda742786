"""The App's credentials that set-up stored: one row, encrypted; and what encrypts secrets."""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import bindparam, select

from ghapp.errors import WrongSetting
from ghapp.settings import FIXES, Credentials, Settings
from ghapp.store.schema import Now, credentials, upsert
from ghapp.store.sql import Connection, Statement

KEY_FILE = "ghapp-secret.key"  # beside the database of SQLite
_PUT = Statement(
    upsert(credentials)
    .values(number=1, sealed=bindparam("sealed"), stored_at=Now())
    .on_conflict_do_nothing()
)
_READ = Statement(select(credentials.c.sealed))


class Seal:
    """Encrypts and decrypts credentials, and texts of sign-in.

    makes: make the key file of SQLite if it is missing. Raises WrongSetting (there is no key, or
    another one).
    """

    def __init__(self, settings: Settings, *, makes: bool = False) -> None:
        secret, self._where = settings.secret_key, "GHAPP_SECRET_KEY"
        if not secret:
            if settings.file is None:
                fix = FIXES["GHAPP_SECRET_KEY"]
                raise WrongSetting(
                    "GHAPP_SECRET_KEY: is missing, and PostgreSQL needs it to store the App's "
                    f"credentials and the tokens of people who sign in; {fix}"
                )
            path = settings.file.parent / KEY_FILE
            secret, self._where = _read_key(path, makes=makes), str(path)
        self._fernet, self._of_texts = (
            Fernet(base64.urlsafe_b64encode(HKDF(SHA256(), 32, None, info).derive(secret.encode())))
            for info in (b"ghapp credentials", b"ghapp sign-in")
        )

    def hidden(self, text: str) -> bytes:
        return self._of_texts.encrypt(text.encode())

    def revealed(self, sealed: bytes, most_seconds: int | None = None) -> str | None:
        """The text, None if it was not hidden with this key. most_seconds: or too long ago."""
        try:
            return self._of_texts.decrypt(sealed, most_seconds).decode()
        except InvalidToken:
            return None

    def closed(self, found: Credentials) -> bytes:
        return self._fernet.encrypt(msgspec.json.encode(found))

    def opened(self, sealed: bytes) -> Credentials:
        try:
            return msgspec.json.decode(self._fernet.decrypt(sealed), type=Credentials)
        except InvalidToken:
            raise WrongSetting(
                f"{self._where}: is not the key that the App's credentials in the database were "
                "encrypted with; restore that key, or set the credentials in the environment"
            ) from None


def _read_key(path: Path, *, makes: bool) -> str:
    try:
        if not path.exists() and makes:
            made = path.with_suffix(".new")
            made.unlink(missing_ok=True)
            with os.fdopen(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(secrets.token_hex(32))
                file.flush()
                os.fsync(file.fileno())
            made.rename(path)
        if secret := path.read_text(encoding="ascii").strip():
            return secret
        reason = "it is empty"
    except (OSError, ValueError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or "it is not text"
    raise WrongSetting(
        f"{path}: the key of the App's credentials cannot be read ({reason}); restore the file "
        "from a backup, or set GHAPP_SECRET_KEY or the credentials themselves"
    )


def keep(connection: Connection, sealed: bytes) -> bool:
    """Store the credentials; False if there are some already, which stay."""
    return connection.change(_PUT, {"sealed": sealed}) == 1


def read(connection: Connection) -> bytes | None:
    """The encrypted credentials, None if set-up stored none."""
    found = connection.value(_READ)
    return None if found is None else bytes(found)
