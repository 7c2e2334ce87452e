"""Lines of findings, as both back ends paint them."""
