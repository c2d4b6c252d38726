"""A small batch server that behaves as TORQUE 6.1 does where this software touches it.

It is for trying and for tests. `install.install` lays it out; nothing else of it is
imported by the rest of the project, for its commands and daemons run on their own:
with the standard library alone, on Python 3.9 or later.
"""
