{{- define "retort.name" -}}
{{- if .Values.nameOverride }}{{ .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains "retort" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}retort{{ end }}
{{- end }}

{{- define "retort.labels" -}}
{{ include "retort.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: retort
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "retort.selector" -}}
app.kubernetes.io/name: retort
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- /* dict "root" . "image" .Values.x.image */ -}}
{{- define "retort.image" -}}
{{- $registry := .root.Values.global.imageRegistry }}
{{- $name := .image.repository }}
{{- if and $registry (not (regexMatch "^[^/]+[.:][^/]*/|^localhost/" $name)) }}{{ $name = printf "%s/%s" $registry $name }}{{ end }}
{{- if .image.digest }}{{ printf "%s@%s" $name .image.digest }}
{{- else }}{{ printf "%s:%s" $name (default .root.Chart.AppVersion .image.tag) }}{{ end }}
{{- end }}

{{- /* Where the data is, as far as these values say it, and what they name beside. */ -}}
{{- define "retort.probeTargets" -}}
{{- $name := include "retort.name" . }}
{{- $found := list }}
{{- if .Values.dev.enabled }}
{{- $found = list (printf "database=%s-dev-postgresql:5432" $name) (printf "object-store=%s-dev-s3:8333" $name) }}
{{- else if .Values.objects.endpoint }}
{{- $port := ternary "" (ternary ":80" ":443" .Values.objects.insecure) (contains ":" .Values.objects.endpoint) }}
{{- $found = list (printf "object-store=%s%s" .Values.objects.endpoint $port) }}
{{- end }}
{{- join "," (concat $found .Values.operator.probeTargets) }}
{{- end }}

{{- define "retort.secret" -}}
{{ default (printf "%s-secrets" (include "retort.name" .)) .Values.secrets.existingSecret }}
{{- end }}

{{- define "retort.databaseSecret" -}}
{{- if .Values.dev.enabled }}{{ include "retort.name" . }}-dev
{{- else }}{{ required "database.existingSecret names the Secret with the database's url (or set dev.enabled to try things out)" .Values.database.existingSecret }}{{ end }}
{{- end }}

{{- define "retort.objectsSecret" -}}
{{- if .Values.dev.enabled }}{{ include "retort.name" . }}-dev
{{- else }}{{ required "objects.existingSecret names the Secret with the object store's keys (or set dev.enabled to try things out)" .Values.objects.existingSecret }}{{ end }}
{{- end }}

{{- define "retort.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "retort.containerSecurity" -}}
readOnlyRootFilesystem: true
allowPrivilegeEscalation: false
capabilities: {drop: [ALL]}
{{- end }}

{{- /* Where and with what every Pod of this chart runs: dict "root" . "component" "api" */ -}}
{{- define "retort.placement" -}}
{{- with .root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .root.Values.global.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .root.Values.global.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "retort.selector" . | nindent 8 }}
{{- end }}

{{- /* What the API and the broker share: where data lies. */ -}}
{{- define "retort.stateEnv" -}}
- name: RETORT_DATABASE_URL
  valueFrom: {secretKeyRef: {name: {{ include "retort.databaseSecret" . }}, key: url}}
- name: RETORT_S3_ENDPOINT
  value: {{ if .Values.dev.enabled }}{{ printf "http://%s-dev-s3:8333" (include "retort.name" .) }}{{ else }}{{ printf "%s://%s" (ternary "http" "https" .Values.objects.insecure) (required "objects.endpoint is the host and port of an S3 server" .Values.objects.endpoint) }}{{ end }}
- name: RETORT_S3_BUCKET
  value: {{ .Values.objects.bucket | quote }}
- name: RETORT_S3_REGION
  value: {{ .Values.objects.region | quote }}
- name: RETORT_S3_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ include "retort.objectsSecret" . }}, key: access-key}}
- name: RETORT_S3_SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ include "retort.objectsSecret" . }}, key: secret-key}}
{{- if .Values.objects.customCA }}
- name: RETORT_S3_CA
  value: /var/run/retort-objects/ca.crt
{{- end }}
{{- with .Values.tracing.endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end }}

{{- /* Two fifths of a volume, in bytes: dict "of" "api.spool" "space" "8Gi". A cache may pass its size by what was used within
the last minute, and a Pod that passes its volume's is evicted; the spool has the rest. */ -}}
{{- define "retort.cacheBytes" -}}
{{- $units := dict "M" 1000000 "G" 1000000000 "T" 1000000000000 "Mi" 1048576 "Gi" 1073741824 "Ti" 1099511627776 }}
{{- $bytes := mul (regexFind "^[0-9]+" .space | int64) (get $units (regexFind "[A-Za-z]+$" .space)) }}
{{- if lt $bytes 1000000000 }}{{ fail (printf "%s is %s; the least is 1G" .of .space) }}{{ end }}
{{- div (mul $bytes 2) 5 }}
{{- end }}

{{- define "retort.stateMounts" -}}
{{- if .Values.objects.customCA }}
- {name: objects-ca, mountPath: /var/run/retort-objects, readOnly: true}
{{- end }}
{{- end }}

{{- define "retort.stateVolumes" -}}
{{- if .Values.objects.customCA }}
- name: objects-ca
  secret:
    secretName: {{ include "retort.objectsSecret" . }}
    defaultMode: 0440
    items: [{key: ca.crt, path: ca.crt}]
{{- end }}
{{- end }}

{{- /* Before a part that needs the database. One at a time by a lock in it; a schema that is current is left alone. */ -}}
{{- define "retort.migrate" -}}
- name: migrate
  image: {{ include "retort.image" (dict "root" . "image" .Values.api.image) }}
  imagePullPolicy: {{ .Values.api.image.pullPolicy }}
  command: [python, -I, -m, retort_api.mains.migrate]
  securityContext: {{- include "retort.containerSecurity" . | nindent 4 }}
  env:
    {{- include "retort.stateEnv" . | nindent 4 }}
    - {name: RETORT_HOME, value: /tmp/retort}
  resources: {{- toYaml .Values.api.resources | nindent 4 }}
  volumeMounts:
    - {name: tmp, mountPath: /tmp}
    {{- include "retort.stateMounts" . | nindent 4 }}
{{- end }}
