"""Money: prices, and what a flow may spend."""
