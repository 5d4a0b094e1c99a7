# Installing and compiling what the cluster runs. Sourced by localkube.sh.
K8S=v1.35.4
PACKAGES=(etcd-server containerd runc containernetworking-plugins debootstrap busybox-static iproute2 iptables
  nftables conntrack openssl curl util-linux)

packages() { "$SRC/../install-packages.sh" "${PACKAGES[@]}"; }

# What a group of binaries is made of: its pinned modules, its sources, and how it is compiled.
digest() { (cd "$SRC" && find "$1" -type f -print0 | sort -z | xargs -0 sha256sum; echo "$K8S"; declare -f "build_$1") | sha256sum; }
is_current() { [ "$(cat "$BIN/.$1" 2>/dev/null)" = "$(digest "$1")" ]; }
current() { is_current kube && is_current addons; }

compile() { # GROUP
  is_current "$1" && return
  say "localkube: compiling $1 (minutes, once for this version)"
  # -v names each package: a compiler that says nothing for minutes looks stuck.
  CGO_ENABLED=0 GOFLAGS="${GOFLAGS:-} -v" "build_$1"
  digest "$1" >"$BIN/.$1.new" && mv "$BIN/.$1.new" "$BIN/.$1"
}

build_kube() {
  local version=k8s.io/component-base/version
  (cd "$SRC/kube" && go build -ldflags "-s -w -X $version.gitVersion=$K8S -X $version.gitMajor=1 -X $version.gitMinor=35" \
    -o "$BIN/" k8s.io/kubernetes/cmd/{kube-apiserver,kube-controller-manager,kube-scheduler,kubelet,kube-proxy,kubectl})
}

build_addons() {
  (cd "$SRC/addons" && go build -trimpath -ldflags "-s -w" -o "$BIN/" helm.sh/helm/v3/cmd/helm ./coredns ./relay)
  # Its manifests are wanted, not its packages, so that nothing else has downloaded it.
  local api; api=$(cd "$SRC/addons" && go mod download sigs.k8s.io/gateway-api && go list -m -f '{{.Dir}}' sigs.k8s.io/gateway-api)
  rm -rf "$HOME_DIR/gateway-api" && cp -r --no-preserve=mode "$api/config/crd/standard" "$HOME_DIR/gateway-api"
}

# All that a first build and the images need, asked for before anything takes minutes.
compilers() {
  local missing=() name
  for name in go javac mvn; do command -v "$name" >/dev/null || missing+=("$name"); done
  [ ${#missing[@]} -eq 0 ] ||
    fail "not on the path: ${missing[*]}" "install Go 1.21 or later (it fetches the release it needs), a JDK 17 or later and Maven, then run this again"
}

build() {
  current || compilers
  packages
  compile kube
  compile addons
}
