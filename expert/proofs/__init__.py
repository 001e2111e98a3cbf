"""Every possible patient: what is proved of the knowledge, and what would change a verdict."""
