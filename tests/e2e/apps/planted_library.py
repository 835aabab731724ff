"""Takes its time to be imported."""

from planting import plant

plant("import")
