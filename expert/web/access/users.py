"""The users of the service: a file of names and hashed passwords, readable by its owner alone.

One line a user, `name:scrypt:N:r:p:salt:hash`, salt and hash in hexadecimal. Passwords are hashed with scrypt (RFC 7914) from
Python's own hashlib, with the figures that OWASP's Password Storage Cheat Sheet recommends.
"""

import hashlib
import hmac
import re
import secrets
import threading
from dataclasses import dataclass
from pathlib import Path

from expert.disk_errors import advise
from reports.writing import write_private

SHORTEST_PASSWORD = 12
_LONGEST_PASSWORD = 1_000
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,79}")
_COST, _BLOCK, _LANES = 2**17, 8, 1


class UserError(Exception):
    """A user file or a user that cannot be used as asked: what is wrong, and what to do."""


@dataclass(frozen=True, slots=True)
class _Hashed:
    cost: int
    block: int
    lanes: int
    salt: bytes
    digest: bytes

    def written(self) -> str:
        return f"scrypt:{self.cost}:{self.block}:{self.lanes}:{self.salt.hex()}:{self.digest.hex()}"

    def mark(self) -> str:
        return hashlib.sha256(self.written().encode()).hexdigest()

    def fits(self, password: str) -> bool:
        return hmac.compare_digest(self.digest, _digest(password, self.cost, self.block, self.lanes, self.salt))


# Each hash takes 128 MiB; several at once would let a stranger fill the memory by typing passwords.
_ONE_AT_A_TIME = threading.Lock()


def _digest(password: str, cost: int, block: int, lanes: int, salt: bytes) -> bytes:
    memory = 2 * 128 * cost * block
    with _ONE_AT_A_TIME:
        return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=block, p=lanes, maxmem=memory, dklen=32)


def _hashed(password: str) -> _Hashed:
    salt = secrets.token_bytes(16)
    return _Hashed(_COST, _BLOCK, _LANES, salt, _digest(password, _COST, _BLOCK, _LANES, salt))


class Users:
    """A user file, read anew whenever it changed, so that a user who is removed is out at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stamp: tuple[int, int, int] | None = None
        self._users: dict[str, _Hashed] = {}
        # What an unknown name is measured against, so that it takes as long as a known one.
        self._nobody = _Hashed(_COST, _BLOCK, _LANES, secrets.token_bytes(16), secrets.token_bytes(32))
        self.names()

    def names(self) -> frozenset[str]:
        """Return the names of all users. Raises UserError when the file cannot be read."""
        try:
            stat = self.path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
            if stamp != self._stamp:
                self._users, self._stamp = _read(self.path), stamp
        except OSError as error:
            raise UserError(f"{self.path}: cannot be read: {error.strerror}; check the path, or add a user to it") from None
        return frozenset(self._users)

    def mark(self, name: str) -> str | None:
        """Return a text that changes with a user's password; None when there is no such user. Raises UserError."""
        return self._users[name].mark() if name in self.names() else None

    def verify(self, name: str, password: str) -> str | None:
        """Return the mark of that user's password if it is this one, else None.

        Takes as long for a name that nobody has. Raises UserError.
        """
        known = name in self.names()
        hashed = self._users[name] if known else self._nobody
        return hashed.mark() if hashed.fits(password[:_LONGEST_PASSWORD]) and known else None


def add_user(path: Path, name: str, password: str) -> None:
    """Add a user, or give one a new password. Raises UserError."""
    if not _NAME.fullmatch(name):
        raise UserError(f"{name[:80]!r} cannot be a user's name; use letters, digits, dot, hyphen, underscore or @, at most 80")
    if not SHORTEST_PASSWORD <= len(password) <= _LONGEST_PASSWORD:
        raise UserError(f"the password has {len(password)} characters, and {SHORTEST_PASSWORD} or more are asked for")
    users = _read(path) if path.exists() else {}
    users[name] = _hashed(password)
    _write(path, users)


def remove_user(path: Path, name: str) -> None:
    """Remove a user, who is signed out by that. Raises UserError."""
    users = _read(path)
    if users.pop(name, None) is None:
        raise UserError(f"{name[:80]!r} is no user in {path}; it has {', '.join(sorted(users)) or 'none'}")
    _write(path, users)


def _write(path: Path, users: dict[str, _Hashed]) -> None:
    lines = ["# Users of `charley serve`; written by `charley users`.\n"]
    lines += [f"{name}:{hashed.written()}\n" for name, hashed in sorted(users.items())]
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(path, "".join(lines))
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror}; {advise(error)}") from None


def _read(path: Path) -> dict[str, _Hashed]:
    users: dict[str, _Hashed] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"{path}: cannot be read: {reason}; `charley users add` writes such a file") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            name, scheme, cost, block, lanes, salt, digest = line.strip().split(":")
            hashed = _Hashed(int(cost), int(block), int(lanes), bytes.fromhex(salt), bytes.fromhex(digest))
        except ValueError:
            scheme, hashed, name = "", None, ""
        # A file that asks for less than scrypt can do, or for more than a machine has, was not written by this program.
        if scheme != "scrypt" or hashed is None or not _NAME.fullmatch(name) or hashed.cost * hashed.block > 2**22:
            raise UserError(f"{path}:{number}: not a user; expected name:scrypt:N:r:p:salt:hash, as `charley users add` writes")
        users[name] = hashed
    return users
