{{/* The labels that find the pods. */}}
{{- define "coderun-exporter.selector" -}}
app.kubernetes.io/name: coderun-exporter
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* The labels of every object. */}}
{{- define "coderun-exporter.labels" -}}
{{ include "coderun-exporter.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{/* The account of the pods. */}}
{{- define "coderun-exporter.account" -}}
{{ .Values.serviceAccount.name | default .Values.name }}
{{- end }}

{{/* A file of rules, with the runbooks' address in it: (list text address). */}}
{{- define "coderun-exporter.rules" -}}
{{- $runbooks := index . 1 | trimSuffix "/" }}
{{- $text := index . 0 }}
{{- if $runbooks }}
{{- $text = regexReplaceAll "runbook_url: .*/" $text (printf "runbook_url: %s/" $runbooks) }}
{{- end }}
{{- $text | trim }}
{{- end }}

{{/* A scrape job, for this release: (list root text). */}}
{{- define "coderun-exporter.scrape" -}}
{{- $root := index . 0 }}
{{- $name := $root.Values.name }}
{{- $target := printf "%s.%s.svc:" $name $root.Release.Namespace }}
{{- $pods := "label: app.kubernetes.io/name=coderun-exporter" }}
{{- $text := index . 1
  | replace "coderun-exporter.agent-platform.svc:" $target
  | replace "job_name: coderun-exporter" (printf "job_name: %s" $name)
  | replace "replacement: coderun-exporter" (printf "replacement: %s" $name)
  | replace $pods (printf "%s,app.kubernetes.io/instance=%s" $pods $root.Release.Name)
  | trim }}
{{- with $root.Values.prometheus.scrape }}
{{- $text = dict "scrape_configs" (list (mergeOverwrite (first ($text | fromYaml).scrape_configs) .)) | toYaml }}
{{- end }}
{{- $text }}
{{- end }}

{{/* What a probe asks: (list root path). */}}
{{- define "coderun-exporter.probe" -}}
{{- $web := (index . 0).Values.webConfig }}
{{- if and $web.secret $web.tls $web.clientCertificates -}}
# The kubelet has no certificate to show: that the port is open has to do.
tcpSocket:
  port: metrics
{{- else -}}
httpGet:
  path: {{ index . 1 }}
  port: metrics
  {{- if and $web.secret $web.tls }}
  scheme: HTTPS
  {{- end }}
{{- end }}
{{- end }}
