"""The commands `charley serve`, `charley users` and `charley audit`: what is typed, what is refused as unsafe."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from expert.commands.options import CONTEXT, FAILED, PATH, REFUSED, knowledge_option, store_option

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from socket import socket

    from expert.web.settings import Settings

_users_option = click.option(
    "--users", type=PATH, metavar="FILE", required=True, help="The file of users; it is made when it does not exist."
)


@click.command(context_settings=CONTEXT)
@click.option("--address", default="127.0.0.1", show_default=True, help="Where to listen.")
@click.option("--port", type=click.IntRange(1, 65_535), default=8420, show_default=True, help="The port to listen on.")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="Processes that serve beside each other. Default: 1 for whoever has the link, else one for each processor, at most 4.",
)
@click.option("--users", type=PATH, metavar="FILE", help="Who may sign in; `charley users add` writes it.")
@click.option("--trusted-header", metavar="NAME", help="Believe a proxy: this header names who asks.")
@click.option("--trusted-proxy", "proxies", multiple=True, metavar="IP", help="The proxy to believe. May be repeated.")
@click.option("--certificate", type=PATH, metavar="FILE", help="The certificate chain for TLS (PEM).")
@click.option("--key", type=PATH, metavar="FILE", help="The key of the certificate (PEM).")
@click.option("--host-name", "names", multiple=True, metavar="NAME", help="A name that browsers use. May be repeated.")
@click.option(
    "--requests-per-minute", type=click.IntRange(10), default=600, show_default=True, help="What one address may ask."
)
@click.option("--clients", type=PATH, metavar="FILE", help="The clinical systems that may call CDS Hooks (YAML).")
@click.option("--public-address", metavar="URL", help="The address that they call, where a proxy stands before the service.")
@click.option(
    "--feedback", type=PATH, metavar="PATH", help="The file that keeps what was done with cards. Default: next to the store."
)
@store_option
@knowledge_option
def serve(
    address: str,
    port: int,
    workers: int | None,
    users: Path | None,
    trusted_header: str | None,
    proxies: tuple[str, ...],
    certificate: Path | None,
    key: Path | None,
    names: tuple[str, ...],
    requests_per_minute: int,
    clients: Path | None,
    public_address: str | None,
    feedback: Path | None,
    store: Path | None,
    knowledge: Path | None,
) -> None:
    """Hold consultations in a browser, as `charley consult` does, and answer clinical systems through CDS Hooks.

    Without options only this machine reaches it, and a link with a key is printed that signs in. Any other address is refused
    until there is TLS (--certificate, --key) and a way to know who asks: a file of users with hashed passwords, or a proxy that
    signs clinicians in (OIDC, SAML, Kerberos) and names them in a header. The proxy must itself remove that header from what
    browsers send. Each clinician sees their own consultations alone. Ctrl-C or SIGTERM ends it.

    CDS Hooks 2.0 is at /cds-services. Programs of this machine may call it; others only as FILE of --clients says: issuers of
    tokens with their keys, FHIR servers, and origins of browsers.

    \b
    Examples:
      charley serve
      charley users add dr.weber --users clinicians.users
      charley serve --users clinicians.users
      charley serve --address 0.0.0.0 --host-name charley.clinic.example \\
          --certificate chain.pem --key key.pem --users clinicians.users --clients ehr.yaml
      charley serve --trusted-header X-Remote-User --trusted-proxy 127.0.0.1 --host-name charley.clinic.example
      charley audit
    """
    from expert.commands.options import store_path
    from expert.web.settings import Settings, unsafe

    settings = Settings(
        store=store_path(store),
        address=address,
        port=port,
        host_names=names,
        certificate=certificate,
        key=key,
        users=users,
        trusted_header=trusted_header,
        trusted_proxies=proxies,
        clients=clients,
        public_address=public_address,
        feedback=feedback,
        knowledge=knowledge,
        requests_per_minute=requests_per_minute,
    )
    reasons = list(unsafe(settings))
    for reason in reasons:
        click.echo(reason, err=True)
    if reasons:
        sys.exit(REFUSED)
    _run(settings, workers)


def _run(settings: "Settings", count: int | None) -> None:
    try:
        from expert.web.workers import useful_workers
    except ImportError as error:
        raise click.ClickException(f"{error.name} is not installed; `pip install 'charley[web]'` brings it") from None

    count = useful_workers(settings) if count is None else count
    if count > 1:
        _serve_together(settings, count)
        return
    application = _application(settings)
    _greet(settings, application.state.service.key)
    with _telling_where(settings):
        _server(application, settings).run()


def _serve_together(settings: "Settings", count: int) -> None:
    from contextlib import closing
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from expert.commands.options import telling_errors
    from expert.web.access.shared import Shared
    from expert.web.service import link_key
    from expert.web.workers import Supervisor, listen

    with _telling_where(settings), TemporaryDirectory(prefix="charley-") as folder, closing(listen(settings)) as listener:
        shared = Path(folder) / "shared.sqlite"
        of_one = replace(settings, shared=shared, files_at_once=max(1, settings.files_at_once // count))
        with telling_errors(), closing(Shared(shared)) as opened:
            supervisor = Supervisor(of_one, listener, count, _work)
            if not supervisor.run(lambda: _greet(settings, link_key(opened))):
                sys.exit(FAILED)


def _work(settings: "Settings", listener: "socket", telling: "Connection") -> None:
    """Serve as one of several workers."""
    import signal

    from expert.web.workers import TakingTurns, end_with_supervisor

    # The supervisor is told to end as well, and passes it on.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_supervisor()
    try:
        server = _server(_application(settings), settings)
        with _telling_where(settings):
            server.config.load()
    except click.ClickException as error:
        error.show()
        sys.exit(FAILED)
    telling.send(True)
    telling.close()
    server.run(sockets=[TakingTurns(listener)])


def _application(settings: "Settings") -> Any:
    """Load the knowledge and make the application of one process."""
    try:
        from expert.web.application import create_application
    except ImportError as error:
        raise click.ClickException(f"{error.name} is not installed; `pip install 'charley[web]'` brings it") from None
    from expert.commands.options import load_for_assessing, telling_errors
    from expert.consultation.moments import Consultation
    from expert.inference.assessing import Assessor
    from expert.web.access.users import UserError
    from facts.problems import CharleyError

    assessor = Assessor(load_for_assessing(settings.knowledge))
    assessor.judge.compile()
    consultation = Consultation(assessor)
    # The first page compiles what all later ones share.
    warm = consultation.moment((), "warm")
    _ = warm.next, warm.outline
    with telling_errors():
        try:
            application = create_application(settings, consultation)
        except (UserError, CharleyError) as error:
            raise click.ClickException(str(error)) from None
    # Loads the knowledge beside what comes next, so that the first file does not wait for it.
    application.state.service.readers.start()
    return application


def _greet(settings: "Settings", key: str) -> None:
    if settings.sign_in == "key":
        click.echo(f"Open {settings.base}/enter/{key}", err=True)
        click.echo("The link signs in whoever has it, until this program ends. Ctrl-C ends it.", err=True)
    else:
        click.echo(f"Open {settings.base}/ and sign in. Ctrl-C ends this program.", err=True)


def _server(application: Any, settings: "Settings") -> Any:
    from functools import partial

    import uvicorn

    from expert.web.connections import Connections, TimedProtocol

    limits = Connections(settings.connections, settings.connections_of_one, settings.trusted_proxies, settings.slowest_headers)
    # It is called as a class of protocols is, which is what uvicorn asks for.
    protocol: Any = partial(TimedProtocol, limits=limits)
    config = uvicorn.Config(
        application,
        host=settings.address,
        port=settings.port,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.key,
        # Addresses hold ids of consultations, and headers may be anything a browser sends.
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=False,
        http=protocol,
        # Sockets are spoken to by our own protocol alone.
        ws="none",
        limit_concurrency=2 * settings.connections,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=32 * 1024,
    )
    return uvicorn.Server(config)


@contextmanager
def _telling_where(settings: "Settings") -> Iterator[None]:
    """Say of what cannot be read or listened to where it is."""
    try:
        yield
    except OSError as error:
        from expert.disk_errors import advise

        raise click.ClickException(f"{error.filename or settings.address}: {error.strerror}; {advise(error)}") from None


@click.group(context_settings=CONTEXT)
def users() -> None:
    """Manage the file of users of `charley serve`: add, remove, list."""


@users.command(context_settings=CONTEXT)
@click.argument("name")
@_users_option
def add(name: str, users: Path) -> None:
    """Add the user NAME, or give one a new password, which is asked for.

    \b
    Example:
      charley users add dr.weber --users clinicians.users
    """
    from expert.web.access.users import UserError, add_user

    password = click.prompt("Password (12 characters or more)", hide_input=True, confirmation_prompt=True)
    try:
        add_user(users, name, password)
    except UserError as error:
        click.echo(str(error), err=True)
        sys.exit(REFUSED)
    click.echo(f"{name} may sign in", err=True)


@users.command(context_settings=CONTEXT)
@click.argument("name")
@_users_option
def remove(name: str, users: Path) -> None:
    """Remove the user NAME, who is then signed out; their consultations stay."""
    from expert.web.access.users import UserError, remove_user

    try:
        remove_user(users, name)
    except UserError as error:
        click.echo(str(error), err=True)
        sys.exit(REFUSED)
    click.echo(f"{name} may not sign in any more", err=True)


@users.command("list", context_settings=CONTEXT)
@_users_option
def list_(users: Path) -> None:
    """List the users."""
    from expert.web.access.users import UserError, Users

    try:
        for name in sorted(Users(users).names()):
            click.echo(name)
    except UserError as error:
        click.echo(str(error), err=True)
        sys.exit(FAILED)


@click.command(context_settings=CONTEXT)
@store_option
def audit(store: Path | None) -> None:
    """Print who read and wrote what in `charley serve`, the oldest first.

    The trail stands in the store and is only ever added to. It names clinicians and ids of consultations, and no patient.
    """
    from contextlib import closing

    from expert.commands.options import store_path, telling_errors
    from expert.consultation.sessions import Store
    from expert.web.access.audit import entries
    from reports.words.cleaning import clean

    with telling_errors(), closing(Store(store_path(store))) as opened:
        for entry in entries(opened):
            told = (entry.at, entry.who or "-", entry.did, entry.consultation or "-", entry.detail)
            click.echo("  ".join(clean(part) for part in told).rstrip())
