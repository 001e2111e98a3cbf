"""The same knowledge on other rule engines, side by side; for whoever doubts a figure or a conclusion. Run by `make bench`."""
