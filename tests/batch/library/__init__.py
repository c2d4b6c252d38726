"""Tests of the library in the place of commands."""
