"""Sessions: begin, end, reopen and find them."""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from sqlalchemy import func, select, update

from hermes_store import Transaction
from hermes_store.adapters.hermes_agent.base import Base, merged
from hermes_store.adapters.hermes_agent.columns import Row
from hermes_store.adapters.hermes_agent.links import link_of
from hermes_store.adapters.hermes_agent.taken import as_taken, decoded, key_of, text_of_id
from hermes_store.adapters.hermes_agent.unknown import kept
from hermes_store.errors import InvalidArgumentError
from hermes_store.models.stored import messages, sessions

__all__ = ["Sessions"]

_BY_ACCIDENT = ("agent_close", "ws_orphan_reap")
"""Ends that a reset by the user may replace."""
_A_WEEK = 7 * 86_400
_AS_THEY_ARE = ("model", "system_prompt", "user_id", "cwd")
_IN_EXTRA = ("chat_id", "chat_type", "thread_id", "profile_name")


class Sessions(Base):
    """One session at a time."""

    def create_session(self, session_id: str, source: str, **kwargs: Any) -> str:
        """Store a session, or fill what is not known yet of the one there is; return the id."""
        known = {name: kwargs.pop(name, None) for name in _AS_THEY_ARE}
        config, parent = kwargs.pop("model_config", None), kwargs.pop("parent_session_id", None)
        key = kwargs.pop("session_key", None)
        extra = {name: text_of_id(kwargs.pop(name, None)) for name in _IN_EXTRA}
        known |= {"key": key_of(key, extra), "model_config": config or None}
        known["source"] = source or "unknown"
        extra |= kept("create_session", kwargs)
        with self._repo.transaction() as tx:
            there = tx.get_session(session_id)
            above: Any = _above(tx, session_id, parent)
            if above:
                started = there["started_at"] if there else time.time()
                link = link_of(config, above, started)
                known |= {"parent_session_id": above["id"], "link": link}
            elif parent:  # an unknown parent must not cost the conversation
                extra["parent_session_id"] = parent
            new = None if there else merged(None, extra)
            as_taken({"extra": new, **known}, partial(tx.create_session, session_id))
            if there and (more := _news(there["extra"], extra)):
                as_taken({"extra": more}, partial(tx.update_session, session_id))
        return session_id

    def ensure_session(
        self, session_id: str, source: str = "unknown", model: str | None = None, **kwargs: Any
    ) -> str:
        """`create_session` for callers who know little; return the id."""
        return self.create_session(session_id, source, model=model, **kwargs)

    def end_session(self, session_id: str, end_reason: str, **more: Any) -> None:
        """Mark a session as ended now; one that has ended keeps its time and reason."""
        self._keep("end_session", session_id, more)
        if session_id:
            self._if_there(self._repo.end_session, session_id, end_reason)

    def reopen_session(self, session_id: str) -> None:
        """Take back the end of a session."""
        if session_id:
            self._if_there(self._repo.reopen_session, session_id)

    def promote_to_session_reset(self, session_id: str, reason: str = "session_reset") -> bool:
        """End a session by a reset, also one that only its process had ended; whether it did."""

        def promote(tx: Transaction, session: Any) -> bool:
            if session["ended_at"] is not None:
                if session["end_reason"] not in _BY_ACCIDENT:
                    return False
                tx.reopen_session(session_id)
            tx.end_session(session_id, reason)
            return True

        return self._change(session_id, promote, missing=False)

    def get_session(self, session_id: str) -> Row | None:
        """Return a session as Hermes' row, or None."""
        return self._tables.session(session_id) if session_id else None

    def resolve_session_id(self, session_id_or_prefix: str) -> str | None:
        """Return the id that is the argument, or the only one that begins with it, else None."""
        return self._repo.resolve_session_id(session_id_or_prefix)

    # --- properties -----------------------------------------------------------------------------

    def update_session_cwd(
        self,
        session_id: str,
        cwd: str,
        git_branch: str | None = None,
        git_repo_root: str | None = None,
        **more: Any,
    ) -> None:
        """Say where a session works; a branch or a root that is not known keeps the stored one."""
        self._keep("update_session_cwd", session_id, more)
        if not session_id or not cwd:
            return
        given = {"git_branch": git_branch, "git_repo_root": git_repo_root}
        known = {name: value.strip() for name, value in given.items() if value and value.strip()}

        def put(tx: Transaction, session: Any) -> None:
            tx.update_session(session_id, cwd=cwd, extra=merged(session["extra"], known))

        self._change(session_id, put, missing=None)

    def backfill_repo_roots(self, cwd_to_root: dict[str, str]) -> None:
        """Say of which repository folders are part, where sessions do not say so."""
        roots = {cwd: root for cwd, root in cwd_to_root.items() if cwd and root}
        found = self._rows(
            select(sessions.c.id, sessions.c.cwd).where(sessions.c.cwd.in_(list(roots)))
        )
        for row in found:
            self._change(row["id"], _fill_root(roots[row["cwd"]]), missing=None)

    def update_session_meta(
        self, session_id: str, model_config_json: str, model: str | None = None, **more: Any
    ) -> None:
        """Replace the settings of a session's model, and its model unless it is None."""
        self._keep("update_session_meta", session_id, more)
        given: Row = {"model_config": decoded(model_config_json)}
        if model is not None:
            given["model"] = model
        change = partial(self._repo.update_session, session_id)
        self._if_there(lambda _session_id: as_taken(given, change), session_id)

    def update_system_prompt(self, session_id: str, system_prompt: str, **more: Any) -> None:
        """Store the whole system prompt as it was sent."""
        self._keep("update_system_prompt", session_id, more)
        self._if_there(self._repo.update_system_prompt, session_id, system_prompt)

    def update_session_model(self, session_id: str, model: str, **more: Any) -> None:
        """Say which model a session uses from now on."""
        self._keep("update_session_model", session_id, more)
        self._if_there(self._repo.set_session_model, session_id, model)

    def update_session_billing_route(
        self,
        session_id: str,
        *,
        provider: str,
        base_url: str,
        billing_mode: str | None = None,
        **more: Any,
    ) -> None:
        """Say who bills a session from now on. Its system prompt, which names that, is dropped."""
        self._keep("update_session_billing_route", session_id, more)
        given: Row = {
            "billing_provider": provider,
            "billing_base_url": base_url,
            "system_prompt": None,
        }
        if billing_mode is not None:
            given["billing_mode"] = billing_mode
        self._if_there(self._repo.update_session, session_id, **given)

    # --- left behind ----------------------------------------------------------------------------

    def finalize_orphaned_compression_sessions(self) -> int:
        """End continuations that were begun a week ago and never used; return how many."""
        parent = sessions.alias("parent")
        which = (
            sessions.c.ended_at.is_(None),
            func.coalesce(sessions.c.api_call_count, 0) == 0,
            sessions.c.started_at < time.time() - _A_WEEK,
            select(parent.c.id)
            .where(
                parent.c.id == sessions.c.parent_session_id,
                parent.c.end_reason == "compression",
                parent.c.ended_at.is_not(None),
            )
            .exists(),
            select(messages.c.id).where(messages.c.session_id == sessions.c.id).exists(),
        )
        end = {"ended_at": time.time(), "end_reason": "orphaned_compression"}
        with self._repo.transaction() as tx:
            return tx.execute(update(sessions).where(*which).values(end)).rowcount


def _above(tx: Transaction, session_id: str, parent: Any) -> Any:
    """The session that is named as parent; None when it is nowhere."""
    try:
        return tx.get_session(parent) if parent and parent != session_id else None
    except InvalidArgumentError:
        return None


def _news(there: Any, extra: Row) -> Row | None:
    """An `extra` with what was not known of the session before; None when there is nothing new."""
    known = there or {}
    new = {name: value for name, value in extra.items() if value is not None and name not in known}
    return {**known, **new} if new else None


def _fill_root(root: str) -> Any:
    def fill(tx: Transaction, session: Any) -> None:
        if not (session["extra"] or {}).get("git_repo_root"):
            extra = merged(session["extra"], {"git_repo_root": root})
            tx.update_session(session["id"], extra=extra)

    return fill
