"""Fetching from a clinical system's FHIR server: only servers that were allowed by name, bounded in time, size and pages.

The address comes from a request, so it is compared with the list and never merely trusted: no redirect is followed, no proxy is
taken from the environment, and a further page must lie below the same server. The access token goes nowhere else; neither it
nor an address is ever logged.
"""

import json
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from expert.cds_hooks.prefetch import FetchFailed

if TYPE_CHECKING:
    import httpx2

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LONGEST_WAIT = 3.0
_LARGEST_PAGE = 8 * 1024 * 1024
_MOST_PAGES = 20


class FhirFetch:
    """Fetches for one request; `servers` are the base addresses that may be fetched from.

    Its bounds (seconds, bytes of a page, number of requests) hold for the request as a whole.
    """

    def __init__(
        self,
        servers: tuple[str, ...],
        client: "httpx2.Client",
        *,
        longest_wait: float = _LONGEST_WAIT,
        largest_page: int = _LARGEST_PAGE,
        most_pages: int = _MOST_PAGES,
    ) -> None:
        self.servers = frozenset(_with_slash(server) for server in servers)
        self.client, self.largest_page, self.left = client, largest_page, most_pages
        self.deadline = monotonic() + longest_wait

    def __call__(self, server: str, token: str | None, query: str) -> Any:
        """Fetch a relative address, or a further page of a search. Raises FetchFailed."""
        base = _with_slash(server)
        if base not in self.servers:
            raise FetchFailed("the FHIR server of the request is not among those that may be fetched from")
        address = urljoin(base, query)
        if not _is_below(address, base):
            raise FetchFailed("the address of a further page lies outside the FHIR server")
        if self.left <= 0:
            raise FetchFailed("too many pages")
        self.left -= 1
        return self._json(address, token)

    def _json(self, address: str, token: str | None) -> Any:
        import httpx2

        headers = {"accept": "application/fhir+json, application/json"}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        try:
            with self.client.stream("GET", address, headers=headers, timeout=self._time_left()) as response:
                if response.status_code != 200:
                    raise FetchFailed(f"the FHIR server answered {response.status_code}")
                content = bytearray()
                for part in response.iter_bytes():
                    content += part
                    if len(content) > self.largest_page:
                        raise FetchFailed(f"the answer is longer than {self.largest_page:,} bytes")
                    self._time_left()
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise FetchFailed(f"the FHIR server cannot be reached ({type(error).__name__})") from None
        try:
            return json.loads(bytes(content), parse_float=str, parse_int=str, parse_constant=str)
        except (ValueError, RecursionError):
            raise FetchFailed("the answer is not JSON") from None

    def _time_left(self) -> float:
        left = self.deadline - monotonic()
        if left <= 0:
            raise FetchFailed("it took too long")
        return left


def new_client() -> "httpx2.Client":
    """Make the HTTP client that fetches share; it is safe in threads, and closed when the service ends."""
    import httpx2

    return httpx2.Client(follow_redirects=False, trust_env=False, limits=httpx2.Limits(max_connections=20))


def is_safe_address(address: str) -> bool:
    """Return whether an address may be fetched from at all: https, or http on this machine, without a user or a fragment."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    if not host or parts.username is not None or parts.password is not None or parts.fragment:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)


def _with_slash(server: str) -> str:
    return server if server.endswith("/") else f"{server}/"


def _is_below(address: str, base: str) -> bool:
    """Return whether an address lies below a base: the same scheme, host and port, and a path that begins with the base's."""
    if any(sign in address for sign in ("\\", "\n", "\r", "\t", " ")) or "/.." in address or "%2e" in address.lower():
        return False
    try:
        found, allowed = urlsplit(address), urlsplit(base)
        same = (found.scheme, found.netloc) == (allowed.scheme, allowed.netloc)
    except ValueError:
        return False
    return (same and found.path.startswith(allowed.path)) or (same and f"{found.path}/" == allowed.path)
