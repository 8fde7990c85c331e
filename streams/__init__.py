"""HOW it flows: admit, detect, attribute, alert. ``app.py`` is the map."""
