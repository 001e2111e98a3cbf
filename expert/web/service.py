"""What the pages share: the running service, one visit to it, and a refusal with its status."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from expert.consultation.moments import Consultation
from expert.consultation.sessions import Store
from expert.web import audit
from expert.web.limiter import Limiter
from expert.web.settings import Settings
from expert.web.sign_in import SignIns
from expert.web.users import Users
from knowledge_base.model import KnowledgeBase
from reports.page import STATEMENT


class Refused(Exception):
    """A request that is not done as asked: the HTTP status, and words for whoever asked."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(message)


@dataclass(frozen=True)
class Service:
    """The running service. Holds no patient; `key` signs in where there are no users."""

    settings: Settings
    consultation: Consultation
    store: Store
    sign_ins: SignIns
    users: Users | None
    sign_in_limiter: Limiter
    key: str = field(default_factory=lambda: secrets.token_urlsafe(24))

    @property
    def knowledge(self) -> KnowledgeBase:
        """The knowledge base that the service consults."""
        return self.consultation.knowledge

    def now(self) -> str:
        """Return the time as the log and the audit trail have it."""
        return datetime.now(UTC).isoformat(timespec="seconds")


def opened(settings: Settings, consultation: Consultation) -> Service:
    """Make a service; its store stays open until it is closed. Raises StoreError, or UserError for the file of users."""
    users = None if settings.users is None else Users(settings.users)
    store = Store(settings.store)
    audit.prepare(store)
    return Service(settings, consultation, store, SignIns(settings), users, Limiter(settings.sign_ins_per_minute))


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a clinician: who it is, what was posted, and whether only a part of the page is wanted."""

    service: Service
    who: str | None
    csrf: str
    caller: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    files: Mapping[str, tuple[str, bytes]]
    wants_part: bool

    @property
    def owner(self) -> str:
        """Whose consultations these are; "" for whoever has the key. Raises Refused when nobody is signed in."""
        if self.who is None:
            raise Refused(401, "Sign in first.")
        return self.who

    def page(self) -> dict[str, Any]:
        """Return what every page shows around its content."""
        knowledge = self.service.knowledge
        return {
            "csrf": self.csrf,
            "who": self.who,
            "title": knowledge.title,
            "statement": STATEMENT,
            "knowledge": f"Knowledge {knowledge.version}, hash {knowledge.hash[:12]}",
        }
