"""Who is asking: sign-ins that last no longer than the service, and the tokens that tie a form to whoever was shown it."""

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from expert.web.access.shared import Shared
from expert.web.settings import Settings

_MOST = 10_000
_SEEN_EVERY = 1.0
"""Seconds after which it is written down again that somebody is there."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in; `mark` changes with the password, "" where there is none."""

    who: str
    mark: str = ""


class SignIns:
    """The sign-ins of one running service; a restart ends them all. May be used by any number of threads and workers.

    A browser holds a random text in its cookie; here stands only the hash of it.
    """

    def __init__(self, settings: Settings, shared: Shared, clock: Callable[[], float] = monotonic) -> None:
        self.settings, self.shared, self.clock = settings, shared, clock
        self.secret = shared.secret("forms")

    def begin(self, identity: Identity) -> str:
        """Sign somebody in; gives the cookie. It is a new one, so nobody can have set it beforehand."""
        cookie, now = new_cookie(), self.clock()
        oldest = "SELECT cookie FROM sign_in ORDER BY seen LIMIT max(0, (SELECT count(*) FROM sign_in) - ?)"
        with self.shared.writing() as connection:
            ended = (now - self.settings.idle_for, now - self.settings.signed_in_for)
            connection.execute("DELETE FROM sign_in WHERE seen <= ? OR since <= ?", ended)
            connection.execute(f"DELETE FROM sign_in WHERE cookie IN ({oldest})", (_MOST - 1,))  # noqa: S608 - of our own words
            row = (_hash(cookie), identity.who, identity.mark, now, now)
            connection.execute("INSERT INTO sign_in VALUES (?, ?, ?, ?, ?)", row)
        return cookie

    def who(self, cookie: str) -> Identity | None:
        """Tell who holds a cookie; None when nobody does, or did nothing for too long."""
        now, key = self.clock(), _hash(cookie)
        with self.shared.reading() as connection:
            found = connection.execute("SELECT who, mark, since, seen FROM sign_in WHERE cookie = ?", (key,)).fetchone()
        if found is None:
            return None
        who, mark, since, seen = found
        if now - seen >= self.settings.idle_for or now - since >= self.settings.signed_in_for:
            self.end(cookie)
            return None
        if now - seen >= _SEEN_EVERY:
            with self.shared.writing() as connection:
                connection.execute("UPDATE sign_in SET seen = ? WHERE cookie = ?", (now, key))
        return Identity(who, mark)

    def end(self, cookie: str) -> None:
        """Sign out."""
        with self.shared.writing() as connection:
            connection.execute("DELETE FROM sign_in WHERE cookie = ?", (_hash(cookie),))

    def token(self, cookie: str, who: str | None) -> str:
        """Return the token that every form of this browser carries; another site cannot know it."""
        told = f"{cookie}\n{'-' if who is None else '+' + who}"
        return hmac.new(self.secret, told.encode(), hashlib.sha256).hexdigest()

    def is_token(self, token: str, cookie: str, who: str | None) -> bool:
        """Return whether a form came from a page that this browser was shown."""
        return bool(cookie) and hmac.compare_digest(token.encode(), self.token(cookie, who).encode())


class Known:
    """The addresses from which each user signed in lately: tries from elsewhere do not lock the user out there."""

    def __init__(self, shared: Shared) -> None:
        self.shared = shared

    def add(self, who: str, address: str) -> None:
        """Remember an address; the longest unused one is forgotten for it when there are too many."""
        with self.shared.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO known_address (who, address) VALUES (?, ?)", (who, address))
            newest = "SELECT place FROM known_address ORDER BY place DESC LIMIT ?"
            connection.execute(f"DELETE FROM known_address WHERE place NOT IN ({newest})", (_MOST,))  # noqa: S608 - of our own words

    def holds(self, who: str, address: str) -> bool:
        """Return whether a user signed in from an address before."""
        with self.shared.reading() as connection:
            query = "SELECT 1 FROM known_address WHERE who = ? AND address = ?"
            return connection.execute(query, (who, address)).fetchone() is not None


def new_cookie() -> str:
    """Make a cookie that nobody can guess."""
    return secrets.token_urlsafe(32)


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
