"""Fitted classifiers that ship with cotmonitor, a folder each."""
