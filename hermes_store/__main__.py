"""`python -m hermes_store` is the command `hermes-store`."""

from hermes_store.cli import main

if __name__ == "__main__":
    main()
