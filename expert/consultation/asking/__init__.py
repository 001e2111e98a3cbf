"""What is asked next, in which pages, and why nothing more is."""
