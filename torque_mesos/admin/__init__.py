"""The status of a running framework, for readers."""
