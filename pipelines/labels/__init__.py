"""Labels: what is held to be true of traces. Files of their own, on the store's side, never near training data."""
