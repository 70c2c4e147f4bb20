"""SQLAlchemy Core on SQLite: tables, engine, one module per aggregate, the migrations' runner."""
