"""Signing in and out: with the key that was printed at the start, with name and password, or by a proxy that is trusted."""

import hmac

from starlette.responses import HTMLResponse, RedirectResponse, Response

from expert.web.access import audit
from expert.web.access.sign_in import Identity
from expert.web.access.users import UserError
from expert.web.service import Refused, Visit
from reports.pages import render_page


def sign_in_page(visit: Visit) -> Response:
    """Show the form to sign in."""
    if visit.who is not None:
        return RedirectResponse(own_path(visit.query.get("next", "")), 303)
    return _page(visit, 200, "", own_path(visit.query.get("next", "")))


def sign_in(visit: Visit) -> tuple[Response, Identity | None]:
    """Sign in; gives also the name under which a new cookie is to be made, None where it was refused."""
    settings, following = visit.service.settings, own_path(visit.form.get("next", ""))
    if settings.sign_in == "proxy":
        raise Refused(404, "Here the proxy before this service says who asks.")
    who = visit.form.get("user", "")[:80] if settings.sign_in == "users" else ""
    if not _may_try(visit, who):
        _note(visit, "", "sign-in held back")
        return _page(visit, 429, "Too many tries; wait a minute.", following), None
    identity = _identified(visit, who)
    if identity is None:
        # What was typed as a name may be a password in the wrong field.
        _note(visit, "", "sign-in refused")
        return _page(visit, 403, "That does not fit; nobody is signed in.", following), None
    _note(visit, who, "signed in")
    visit.service.signed_in_from.add(who, visit.caller)
    return RedirectResponse(following, 303), identity


def enter(visit: Visit) -> tuple[Response, Identity | None]:
    """Sign in with the key in a link, as it was printed at the start."""
    if visit.service.settings.sign_in != "key":
        raise Refused(404, "There is no such page.")
    if not visit.service.sign_in_limiter.admits(visit.caller) or not _is_key(visit, visit.path["key"]):
        _note(visit, "", "sign-in refused")
        raise Refused(403, "That is not the key of this service; take the link that it printed when it was started.")
    _note(visit, "", "signed in")
    return RedirectResponse("/", 303), Identity("")


def sign_out(visit: Visit) -> Response:
    """Sign out."""
    _note(visit, visit.owner, "signed out")
    return RedirectResponse("/sign-in", 303)


def own_path(path: str) -> str:
    """Return a path of this service to go to after signing in; anything else becomes the first page."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    return path if plain and path.startswith("/") and not path.startswith("//") and len(path) <= 200 else "/"


def _may_try(visit: Visit, who: str) -> bool:
    """Count a try: neither many names from one address, nor one name from many addresses.

    Where a user signed in before, others' tries from elsewhere do not count, so that they cannot lock the user out.
    """
    service = visit.service
    if not service.sign_in_limiter.admits(visit.caller):
        return False
    return not who or service.signed_in_from.holds(who, visit.caller) or service.user_limiter.admits(who)


def _identified(visit: Visit, who: str) -> Identity | None:
    users = visit.service.users
    if users is None:
        return Identity("") if _is_key(visit, visit.form.get("key", "")) else None
    try:
        mark = users.verify(who, visit.form.get("password", ""))
        return None if mark is None else Identity(who, mark)
    except UserError:
        raise Refused(503, "The file of users cannot be read now; whoever runs this service has to fix it.") from None


def _is_key(visit: Visit, key: str) -> bool:
    return hmac.compare_digest(key.strip().encode("utf-8", "replace"), visit.service.key.encode())


def _note(visit: Visit, who: str, did: str) -> None:
    audit.record(visit.service.store, visit.service.now(), who, did)


def _page(visit: Visit, status: int, problem: str, following: str) -> Response:
    with_password = visit.service.settings.sign_in == "users"
    page = visit.page()
    return HTMLResponse(
        render_page("sign_in.html.j2", page=page, problem=problem, next=following, with_password=with_password), status
    )
