"""Calibration: what monitors' scores are worth, and where to cut, by the traffic that a store holds."""
