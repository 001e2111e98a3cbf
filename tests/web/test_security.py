"""Safe by default: who gets in, who sees what, what a form must carry, what is refused, and what is never said."""

import asyncio
import logging
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from expert.consultation.moments import Consultation
from expert.consultation.sessions import Store
from expert.web.access import audit, users
from expert.web.access import limiter as limiter_module
from expert.web.access.limiter import Limiter
from expert.web.access.shared import Shared
from expert.web.access.sign_in import Identity, SignIns
from expert.web.access.users import UserError, Users, add_user, remove_user
from expert.web.settings import Settings, unsafe
from tests.web.browsing import Browser, application, service_of, signed_in

PASSWORD = "correct horse battery"
PAGES = ("/", "/consultations/" + "0" * 32, "/case-files", "/handbook")


@pytest.fixture
def quick_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash passwords with a small cost: the real one takes half a second each, and has a test of its own."""
    monkeypatch.setattr(users, "_COST", 2**10)


@pytest.fixture
def clinic(quick_hash: None, consultation: Consultation, tmp_path: Path) -> Any:
    for name in ("weber", "nakamura"):
        add_user(tmp_path / "users", name, PASSWORD)
    return application(consultation, tmp_path, users=tmp_path / "users")


def as_user(clinic: Any, name: str, password: str = PASSWORD, address: str = "127.0.0.1") -> Browser:
    browser = Browser(clinic, address=address)
    browser.open("/sign-in")
    browser.post("/sign-in", {"user": name, "password": password})
    return browser


# Where it listens


def told(**settings: Any) -> str:
    return "\n".join(unsafe(Settings(store=Path("x"), **settings)))


def test_this_machine_alone_needs_nothing() -> None:
    for address in ("127.0.0.1", "localhost", "::1", "127.9.9.9"):
        assert told(address=address) == ""


def test_an_address_that_others_reach_needs_tls_a_sign_in_and_a_name() -> None:
    certificate: dict[str, Any] = {"certificate": Path("c"), "key": Path("k")}
    clinicians: dict[str, Any] = {"users": Path("u")}
    names: dict[str, Any] = {"host_names": ("charley.clinic.example",)}
    assert "--certificate" in told(address="0.0.0.0", **clinicians, **names)
    assert "--users" in told(address="0.0.0.0", **certificate, **names)
    assert "--host-name" in told(address="0.0.0.0", **certificate, **clinicians)
    assert told(address="0.0.0.0", **certificate, **clinicians, **names) == ""
    assert told(address="192.168.1.7", **certificate, **clinicians) == ""
    assert "--certificate" in told(address="10.0.0.1") and "--users" in told(address="10.0.0.1")


def test_settings_that_contradict_each_other_are_refused() -> None:
    assert "not an IP address" in told(address="clinic.example")
    assert "give both" in told(certificate=Path("c"))
    assert "give both" in told(trusted_header="X-User")
    assert "give both" in told(trusted_proxies=("127.0.0.1",))
    assert "give one" in told(users=Path("u"), trusted_header="X-User", trusted_proxies=("127.0.0.1",))
    assert "--trusted-proxy 'proxy'" in told(trusted_header="X-User", trusted_proxies=("proxy",))


# Who gets in


@pytest.mark.parametrize("path", PAGES)
def test_whoever_is_not_signed_in_is_sent_to_sign_in(service: Any, path: str) -> None:
    browser = Browser(service)
    assert browser.open(path).status_code == 200
    assert browser.path == "/sign-in" and browser.page.url.params["next"] == path


def test_nothing_is_done_for_whoever_is_not_signed_in(service: Any) -> None:
    browser = Browser(service)
    for path in ("/consultations", "/consultations/" + "0" * 32, "/case-files", "/sign-out"):
        assert browser.post(path, {"name": "bed 7"}).status_code == 401
    store = service_of(service).store
    assert store.sessions() == []


def test_the_key_signs_in_and_a_wrong_one_does_not(service: Any) -> None:
    browser = Browser(service)
    assert browser.open("/enter/wrong").status_code == 403
    browser.open("/sign-in")
    assert browser.post("/sign-in", {"key": "wrong"}).status_code == 403
    assert browser.post("/sign-in", {"key": service_of(service).key, "next": "/handbook"}).status_code == 200
    assert browser.path == "/handbook"


@pytest.mark.parametrize(
    "following", ["//evil.example/", "https://evil.example/", "/\\evil.example", "\u2028/", "javascript:x"]
)
def test_signing_in_leads_to_no_other_site(service: Any, following: str) -> None:
    browser = Browser(service)
    browser.open("/sign-in")
    browser.post("/sign-in", {"key": service_of(service).key, "next": following})
    assert browser.path == "/" and browser.page.url.host == "127.0.0.1"


def test_a_user_signs_in_with_the_right_password_alone(clinic: Any) -> None:
    assert as_user(clinic, "weber").path == "/"
    for name, password in (("weber", "wrong"), ("nobody", PASSWORD), ("", ""), ("weber", PASSWORD.upper())):
        browser = as_user(clinic, name, password)
        assert browser.page.status_code == 403
        assert password == "" or password not in browser.text
        assert browser.open("/").url.path == "/sign-in"
    assert Browser(clinic).open(f"/enter/{service_of(clinic).key}").status_code == 404


def test_signing_in_changes_the_cookie_so_that_nobody_can_have_set_it(clinic: Any) -> None:
    browser = Browser(clinic)
    browser.open("/sign-in")
    before = browser.client.cookies["charley"]
    browser.post("/sign-in", {"user": "weber", "password": PASSWORD})
    assert browser.client.cookies["charley"] != before
    stranger = Browser(clinic)
    stranger.client.cookies.set("charley", before)
    assert stranger.open("/").url.path == "/sign-in"


def test_signing_out_ends_it_for_the_cookie_too(browser: Browser, service: Any) -> None:
    cookie = browser.client.cookies["charley"]
    browser.open("/")
    assert browser.post("/sign-out").url.path == "/sign-in"
    other = Browser(service)
    other.client.cookies.set("charley", cookie)
    assert other.open("/").url.path == "/sign-in"


def test_a_user_who_is_removed_is_out_at_once(clinic: Any, tmp_path: Path) -> None:
    browser = as_user(clinic, "weber")
    assert browser.open("/").url.path == "/"
    remove_user(tmp_path / "users", "weber")
    assert browser.open("/").url.path == "/sign-in"


def test_a_sign_in_ends_when_nothing_is_done_and_after_a_day_of_work(shared: Shared) -> None:
    now = [0.0]
    settings = Settings(store=Path("x"), idle_for=60, signed_in_for=100)
    sign_ins = SignIns(settings, shared, clock=lambda: now[0])
    weber = Identity("weber", "mark")
    cookie = sign_ins.begin(weber)
    now[0] = 59
    assert sign_ins.who(cookie) == weber
    now[0] = 99
    assert sign_ins.who(cookie) == weber
    now[0] = 101
    assert sign_ins.who(cookie) is None
    idle = sign_ins.begin(weber)
    now[0] = 162
    assert sign_ins.who(idle) is None


def test_passwords_are_tried_a_few_times_a_minute_only(quick_hash: None, consultation: Consultation, tmp_path: Path) -> None:
    add_user(tmp_path / "users", "weber", PASSWORD)
    clinic = application(consultation, tmp_path, users=tmp_path / "users", sign_ins_per_minute=3)
    statuses = [as_user(clinic, "weber", "wrong").page.status_code for _ in range(4)]
    assert statuses == [403, 403, 403, 429]
    # Not even the right one; but nobody is locked out elsewhere by what one address tries.
    assert as_user(clinic, "weber").page.status_code == 429
    assert as_user(clinic, "weber", address="10.0.0.9").path == "/"


def test_many_addresses_may_not_try_one_name_and_do_not_lock_it_out_where_it_is_known(
    quick_hash: None, consultation: Consultation, tmp_path: Path
) -> None:
    add_user(tmp_path / "users", "weber", PASSWORD)
    clinic = application(consultation, tmp_path, users=tmp_path / "users", sign_ins_per_minute=2)
    assert as_user(clinic, "weber", address="10.0.0.9").path == "/"
    statuses = [as_user(clinic, "weber", "wrong", address=f"10.0.1.{place}").page.status_code for place in range(11)]
    # The first of ten tries was weber's own.
    assert statuses == [403] * 9 + [429] * 2
    assert as_user(clinic, "weber", address="10.0.2.1").page.status_code == 429
    assert as_user(clinic, "weber", address="10.0.0.9").path == "/"


def test_a_changed_password_ends_what_was_signed_in_with_the_old_one(clinic: Any, tmp_path: Path) -> None:
    weber, elsewhere, nakamura = as_user(clinic, "weber"), as_user(clinic, "weber"), as_user(clinic, "nakamura")
    add_user(tmp_path / "users", "weber", "another correct horse")
    for browser in (weber, elsewhere):
        assert browser.open("/").url.path == "/sign-in"
        assert browser.client.get("/handbook", follow_redirects=False).status_code == 303
    assert nakamura.open("/").url.path == "/"
    assert as_user(clinic, "weber").page.status_code == 403
    assert as_user(clinic, "weber", "another correct horse").path == "/"


def test_a_proxy_that_is_trusted_names_who_asks(consultation: Consultation, tmp_path: Path) -> None:
    behind = application(
        consultation, tmp_path, trusted_header="X-Remote-User", trusted_proxies=("127.0.0.1",), host_names=("clinic.example",)
    )
    browser = Browser(behind, base="https://clinic.example")
    assert browser.open("/").status_code == 401
    assert browser.open("/", headers={"X-Remote-User": "weber"}).status_code == 200
    assert "Secure" in browser.page.headers["set-cookie"]
    here = browser.post("/consultations", headers={"X-Remote-User": "weber"}).url.path
    assert browser.open(here, headers={"X-Remote-User": "nakamura"}).status_code == 404
    # A form of one clinician is not another's, though the browser is the same.
    browser.open(here, headers={"X-Remote-User": "weber"})
    assert browser.post("/consultations", headers={"X-Remote-User": "nakamura"}).status_code == 403
    stranger = Browser(behind, base="https://clinic.example", address="10.0.0.9")
    assert stranger.open("/", headers={"X-Remote-User": "weber"}).status_code == 403


@pytest.mark.parametrize("second", ["nakamura", "weber", ""])
def test_two_headers_that_name_who_asks_are_refused(consultation: Consultation, tmp_path: Path, second: str) -> None:
    proxied: dict[str, Any] = {"trusted_header": "X-Remote-User", "trusted_proxies": ("127.0.0.1",)}
    browser = Browser(application(consultation, tmp_path, **proxied), base="https://127.0.0.1")
    named = [("X-Remote-User", "weber"), ("x-remote-user", second)]
    refused = browser.open("/", headers=named)
    assert refused.status_code == 400 and "more than once" in refused.text
    assert browser.open("/", headers=named[:1]).status_code == 200


def test_a_length_beside_a_transfer_coding_is_refused(service: Any) -> None:
    headers = [(b"host", b"127.0.0.1"), (b"content-length", b"4"), (b"transfer-encoding", b"chunked")]
    (start, _) = asked(service, {"headers": headers}, {"type": "http.request", "body": b"x=1", "more_body": False})
    assert start["status"] == 400 and (b"connection", b"close") in start["headers"]


# Who sees what


def test_a_clinicians_consultation_does_not_exist_for_another(clinic: Any) -> None:
    weber, nakamura = as_user(clinic, "weber"), as_user(clinic, "nakamura")
    here = weber.begin("a name to keep")
    nakamura.open("/")
    assert "a name to keep" not in nakamura.text
    for path in (here, f"{here}/answers", f"{here}/report"):
        unknown = path.replace(here, "/consultations/" + "0" * 32)
        theirs, nobodys = nakamura.open(path), nakamura.open(unknown)
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.text == nobodys.text
    for path in (here, f"{here}/undo", f"{here}/answers"):
        nakamura.open("/")
        assert nakamura.post(path, {"after": "0", "rest": "unknown"}).status_code == 404
    weber.open(here)
    assert weber.hidden("after") == "0"
    tried = [entry for entry in audit.entries(service_of(clinic).store) if entry.did == "asked for what is not theirs"]
    assert {entry.who for entry in tried} == {"nakamura"} and here.rsplit("/", 1)[1] in {entry.consultation for entry in tried}
    assert "a name to keep" in weber.open("/").text


def test_a_beginning_of_an_id_opens_nothing(browser: Browser) -> None:
    here = browser.begin()
    assert len(here) == len("/consultations/") + 32
    for path in (here[:-1], here[:-20], "/consultations/%", "/consultations/" + "_" * 32, here.upper()):
        assert browser.open(path).status_code == 404


def test_what_was_kept_before_there_were_users_belongs_to_none_of_them(clinic: Any, tmp_path: Path) -> None:
    with closing(Store(tmp_path / "consultations.sqlite")) as store:
        old = store.begin("from the terminal", "2026-01-01T00:00:00+00:00", "x")
    weber = as_user(clinic, "weber")
    assert "from the terminal" not in weber.open("/").text
    assert weber.open(f"/consultations/{old.id}").status_code == 404


def test_a_consultation_of_the_terminal_goes_on_in_the_browser(browser: Browser, service: Any) -> None:
    store = service_of(service).store
    old = store.begin("from the terminal", "2026-01-01T00:00:00+00:00", service_of(service).knowledge.hash)
    assert "from the terminal" in browser.open("/").text
    assert browser.open(f"/consultations/{old.id}").status_code == 200


# Forms


@pytest.mark.parametrize("token", ["", "0" * 64, "é", None])
def test_a_form_without_the_token_of_its_page_does_nothing(browser: Browser, token: str | None) -> None:
    here = browser.begin()
    fields = {"after": "0", "rest": "unknown"} | ({} if token is None else {"csrf": token})
    for path in (here, f"{here}/undo", f"{here}/answers", "/consultations", "/case-files", "/sign-out"):
        assert browser.client.post(path, data=fields).status_code == 403
    assert browser.open(here).status_code == 200
    assert browser.hidden("after") == "0"


def test_another_browsers_token_does_not_do(service: Any) -> None:
    one, other = signed_in(service), signed_in(service)
    one.open("/")
    other.open("/")
    assert one.client.post("/consultations", data={"csrf": other.token}).status_code == 403


def test_the_cookie_is_for_this_site_and_for_no_script(service: Any, consultation: Consultation, tmp_path: Path) -> None:
    browser = Browser(service)
    cookie = browser.client.get("/sign-in").headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=lax" in cookie and "path=/" in cookie and "domain" not in cookie
    secure = application(consultation, tmp_path, certificate=Path("c"), key=Path("k"))
    response = Browser(secure, base="https://127.0.0.1").client.get("/sign-in")
    assert response.headers["set-cookie"].startswith("__Host-charley=") and "secure" in response.headers["set-cookie"].lower()
    assert "max-age" in response.headers["strict-transport-security"]


# Headers, hosts, sizes, rates


@pytest.mark.parametrize("path", ["/", "/sign-in", "/nothing", "/consultations/x", "/openapi.json", "/case-files"])
def test_every_answer_forbids_scripts_frames_and_caches(browser: Browser, path: str) -> None:
    headers = browser.open(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff" and headers["referrer-policy"] == "no-referrer"


def test_no_page_holds_a_script_or_style_or_anything_from_elsewhere(browser: Browser) -> None:
    here = browser.begin("<script>alert(1)</script>")
    for path in ("/", here, f"{here}/answers", f"{here}/report", "/case-files", "/handbook", "/sign-in", "/nothing"):
        text = browser.open(path).text
        assert "<style" not in text and " style=" not in text and "<script>" not in text and " onclick" not in text
        assert 'src="http' not in text and '<link rel="stylesheet" href="http' not in text


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example", "[::1", "a" * 300])
def test_a_page_of_another_site_that_takes_our_address_gets_nothing(browser: Browser, host: str) -> None:
    assert browser.open("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:8420", "LOCALHOST", "[::1]:8420"])
def test_the_names_of_this_machine_do(browser: Browser, host: str) -> None:
    assert browser.client.get("/sign-in", headers={"host": host}).status_code in (200, 303)


def test_what_is_too_large_is_refused_before_it_is_read(browser: Browser) -> None:
    here = browser.begin()
    assert browser.post(here, {"rest": "x" * 70_000}).status_code == 413
    stated = browser.client.post(here, content=b"x", headers={"content-length": "99999999999"})
    assert stated.status_code == 413

    def endless() -> Any:
        for _ in range(10_000):
            yield b"x" * 1_000

    assert browser.client.post(here, content=endless()).status_code == 413
    assert browser.client.post("/case-files", content=b"x", headers={"content-length": "x"}).status_code == 400


def test_one_address_gets_so_many_pages_a_minute(consultation: Consultation, tmp_path: Path) -> None:
    narrow = application(consultation, tmp_path, requests_per_minute=5)
    browser = Browser(narrow)
    statuses = [browser.client.get("/sign-in").status_code for _ in range(6)]
    assert statuses == [200] * 5 + [429]
    refused = browser.client.get("/sign-in")
    assert refused.headers["retry-after"] == "60" and "Too many requests" in refused.text
    assert Browser(narrow, address="10.0.0.9").client.get("/sign-in").status_code == 200


def test_the_allowance_comes_back_with_time_and_the_memory_of_callers_is_bounded(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    limiter = Limiter("tries", 60, shared, clock=lambda: now[0])
    assert [limiter.admits("a") for _ in range(61)] == [True] * 60 + [False]
    now[0] = 1.0
    assert limiter.admits("a") and not limiter.admits("a")
    monkeypatch.setattr(limiter_module, "_MOST_CALLERS", 10)
    full = Limiter("others", 60, limiter.shared, clock=lambda: now[0])
    assert all(full.admits(str(number)) for number in range(10))
    assert not full.admits("one too many")
    now[0] = 100.0
    assert full.admits("a later one")
    count = "SELECT count(*) FROM allowance WHERE kind = 'others'"
    assert full.shared.connection.execute(count).fetchone() == (1,)


def asked(application: Any, scope: dict[str, Any], *messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask the application without any client between, and give what it sends."""
    sent: list[dict[str, Any]] = []
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        if not waiting:
            await asyncio.sleep(60)
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    whole = {
        "type": "http",
        "method": "POST",
        "path": "/sign-in",
        "raw_path": b"/sign-in",
        "query_string": b"",
        "root_path": "",
    }
    whole |= {"headers": [(b"host", b"127.0.0.1")], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "http"}
    asyncio.run(application({**whole, **scope}, receive, send))
    return sent


def test_a_body_that_comes_too_slowly_or_breaks_off_is_not_waited_for(consultation: Consultation, tmp_path: Path) -> None:
    hasty = application(consultation, tmp_path, slowest_body=0.05)
    part = {"type": "http.request", "body": b"csrf=", "more_body": True}
    assert asked(hasty, {}, part)[0]["status"] == 408
    assert asked(hasty, {}, part, {"type": "http.disconnect"})[0]["status"] == 400


def test_there_are_no_websockets(service: Any) -> None:
    assert asked(service, {"type": "websocket", "path": "/"})[0]["type"] == "websocket.close"


def test_programs_are_refused_with_an_outcome_and_people_with_a_page(browser: Browser) -> None:
    refused = browser.client.get("/cds-services/nothing/at-all/here")
    assert refused.status_code == 404
    assert refused.json()["resourceType"] == "OperationOutcome" and refused.json()["issue"][0]["code"] == "not-found"
    strange = browser.client.get("/cds-services", headers={"host": "evil.example"})
    assert strange.status_code == 421 and strange.json()["resourceType"] == "OperationOutcome"
    assert "<h1>Not Found</h1>" in browser.client.get("/nothing").text
    head = browser.client.head("/", headers={"host": "evil.example"})
    assert head.status_code == 421 and head.content == b""


# What is never said


def said_by_the_service(caplog: pytest.LogCaptureFixture) -> str:
    """Return what was logged, without what the client of the tests itself logs."""
    return "\n".join(record.getMessage() for record in caplog.records if not record.name.startswith("httpx"))


def test_an_error_of_the_program_says_nothing_of_the_patient(
    browser: Browser, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    here = browser.begin("Erika Mustermann")

    def broken(*_: Any, **__: Any) -> None:
        raise ValueError("potassium of Erika Mustermann is 2.4")

    monkeypatch.setattr(Consultation, "answered", broken)
    with caplog.at_level(logging.DEBUG):
        response = browser.leave_open(here)
    assert response.status_code == 500
    assert "Mustermann" not in response.text and "Traceback" not in response.text and "consulting.py" not in response.text
    told = said_by_the_service(caplog)
    assert "ValueError in broken" in told
    assert "Mustermann" not in told and here.rsplit("/", 1)[1] not in told


def test_no_answer_and_no_name_stands_in_an_address_or_a_log(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        here = browser.begin("Erika Mustermann")
        browser.answer(here, fever="yes", rest="no")
        browser.post(here, {"ask": "what_if", "supposed": "serum_potassium", "value": "2.4"})
        browser.open(f"{here}/report")
    visited = [str(response.url) for response in (*browser.page.history, browser.page)]
    assert all("fever" not in url and "potassium" not in url and "Muster" not in url for url in visited)
    told = said_by_the_service(caplog)
    assert "Mustermann" not in told and "fever" not in told and here.rsplit("/", 1)[1] not in told


def test_a_store_that_fails_is_said_without_its_path(browser: Browser, service: Any, caplog: pytest.LogCaptureFixture) -> None:
    here = browser.begin()
    path = service_of(service).settings.store
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("ALTER TABLE session RENAME TO lost")
    response = browser.open(here)
    assert response.status_code == 503
    assert "nothing was recorded" in response.text and str(path) not in response.text and "session" not in response.text
    assert "no such table" in caplog.text


# The audit trail


def test_the_trail_says_who_read_and_wrote_what(clinic: Any, tmp_path: Path) -> None:
    weber = as_user(clinic, "weber")
    here = weber.begin("Erika Mustermann")
    weber.answer(here, told="fever", current="none", stopped="none", rest="no")
    weber.open(f"{here}/report")
    as_user(clinic, "weber", "wrong")
    with closing(Store(tmp_path / "consultations.sqlite")) as store:
        trail = list(audit.entries(store))
    told = [(entry.who, entry.did, entry.detail) for entry in trail]
    for expected in (
        ("weber", "signed in", ""),
        ("weber", "began", ""),
        ("weber", "answered", "story"),
        ("weber", "read report", ""),
        ("", "sign-in refused", ""),
    ):
        assert expected in told
    assert {entry.consultation for entry in trail if entry.did in ("answered", "read report")} == {here.rsplit("/", 1)[1]}
    assert "Mustermann" not in repr(trail) and "fever" not in repr(trail)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit SET who = 'somebody else'",
        "DELETE FROM audit",
        "DELETE FROM audit WHERE place = 1",
        "REPLACE INTO audit VALUES (1, '', 'somebody else', '', '', '')",
        "INSERT INTO audit VALUES (1, '', '', '', '', '') ON CONFLICT (place) DO UPDATE SET who = 'x'",
    ],
)
def test_the_trail_is_never_changed(browser: Browser, service: Any, statement: str) -> None:
    browser.begin()
    with closing(sqlite3.connect(service_of(service).settings.store)) as connection:
        before = connection.execute("SELECT * FROM audit").fetchall()
        assert before
        with pytest.raises(sqlite3.DatabaseError, match="append-only"):
            connection.execute(statement)
        connection.rollback()
        assert connection.execute("SELECT * FROM audit").fetchall() == before


def test_what_cannot_be_recorded_in_the_trail_is_not_done(browser: Browser, service: Any) -> None:
    here = browser.begin()
    with closing(sqlite3.connect(service_of(service).settings.store)) as connection:
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no room'); END")
    assert browser.leave_open(here).status_code == 503
    store = service_of(service).store
    assert [len(session.log) for session in store.sessions()] == [0]


def test_deleting_a_consultation_leaves_the_trail(browser: Browser, service: Any) -> None:
    here = browser.begin()
    store = service_of(service).store
    store.delete(store.sessions()[0])
    assert any(entry.consultation == here.rsplit("/", 1)[1] for entry in audit.entries(store))
    assert browser.open(here).status_code == 404


# The file of users


def test_passwords_are_kept_as_slow_salted_hashes_and_the_file_is_private(tmp_path: Path) -> None:
    file = tmp_path / "users"
    add_user(file, "weber", PASSWORD)
    add_user(file, "nakamura", PASSWORD)
    lines = [line for line in file.read_text().splitlines() if not line.startswith("#")]
    assert PASSWORD not in file.read_text() and file.stat().st_mode & 0o777 == 0o600
    assert all(":scrypt:131072:8:1:" in line for line in lines)
    assert lines[0].rsplit(":", 1)[1] != lines[1].rsplit(":", 1)[1]
    assert Users(file).verify("weber", PASSWORD) and not Users(file).verify("weber", PASSWORD + " ")


@pytest.mark.parametrize(
    ("name", "password", "says"),
    [
        ("weber", "short", "12 or more"),
        ("a:b", PASSWORD, "cannot be a user"),
        ("", PASSWORD, "cannot be"),
        ("../x", PASSWORD, "use"),
    ],
)
def test_users_that_cannot_be_are_refused(tmp_path: Path, name: str, password: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        add_user(tmp_path / "users", name, password)
    assert not (tmp_path / "users").exists()


@pytest.mark.parametrize(
    "line", ["weber", "weber:plain:x", "weber:scrypt:99999999999:8:1:00:00", "we ber:scrypt:1024:8:1:00:00", "\x00"]
)
def test_a_file_that_is_no_file_of_users_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "users").write_text(f"# a comment\n{line}\n")
    with pytest.raises(UserError, match="users:2: not a user"):
        Users(tmp_path / "users")


def test_a_file_of_users_that_goes_away_lets_nobody_in(clinic: Any, tmp_path: Path) -> None:
    browser = as_user(clinic, "weber")
    (tmp_path / "users").unlink()
    assert browser.open("/").status_code == 503
    other = Browser(clinic)
    other.open("/sign-in")
    assert other.post("/sign-in", {"user": "weber", "password": PASSWORD}).status_code == 503


# The settings themselves


def test_settings_know_their_sign_in() -> None:
    plain = Settings(store=Path("x"))
    assert plain.sign_in == "key" and plain.is_local and not plain.is_encrypted
    assert replace(plain, users=Path("u")).sign_in == "users"
    proxied = replace(plain, trusted_header="X", trusted_proxies=("127.0.0.1",))
    assert proxied.sign_in == "proxy" and proxied.is_encrypted
    assert "0.0.0.0" not in replace(plain, address="0.0.0.0", host_names=("a.example",)).accepted_hosts
