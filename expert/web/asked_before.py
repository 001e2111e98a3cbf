"""Which page was asked after which answers: whoever answers a page need not have it worked out again.

A page follows from the log of answers alone, and is kept under the log's digest, so what is found here is never outdated. Kept
are the names of questions; no answer, and nothing that leads back to a patient.
"""

import hashlib
import json
import threading
from collections import OrderedDict

from expert.consultation.answer_log import Log
from expert.consultation.page import ScreenAsked

_MOST = 1_000


class AskedBefore:
    """The pages that were asked last in one process; may be used by any number of threads."""

    def __init__(self) -> None:
        self.pages: OrderedDict[bytes, ScreenAsked | None] = OrderedDict()
        self.lock = threading.Lock()

    def find(self, key: bytes) -> tuple[ScreenAsked | None] | None:
        """Return a tuple of what was asked (None for nothing); None in its place where that is not known."""
        with self.lock:
            return (self.pages[key],) if key in self.pages else None

    def keep(self, key: bytes, asked: ScreenAsked | None) -> None:
        """Remember what was asked; the oldest is forgotten for it."""
        with self.lock:
            self.pages[key] = asked
            if len(self.pages) > _MOST:
                self.pages.popitem(last=False)


def digest(log: Log, *, thorough: bool) -> bytes:
    """Return the mark of a log and of how thoroughly is asked: the same for no two of them."""
    written = json.dumps([thorough, [event.to_dict() for event in log]], sort_keys=True)
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).digest()
