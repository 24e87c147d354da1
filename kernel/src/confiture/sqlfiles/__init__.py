"""What files of SQL have in common wherever they come from: which belong to a schema, their order, their text.

Sources share it: files on disk, and the same files at a revision.
"""
