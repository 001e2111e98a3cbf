"""What is typed: one module a command."""
