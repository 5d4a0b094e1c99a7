#!/bin/bash
# Formats /data on its first start, then becomes the broker. BROKER_ADVERTISED: host:port that clients reach it by;
# BROKER_ACCOUNTS: a file with the login module's line; BROKER_HEAP: maximum heap. TieredStopAtLevel=1 and SerialGC halve the start and the memory on a small machine.
set -euo pipefail
config=/tmp/server.properties
(umask 077
 sed -e "s#ADVERTISED#${BROKER_ADVERTISED:?}#" -e "s#ACCOUNTS#$(<"${BROKER_ACCOUNTS:?}")#" /opt/kafka/server.properties >"$config")
jvm=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -Djava.awt.headless=true
  -Dlog4j2.configurationFile=/opt/kafka/log4j2.properties -cp '/opt/kafka/lib/*')
if [ ! -f /data/logs/meta.properties ]; then
  rm -rf /data/logs # a start that was killed while formatting
  id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | tr -d =)
  /opt/java/bin/java "${jvm[@]}" kafka.tools.StorageTool format --cluster-id="$id" --config "$config"
fi
exec /opt/java/bin/java -Xms64m -Xmx"${BROKER_HEAP:-256m}" "${jvm[@]}" kafka.Kafka "$config"
