"""A development Mesos: one real master and any number of agents on loopback."""
