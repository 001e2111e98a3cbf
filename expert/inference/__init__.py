"""One case: from known findings to everything that follows from them."""
