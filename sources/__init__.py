"""FROM whom: file loaders, HTTP intake and the story generator."""
