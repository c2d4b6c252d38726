"""What is wrong on a host: facts are gathered, and judged by pure functions."""
