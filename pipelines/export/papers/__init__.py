"""What lies beside the shards of an export: manifest, certificate, dead letters; and how all of it is published."""
