"""A service of two workers under load, beside an exporter that is well, slow or broken: ``make load``."""
