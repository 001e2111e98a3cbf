"""The verdict in one line, for cards, documents and comparisons."""

from reports.page import Page


def verdict_line(page: Page) -> str:
    """Say the verdict: "at least same day, not decided, could be immediate", "routine, decided"."""
    level = page.level_label.lower()
    if page.state == "open":
        return f"at least {level}, not decided" + (f", could be {page.could_be.lower()}" if page.could_be else "")
    return f"{level}, {'decided until the tests are back' if page.state == 'awaiting' else 'decided'}"
