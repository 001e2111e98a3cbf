"""A consultation at the prompt: pages shown and read, commands, and what is asked back."""
