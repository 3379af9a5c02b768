"""Commands of `deskwatch`, a module for each noun."""
