"""Benchmarks against the product floor and other libraries: `make bench` runs them and writes docs/benchmarks.md."""
