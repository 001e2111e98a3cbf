"""Who is asking: sign-ins that are kept in memory alone, and the tokens that tie a form to whoever was shown it."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from expert.web.settings import Settings

_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Identity:
    """Who signed in; `mark` changes with the password, "" where there is none."""

    who: str
    mark: str = ""


@dataclass(slots=True)
class _SignedIn:
    identity: Identity
    since: float
    seen: float


class SignIns:
    """The sign-ins of one running service; a restart ends them all. May be used by any number of threads.

    A browser holds a random text in its cookie; here stands only the hash of it.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = monotonic) -> None:
        self.settings, self.clock = settings, clock
        self.secret = secrets.token_bytes(32)
        self.known: dict[str, _SignedIn] = {}
        self.lock = threading.Lock()

    def begin(self, identity: Identity) -> str:
        """Sign somebody in; gives the cookie. It is a new one, so nobody can have set it beforehand."""
        cookie = new_cookie()
        now = self.clock()
        with self.lock:
            self.known = {key: entry for key, entry in self.known.items() if self._holds(entry, now)}
            if len(self.known) >= _MOST:
                del self.known[min(self.known, key=lambda key: self.known[key].seen)]
            self.known[_hash(cookie)] = _SignedIn(identity, now, now)
        return cookie

    def who(self, cookie: str) -> Identity | None:
        """Tell who holds a cookie; None when nobody does, or did nothing for too long."""
        now = self.clock()
        with self.lock:
            entry = self.known.get(_hash(cookie))
            if entry is None or not self._holds(entry, now):
                self.known.pop(_hash(cookie), None)
                return None
            entry.seen = now
            return entry.identity

    def end(self, cookie: str) -> None:
        """Sign out."""
        with self.lock:
            self.known.pop(_hash(cookie), None)

    def token(self, cookie: str, who: str | None) -> str:
        """Return the token that every form of this browser carries; another site cannot know it."""
        told = f"{cookie}\n{'-' if who is None else '+' + who}"
        return hmac.new(self.secret, told.encode(), hashlib.sha256).hexdigest()

    def is_token(self, token: str, cookie: str, who: str | None) -> bool:
        """Return whether a form came from a page that this browser was shown."""
        return bool(cookie) and hmac.compare_digest(token.encode(), self.token(cookie, who).encode())

    def _holds(self, entry: _SignedIn, now: float) -> bool:
        return now - entry.seen < self.settings.idle_for and now - entry.since < self.settings.signed_in_for


class Known:
    """The addresses from which each user signed in lately: tries from elsewhere do not lock the user out there."""

    def __init__(self) -> None:
        self.addresses: dict[tuple[str, str], None] = {}
        self.lock = threading.Lock()

    def add(self, who: str, address: str) -> None:
        """Remember an address; the longest unused one is forgotten for it when there are too many."""
        with self.lock:
            self.addresses.pop((who, address), None)
            while len(self.addresses) >= _MOST:
                del self.addresses[next(iter(self.addresses))]
            self.addresses[(who, address)] = None

    def holds(self, who: str, address: str) -> bool:
        """Return whether a user signed in from an address before."""
        with self.lock:
            return (who, address) in self.addresses


def new_cookie() -> str:
    """Make a cookie that nobody can guess."""
    return secrets.token_urlsafe(32)


def _hash(cookie: str) -> str:
    return hashlib.sha256(cookie.encode()).hexdigest()
