{{- define "retort-cluster.labels" -}}
app.kubernetes.io/name: retort-cluster
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: retort
{{- end }}

{{- define "retort-cluster.operator" -}}
system:serviceaccount:{{ .Values.systemNamespace }}:{{ .Values.serviceAccounts.operator }}
{{- end }}

{{- define "retort-cluster.api" -}}
system:serviceaccount:{{ .Values.systemNamespace }}:{{ .Values.serviceAccounts.api }}
{{- end }}

{{- /* CEL: whether the request comes from one who administers the executors' namespace. */ -}}
{{- define "retort-cluster.administrator" -}}
("system:masters" in request.userInfo.groups) || (request.userInfo.username in {{ .Values.admission.administrators | toJson }})
{{- end }}
