"""The use cases, one package for each part; see docs/architecture.md for what may import what."""
