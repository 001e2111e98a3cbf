"""Who may call the CDS Hooks services, from a YAML file: issuers with their keys, FHIR servers, and origins of browsers.

clients:
  - issuer: https://ehr.example.org
    jku: https://ehr.example.org/jwks.json     # or keys: ehr.jwks.json, beside this file
    tenants: [2ddd6c3a-8e9a-44c6-a305-52111ad302a2]
    fhir_servers: [https://ehr.example.org/fhir]
origins: [https://ehr.example.org]
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from expert.cds_hooks.feedback import Quotas
from expert.cds_hooks.fetching import is_safe_address
from expert.cds_hooks.tokens import TrustedClient, read_key_set
from facts.declaring.declared import Limits, declared
from facts.declaring.schema_reading import read_knowledge_file, validate
from facts.problems import CharleyError, Problem

_Text = Annotated[str, Limits(min_length=1, max_length=2_000)]


@declared
class _Client:
    issuer: _Text
    jku: _Text | None = None
    keys: _Text | None = None
    tenants: list[_Text] = field(default_factory=list)
    fhir_servers: list[_Text] = field(default_factory=list)


@declared
class _File:
    clients: list[_Client] = field(default_factory=list)
    origins: list[_Text] = field(default_factory=list)


@dataclass(frozen=True)
class HookSettings:
    """Settings of the CDS Hooks services.

    `base` is the address under which clients call, without a slash at the end. `clients` None means that anybody may call
    without a token, which is for this machine alone; an empty tuple lets nobody. Sizes are in bytes, times in seconds.
    """

    base: str
    store: Path
    clients: tuple[TrustedClient, ...] | None = None
    origins: tuple[str, ...] = ()
    open_fhir_servers: tuple[str, ...] = ()
    """Where clients is None: the FHIR servers that may be fetched from."""
    largest_request: int = 4 * 1024 * 1024
    quotas: Quotas = field(default_factory=Quotas)


def read_clients(path: Path) -> tuple[tuple[TrustedClient, ...], tuple[str, ...]]:
    """Read the file of clients; gives them and the origins. Raises CharleyError with every problem."""
    document = read_knowledge_file(path, str(path))
    file = validate(_File, document)
    problems: list[Problem] = []
    clients: list[TrustedClient] = []

    def wrong(key: tuple[str | int, ...], message: str, fix: str) -> None:
        problems.append(Problem(document.place(key), message, fix))

    for number, entry in enumerate(file.clients):
        at = ("clients", number)
        if (entry.jku is None) == (entry.keys is None):
            wrong(at, "a client has either a `jku` or a file of `keys`", "give one of them")
        if any(client.issuer == entry.issuer for client in clients):
            wrong((*at, "issuer"), "this issuer stands here twice", "write its settings in one place")
        for key, address in (("jku", entry.jku), *(("fhir_servers", server) for server in entry.fhir_servers)):
            if address is not None and not is_safe_address(address):
                wrong((*at, key), f"{key}: not an https address", "use https; http is for this machine alone")
        keys = None
        if entry.keys is not None:
            try:
                keys = json.loads((path.parent / entry.keys).read_text(encoding="utf-8"))
                if not read_key_set(keys):
                    wrong((*at, "keys"), "the JWK set has no key for ES384 or RS384", "put the public key there, with `kid`")
            except (OSError, ValueError):
                wrong((*at, "keys"), "the file of keys cannot be read as a JWK set", "check the path and its content")
        clients.append(TrustedClient(entry.issuer, entry.jku, keys, tuple(entry.tenants), tuple(entry.fhir_servers)))
    for number, origin in enumerate(file.origins):
        parts = urlsplit(origin)
        if parts.scheme not in ("https", "http") or not parts.netloc or parts.path or parts.query or "*" in origin:
            wrong(("origins", number), "an origin is a scheme and a host, as in https://ehr.example.org", "correct it")
    if problems:
        raise CharleyError(sorted(problems))
    return tuple(clients), tuple(file.origins)
