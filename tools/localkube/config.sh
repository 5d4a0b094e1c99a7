# The configuration of the cluster's programs, written by every `up`; keys and ports only once. Sourced by localkube.sh.

# The same port inside and outside, so that one kubeconfig serves both; 6443 unless another program has it.
api_port() {
  if [ ! -e "$RUN/api-port" ]; then
    local port=6443
    while listening "$port" 2>/dev/null; do port=$((port + 1)); done
    echo "$port" >"$RUN/api-port"
  fi
  cat "$RUN/api-port"
}

keys() {
  [ ! -e "$RUN/pki/done" ] || return 0
  rm -rf "$RUN/pki" && mkdir -p "$RUN/pki" && chmod 700 "$RUN/pki"
  (
    cd "$RUN/pki"
    openssl genrsa -out sa.key 2048
    openssl rsa -in sa.key -pubout -out sa.pub
    openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj "/CN=localkube CA" -keyout ca.key -out ca.crt
    openssl req -newkey rsa:2048 -nodes -subj "/CN=kube-apiserver" -keyout apiserver.key -out apiserver.csr
    printf 'subjectAltName=IP:127.0.0.1,IP:%s,IP:10.96.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local\n' \
      "$NODE_IP" >san
    openssl x509 -req -in apiserver.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 3650 -extfile san -out apiserver.crt
  ) 2>"$RUN/pki/openssl.log"
  openssl rand -hex 32 >"$RUN/pki/token"
  touch "$RUN/pki/done"
}

config() {
  local path
  keys
  mkdir -p "$RUN/cni" "$HOME_DIR/volumes"
  echo "$(cat "$RUN/pki/token"),admin,admin,\"system:masters\"" >"$RUN/pki/tokens.csv"
  for path in kubeconfig containerd.toml cni/10-bridge.conflist kubelet.yaml proxy.yaml Corefile resolv.conf; do
    "config_$(basename "${path%%.*}" | tr -- - _)" >"$RUN/$path.new" && mv "$RUN/$path.new" "$RUN/$path"
  done
}

config_kubeconfig() {
  cat <<Y
apiVersion: v1
kind: Config
clusters:
- name: localkube
  cluster:
    server: https://127.0.0.1:$(api_port)
    certificate-authority-data: $(base64 -w0 "$RUN/pki/ca.crt")
users:
- {name: admin, user: {token: "$(cat "$RUN/pki/token")"}}
contexts:
- {name: localkube, context: {cluster: localkube, user: admin, namespace: $NAMESPACE}}
current-context: localkube
Y
}

# restrict_oom_score_adj: without CAP_SYS_RESOURCE runc cannot lower oom_score_adj, and every sandbox fails with
# "can't get final child's PID from pipe"
config_containerd() {
  cat <<Y
version = 2
root = "$HOME_DIR/containerd"
state = "$RUN/containerd"
[grpc]
  address = "$RUN/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "localhost/pause:1"
  disable_apparmor = true
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$RUN/cni"
Y
}

config_10_bridge() {
  cat <<Y
{"cniVersion":"1.0.0","name":"pods","plugins":[
 {"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":false,"hairpinMode":true,
  "ipam":{"type":"host-local","dataDir":"$RUN/ipam","ranges":[[{"subnet":"10.244.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}},
 {"type":"portmap","capabilities":{"portMappings":true}}]}
Y
}

# failCgroupV1, cgroupsPerQOS: hosts with cgroup v1 have no per-QoS hierarchy to offer.
# imageGC*, evictionHard: the disk is shared with other work and its fill level is not the cluster's business.
config_kubelet() {
  cat <<Y
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupsPerQOS: false
enforceNodeAllocatable: []
containerRuntimeEndpoint: unix://$RUN/containerd.sock
authentication: {anonymous: {enabled: true}, webhook: {enabled: false}}
authorization: {mode: AlwaysAllow}
clusterDNS: [$NODE_IP]
clusterDomain: cluster.local
failSwapOn: false
resolvConf: ""
localStorageCapacityIsolation: false
maxPods: 200
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard: {memory.available: 100Mi, nodefs.available: "1%", imagefs.available: "1%"}
Y
}

# conntrack: the limits are the machine's and cannot be set from a namespace
config_proxy() {
  cat <<Y
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clusterCIDR: 10.244.0.0/16
clientConnection: {kubeconfig: $RUN/kubeconfig}
hostnameOverride: node0
conntrack: {maxPerCore: 0, min: 0}
Y
}

config_Corefile() {
  cat <<Y
.:53 {
  bind $NODE_IP
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig $RUN/kubeconfig localkube
  }
  cache 5
}
Y
}

config_resolv() {
  cat <<Y
nameserver $NODE_IP
search $NAMESPACE.svc.cluster.local svc.cluster.local cluster.local
options ndots:5
Y
}
