"""SQL Server in a rehearsal: TDS before SQLite, Transact-SQL, permissions, and the client of whoever asks."""
