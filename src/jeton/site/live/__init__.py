"""Live: parts of pages that are asked of this installation when somebody reads them."""
