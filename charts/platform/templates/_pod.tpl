{{/* Pieces every pod of the shop shares. */}}

{{- define "platform.enabled" -}}
{{- if ne (toString .enabled) "false" }}yes{{ end -}}
{{- end -}}

{{/* Refuses values by which MySQL would refuse connections once all services have as many pods as they may. A rollout
     has each service's usual pods twice. */}}
{{- define "platform.connectionBudget" -}}
{{- $needed := 0 -}}
{{- range $name, $service := .Values.services -}}
{{- if and $service.database (include "platform.enabled" $service) -}}
{{- $most := int (required (printf "services.%s.mostReplicas" $name) $service.mostReplicas) -}}
{{- if gt (mul 2 (int $service.replicas)) $most -}}
{{- fail (printf "services.%s: a rollout has %d pods, mostReplicas is %d" $name (mul 2 (int $service.replicas)) $most) -}}
{{- end -}}
{{- $needed = add $needed (mul $most (int (required (printf "services.%s.connections" $name) $service.connections))) -}}
{{- end -}}
{{- end -}}
{{- if gt (int $needed) (int .Values.databaseConnections) -}}
{{- fail (printf "the services' pods may need %d connections to MySQL, databaseConnections is %d" (int $needed) (int .Values.databaseConnections)) -}}
{{- end -}}
{{- end -}}

{{- define "platform.labels" -}}
app.kubernetes.io/name: {{ . }}
app.kubernetes.io/part-of: amazonlite
{{- end -}}

{{/* What NetworkPolicies select by: the stores a pod may reach. Call with the service's values. */}}
{{- define "platform.reaches" -}}
{{- if .database }}
amazonlite.dev/reaches-mysql: "true"
{{- end }}
{{- if .kafka }}
amazonlite.dev/reaches-kafka: "true"
{{- end }}
{{- if .redis }}
amazonlite.dev/reaches-redis: "true"
{{- end }}
{{- if .mongo }}
amazonlite.dev/reaches-mongodb: "true"
{{- end }}
{{- end -}}

{{- define "platform.podSecurity" -}}
{runAsNonRoot: true, runAsUser: 10001, runAsGroup: 10001, fsGroup: 10001, seccompProfile: {type: RuntimeDefault}}
{{- end -}}

{{- define "platform.containerSecurity" -}}
{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
{{- end -}}

{{/* One variable from a Secret. Call with (list NAME secret key). */}}
{{- define "platform.secretEnv" -}}
- {name: {{ index . 0 }}, valueFrom: {secretKeyRef: {name: {{ index . 1 }}, key: {{ index . 2 }}}}}
{{- end -}}

{{- define "platform.podEnv" -}}
- {name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
- {name: POD_NAMESPACE, valueFrom: {fieldRef: {fieldPath: metadata.namespace}}}
- {name: LOG_LEVEL, value: {{ .Values.logLevel }}}
{{- with .Values.instance }}
- {name: INSTANCE_ID, value: {{ . | quote }}}
{{- end }}
{{- with .Values.otlpEndpoint }}
- {name: OTEL_EXPORTER_OTLP_ENDPOINT, value: {{ . | quote }}}
{{- end }}
- {name: KAFKA_BOOTSTRAP, value: "kafka:9092"}
{{- range $name, $_ := omit .Values.services "operator" }}
- {name: {{ upper $name | replace "-" "_" }}_URL, value: "http://{{ $name }}:8000"}
{{- end }}
{{- end -}}

{{- define "platform.databaseEnv" -}}
- {name: MYSQL_HOST, value: mysql}
- {name: MYSQL_PORT, value: "3306"}
- {name: MYSQL_DATABASE, value: {{ . }}}
{{- end -}}

{{/* One account of the broker. Call with (list user root). */}}
{{- define "platform.kafkaEnv" -}}
{{- $user := index . 0 }}{{ $kafka := (index . 1).Values.kafka }}
- {name: KAFKA_USER, value: {{ $user }}}
- {name: KAFKA_MECHANISM, value: {{ $kafka.mechanism }}}
{{ include "platform.secretEnv" (list "KAFKA_PASSWORD" (printf "%s%s" $kafka.secretPrefix $user) "password") }}
{{- end -}}

{{/* Accounts of one service. Call with (list name values root). */}}
{{- define "platform.accountEnv" -}}
{{- $name := index . 0 }}{{ $service := index . 1 }}{{ $root := index . 2 }}
{{- with $service.database }}
{{ include "platform.databaseEnv" . }}
{{ include "platform.secretEnv" (list "MYSQL_USER" (printf "mysql-%s" $name) "user") }}
{{ include "platform.secretEnv" (list "MYSQL_PASSWORD" (printf "mysql-%s" $name) "password") }}
{{- end }}
{{- if $service.redis }}
{{ include "platform.secretEnv" (list "REDIS_URL" (printf "redis-%s" $name) "url") }}
{{- end }}
{{- with $service.mongo }}
{{ include "platform.secretEnv" (list "MONGO_URL" (printf "mongodb-%s" $name) "url") }}
- {name: MONGO_DATABASE, value: {{ . }}}
{{- if $root.Values.mongoAccounts }}
- {name: MONGO_USER, value: {{ $name }}}
{{ include "platform.secretEnv" (list "MONGO_PASSWORD" (printf "mongodb-%s" $name) "password") }}
{{- end }}
{{- end }}
{{- if $service.kafka }}
{{ include "platform.kafkaEnv" (list $name $root) }}
{{- end }}
{{- if $service.client }}
{{ include "platform.secretEnv" (list "AUTH_CLIENT_ID" (printf "client-%s" $name) "id") }}
{{ include "platform.secretEnv" (list "AUTH_CLIENT_SECRET" (printf "client-%s" $name) "secret") }}
{{- end }}
{{- range $variable, $from := $service.secretEnv }}
{{ include "platform.secretEnv" (list $variable $from.secret $from.key) }}
{{- end }}
{{- range $variable, $value := $service.env }}
- {name: {{ $variable }}, value: {{ $value | quote }}}
{{- end }}
{{- end -}}
