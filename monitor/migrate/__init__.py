"""Takes over what other programs watch: each module reads one program's files, and says what could not be carried."""
