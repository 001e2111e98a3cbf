"""Charley in a browser: the consultation page and the service around it, safe by default."""
