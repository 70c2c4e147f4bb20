"""Storage on SQLAlchemy Core and SQLite: tables, engine, one module per store, the runner of migrations."""
