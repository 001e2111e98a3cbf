"""The verdict in one line, for cards, documents, comparisons and pictures."""

from facts.language.speaking import say
from reports.arranged.page import Page
from reports.words.wording import lower_label


def verdict_line(page: Page) -> str:
    """Say the verdict: "at least same day, not decided, could be immediate", "routine, decided"."""
    if page.state == "open":
        return open_verdict("" if page.is_lowest else page.level_label, page.could_be)
    level = lower_label(page.level_label)
    return f"{level}, {say('decided until the tests are back') if page.state == 'awaiting' else say('decided')}"


def open_verdict(at_least: str, could_be: str) -> str:
    """Say a verdict that is not decided, from the labels of its levels, each "" where there is none to say.

    The lowest level is none: nobody is called routine whose dangers were not asked about.
    """
    level, highest = lower_label(at_least), lower_label(could_be)
    if not level:
        return say("not decided, could be {could_be}").format(could_be=highest) if highest else say("not decided")
    if highest:
        return say("at least {level}, not decided, could be {could_be}").format(level=level, could_be=highest)
    return say("at least {level}, not decided").format(level=level)
