"""SCIM: what an organization's directory says of its members; how it says it is the edge's affair."""
