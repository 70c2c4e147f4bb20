"""The use cases: asking, draining the line, watching the cluster, running it, remembering."""
