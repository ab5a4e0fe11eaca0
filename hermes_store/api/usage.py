"""Usage: the tokens and costs of sessions."""

from __future__ import annotations

from datetime import UTC, tzinfo

from hermes_store import values
from hermes_store.api.base import Topic, checked_id
from hermes_store.filters import EVERYTHING, SessionFilter, asked
from hermes_store.queries import usage, usage_records
from hermes_store.records import SourceUsage, UsageBy, UsageSum

__all__ = ["Usage"]


class Usage(Topic):
    """Token counts and costs in US dollars: sums of each session, and records by model and task.

    The two are accounts of their own: neither is filled by the other's methods.
    """

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
        self._write(
            usage.record, checked_id(session_id), given, absolute=values.truth("absolute", absolute)
        )

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

    def record_usage(
        self,
        session_id: str,
        *,
        task: str | None = None,
        model: str | None = None,
        provider: str | None = None,
        base_url: str | None = None,
        mode: str | None = None,
        calls: int | None = 1,
        input_tokens: int | None = 0,
        output_tokens: int | None = 0,
        cache_read_tokens: int | None = 0,
        cache_write_tokens: int | None = 0,
        reasoning_tokens: int | None = 0,
        estimated_cost_usd: float | None = None,
        actual_cost_usd: float | None = None,
    ) -> None:
        """Note what a call of a model used, or several calls: `usage_report` adds it up.

        `task` is which work of the agent it was; None is the conversation itself. A cost of None is
        not known. What a session used in one hour for the same task, model, provider, base URL and
        mode is one record. These texts have at most 500 characters each. Raises
        `SessionNotFoundError`.
        """
        given = {
            "task": task,
            "model": model,
            "provider": provider,
            "base_url": base_url,
            "mode": mode,
            "calls": calls,
            "input_tokens": input_tokens,
            "output_tokens": output_tokens,
            "cache_read_tokens": cache_read_tokens,
            "cache_write_tokens": cache_write_tokens,
            "reasoning_tokens": reasoning_tokens,
            "estimated_cost_usd": estimated_cost_usd,
            "actual_cost_usd": actual_cost_usd,
        }
        checked = usage_records.checked(given)
        usage_records.whole_key(checked_id(session_id), checked)
        self._write(usage_records.add, session_id, checked)

    def usage_report(
        self,
        by: UsageBy = "day",
        filter: SessionFilter | None = None,
        *,
        timezone: tzinfo | None = UTC,
        since: float | None = None,
        until: float | None = None,
        last: int | None = None,
    ) -> list[UsageSum]:
        """Return what was recorded by `record_usage`, summed up by day, model, user and so on.

        Days, weeks (2026-W09, from Monday on) and months are those of `timezone`, None being the
        local time of the machine; they come in their order, without those that have no records. So
        do hours of the day (14:00), each summed over all days. Of other groups the one with the
        most input and output tokens comes first; '' is not known.

        Without a filter the usage of all sessions counts, of archived ones too. `since` (included)
        and `until` (excluded) are Unix seconds: hours that begin between them count. `last` is how
        many days, weeks or months are returned at most: the last that have records.

        By tool, it counts the calls that messages name, without tokens and costs, which no provider
        tells by tool; this reads all messages with tool calls.
        """
        from hermes_store.queries import usage_report  # noqa: PLC0415 - seldom used

        group = usage_report.checked(by)
        used = usage_report.Used(
            None if since is None else values.seconds("since", since),
            None if until is None else values.seconds("until", until),
            usage_report.checked_last(group, last),
        )
        which, zone = asked(filter, EVERYTHING), values.zone(timezone)
        return self._read(usage_report.report, group, which, zone, used)

    def newest_usage_since(self, records: int) -> float | None:
        """Return since when the newest `records` records of usage were made, in Unix seconds.

        With it as `since`, `usage_report` reads about so many records, however many are stored: one
        more, and all of its hour. None when no record is older.
        """
        from hermes_store.queries import usage_report  # noqa: PLC0415 - seldom used

        return self._read(usage_report.since_newest, values.count("records", records))
