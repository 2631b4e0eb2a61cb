"""Upkeep: a store is checked, made smaller, carried to a newer version, and made to forget. Never during a run."""
