"""How conclusions are drawn: forward chaining over the knowledge base, and the command line."""

__version__ = "0.1.0"
