"""The `seqgen` command."""
