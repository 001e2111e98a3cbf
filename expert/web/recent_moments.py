"""Where the consultations that were answered last stand, so that an answer, and the page after it, need not work it out anew.

A moment follows from the log of answers alone, and serves only for exactly the log that it was made of: what is found here is
never outdated, and whoever finds nothing works it out. It holds answers of patients, so a process keeps it in its memory alone,
for the few consultations that were opened last, and for minutes. Who may see a consultation is asked before it is looked for.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from expert.consultation.answer_log import Log
from expert.consultation.moments import Consultation, Moment

_CONSULTATIONS = 64
_MOMENTS = 2
"""Of one consultation: where it stands, and where it stood before."""
_SECONDS = 600.0


@dataclass(frozen=True)
class _Kept:
    log: Log
    moment: Moment
    at: float


class RecentMoments:
    """The moments that one process knows; may be used by any number of threads. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.lock = clock, threading.Lock()
        self.kept: OrderedDict[str, tuple[_Kept, ...]] = OrderedDict()

    def find(self, session: str, log: Log, name: str, consultation: Consultation) -> Moment | None:
        """Return the moment of a log in a consultation with this patient; None where it is not known."""
        with self.lock:
            self._forget_old()
            for kept in self.kept.get(session, ()):
                moment = kept.moment
                # A language, and going on after the stop, have questioners of their own.
                if moment.questioner is consultation.questioner and moment.told.case.name == name and kept.log == log:
                    return moment
        return None

    def keep(self, session: str, log: Log, moment: Moment) -> None:
        """Remember where a consultation stands; the one that was opened longest ago is forgotten for it."""
        with self.lock:
            self._forget_old()
            self.kept[session] = (_Kept(log, moment, self.clock()), *self.kept.pop(session, ())[: _MOMENTS - 1])
            if len(self.kept) > _CONSULTATIONS:
                self.kept.popitem(last=False)

    def _forget_old(self) -> None:
        """Forget what was not opened for long; those kept last stand last."""
        while self.kept and self.clock() - next(iter(self.kept.values()))[0].at > _SECONDS:
            self.kept.popitem(last=False)
