"""A pure-Python stand-in for the part of http-parser that pymesos uses."""
