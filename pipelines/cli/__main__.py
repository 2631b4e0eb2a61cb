"""`python -m pipelines.cli` is `cotmonitor`."""

from pipelines.cli import main

if __name__ == "__main__":
    main(prog_name="cotmonitor")
