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

{{- /* CEL: whether the request comes from one who administers the executors' namespace. A right of the cluster, so nothing that
a namespace's own administrator can give; whoever may do everything (cluster-admin) has it. Groups are not looked at: kubeadm,
kind and managed clusters each call their administrators otherwise. */ -}}
{{- define "retort-cluster.administrator" -}}
authorizer.group("retort.dev").resource("executornamespaces").name(request.namespace).check("administer").allowed()
{{- end }}
