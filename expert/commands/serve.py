"""The commands `charley serve`, `charley users` and `charley audit`: what is typed, what is refused as unsafe."""

import sys
from pathlib import Path

import click

from expert.commands.options import CONTEXT, FAILED, PATH, REFUSED, knowledge_option, store_option
from expert.commands.serving import run

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
    run(settings, workers)


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
