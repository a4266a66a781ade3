"""How a database gets its tables: one line of revisions for SQLite and PostgreSQL, applied by `schema`.

A change of a table is a new file `versions/NNNN_what.py`, numbered on from the last; `alembic check` holds the revisions and
the tables of `retort_api.tables` together on both databases. The first revision is what releases before it made by
`create_all`, so their databases are adopted as they are.
"""
