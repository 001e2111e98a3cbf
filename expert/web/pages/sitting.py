"""A visitor's own consultation: opened where it stands, and kept when it went on."""

from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import RedirectResponse, Response

from expert.consultation.answer_log import AnswerRefused, Log
from expert.consultation.moments import Moment
from expert.consultation.sessions import Overtaken, Session
from expert.web.access import audit
from expert.web.service import Refused, Service, Visit
from reports.words.cleaning import clean

_LONGEST_ID = 40
STALE = "This consultation went on elsewhere meanwhile. Nothing of that page was recorded; here is where it stands."


@dataclass(frozen=True, slots=True)
class Sitting:
    """A consultation that a visitor may see, and where it stands."""

    visit: Visit
    session: Session
    moment: Moment

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
    try:
        moment = visit.service.consultation.moment(session.log, session.name)
    except AnswerRefused:
        raise Refused(409, "The answers of this consultation do not fit the knowledge base that is loaded now.") from None
    return Sitting(visit, session, moment)


def keep(sitting: Sitting, log: Log, did: str, detail: str = "") -> Response:
    """Keep a longer log, and go to the page that follows. Raises Refused when another answer was quicker."""
    # In the trail before in the log: what was not recorded there is not done.
    sitting.record(did, detail)
    try:
        sitting.service.store.append(sitting.session, log)
    except Overtaken:
        sitting.record("not kept", detail)
        raise Refused(
            409, "This consultation was answered elsewhere at the same moment, and this answer is not kept."
        ) from None
    return RedirectResponse(sitting.here, 303)
