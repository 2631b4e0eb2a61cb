"""What a corpus is, and how it is read: files in shards, rows with all text in them."""
