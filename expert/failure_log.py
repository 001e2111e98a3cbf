"""Failures of the service as they are logged: what kind and where, never a text that a patient said."""

import logging
import traceback

LOG = logging.getLogger("charley.web")


def describe_failure(error: BaseException) -> str:
    """Say of an error what kind it is and where, without its text, which may quote what a patient said."""
    frames = traceback.extract_tb(error.__traceback__)
    where = " < ".join(f"{frame.name} ({frame.filename.rsplit('/', 1)[-1]}:{frame.lineno})" for frame in reversed(frames[-6:]))
    return f"{type(error).__name__} in {where}"
