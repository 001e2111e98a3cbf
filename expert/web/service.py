"""What the pages share: the running service, one visit to it, and a refusal with its status."""

import base64
from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from expert.consultation.moments import Consultation
from expert.consultation.sessions import Store
from expert.web.access import audit
from expert.web.access.limiter import Limiter
from expert.web.access.shared import Shared
from expert.web.access.sign_in import Known, SignIns
from expert.web.access.users import Users
from expert.web.lane import Lane
from expert.web.readers import Readers
from expert.web.recent_moments import RecentMoments
from expert.web.settings import Settings
from knowledge_base.model import KnowledgeBase
from reports.arranged.page import statement

_FILES_WAITING = 24
_SIGN_INS_WAITING = 30
_FROM_ANYWHERE = 5
"""Times the tries that one address has are the tries that a user's name has from all others together."""


class Refused(Exception):
    """A request that is not done as asked: the HTTP status, and words for whoever asked."""

    def __init__(self, status: int, message: str) -> None:
        self.status, self.message = status, message
        super().__init__(message)


@dataclass(frozen=True)
class Service:
    """The running service. Holds patients in `recent` alone; `key` signs in where there are no users."""

    settings: Settings
    consultation: Consultation
    store: Store
    shared: Shared
    sign_ins: SignIns
    users: Users | None
    sign_in_limiter: Limiter
    """Tries to sign in, by address."""
    user_limiter: Limiter
    """Tries to sign in as one user, from addresses where that user has not signed in before."""
    readers: Readers
    files: Lane
    passwords: Lane
    signed_in_from: Known
    thorough: Consultation
    """The same consultation for whoever goes on after it has stopped."""
    recent: RecentMoments = field(default_factory=RecentMoments)

    @cached_property
    def key(self) -> str:
        """What signs in where there are no users, at any worker."""
        return link_key(self.shared)

    def close(self) -> None:
        """Let go of the store and of everything that works beside the pages."""
        self.files.close()
        self.passwords.close()
        self.readers.close()
        self.store.close()
        self.shared.close()

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
    with ExitStack() as held:
        store = held.enter_context(closing(Store(settings.store)))
        audit.prepare(store)
        shared = held.enter_context(closing(Shared(settings.shared)))
        service = Service(
            settings=settings,
            consultation=consultation,
            store=store,
            shared=shared,
            sign_ins=SignIns(settings, shared),
            users=users,
            sign_in_limiter=Limiter("sign-ins of an address", settings.sign_ins_per_minute, shared),
            user_limiter=Limiter("sign-ins of a user", _FROM_ANYWHERE * settings.sign_ins_per_minute, shared),
            readers=Readers(settings.knowledge, consultation.knowledge.hash, settings.file_seconds, settings.file_memory),
            files=Lane("files", settings.files_at_once, _FILES_WAITING),
            # Each hash of a password takes 128 MB and half a second.
            passwords=Lane("passwords", 1, _SIGN_INS_WAITING),
            signed_in_from=Known(shared),
            thorough=Consultation(consultation.assessor, thorough=True),
        )
        # From here on it is the service that closes them.
        held.pop_all()
    return service


def link_key(shared: Shared) -> str:
    """Return the key in the link that signs in."""
    return base64.urlsafe_b64encode(shared.secret("link")[:24]).decode()


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
            "statement": statement(),
            "knowledge": f"Knowledge {knowledge.version}, hash {knowledge.hash[:12]}",
        }
