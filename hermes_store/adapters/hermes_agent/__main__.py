"""`python -m hermes_store.adapters.hermes_agent …`: the command `hermes`, on a store."""

from hermes_store.adapters.hermes_agent.launcher import main

main()
