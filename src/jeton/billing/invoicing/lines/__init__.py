"""Lines: from sums of usage to what a document says, all of it pure."""
