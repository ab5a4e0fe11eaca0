"""Copy a whole store into another database."""

from hermes_store.transfer.copying import Copied, copy

__all__ = ["Copied", "copy"]
