"""On PostgreSQL a new message may bring the words that it is found by.

Why: a tenth of a millisecond of the server's processor for each message went into its words. Most
messages are plain text, whose words a client makes in a fifth of that, and several clients share
one server. With the words comes a digest of the texts that they are of. The trigger keeps them when
the digest is that of the texts to be stored, so a trigger of another program may change a text. All
other messages get their words from the trigger as before, also those of older programs.
"""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

DECLARED = """\
DECLARE
    kept tsvector;
"""

GIVEN = r"""
    IF TG_OP = 'INSERT' AND new.search IS NOT NULL THEN  -- words came along: of these texts?
        kept := ts_delete(new.search, ' ' || encode(sha256(convert_to(coalesce(new.content, '')
            || coalesce(E' \x1c ' || new.tool_name, '') || coalesce(E' \x1d ' || new.folded, ''),
            'UTF8')), 'hex'));
        IF length(kept) < length(new.search) AND new.content_format IS NULL
            AND new.tool_calls IS NULL
        THEN
            new.search := kept;
            RETURN new;
        END IF;
        new.search := NULL;
    END IF;"""

KEEP = """\
CREATE OR REPLACE FUNCTION hermes_search_keep() RETURNS trigger
LANGUAGE plpgsql AS $$
{declared}BEGIN{given}
    IF TG_OP = 'UPDATE' AND NOT new.folded IS DISTINCT FROM old.folded
        AND (old.content IS DISTINCT FROM new.content
            OR old.content_format IS DISTINCT FROM new.content_format
            OR old.tool_name IS DISTINCT FROM new.tool_name
            OR old.tool_calls IS DISTINCT FROM new.tool_calls)
    THEN
        new.folded := NULL;  -- another tool has changed a text
    END IF;
    IF TG_TABLE_SCHEMA = current_schema THEN
        new.search := hermes_search_of_message(
            new.content, new.content_format, new.tool_name, new.tool_calls, new.folded);
    ELSE  -- as where a dump is restored; planned for each row
        EXECUTE format('SELECT %I.hermes_search_of_message($1, $2, $3, $4, $5)', TG_TABLE_SCHEMA)
        INTO new.search
        USING new.content, new.content_format, new.tool_name, new.tool_calls, new.folded;
    END IF;
    RETURN new;
EXCEPTION WHEN undefined_function OR undefined_column THEN  -- searches and check() notice
    RETURN new;
END $$"""


def keep(declared: str, given: str) -> None:
    if op.get_context().dialect.name == "postgresql":
        statement = KEEP.replace("{declared}", declared).replace("{given}", given)
        op.execute(statement.replace(":", r"\:"))  # else it is a parameter


def upgrade() -> None:
    keep(DECLARED, GIVEN)


def downgrade() -> None:
    keep("", "")
