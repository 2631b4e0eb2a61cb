"""Who is told of a run: a scraper of metrics, a webhook. Counts and ids leave the store's side, no text of a trace."""
