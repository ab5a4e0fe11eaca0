"""Measurements of hermes_store next to the same work written by hand; run `make bench`."""
