"""The table of contents of the API: what a repository and a transaction can do, by topic.

Times are Unix epoch seconds, costs US dollars, token counts whole tokens. Every method raises
`InvalidArgumentError` for an argument that cannot be used, and other errors of
`hermes_store.errors` for a database that cannot be used. In either case nothing was changed.
"""

from __future__ import annotations

from hermes_store.api.changing import Changing
from hermes_store.api.deleting import Deleting
from hermes_store.api.exporting import Exporting
from hermes_store.api.lineage import Lineage
from hermes_store.api.lists import Lists
from hermes_store.api.messages import Messages
from hermes_store.api.namespaces import Namespaces
from hermes_store.api.properties import Properties
from hermes_store.api.searching import Searching
from hermes_store.api.sessions import Sessions
from hermes_store.api.titles import Titles
from hermes_store.api.usage import Usage

__all__ = ["Operations"]


class Operations(
    Sessions,  # create, end, reopen, get, resolve and count sessions
    Lists,  # pages of sessions; the longest ones; facets
    Lineage,  # root, tip, lineage and ancestors of a conversation
    Properties,  # archive, pin and update sessions; the newest session of a key
    Titles,  # set, get and resolve titles; the next title of a lineage
    Messages,  # append, get, count and clear messages; the conversation
    Changing,  # replace, compact, rewind, restore, pop and delete messages
    Searching,  # search_messages, search_page
    Usage,  # token counts and costs of sessions; records of usage, and reports of them
    Exporting,  # export_session, export_lineage, export_all, import_sessions
    Namespaces,  # leases, meta, retention: topics as objects of their own
    Deleting,  # delete_session, delete_sessions, prune_sessions, list_prune_candidates
):
    """All topics that a `SessionRepository` and a `Transaction` have in common."""
