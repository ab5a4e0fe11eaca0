"""Sessions that leave a store or come into one: export, import, copy, backup."""
