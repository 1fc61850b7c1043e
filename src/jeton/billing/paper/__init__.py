"""Paper: documents as PDF, XML, CSV and bundles, and how anybody checks one without us."""
