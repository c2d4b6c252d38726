"""What runs on an agent: pbs_mom under a Mesos executor (Python 3.9 or later)."""
