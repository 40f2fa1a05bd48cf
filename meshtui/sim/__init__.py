"""A cluster to practise on: a Kubernetes API on loopback that behaves like an ambient mesh."""
