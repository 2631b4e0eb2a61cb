"""Short traces that show each behaviour in many voices, to see whether a monitor hears more than known phrases."""
