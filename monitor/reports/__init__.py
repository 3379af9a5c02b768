"""The morning check, memos and dossiers: what happened, in words and figures that somebody acts on."""
