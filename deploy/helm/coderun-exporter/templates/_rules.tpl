{{/*
A rule file with the values applied: (list root text). Empty if all rules are disabled. tools/bundle/tuning.py does the
same; a test compares the results.
*/}}
{{- define "coderun-exporter.rules" -}}
{{- $root := index . 0 }}
{{- $table := ($root.Files.Get "files/rule-settings.yaml" | fromYaml).thresholds }}
{{- $groups := list }}
{{- range (index . 1 | fromYaml).groups }}
{{- $rules := list }}
{{- range $rule := .rules }}
{{- if not $rule.alert }}
{{- $rules = append $rules $rule }}
{{- else }}
{{- $own := get $root.Values.rules.alerts $rule.alert | default dict }}
{{- if ne (toString $own.enabled) "false" }}
{{- $labels := mergeOverwrite (dict) $root.Values.rules.labels ($own.labels | default dict) $rule.labels }}
{{- if and $own.severity (ne $own.severity $rule.labels.severity) }}
{{- $labels = mergeOverwrite $labels (dict "severity" $own.severity "original_severity" $rule.labels.severity) }}
{{- end }}
{{- $annotations := $rule.annotations }}
{{- with $root.Values.runbooks }}
{{- $annotations = merge (dict "runbook_url" (printf "%s/%s" (trimSuffix "/" .) $rule.alert)) $annotations }}
{{- end }}
{{- $rule = mergeOverwrite (deepCopy $rule) (dict "labels" $labels "annotations" $annotations) }}
{{- $numbers := get $table $rule.alert | default dict }}
{{- $changed := toYaml $rule }}
{{- range $name, $_ := $own.thresholds }}
{{- range $old, $new := (get $numbers $name).replace }}
{{- $changed = replace $old (replace "{}" (printf "<%s>" $name) $new) $changed }}
{{- end }}
{{- end }}
{{- range $name, $value := $own.thresholds }}
{{- $changed = replace (printf "<%s>" $name) ($value | toJson | trimAll "\"") $changed }}
{{- end }}
{{- $rules = append $rules ($changed | fromYaml) }}
{{- end }}
{{- end }}
{{- end }}
{{- if $rules }}{{ $groups = append $groups (set . "rules" $rules) }}{{ end }}
{{- end }}
{{- if $groups }}
{{- dict "groups" $groups | toYaml | replace "job=~\".*coderun-exporter.*\"" (printf "job=~\"%s\"" $root.Values.rules.jobs) }}
{{- end }}
{{- end }}

{{/* Fails with one line if a value of `rules` has an unknown name: (root). */}}
{{- define "coderun-exporter.check-rules" -}}
{{- $known := .Files.Get "files/rule-settings.yaml" | fromYaml }}
{{- $table := $known.thresholds }}
{{- $alerts := list }}
{{- range $path, $_ := .Files.Glob "files/rules/*.yml" }}
{{- range regexFindAll "- alert: \\w+" ($.Files.Get $path) -1 }}{{ $alerts = append $alerts (trimPrefix "- alert: " .) }}{{ end }}
{{- end }}
{{- include "coderun-exporter.check-labels" (list "rules.labels" .Values.rules.labels $known.reserved) }}
{{- range $name, $own := .Values.rules.alerts }}
{{- $where := printf "rules.alerts.%s" $name }}
{{- if not (has $name $alerts) }}
{{- fail (printf "%s: no such alert; did you mean %s?" $where (include "coderun-exporter.nearest" (list $name $alerts))) }}
{{- end }}
{{- include "coderun-exporter.check-labels" (list (printf "%s.labels" $where) ($own.labels | default dict) $known.reserved) }}
{{- $numbers := get $table $name | default dict }}
{{- range $key, $value := $own.thresholds }}
{{- if not (hasKey $numbers $key) }}
{{- $hint := $numbers | empty | ternary (printf "%s has none" $name) (printf "did you mean %s?" (include "coderun-exporter.nearest" (list $key (keys $numbers)))) }}
{{- fail (printf "%s.thresholds.%s: no such threshold; %s" $where $key $hint) }}
{{- end }}
{{- $form := get $known.forms (get $numbers $key).form }}
{{- if not (regexMatch (printf "^(%s)$" (index $form 0)) ($value | toJson | trimAll "\"")) }}
{{- fail (printf "%s.thresholds.%s is %s: set %s" $where $key (toJson $value) (index $form 1)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* Fails if `labels` contains a label that the rules set themselves: (list path labels reserved). */}}
{{- define "coderun-exporter.check-labels" -}}
{{- $where := index . 0 }}
{{- $reserved := index . 2 }}
{{- range $name, $_ := index . 1 }}
{{- if has $name $reserved }}{{ fail (printf "%s.%s: the rules set this label; use another name" $where $name) }}{{ end }}
{{- if not (regexMatch "^[a-zA-Z_][a-zA-Z0-9_]{0,62}$" $name) }}{{ fail (printf "%s.%s: not the name of a label, such as team" $where $name) }}{{ end }}
{{- end }}
{{- end }}

{{/* The known name that is most similar to a name, by pairs of letters: (list name known). */}}
{{- define "coderun-exporter.nearest" -}}
{{- $name := index . 0 | lower }}
{{- $best := dict "name" "" "score" -1.0 }}
{{- range $known := index . 1 | sortAlpha }}
{{- $score := 0 }}
{{- range $at := until (max 0 (sub (len $name) 1) | int) }}
{{- if contains (substr $at (add $at 2 | int) $name) (lower $known) }}{{ $score = add $score 1 }}{{ end }}
{{- end }}
{{- $score = divf (float64 $score) (float64 (add (len $name) (len $known))) }}
{{- if gt $score $best.score }}{{ $best = dict "name" $known "score" $score }}{{ end }}
{{- end }}
{{- $best.name }}
{{- end }}
