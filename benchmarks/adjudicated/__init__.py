"""Precision and recall of monitors on 200 traces of `qwen_impossible_lcb` that were read and labelled for it."""
