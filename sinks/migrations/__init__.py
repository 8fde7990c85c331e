"""The numbered changes of the schema, as SQL."""
