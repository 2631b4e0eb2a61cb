"""Canaries, ids and monitors' own sentences in a corpus, found shard by shard."""
