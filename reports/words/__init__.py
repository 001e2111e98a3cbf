"""What is said: conditions, values and arguments in words, sources as they are cited, untrusted text made clean."""
