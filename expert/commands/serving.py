"""The service of `charley serve` running: alone in this process, or as a supervisor with workers."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from expert.commands.options import FAILED

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from socket import socket

    from expert.web.settings import Settings


def run(settings: "Settings", count: int | None) -> None:
    """Serve until a signal ends it, with so many workers; None for as many as are useful."""
    from expert.web.workers import useful_workers

    count = useful_workers(settings) if count is None else count
    if count > 1:
        _serve_together(settings, count)
        return
    application = _application(settings)
    _greet(settings, application.state.service.key)
    # Ctrl-C has ended it in good order, and is told once more after that.
    with _telling_where(settings), suppress(KeyboardInterrupt):
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
    end_with_supervisor(settings.shared)
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
        from expert.web.pages.consulting import warm
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
    with telling_errors():
        try:
            application = create_application(settings, consultation)
        except (UserError, CharleyError) as error:
            raise click.ClickException(str(error)) from None
    # Loads the knowledge beside what comes next, so that the first file does not wait for it.
    application.state.service.readers.start()
    warm(application.state.service)
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
