"""The commands as click sees them: flags in, one use-case called, its words out."""
