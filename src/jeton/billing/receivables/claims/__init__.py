"""Claims: what a dispute or a refund elsewhere left owed of used credit, on no document; giving it up."""
