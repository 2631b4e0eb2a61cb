"""Fitting a classifier: labelled traces in, a model and its card out. Monitor signal from end to end."""
