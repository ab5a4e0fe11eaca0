"""Usage: the tokens and costs of sessions."""

from __future__ import annotations

from hermes_store.api.base import Topic, checked_id
from hermes_store.filters import EVERYTHING, SessionFilter, asked
from hermes_store.queries import usage
from hermes_store.records import SourceUsage

__all__ = ["Usage"]


class Usage(Topic):
    """Token counts and costs in US dollars, kept as sums of each session."""

    def update_token_counts(
        self,
        session_id: str,
        input_tokens: int | None = 0,
        output_tokens: int | None = 0,
        model: str | None = None,
        cache_read_tokens: int | None = 0,
        cache_write_tokens: int | None = 0,
        reasoning_tokens: int | None = 0,
        estimated_cost_usd: float | None = None,
        actual_cost_usd: float | None = None,
        cost_status: str | None = None,
        cost_source: str | None = None,
        pricing_version: str | None = None,
        billing_provider: str | None = None,
        billing_base_url: str | None = None,
        billing_mode: str | None = None,
        absolute: bool = False,
    ) -> None:
        """Add tokens and costs to a session, or with `absolute` put them in place of the stored.

        None counts as 0 tokens; a cost of None leaves the stored one. The last known cost status,
        source and pricing version are kept, of model and billing the first known. Raises
        `SessionNotFoundError`.
        """
        given = usage.checked(
            input_tokens=input_tokens,
            output_tokens=output_tokens,
            model=model,
            cache_read_tokens=cache_read_tokens,
            cache_write_tokens=cache_write_tokens,
            reasoning_tokens=reasoning_tokens,
            estimated_cost_usd=estimated_cost_usd,
            actual_cost_usd=actual_cost_usd,
            cost_status=cost_status,
            cost_source=cost_source,
            pricing_version=pricing_version,
            billing_provider=billing_provider,
            billing_base_url=billing_base_url,
            billing_mode=billing_mode,
        )
        self._write(usage.record, checked_id(session_id), given, absolute=bool(absolute))

    def set_token_counts(
        self,
        session_id: str,
        input_tokens: int | None = 0,
        output_tokens: int | None = 0,
        model: str | None = None,
        cache_read_tokens: int | None = 0,
        cache_write_tokens: int | None = 0,
        reasoning_tokens: int | None = 0,
        estimated_cost_usd: float | None = None,
        actual_cost_usd: float | None = None,
        cost_status: str | None = None,
        cost_source: str | None = None,
        pricing_version: str | None = None,
        billing_provider: str | None = None,
        billing_base_url: str | None = None,
        billing_mode: str | None = None,
    ) -> None:
        """`update_token_counts` with `absolute=True`, for callers who hold running totals."""
        self.update_token_counts(
            session_id,
            input_tokens,
            output_tokens,
            model,
            cache_read_tokens,
            cache_write_tokens,
            reasoning_tokens,
            estimated_cost_usd,
            actual_cost_usd,
            cost_status,
            cost_source,
            pricing_version,
            billing_provider,
            billing_base_url,
            billing_mode,
            absolute=True,
        )

    def usage_by_source(self, *, filter: SessionFilter | None = None) -> list[SourceUsage]:
        """Return sums over the sessions of each source, the one with the most messages first.

        Of a session without an actual cost the estimated one counts. Without a filter all
        sessions count, archived ones too.
        """
        return self._read(usage.by_source, asked(filter, EVERYTHING))
