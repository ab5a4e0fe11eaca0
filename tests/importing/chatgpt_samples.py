"""Conversations as ChatGPT exports them, made by hand."""


def node(key, parent, role="user", text="", at=None, **message):
    """A node of a mapping with a message."""
    said = {
        "id": key,
        "author": {"role": role, "name": None, "metadata": {}},
        "create_time": at,
        "content": {"content_type": "text", "parts": [text]},
        "status": "finished_successfully",
        "weight": 1.0,
        "metadata": {},
        "recipient": "all",
        **message,
    }
    return {"id": key, "parent": parent, "children": [], "message": said}


def conversation(*nodes, key="c-1", current=None, **fields):
    """A conversation of some nodes below an empty root."""
    root = {"id": "root", "parent": None, "children": [], "message": None}
    return {
        "title": "Slow queries",
        "create_time": 1_700_000_000.5,
        "update_time": 1_700_000_100.0,
        "mapping": {"root": root, **{each["id"]: each for each in nodes}},
        "current_node": current or nodes[-1]["id"],
        "conversation_id": key,
        "id": key,
        "default_model_slug": "gpt-4o",
        "is_archived": False,
        **fields,
    }
