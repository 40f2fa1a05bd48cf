"""MeshTUI measured on a large cluster, by hand. See `__main__`."""
