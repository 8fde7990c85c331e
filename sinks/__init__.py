"""WHERE it lands: tables, migrations, the writer and the quality checks."""
