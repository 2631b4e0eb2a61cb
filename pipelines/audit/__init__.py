"""The audit: did anything that a monitor said reach a training corpus? It reads the store, and stays on its side."""
