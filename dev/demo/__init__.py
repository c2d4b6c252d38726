"""`make demo`: a real Mesos gives nodes to a batch queue and takes them back."""
