"""The transfer engine ``copy``: rows from one database to another over binary COPY, through this process."""
