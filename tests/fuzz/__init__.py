"""Answers of the batch servers, damaged: nothing crashes a reader, no record is lost in silence."""
