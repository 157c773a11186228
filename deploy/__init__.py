"""Containers and machines: what runs Sottovoce, and what checks that (docs/deployment.md)."""
