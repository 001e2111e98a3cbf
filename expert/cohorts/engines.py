"""The engines that can conclude a cohort, by the name that is typed; to add one is to add an entry.

An engine imports what it needs when it is asked to run, so that the commands can offer all of them and none has to be
installed. Which one runs is no part of a run's plan: all write the same.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from expert.cohorts.run import PlannedPart, Run


class Engine(Protocol):
    """What concludes the parts of a run."""

    @property
    def takes_master(self) -> bool:
        """Whether it runs on other machines, which `master` names."""

    def require(self, master: str | None) -> None:
        """Raise CohortError, before the work rather than after, where the engine cannot run."""

    def conclude(
        self,
        parts: Sequence["PlannedPart"],
        run: "Run",
        master: str | None,
        progress: Callable[[int], None],
        notice: Callable[[str], None],
    ) -> None:
        """Conclude the parts. `progress` gets the number of rows done, `notice` what keeps us waiting. Raises CohortError."""


@dataclass(frozen=True, slots=True)
class Local:
    """Concludes one part after the other in this process."""

    takes_master: bool = False

    def require(self, master: str | None) -> None:
        """Return at once: nothing but this program is needed."""

    def conclude(
        self,
        parts: Sequence["PlannedPart"],
        run: "Run",
        master: str | None,
        progress: Callable[[int], None],
        notice: Callable[[str], None],
    ) -> None:
        """Conclude the parts in their order."""
        from expert.cohorts.parts import conclude_parts

        rows = 0

        def tell(part: "PlannedPart") -> None:
            nonlocal rows
            rows += part.count
            progress(rows)

        conclude_parts(parts, run, tell)


@dataclass(frozen=True, slots=True)
class Spark:
    """Concludes parts at the same time on the workers of a Spark master."""

    takes_master: bool = True

    def require(self, master: str | None) -> None:
        """Raise CohortError where Spark cannot start here, or no master answers."""
        from expert.cohorts.spark_engine import require_spark

        require_spark(master)

    def conclude(
        self,
        parts: Sequence["PlannedPart"],
        run: "Run",
        master: str | None,
        progress: Callable[[int], None],
        notice: Callable[[str], None],
    ) -> None:
        """Conclude the parts, each whole on some worker."""
        from expert.cohorts.spark_engine import conclude_parts

        conclude_parts(parts, run, master, progress, notice)


ENGINES: Mapping[str, Engine] = {"local": Local(), "spark": Spark()}
"""The engines by name; the first is the default."""
ROWS_A_PART = 196_608
"""With all columns, two such parts, one judged and one written, stay within a gigabyte."""
DEFAULT = next(iter(ENGINES))
