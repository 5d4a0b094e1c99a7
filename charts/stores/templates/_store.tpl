{{/* One store server: a StatefulSet of one, its Service, and its volume. Call with root, name, port, values, and
     optionally command, args, env, mounts, volumes (YAML text), digest. */}}
{{- define "stores.server" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ .name }}
  labels: &labels
    app.kubernetes.io/name: {{ .name }}
    app.kubernetes.io/part-of: amazonlite
    app.kubernetes.io/component: store
spec:
  serviceName: {{ .name }}
  replicas: 1
  selector:
    matchLabels: {app.kubernetes.io/name: {{ .name }}}
  template:
    metadata:
      labels: *labels
      annotations:
        amazonlite.dev/configuration: {{ .digest | default "" | quote }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 30
      securityContext: {runAsNonRoot: true, runAsUser: {{ .values.user | default 10001 }}, runAsGroup: {{ .values.user | default 10001 }}, fsGroup: {{ .values.user | default 10001 }}, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: {{ .name }}
          image: {{ required (printf "%s.image" .name) .values.image }}
          imagePullPolicy: IfNotPresent
          {{- with .command }}
          command: {{ toJson . }}
          {{- end }}
          {{- with .args }}
          args: {{ toJson . }}
          {{- end }}
          {{- with .env }}
          env: {{ toYaml . | nindent 12 }}
          {{- end }}
          ports: [{name: {{ .name }}, containerPort: {{ .port }}}]
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: {{ ne (toString .values.readOnlyRoot) "false" }}, capabilities: {drop: [ALL]}}
          # a port that answers is a server that has recovered its data: none of them listens before
          startupProbe: {tcpSocket: {port: {{ .port }}}, periodSeconds: 1, failureThreshold: 180}
          readinessProbe: {tcpSocket: {port: {{ .port }}}, periodSeconds: 5, timeoutSeconds: 3}
          livenessProbe: {tcpSocket: {port: {{ .port }}}, periodSeconds: 20, timeoutSeconds: 10, failureThreshold: 6}
          resources: {{ toJson .values.resources }}
          volumeMounts:
            - {name: data, mountPath: {{ .values.data | default "/data" }}}
            - {name: tmp, mountPath: /tmp}
            {{- with .mounts }}{{ toYaml . | nindent 12 }}{{ end }}
      volumes:
        - name: tmp
          emptyDir: {}
        {{- with .volumes }}{{ toYaml . | nindent 8 }}{{ end }}
        {{- if .root.Values.volumes.hostPath }}
        - name: data
          hostPath: {path: {{ printf "%s/%s" .root.Values.volumes.hostPath .name }}, type: Directory}
        {{- else }}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec:
        accessModes: [ReadWriteOnce]
        resources: {requests: {storage: {{ .root.Values.volumes.size }}}}
        {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  labels:
    app.kubernetes.io/name: {{ .name }}
    app.kubernetes.io/part-of: amazonlite
spec:
  selector: {app.kubernetes.io/name: {{ .name }}}
  ports: [{name: {{ .name }}, port: {{ .port }}}]
{{- end -}}
