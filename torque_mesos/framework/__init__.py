"""The running service: one thread owns all state."""
