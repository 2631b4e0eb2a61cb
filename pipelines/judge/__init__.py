"""Which traces a judge reads, what it may cost, and how its answers come into the store.

settings -> policy (which calls) -> pipeline (asks, stages) -> contracts -> commit, after the cheap monitors' own commit
"""
