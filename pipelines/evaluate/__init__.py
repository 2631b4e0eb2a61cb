"""Monitors against labelled traces: what they catch at a bearable false-alarm rate, and why."""
