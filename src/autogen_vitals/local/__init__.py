"""Everything that needs no backend: an embedded OTLP receiver, a stub model and the demo that uses both."""
