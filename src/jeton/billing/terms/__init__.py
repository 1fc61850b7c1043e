"""Terms: agreeing on discounts and prices of one's own with an organization, and ending that."""
