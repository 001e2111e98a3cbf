"""How often a caller may try in a time."""

import threading
from collections.abc import Callable
from time import monotonic

_MOST_CALLERS = 10_000


class Limiter:
    """Lets each caller do so much a minute; may be used by any number of threads."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = monotonic) -> None:
        self.per_minute, self.clock = per_minute, clock
        self.left: dict[str, tuple[float, float]] = {}
        self.lock = threading.Lock()

    def admits(self, caller: str) -> bool:
        """Count one request of a caller; False when there were too many."""
        now = self.clock()
        with self.lock:
            if len(self.left) >= _MOST_CALLERS and caller not in self.left:
                # Who has not been here for a minute has the whole allowance again, and need not be remembered.
                self.left = {name: entry for name, entry in self.left.items() if now - entry[1] < 60}
            allowance, since = self.left.get(caller, (float(self.per_minute), now))
            allowance = min(float(self.per_minute), allowance + (now - since) * self.per_minute / 60)
            if allowance < 1 or (len(self.left) >= _MOST_CALLERS and caller not in self.left):
                self.left[caller] = (allowance, now)
                return False
            self.left[caller] = (allowance - 1, now)
            return True
