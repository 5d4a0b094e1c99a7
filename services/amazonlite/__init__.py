"""Amazon Lite: a shop that runs itself on Kubernetes."""
