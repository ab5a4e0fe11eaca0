"""Upkeep: what Hermes keeps beside its sessions, old sessions, unused space."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from hermes_store.adapters.hermes_agent.deleting import Deleting
from hermes_store.errors import HermesStoreError

__all__ = ["Upkeep"]

_log = logging.getLogger(__name__)
_LAST = "last_auto_prune"
_AN_HOUR = 3_600
_INDEXES = 2
"""Hermes has an index of words and one of trigrams. The store's one index does the work of both."""


class Upkeep(Deleting):
    """What runs by itself now and then."""

    def get_meta(self, key: str) -> str | None:
        """Return the text of a key, or None."""
        value = self._repo.meta.get(key)
        return value if value is None else str(value)

    def set_meta(self, key: str, value: str) -> None:
        """Store a text under a key."""
        self._repo.meta.set(key, value)

    def optimize_fts(self) -> int:
        """Merge the search index; return how many of Hermes' indexes it stands for: 2."""
        self._repo.optimize()
        return _INDEXES

    def rebuild_fts(self) -> int:
        """Build the search index anew; return how many of Hermes' indexes it stands for: 2."""
        self._repo.reindex()
        return _INDEXES

    def vacuum(self) -> int:
        """Merge the search index, give unused space back; return what `optimize_fts` returns."""
        return self.optimize_fts()

    def maybe_auto_prune_and_vacuum(
        self,
        retention_days: int = 90,
        min_interval_hours: int = 24,
        vacuum: bool = True,
        sessions_dir: Path | None = None,
    ) -> dict[str, Any]:
        """Prune old sessions unless that was done lately; return what was done. Never raises."""
        done: dict[str, Any] = {"skipped": False, "pruned": 0, "vacuumed": False}
        try:
            now = time.time()
            if now - _number(self.get_meta(_LAST)) < min_interval_hours * _AN_HOUR:
                return {**done, "skipped": True}
            done["pruned"] = self.prune_sessions(retention_days, sessions_dir=sessions_dir)
            done["vacuumed"] = bool(vacuum and done["pruned"] and self._gave_space_back())
            self.set_meta(_LAST, str(now))
        except Exception as exc:  # noqa: BLE001 - a start of Hermes must not fail by this
            _log.warning("old sessions were not pruned: %s", exc)
            done["error"] = str(exc)
        return done

    def _gave_space_back(self) -> bool:
        try:
            self.vacuum()
        except HermesStoreError as exc:
            _log.warning("unused space was not given back: %s", exc)
            return False
        return True


def _number(text: str | None) -> float:
    try:
        return float(text or 0)
    except ValueError:
        return 0.0
