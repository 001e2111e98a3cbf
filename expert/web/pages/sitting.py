"""A visitor's own consultation: opened where it stands, and kept when it went on."""

from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from expert.consultation.answer_log import AnswerRefused, Log
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Consultation, Moment
from expert.consultation.sessions import Overtaken, Session, Statement
from expert.web.access import audit
from expert.web.service import Refused, Service, Visit
from reports.words.cleaning import clean

MORE = "more"
"""In the query of an address: go on asking after the consultation has stopped."""
_LONGEST_ID = 40
STALE = "This consultation went on elsewhere meanwhile. Nothing of that page was recorded; here is where it stands."


@dataclass(frozen=True)
class Sitting:
    """A consultation that a visitor may see, and where it stands; worked out when it is asked for."""

    visit: Visit
    session: Session

    @cached_property
    def moment(self) -> Moment:
        """Where it stands. Raises Refused for answers that do not fit the knowledge."""
        try:
            return self._moment(self.log)
        except AnswerRefused:
            raise Refused(409, "The answers of this consultation do not fit the knowledge base that is loaded now.") from None

    @cached_property
    def before(self) -> Moment:
        """Where it stood before the last answers, which were not taken back."""
        return self._moment(tuple(event for event in self.log if event.step != self.log[-1].step))

    def _moment(self, log: Log) -> Moment:
        recent, session = self.service.recent, self.session
        moment = recent.find(session.id, log, session.name, self.consultation)
        if moment is None:
            moment = self.consultation.moment(log, session.name)
            recent.keep(session.id, log, moment)
        return moment

    @cached_property
    def asked(self) -> ScreenAsked | None:
        """The page that comes next; None where nothing is left to ask."""
        return self.moment.next if isinstance(self.moment.next, ScreenAsked) else None

    @property
    def is_thorough(self) -> bool:
        """Whether the visitor goes on with whatever could change anything, pertinent or not."""
        return MORE in self.visit.query

    @property
    def more(self) -> str:
        """What the addresses of this consultation end with, so that it stays as thorough as it is."""
        return f"?{MORE}=yes" if self.is_thorough else ""

    @property
    def consultation(self) -> Consultation:
        """What decides what is asked."""
        return self.service.thorough if self.is_thorough else self.service.consultation

    @property
    def here(self) -> str:
        """Its address."""
        return address(self.session)

    @property
    def service(self) -> Service:
        """The running service."""
        return self.visit.service

    @property
    def log(self) -> Log:
        """What was answered so far."""
        return self.session.log

    def is_current(self) -> bool:
        """Return whether the page that was posted shows the consultation as it stands."""
        return self.visit.form.get("after", "") == str(len(self.log))

    def record(self, did: str, detail: str = "") -> None:
        """Put into the audit trail what is about to be done. Raises StoreError, and then it must not be done."""
        audit.record(self.service.store, self.service.now(), self.visit.owner, did, self.session.id, detail)

    def entry(self, did: str, detail: str = "") -> Statement:
        """Return what puts into the audit trail what is done."""
        return audit.entry(self.service.now(), self.visit.owner, did, self.session.id, detail)


def address(session: Session) -> str:
    """Return the address of a consultation: an id that nobody can guess, and nothing of the patient."""
    return f"/consultations/{quote(session.id, safe='')}"


def sitting_of(visit: Visit) -> Sitting:
    """Open the visitor's own consultation. Raises Refused: another's is not told from one that does not exist."""
    session = visit.service.store.load_owned(visit.path["session"], visit.owner)
    if session is None:
        store, tried = visit.service.store, clean(visit.path["session"])[:_LONGEST_ID]
        audit.record(store, visit.service.now(), visit.owner, "asked for what is not theirs", tried)
        raise Refused(404, "There is no such consultation here.")
    return Sitting(visit, session)


def keep(sitting: Sitting, log: Log, did: str, detail: str = "", *, moment: Moment | None = None) -> Response:
    """Keep a longer log, and go to the page that follows. Raises Refused when another answer was quicker.

    `moment` is where the log leads, if that was worked out.
    """
    try:
        # In one transaction: what is not recorded in the trail is not done.
        sitting.service.store.append(sitting.session, log, beside=sitting.entry(did, detail))
    except Overtaken:
        sitting.record("not kept", detail)
        raise Refused(
            409, "This consultation was answered elsewhere at the same moment, and this answer is not kept."
        ) from None
    if moment is not None:
        sitting.service.recent.keep(sitting.session.id, log, moment)
    return RedirectResponse(sitting.here + sitting.more, 303)
