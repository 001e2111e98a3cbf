"""How the service runs: where it listens, who may sign in, what it limits; and which of that is refused as unsafe."""

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from expert.cds_hooks.fetching import is_safe_address

SignIn: TypeAlias = Literal["key", "users", "proxy"]
"""How a clinician shows who they are: the key that was printed at the start, a password, or a proxy's header."""

LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one service. `store` is the SQLite file of consultations; times are in seconds, sizes in bytes."""

    store: Path
    address: str = "127.0.0.1"
    port: int = 8420
    host_names: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    users: Path | None = None
    trusted_header: str | None = None
    trusted_proxies: tuple[str, ...] = ()
    clients: Path | None = None
    """The file of clinical systems that may call the CDS Hooks services."""
    feedback: Path | None = None
    """The SQLite file of what was done with cards; beside the store where it is not given."""
    public_address: str | None = None
    shared: Path | None = None
    """The file of what workers beside each other share; None for a process that serves alone."""
    largest_form: int = 64 * 1024
    largest_file: int = 8 * 1024 * 1024
    knowledge: Path | None = None
    """The folder of the knowledge; None for the shipped one. Files are read with it in processes of their own."""
    file_seconds: int = 15
    """Processor time that reading one file may take."""
    file_memory: int = 256 * 1024 * 1024
    files_at_once: int = 2
    large_bodies: int = 12
    """Bodies larger than a form that are held at one time; of one caller a third of them."""
    patience: float = 60.0
    """How long a large body waits for its turn."""
    connections: int = 500
    connections_of_one: int = 120
    """Connections of one address; a trusted proxy may have all."""
    slowest_headers: float = 10.0
    requests_per_minute: int = 600
    sign_ins_per_minute: int = 10
    slowest_body: float = 30.0
    idle_for: float = 30 * 60.0
    signed_in_for: float = 12 * 3600.0

    @property
    def sign_in(self) -> SignIn:
        """How clinicians sign in."""
        if self.trusted_header is not None:
            return "proxy"
        return "users" if self.users is not None else "key"

    @property
    def is_local(self) -> bool:
        """Return whether only this machine can reach the service."""
        if self.address == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.address).is_loopback
        except ValueError:
            return False

    @property
    def base(self) -> str:
        """The address under which browsers and clients reach the service, without a slash at its end."""
        if self.public_address is not None:
            return self.public_address.rstrip("/")
        scheme = "http" if self.certificate is None else "https"
        name = f"[{self.address}]" if ":" in self.address else self.address
        return f"{scheme}://{self.host_names[0] if self.host_names else name}:{self.port}"

    @property
    def is_encrypted(self) -> bool:
        """Return whether browsers reach the service through TLS: its own, or that of the proxy before it."""
        return self.certificate is not None or self.trusted_header is not None

    @property
    def accepted_hosts(self) -> frozenset[str]:
        """The names, in lower case, under which browsers may ask for the service; any other is another site's trick."""
        own = () if self.address in ("0.0.0.0", "::") else (self.address,)  # noqa: S104 - compared, never bound
        local = LOOPBACK_NAMES if self.is_local else ()
        return frozenset(name.lower() for name in (*own, *local, *self.host_names))


def unsafe(settings: Settings) -> Iterator[str]:
    """Return every reason not to start with these settings, each with what to do about it."""
    if settings.address != "localhost":
        try:
            ipaddress.ip_address(settings.address)
        except ValueError:
            yield f"--address {settings.address!r} is not an IP address; write one, such as 127.0.0.1 or 0.0.0.0"
            return
    if (settings.certificate is None) != (settings.key is None):
        yield "--certificate and --key belong together; give both"
    if settings.users is not None and settings.trusted_header is not None:
        yield "--users and --trusted-header are two ways to know who asks; give one of them"
    if (settings.trusted_header is None) != (not settings.trusted_proxies):
        yield "--trusted-header and --trusted-proxy belong together: whose header is to be believed? give both"
    for proxy in settings.trusted_proxies:
        try:
            ipaddress.ip_address(proxy)
        except ValueError:
            yield f"--trusted-proxy {proxy!r} is not an IP address; write the address from which the proxy connects"
    if settings.public_address is not None and not is_safe_address(settings.public_address):
        yield f"--public-address {settings.public_address!r} is not an https address; write it as https://NAME"
    if settings.is_local:
        return
    if settings.certificate is None:
        yield f"{settings.address} can be reached by others, so it needs TLS; give --certificate and --key, or use 127.0.0.1"
    if settings.sign_in == "key":
        yield (
            f"{settings.address} can be reached by others, so it must know who asks; give --users FILE "
            "(`charley users add NAME --users FILE` writes it), or --trusted-header and --trusted-proxy"
        )
    if settings.address in ("0.0.0.0", "::") and not settings.host_names:  # noqa: S104 - refused, never bound
        yield f"{settings.address} has no name of its own; give --host-name with the name that browsers will use"
