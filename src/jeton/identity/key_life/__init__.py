"""Key life: what happens to a key between its creation and its end, and when it was last used."""
