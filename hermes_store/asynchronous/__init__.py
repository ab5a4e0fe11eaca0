"""The methods of a repository, awaited: for programs whose tasks share an event loop.

It imports no SQLAlchemy, because importing it takes as long as thousands of calls: opening does
that, in a thread.
"""
