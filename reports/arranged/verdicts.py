"""The verdict in one line, for cards, documents and comparisons."""

from facts.language.speaking import say
from reports.arranged.page import Page
from reports.words.wording import lower_label


def verdict_line(page: Page) -> str:
    """Say the verdict: "at least same day, not decided, could be immediate", "routine, decided"."""
    level = lower_label(page.level_label)
    if page.state == "open" and page.could_be:
        could_be = lower_label(page.could_be)
        return say("at least {level}, not decided, could be {could_be}").format(level=level, could_be=could_be)
    if page.state == "open":
        return say("at least {level}, not decided").format(level=level)
    return f"{level}, {say('decided until the tests are back') if page.state == 'awaiting' else say('decided')}"
