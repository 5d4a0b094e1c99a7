"""What `up` puts into a cluster: Secrets, custom resource definitions and the two charts."""
