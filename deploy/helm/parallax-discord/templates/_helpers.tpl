{{- define "bot.name" -}}
{{- printf "%s" .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "bot.selector" -}}
app.kubernetes.io/name: parallax-discord
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "bot.labels" -}}
{{ include "bot.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "bot.secret" -}}
{{- if .Values.secrets.existing -}}
{{ .Values.secrets.existing }}
{{- else -}}
{{- if not .Values.secrets.values.DISCORD_TOKEN -}}
{{- fail "secrets.existing names no Secret, and secrets.values has no DISCORD_TOKEN" -}}
{{- end -}}
{{- if and (eq .Values.database "postgresql") (not .Values.secrets.values.DATABASE_URL) -}}
{{- fail "database is postgresql: secrets.values needs DATABASE_URL" -}}
{{- end -}}
{{ include "bot.name" . }}
{{- end -}}
{{- end -}}

{{- define "bot.claim" -}}
{{- .Values.persistence.existing | default (include "bot.name" .) -}}
{{- end -}}
