"""A plain Python model of the rules, a topic a file, and what a machine does to both.

A new topic is a mixin here, and a base of `Everything` in test_against_model.py: its rules change
the store and the model alike, and its invariants compare them.
"""
