"""OUT: spans and metrics made of Observations. This room knows nothing about wrapping."""
