"""Whether `content` is text or JSON.

Why: a message with images is a list of parts. Stored as JSON without a mark it could not be told
from text that happens to be JSON. NULL means text, so old rows need no change.

Going down keeps the JSON but loses the mark: such messages are then read as text.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("messages", sa.Column("content_format", sa.Text))


def downgrade() -> None:
    op.drop_column("messages", "content_format")
