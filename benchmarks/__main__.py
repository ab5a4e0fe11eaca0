"""`python -m benchmarks`."""

if __name__ == "__main__":  # processes that the run starts import this module, not the command
    from benchmarks.command import main

    main()
