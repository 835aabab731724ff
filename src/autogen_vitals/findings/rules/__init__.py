"""The rules, one a file, named after its id: that is how ``catalogue`` finds them."""
