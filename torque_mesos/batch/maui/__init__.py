"""Maui, where it schedules a TORQUE: its settings, what it answers, what is compiled into it."""
