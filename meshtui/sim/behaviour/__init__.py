"""What happens in the built-in cluster beside its API server: Kubernetes' controllers, kubelets, istiod, the CNI agents
and ztunnels. It sees the cluster through the store alone."""
