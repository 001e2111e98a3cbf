"""The JSON Web Token with which a clinical system shows who it is, checked as CDS Hooks 2.0 (Trusting CDS Clients) says.

Signed with ES384 or RS384 and nothing else; by an issuer on the list; with a key of the JWK set that the list gives for it, as
a file or at an address, and never at an address that only the token names; for the very endpoint that is called; still valid,
for an hour at most; and not seen before. Why a token is refused is told to nobody, and no token is ever logged.
"""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHMS = ("ES384", "RS384")
_LEEWAY = 30.0
"""Seconds by which two clocks may differ."""
_LONGEST_LIFE = 3600.0
_LONGEST_TOKEN = 8_192
_KEYS_KEPT_FOR = 300.0
_KEYS_AGAIN_AFTER = 30.0
"""Seconds until an unknown key is looked for again, so that nobody can make us ask without end."""
_LARGEST_KEY_SET = 256 * 1024
_SHORTEST_KEY = {"ES384": 384, "RS384": 2048}
"""Bits."""


class TokenRefused(Exception):
    """A token that is not accepted. It carries no reason, so that none can leak."""


@dataclass(frozen=True)
class TrustedClient:
    """A clinical system that may call: its issuer, and where its keys are (one of `jku` and `keys`).

    `tenants` are the organizations it may call for, any where the list is empty.
    """

    issuer: str
    jku: str | None = None
    keys: Mapping[str, Any] | None = None
    tenants: tuple[str, ...] = ()
    fhir_servers: tuple[str, ...] = ()


@dataclass
class _KeySet:
    keys: dict[str, "PyJWK"] = field(default_factory=dict)
    asked_at: float = float("-inf")


class TokenChecker:
    """Checks tokens against the list of clients. May be used by any number of threads.

    `is_new` remembers a token (issuer, id, until when it has to be known, now) and says whether it was not seen before; several
    processes that share it accept a token once. Keys are fetched by each process for itself.
    """

    def __init__(
        self,
        clients: tuple[TrustedClient, ...],
        fetch_keys: Callable[[str], bytes],
        is_new: Callable[[str, str, float, float], bool],
        clock: Callable[[], float] = time,
    ) -> None:
        self.clients = {client.issuer: client for client in clients}
        self.fetch_keys, self.is_new, self.clock = fetch_keys, is_new, clock
        self.fetched: dict[str, _KeySet] = {}
        self.lock = threading.Lock()
        self.of_files = {client.issuer: read_key_set(client.keys) for client in clients if client.keys is not None}

    def check(self, header: str | None, endpoint: str) -> TrustedClient:
        """Return the client that a request's Authorization header names for this endpoint. Raises TokenRefused."""
        scheme, _, token = (header or "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or len(token) > _LONGEST_TOKEN:
            raise TokenRefused
        import jwt

        try:
            return self._check(token, endpoint)
        except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
            raise TokenRefused from None

    def _check(self, token: str, endpoint: str) -> TrustedClient:
        import jwt

        named = jwt.get_unverified_header(token)
        # The issuer tells which keys to take; that it is the issuer is only known once the signature is checked with them.
        claimed = jwt.decode(token, options={"verify_signature": False, "verify_exp": False, "verify_aud": False})
        client = self.clients.get(claimed.get("iss", ""))
        algorithm = named.get("alg")
        if client is None or algorithm not in ALGORITHMS or named.get("typ") != "JWT" or "crit" in named:
            raise TokenRefused
        # With a file of keys nothing is fetched, so where a token says that its key could be fetched decides nothing.
        if "jku" in named and client.keys is None and named["jku"] != client.jku:
            raise TokenRefused
        key = self._key(client, named.get("kid"))
        if key is None or key.algorithm_name != algorithm:
            raise TokenRefused
        now = self.clock()
        claims = jwt.decode(
            token,
            key,
            algorithms=[algorithm],
            audience=endpoint,
            issuer=client.issuer,
            options={
                "require": ["iss", "aud", "exp", "iat", "jti"],
                "verify_exp": False,
                "verify_iat": False,
                "verify_nbf": False,
            },
        )
        self._check_times(claims, now)
        if client.tenants and claims.get("tenant") not in client.tenants:
            raise TokenRefused
        self._check_new(client.issuer, claims["jti"], float(claims["exp"]), now)
        return client

    def _check_times(self, claims: Mapping[str, Any], now: float) -> None:
        """Check the times by our own clock, which tests can set."""
        times = [claims[name] for name in ("exp", "iat", "nbf") if name in claims]
        if not all(isinstance(moment, int | float) and not isinstance(moment, bool) for moment in times):
            raise TokenRefused
        if not now - _LEEWAY < claims["exp"] <= now + _LONGEST_LIFE + _LEEWAY:
            raise TokenRefused
        if claims["iat"] > now + _LEEWAY or claims.get("nbf", now) > now + _LEEWAY:
            raise TokenRefused

    def _check_new(self, issuer: str, identifier: Any, expires: float, now: float) -> None:
        if not isinstance(identifier, str) or not 0 < len(identifier) <= 255:
            raise TokenRefused
        # Half of a character has no form that could be kept; the error is a refusal like any other.
        identifier.encode()
        if not self.is_new(issuer, identifier, expires + _LEEWAY, now):
            raise TokenRefused

    def _key(self, client: TrustedClient, name: Any) -> "PyJWK | None":
        if not isinstance(name, str) or not name:
            return None
        if client.jku is None:
            return self.of_files.get(client.issuer, {}).get(name)
        now = self.clock()
        with self.lock:
            known = self.fetched.setdefault(client.jku, _KeySet())
            age = now - known.asked_at
            if age < _KEYS_AGAIN_AFTER or (name in known.keys and age < _KEYS_KEPT_FOR):
                return known.keys.get(name)
            known.asked_at = now
        try:
            keys = read_key_set(json.loads(self.fetch_keys(client.jku)))
        except (OSError, ValueError, RecursionError):
            return known.keys.get(name) if age < _KEYS_KEPT_FOR else None
        with self.lock:
            known.keys = keys
        return keys.get(name)


def read_key_set(value: Any) -> dict[str, "PyJWK"]:
    """Read the keys of a JWK set (RFC 7517) that can check our signatures, by their ids. Raises ValueError for no JWK set."""
    import jwt

    keys = value.get("keys") if isinstance(value, dict) else None
    if not isinstance(keys, list):
        raise ValueError("no JWK set")
    usable: dict[str, PyJWK] = {}
    for entry in keys:
        if not isinstance(entry, dict) or not isinstance(entry.get("kid"), str) or entry.get("use", "sig") != "sig":
            continue
        algorithm = {"EC": "ES384", "RSA": "RS384"}.get(str(entry.get("kty")))
        if algorithm is None or entry.get("alg", algorithm) != algorithm or entry.get("crv", "P-384") != "P-384":
            continue
        # Whoever puts a private key here by mistake does not make us hold it.
        public = {name: entry[name] for name in ("kty", "crv", "x", "y", "n", "e", "kid") if name in entry}
        try:
            key = jwt.PyJWK(public, algorithm)
        except jwt.PyJWTError:
            continue
        if key.key.key_size >= _SHORTEST_KEY[algorithm]:
            usable[entry["kid"]] = key
    return usable


def fetch_key_set(address: str) -> bytes:
    """Fetch the JWK set at an address that is on the list. Raises OSError when it cannot be had."""
    import httpx2

    try:
        with (
            httpx2.Client(follow_redirects=False, trust_env=False, timeout=3.0) as client,
            client.stream("GET", address, headers={"accept": "application/json"}) as response,
        ):
            content = bytearray()
            for part in response.iter_bytes():
                content += part
                if len(content) > _LARGEST_KEY_SET:
                    raise OSError("the JWK set is too long")
            if response.status_code != 200:
                raise OSError(f"the address of the JWK set answered {response.status_code}")
            return bytes(content)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise OSError(f"the JWK set cannot be fetched ({type(error).__name__})") from None
