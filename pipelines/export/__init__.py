"""The training export: traces in, training rows out. Nothing here, nor anything it imports, knows of monitors."""
