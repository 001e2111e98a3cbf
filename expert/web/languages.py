"""The languages of the pages: which one a browser asks for, and the service that speaks it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from threading import Lock
from typing import TypeVar

from expert.consultation.moments import Consultation
from expert.inference.translated import in_language
from expert.web.service import Service, Visit
from facts.language.catalogs import ENGLISH, languages
from facts.language.speaking import Language, speaking

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Spoken:
    """A service in one language. What the services share (store, users, lanes) is the same in all of them."""

    service: Service
    language: Language | None


class Languages:
    """The service in every language; another one than English is made when a browser first asks for it."""

    def __init__(self, service: Service) -> None:
        self.english = Spoken(service, None)
        self.made: dict[str, Spoken] = {ENGLISH: self.english}
        self.offered = languages()
        self.lock = Lock()

    def work(self, page: Callable[[Visit], Result], visit: Visit, headers: Mapping[str, str]) -> Callable[[], Result]:
        """Return what makes a page in the language that a browser asks for; another language takes a second the first time."""

        def make() -> Result:
            spoken = self.of(headers)
            with speaking(spoken.language):
                return page(replace(visit, service=spoken.service))

        return make

    def of(self, headers: Mapping[str, str]) -> Spoken:
        """Return the service in the language that a browser likes best of those there are."""
        tag = preferred(headers.get("accept-language", ""), self.offered)
        with self.lock:
            if tag not in self.made:
                self.made[tag] = self.speak(tag)
            return self.made[tag]

    def speak(self, tag: str) -> Spoken:
        """Make the service in another language than English."""
        service = self.english.service
        assessor, language = in_language(service.consultation.assessor, service.settings.knowledge, tag)
        with speaking(language):
            consultation, thorough = Consultation(assessor), Consultation(assessor, thorough=True)
        return Spoken(replace(service, consultation=consultation, thorough=thorough), language)


def preferred(accepted: str, offered: tuple[str, ...]) -> str:
    """Return which of the languages offered an Accept-Language header likes best; the first where it likes none."""
    wishes: list[tuple[float, str]] = []
    for wish in accepted[:1000].split(","):
        tag, _, weight = wish.partition(";")
        quality = weight.strip().removeprefix("q=") or "1"
        try:
            wishes.append((float(quality), tag.strip().lower().partition("-")[0]))
        except ValueError:
            continue
    # Sorting keeps the order of what is liked equally.
    liked = [tag for quality, tag in sorted(wishes, key=lambda one: -one[0]) if quality > 0 and tag in offered]
    return liked[0] if liked else offered[0]
