"""MeshTUI: what an Istio ambient mesh really does, in a terminal."""

__version__ = "0.1.0"
