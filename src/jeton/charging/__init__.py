"""Use case: hold before the upstream is called, settle before the last byte. See README.md."""
