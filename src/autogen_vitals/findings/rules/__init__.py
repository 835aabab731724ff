"""Rules that are asked about what goes on, one a file, named after its id: that is how ``catalogue`` finds them."""
