"""HOW it is seen: panels defined once, shown in Grafana and on the built-in page."""
