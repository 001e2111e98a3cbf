"""How often a caller may try in a time, at all workers of the service together."""

from collections.abc import Callable
from time import monotonic

from expert.web.access.shared import Shared

_MOST_CALLERS = 10_000


class Limiter:
    """Lets each caller do so much of one kind a minute; may be used by any number of threads.

    `clock` gives seconds, the same in all processes of this machine.
    """

    def __init__(self, kind: str, per_minute: int, shared: Shared, clock: Callable[[], float] = monotonic) -> None:
        self.kind, self.per_minute, self.shared, self.clock = kind, per_minute, shared, clock

    def admits(self, caller: str) -> bool:
        """Count one request of a caller; False when there were too many. Raises StoreError."""
        now, most = self.clock(), float(self.per_minute)
        with self.shared.writing() as connection:
            query = "SELECT left, at FROM allowance WHERE kind = ? AND caller = ?"
            known = connection.execute(query, (self.kind, caller)).fetchone()
            if known is None and not self._has_room(now):
                return False
            left, since = known or (most, now)
            left = min(most, left + (now - since) * most / 60)
            is_admitted = left >= 1
            row = (self.kind, caller, left - is_admitted, now)
            connection.execute("INSERT OR REPLACE INTO allowance VALUES (?, ?, ?, ?)", row)
            return is_admitted

    def _has_room(self, now: float) -> bool:
        """Return whether one more caller can be remembered."""
        if self._count() < _MOST_CALLERS:
            return True
        # Who has not been here for a minute has the whole allowance again, and need not be remembered.
        self.shared.connection.execute("DELETE FROM allowance WHERE kind = ? AND at <= ?", (self.kind, now - 60))
        return self._count() < _MOST_CALLERS

    def _count(self) -> int:
        count: int = self.shared.connection.execute("SELECT count(*) FROM allowance WHERE kind = ?", (self.kind,)).fetchone()[0]
        return count
