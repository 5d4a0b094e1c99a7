//go:build tools

// Package addons pins the programs, and the Gateway API's CRDs, that localkube builds besides Kubernetes itself.
package addons

import (
	_ "helm.sh/helm/v3/cmd/helm"
	_ "sigs.k8s.io/gateway-api/apis/v1"
)
