{{/*
Sets the default of each value that is null (Helm removes the default of such a value), and the default of `name`. Every
template begins with this. The templates share the values, so only the first call changes them.
*/}}
{{- define "coderun-exporter.defaults" -}}
{{- if not (hasKey .Values "complete") }}
{{- range $path, $default := .Files.Get "files/defaults.yaml" | fromYaml }}
{{- $keys := splitList "." $path }}
{{- $section := $.Values }}
{{- range initial $keys }}
{{- if not (index $section .) }}{{ $_ := set $section . dict }}{{ end }}
{{- $section = index $section . }}
{{- end }}
{{- if kindIs "invalid" (index $section (last $keys)) }}{{ $_ := set $section (last $keys) $default }}{{ end }}
{{- end }}
{{- if not .Values.enabled }}
{{- fail "enabled: false has an effect only where the parent chart has `condition: coderun-exporter.enabled` for this dependency" }}
{{- end }}
{{- if not .Values.name }}
{{- /* Under an alias, .Chart.Name is the alias. */}}
{{- $name := contains "coderun-exporter" .Chart.Name | ternary .Chart.Name (printf "coderun-exporter-%s" .Chart.Name) }}
{{- $_ := set .Values "name" (lower $name | replace "_" "-" | trunc 49 | trimSuffix "-") }}
{{- end }}
{{- if not .Values.dashboards.namespace }}{{ $_ := set .Values.dashboards "namespace" .Values.prometheus.namespace }}{{ end }}
{{- if and (dig "web" "kubernetes_auth" false .Values.settings) (not .Values.webConfig.secret) (not (dig "web" "kubernetes_auth_without_tls" false .Values.settings)) }}
{{- fail "settings.web.kubernetes_auth requires TLS, because tokens can be read on the network: set webConfig.secret, or set settings.web.kubernetes_auth_without_tls if another component encrypts the traffic" }}
{{- end }}
{{- include "coderun-exporter.check-rules" . }}
{{- $_ := set .Values "complete" true }}
{{- end }}
{{- end }}

{{/* The labels that select the pods. Each exporter of a release has its own component label. */}}
{{- define "coderun-exporter.selector" -}}
app.kubernetes.io/name: coderun-exporter
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: {{ .Values.name }}
{{- end }}

{{/* The labels of the exporter's own objects. */}}
{{- define "coderun-exporter.labels" -}}
{{ include "coderun-exporter.labels-of" (list . .Values.name) }}
{{- end }}

{{/* The labels of every object: (list root component). */}}
{{- define "coderun-exporter.labels-of" -}}
{{- with index . 0 -}}
app.kubernetes.io/name: coderun-exporter
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: {{ index $ 1 }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of the ServiceAccount of the pods. */}}
{{- define "coderun-exporter.account" -}}
{{ .Values.serviceAccount.name | default .Values.name }}
{{- end }}

{{/* The image, by its digest if one is set. */}}
{{- define "coderun-exporter.image" -}}
{{- with .Values.image }}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* A scrape job, for this release: (list root text). */}}
{{- define "coderun-exporter.scrape" -}}
{{- $root := index . 0 }}
{{- $name := $root.Values.name }}
{{- $target := printf "%s.%s.svc:" $name $root.Release.Namespace }}
{{- $text := index . 1
  | replace "coderun-exporter.agent-platform.svc:" $target
  | replace "job_name: coderun-exporter" (printf "job_name: %s" $name)
  | replace "replacement: coderun-exporter" (printf "replacement: %s" $name)
  | replace "label: app.kubernetes.io/name=coderun-exporter" (printf "label: app.kubernetes.io/name=coderun-exporter,app.kubernetes.io/instance=%s,app.kubernetes.io/component=%s" $root.Release.Name $name)
  | trim }}
{{- $more := $root.Values.prometheus.scrape }}
{{- with dig "web" "telemetry_path" "" $root.Values.settings }}
{{- $more = merge (deepCopy $more) (dict "metrics_path" .) }}
{{- end }}
{{- with $more }}
{{- $text = dict "scrape_configs" (list (mergeOverwrite (first ($text | fromYaml).scrape_configs) .)) | toYaml }}
{{- end }}
{{- $text }}
{{- end }}

{{/* The request of a probe: (list root path). */}}
{{- define "coderun-exporter.probe" -}}
{{- $web := (index . 0).Values.webConfig }}
{{- if and $web.secret $web.tls $web.clientCertificates -}}
# The kubelet has no client certificate, so probes only check that the port is open.
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
