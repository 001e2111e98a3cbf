"""The pages of the consultation in a browser."""
