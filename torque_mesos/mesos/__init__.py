"""pymesos behind a link that cannot surprise its caller."""
