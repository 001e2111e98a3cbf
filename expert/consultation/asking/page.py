"""What stands on one page of a consultation: questions in sections, each from a screen that the knowledge declares."""

from collections.abc import Iterable
from dataclasses import dataclass

from knowledge_base.interview import Screen


@dataclass(frozen=True, slots=True)
class Section:
    """A screen with those of its questions that stand on the page."""

    screen: Screen
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScreenAsked:
    """A page: its sections, of which the first names it.

    `in_full` is asked as a whole and once, and what is left open on it was not asked.
    """

    sections: tuple[Section, ...]
    in_full: bool = False

    @property
    def screen(self) -> Screen:
        """The screen that names the page."""
        return self.sections[0].screen

    @property
    def questions(self) -> tuple[str, ...]:
        """Every question of the page, in order."""
        return tuple(name for section in self.sections for name in section.questions)

    @property
    def each(self) -> frozenset[str]:
        """The questions of which silence says nothing."""
        return frozenset(name for section in self.sections for name in section.questions if name in section.screen.each)

    @property
    def asks_medicines(self) -> bool:
        """Whether the medicine lists are asked for."""
        return any(section.screen.medicines for section in self.sections)

    @property
    def asks_results(self) -> bool:
        """Whether any test result is asked for."""
        return any(section.screen.results for section in self.sections)

    @property
    def asks_anything(self) -> bool:
        """Whether any finding may be told by name."""
        return any(section.screen.anything for section in self.sections)

    def screen_of(self, name: str) -> Screen:
        """Return the screen that asks a question of the page."""
        return next(section.screen for section in self.sections if name in section.questions)


def one_screen(screen: Screen, questions: Iterable[str]) -> ScreenAsked:
    """Return the page of one screen with these questions."""
    return ScreenAsked((Section(screen, tuple(questions)),))
