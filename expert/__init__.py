"""How conclusions are drawn: forward chaining over the knowledge base, and the command line.

`from expert import Expert` is Charley for Python (expert/python_interface.py, docs/python.md); all other modules are internal.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from expert.python_interface import Expert as Expert
    from expert.python_interface import evaluate_frame as evaluate_frame
    from facts.problems import CharleyError as CharleyError

# setup.cfg reads this without importing anything, so it stays a literal.
__version__ = "0.1.0"

__all__ = ["CharleyError", "Expert", "__version__", "evaluate_frame"]

_HOMES = {"CharleyError": "facts.problems", "Expert": "expert.python_interface", "evaluate_frame": "expert.python_interface"}


def __getattr__(name: str) -> Any:
    """Import what is public when it is first asked for, so that `import expert` costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)
