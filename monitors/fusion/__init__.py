"""One score per trace and category of what all monitors say: maps, weights, thresholds."""
