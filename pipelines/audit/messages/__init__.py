"""The messages of a corpus against the steps of the lake: every text is one of its trace, or its row is named."""
