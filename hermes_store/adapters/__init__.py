"""Adapters: a class of another program, standing on a store. Each is imported by who uses it."""
