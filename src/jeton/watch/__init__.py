"""Watch: what an operator sees of a running installation besides its books. See README.md."""
