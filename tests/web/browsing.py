"""A browser without a screen for tests: a cookie jar that fills in the token of the page it was shown last."""

import re
from collections.abc import Mapping
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any

import httpx2 as httpx
from starlette.testclient import TestClient

from expert.consultation.answer_log import MEDICINES, NO_MORE, RESULTS, STOPPED_MEDICINES
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Consultation
from expert.web.application import create_application
from expert.web.service import Service
from expert.web.settings import Settings

_FIELDS = ("rest", "current", "stopped", "current_list", "stopped_list", "results", "results_told", "told")
MADE: list[Any] = []
"""The applications of the test that runs, to be closed after it."""


class Browser:
    """One clinician's browser at a service that runs in this process."""

    def __init__(self, application: Any, base: str = "http://127.0.0.1", address: str = "127.0.0.1") -> None:
        self.client = TestClient(
            application, base_url=base, follow_redirects=True, raise_server_exceptions=False, client=(address, 50_000)
        )
        self.page: httpx.Response = httpx.Response(204)

    @property
    def text(self) -> str:
        return self.page.text

    @property
    def path(self) -> str:
        return str(self.page.url.path)

    @property
    def token(self) -> str:
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', self.text)
        return found[1] if found else ""

    def open(self, path: str, **more: Any) -> httpx.Response:
        self.page = self.client.get(path, **more)
        return self.page

    def post(self, path: str, fields: Mapping[str, str] | None = None, **more: Any) -> httpx.Response:
        self.page = self.client.post(path, data={"csrf": self.token, **(fields or {})}, **more)
        return self.page

    def begin(self, name: str = "") -> str:
        self.open("/")
        self.post("/consultations", {"name": name})
        assert self.page.status_code == 200, self.text
        return self.path

    def begin_with_red_flags(self, **story: str) -> str:
        """Begin, and tell no more of the story than what is given."""
        here = self.begin()
        self.answer(here, current="unknown", stopped="unknown", rest="unknown", **story)
        return here

    def hidden(self, name: str) -> str:
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found, f"no {name} on this page"
        return unescape(found[1])

    def questions(self) -> list[str]:
        return re.findall(r'id="q-([a-z0-9_]+)" tabindex', self.text)

    def heading(self) -> str:
        found = re.search(r"<h1>(.*?)</h1>", self.text)
        return unescape(found[1]) if found else ""

    def answer(self, here: str, **answers: str) -> httpx.Response:
        """Answer the page in sight: `rest` and findings by name; None of what is not given."""
        fields = {"after": self.hidden("after")}
        for name, value in answers.items():
            fields[name if name in _FIELDS else f"answer.{name}"] = value
        return self.post(here, fields)

    def leave_open(self, here: str) -> httpx.Response:
        """Answer "unknown" to the whole page."""
        lists = {"current": "unknown", "stopped": "unknown"} if 'name="current"' in self.text else {}
        return self.answer(here, rest="unknown", **lists)


def fill_in(asked: ScreenAsked, reply: Mapping[str, Any]) -> dict[str, str]:
    """Return the fields that answer a page as a reply does: what it does not tell by question, by name."""
    words = {"True": "yes", "False": "no"}
    plain = {name: words.get(str(value), str(value)) for name, value in reply.items() if value is not None}
    fields = {name: plain[name] for name in asked.questions if name in plain} | {"rest": "unknown"}
    for name, key in ((MEDICINES, "current"), (STOPPED_MEDICINES, "stopped")):
        if name in reply:
            listed = reply[name]
            fields |= {f"{key}_list": "\n".join(map(_written, listed))} if listed else {}
            fields |= {} if listed else {key: "unknown" if listed is None else "none"}
    others = {MEDICINES, STOPPED_MEDICINES, RESULTS, *asked.questions}
    named = [f"{name}={value}" for name, value in plain.items() if name not in others]
    if asked.asks_anything and named:
        fields["told"] = ", ".join(named)
    if reply.get(RESULTS) == NO_MORE and asked.asks_results:
        fields[RESULTS] = NO_MORE
    return fields


def _written(entry: Any) -> str:
    if isinstance(entry, str):
        return entry
    ago = f" {entry['days_ago']} days ago" if "days_ago" in entry else ""
    return f"{entry['name']}{ago}" + (f" after {entry['after_weeks']} weeks" if "after_weeks" in entry else "")


def signed_in(application: Any) -> Browser:
    """Return a browser that has signed in with the key that was printed."""
    browser = Browser(application)
    browser.open(f"/enter/{service_of(application).key}")
    assert browser.page.status_code == 200
    return browser


def service_of(application: Any) -> Service:
    service = application.state.service
    assert isinstance(service, Service)
    return service


def close(application: Any) -> None:
    """Let go of everything that an application holds, as it does itself where a server ends it."""
    service_of(application).close()
    if application.state.hooks is not None:
        application.state.hooks.close()


def application(consultation: Consultation, folder: Path, **settings: Any) -> Any:
    """Make a service with a store in a folder; limits are wide, so that each test narrows the one it is about."""
    wide = Settings(store=folder / "consultations.sqlite", requests_per_minute=1_000_000, sign_ins_per_minute=1_000)
    made = create_application(replace(wide, **settings), consultation)
    MADE.append(made)
    return made
