# Starting and stopping the cluster's programs. Sourced by localkube.sh.
# A program is known by $RUN/NAME.pid and counts as running only if that process was started by us, in the namespace
# that exists now, with the arguments and configuration wanted now; anything else is stopped and started again.

# nsenter, not `ip netns exec`: the latter remounts /sys and hides the cgroup mounts from the kubelet
inside() { nsenter --net="$NETNS" "$@"; }

# CMD as a pod would run it: the cluster's network, and its DNS instead of the machine's (in a private mount namespace).
as_pod() {
  inside unshare --mount --propagation private -- sh -c \
    'mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' sh "$RUN/resolv.conf" \
    env KUBECONFIG="$RUN/kubeconfig" PATH="$BIN:$PATH" "$@"
}

# The process recorded for NAME, if it is one of ours: ids are used again by the kernel.
pid_of() {
  local pid; pid=$(cat "$RUN/$1.pid" 2>/dev/null) || return 1
  grep -qaF -e "$HOME_DIR" "/proc/$pid/cmdline" 2>/dev/null && echo "$pid"
}

running() { # NAME WANTED
  local pid; pid=$(pid_of "$1") || return 1
  [ "$(cat "$RUN/$1.wanted" 2>/dev/null)" = "$2" ] || return 1
  [[ $1 == relay-* ]] || [ "$(stat -Lc %i "/proc/$pid/ns/net")" = "$(stat -Lc %i "$NETNS")" ]
}

# start NAME CONFIG_FILE CMD...: does nothing if it runs as wanted.
start() {
  local name=$1 config=$2 wanted; shift 2
  wanted=$({ printf '%s\0' "$@"; stat -Lc '%Y %s' "$(command -v "$1")"; [ -z "$config" ] || cat "$config"; } | sha256sum)
  ! running "$name" "$wanted" || return 0
  stop "$name"
  [ ! -e "$RUN/$name.log" ] || mv "$RUN/$name.log" "$RUN/$name.log.1"
  case $name in
    relay-*) launch "$name" "$@" ;; # listens on the host; enters the namespace by itself
    *) launch "$name" nsenter --net="$NETNS" "$@" ;;
  esac
  echo "$wanted" >"$RUN/$name.wanted"
}

# Detached, and holding none of the caller's descriptors: a caller that reads our output through a pipe, or a lock
# we hold, must not wait for a daemon. Every step is an exec, so the id recorded is the program's own.
launch() {
  local name=$1; shift
  setsid --fork bash -c '
    for fd in /proc/$$/fd/*; do fd=${fd##*/}; [ "$fd" -le 2 ] || eval "exec $fd>&-"; done
    echo $$ >"$0.pid"; exec "$@"' "$RUN/$name" "$@" >"$RUN/$name.log" 2>&1 </dev/null
  eventually 40 test -s "$RUN/$name.pid"
}

# Asks, then insists: an API server with open watches would linger for a minute.
stop() {
  local pid; pid=$(pid_of "$1") || { rm -f "$RUN/$1.pid"; return 0; }
  kill "$pid" 2>/dev/null || true
  eventually 20 gone "$pid" || kill -9 "$pid" 2>/dev/null || true
  eventually 20 gone "$pid" || true
  rm -f "$RUN/$1.pid"
}

gone() { ! grep -qaF -e "$HOME_DIR" "/proc/$1/cmdline"; } # a zombie has no command line
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1"); }

unmount_all() {
  local point
  { grep -oE " ($RUN|$HOME_DIR/kubelet)[^ ]*" /proc/mounts || true; } | sort -r | while read -r point; do
    umount -l "$point" || true
  done
}
