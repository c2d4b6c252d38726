"""Traces of jobs through the same `decide` as the live service, on a simulated cluster."""
