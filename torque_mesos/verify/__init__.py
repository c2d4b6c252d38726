"""The acceptance test of a living cluster: jobs of users, and what became of them."""
