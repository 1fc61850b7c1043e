"""Charts that members save: a name for a page's address, and which of them stand on the overview."""
