#!/usr/bin/env bash
# A real single-node Kubernetes cluster on one Linux machine without Docker: upstream kube-apiserver,
# controller-manager, scheduler, kubelet and kube-proxy built from their Go modules, Debian's etcd, containerd and
# runc, and CoreDNS; all inside one network namespace. Needs root, Go and Debian's packages.
#
#   localkube.sh build             install what is missing, compile what is not current (5-15 min, once)
#   localkube.sh up                start, mend or take over the cluster; done when the node is Ready (10 s)
#   localkube.sh down              stop it and drop its API objects; binaries, images and volumes stay
#   localkube.sh load FILE.tar     import an OCI archive into the node
#   localkube.sh images            names of the images on the node
#   localkube.sh blobs             digests of the layers it has, which an archive need not carry again
#   localkube.sh prune REPO        drop the tags of REPO that no container uses
#   localkube.sh kubectl ARGS...   kubectl against it
#   localkube.sh helm ARGS...      helm against it
#   localkube.sh publish PORT HOST TARGET_PORT    127.0.0.1:PORT on the host -> HOST:TARGET_PORT inside
#   localkube.sh exec CMD...       run CMD with the cluster's network and DNS: http://gateway:8000 works as in a pod
#   localkube.sh kubeconfig        path of the kubeconfig; it works from the host and from `exec` alike
#
# All state lives under AMAZONLITE_HOME (~/.cache/amazonlite), never in the checkout, so every checkout of this
# repository drives the same cluster. Another AMAZONLITE_HOME is another, independent cluster.
set -Eeuo pipefail
SRC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
HOME_DIR=${AMAZONLITE_HOME:-$HOME/.cache/amazonlite}
NAMESPACE=amazonlite # where `exec` looks short Service names up
BIN=$HOME_DIR/bin RUN=$HOME_DIR/run
NS=amazonlite
[ "$HOME_DIR" = "$HOME/.cache/amazonlite" ] || NS=amazonlite-$(printf %s "$HOME_DIR" | sha256sum | head -c 8)
NETNS=/run/netns/$NS
NODE_IP=10.89.0.1 # also where CoreDNS listens
mkdir -p "$BIN" "$RUN"
# shellcheck source=build.sh
. "$SRC/build.sh"
# shellcheck source=process.sh
. "$SRC/process.sh"
# shellcheck source=config.sh
. "$SRC/config.sh"

say() { printf '%s\n' "$*" >&2; }
fail() { say "localkube: $1"; say "  next: $2"; exit 1; }

# One `up`, `down` or `build` at a time on a machine. The lock's descriptor is closed in everything left running.
locked() {
  trap 'say "localkube: stopped at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR
  exec 9>"$HOME_DIR/lock"
  flock -n 9 || { say "localkube: waiting for another localkube to finish"; flock 9; }
  "$@"
}

kubectl() { inside "$BIN/kubectl" --kubeconfig "$RUN/kubeconfig" "$@"; }
ctr() { command ctr -a "$RUN/containerd.sock" -n k8s.io "$@"; }
load() { ctr images import "$1"; }
images() { ctr images ls -q; }
blobs() { ctr content ls -q; }

# Polls, since what is waited for tells nobody. $1 tries of 0.25 s each, then the command.
eventually() {
  local tries=$1; shift
  while ! "$@" >/dev/null 2>&1; do
    tries=$((tries - 1)); [ "$tries" -gt 0 ] || return 1; sleep 0.25
  done
}

# A tag is a hash of what is in the image, so an unused one can always be made again.
prune() {
  local used name; used=$(ctr containers ls | awk 'NR>1{print $2}')
  for name in $(ctr images ls -q "name~=^$1:"); do
    grep -qxF "$name" <<<"$used" || ctr images rm "$name" >/dev/null
  done
}

network() {
  if [ -e "$NETNS" ] && ! inside true 2>/dev/null; then rm -f "$NETNS"; fi # left by a reboot: a file, no namespace
  [ -e "$NETNS" ] || ip netns add "$NS"
  ip -n "$NS" link set lo up
  ip -n "$NS" link show node0 >/dev/null 2>&1 || ip -n "$NS" link add node0 type bridge
  ip -n "$NS" addr replace $NODE_IP/24 dev node0
  ip -n "$NS" link set node0 up
  ip -n "$NS" route replace default via $NODE_IP dev node0 # the kubelet wants a default route
  inside sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
}

# What a reboot leaves: containerd's state directory belongs on a tmpfs, and process ids mean other programs now.
forget_previous_boot() {
  local boot; boot=$(cat /proc/sys/kernel/random/boot_id)
  [ "$(cat "$RUN/boot" 2>/dev/null || true)" = "$boot" ] && return
  unmount_all
  rm -rf "$RUN"/*.pid "$RUN"/*.sock "$RUN/containerd"
  echo "$boot" >"$RUN/boot"
}

start_etcd() {
  start etcd "" etcd --data-dir "$RUN/etcd" --listen-client-urls http://127.0.0.1:2379 \
    --advertise-client-urls http://127.0.0.1:2379 --listen-peer-urls http://127.0.0.1:2380
  eventually 80 inside curl -fs http://127.0.0.1:2379/health
}

start_apiserver() {
  # advertise-address: the `kubernetes` Service cannot point at loopback
  start apiserver "" "$BIN/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 --service-cluster-ip-range=10.96.0.0/16 \
    --secure-port="$(api_port)" --tls-cert-file="$RUN/pki/apiserver.crt" --tls-private-key-file="$RUN/pki/apiserver.key" \
    --token-auth-file="$RUN/pki/tokens.csv" --authorization-mode=Node,RBAC \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$RUN/pki/sa.pub" \
    --service-account-signing-key-file="$RUN/pki/sa.key" --allow-privileged --advertise-address=$NODE_IP \
    --kubelet-preferred-address-types=InternalIP
  eventually 240 kubectl get --raw /readyz
}

start_controllers() {
  # no leader election: there is one of each, and a lease left by a killed one would delay the next by 15 s
  # node-monitor-grace-period: after an API server that was away, a busy kubelet reports late, and giving up the only
  # node there is would take every Service's endpoints away
  start controller-manager "" "$BIN/kube-controller-manager" --kubeconfig="$RUN/kubeconfig" --leader-elect=false \
    --node-monitor-grace-period=5m \
    --use-service-account-credentials --service-account-private-key-file="$RUN/pki/sa.key" --root-ca-file="$RUN/pki/ca.crt"
  start scheduler "" "$BIN/kube-scheduler" --kubeconfig="$RUN/kubeconfig" --leader-elect=false
}

start_containerd() {
  start containerd "$RUN/containerd.toml" containerd -c "$RUN/containerd.toml"
  eventually 120 command ctr -a "$RUN/containerd.sock" version
}

start_node() {
  images | grep -q localhost/pause:1 || pause_image
  # hostname-override: the machine's own name may change under a cluster that is taken over
  start kubelet "$RUN/kubelet.yaml" "$BIN/kubelet" --kubeconfig="$RUN/kubeconfig" --config="$RUN/kubelet.yaml" \
    --hostname-override=node0 --node-ip=$NODE_IP --root-dir="$HOME_DIR/kubelet"
  start kube-proxy "$RUN/proxy.yaml" "$BIN/kube-proxy" --config="$RUN/proxy.yaml"
  start coredns "$RUN/Corefile" "$BIN/coredns" -conf "$RUN/Corefile"
}

# The pause container's image; busybox in it makes it a shell for looking around, too.
pause_image() {
  local dir applet; dir=$(mktemp -d)
  mkdir -p "$dir/root/bin"
  cp "$(command -v busybox)" "$dir/root/bin/"
  for applet in sh sleep wget nc cat ls; do ln -s busybox "$dir/root/bin/$applet"; done
  tar -C "$dir/root" --owner=0 --group=0 -cf "$dir/layer.tar" .
  printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sleep","2147483647"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(sha256sum "$dir/layer.tar" | cut -d' ' -f1)" >"$dir/config.json"
  printf '[{"Config":"config.json","RepoTags":["localhost/pause:1"],"Layers":["layer.tar"]}]' >"$dir/manifest.json"
  tar -C "$dir" -cf "$dir/pause.tar" manifest.json config.json layer.tar
  load "$dir/pause.tar" >/dev/null
  rm -rf "$dir"
}

up() {
  current || build
  forget_previous_boot
  network
  config
  start_containerd || broken containerd
  start_etcd || reset_etcd
  start_apiserver || broken apiserver
  start_controllers
  start_node
  eventually 240 kubectl get node node0 || broken kubelet
  kubectl wait --for=condition=Ready node/node0 --timeout=90s >/dev/null || broken kubelet
  publish "$(api_port)" $NODE_IP "$(api_port)"
  eventually 40 curl -fs --cacert "$RUN/pki/ca.crt" "https://127.0.0.1:$(api_port)/readyz" || broken "relay-$(api_port)"
}

broken() {
  tail -n 5 "$RUN/$1.log" >&2 || true
  fail "$1 did not become ready; its log is $RUN/$1.log. Images and volumes are untouched." \
    "run '$0 up' again; if it fails the same way, '$0 down' and 'up' start from an empty API server"
}

# A machine that lost power can leave an etcd that will not open. The shop's data is in volumes, not in etcd.
reset_etcd() {
  stop etcd
  [ -d "$RUN/etcd" ] || broken etcd
  rm -rf "$RUN/etcd.broken"; mv "$RUN/etcd" "$RUN/etcd.broken"
  say "localkube: etcd could not open its data; starting with an empty one (the old one is $RUN/etcd.broken)"
  start_etcd || broken etcd
}

publish() {
  start "relay-$1" "" "$BIN/relay" "$NETNS" $NODE_IP "$@"
  eventually 20 listening "$1" || broken "relay-$1"
}

down() {
  local pidfile
  for pidfile in "$RUN"/relay-*.pid; do
    [ -e "$pidfile" ] && stop "$(basename "$pidfile" .pid)"
  done
  for name in kubelet kube-proxy coredns scheduler controller-manager; do stop "$name"; done
  if [ -e "$RUN/containerd.toml" ] && [ -e "$NETNS" ]; then
    start_containerd && remove_containers
  fi
  for name in apiserver etcd containerd; do stop "$name"; done
  unmount_all
  ip netns del "$NS" 2>/dev/null || rm -f "$NETNS"
  rm -rf "$RUN" "$HOME_DIR/kubelet"
}

# Without CNI's help: the bridge and its addresses go with the namespace, only the pods' own namespaces are named.
remove_containers() {
  local id netns
  netns=$(for id in $(ctr containers ls -q); do ctr containers info "$id" | grep -o '/run/netns/cni-[a-z0-9-]*' || true; done | sort -u)
  for id in $(ctr tasks ls -q); do ctr tasks kill -s KILL "$id" >/dev/null 2>&1 || true; done
  sleep 1
  for id in $(ctr containers ls -q); do
    ctr tasks rm -f "$id" >/dev/null 2>&1 || true
    ctr containers rm "$id" >/dev/null 2>&1 || true
  done
  for id in $netns; do ip netns del "$(basename "$id")" 2>/dev/null || rm -f "$id"; done
}

usage() { awk 'NR > 1 && !/^#/ {exit} NR > 1 {sub(/^# ?/, ""); print}' "$0"; }

case ${1:-} in
  build | up | down) locked "$1" ;;
  current | images | blobs) "$1" ;;
  load | prune | publish | kubectl) "$@" ;;
  helm) shift; KUBECONFIG=$RUN/kubeconfig inside "$BIN/helm" "$@" ;;
  exec) shift; as_pod "$@" ;;
  kubeconfig) echo "$RUN/kubeconfig" ;;
  *) usage; exit 2 ;;
esac
