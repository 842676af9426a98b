"""Market history on its way from an exchange to a recording: what was asked for, what is there, what a page may be."""
