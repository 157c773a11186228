{{/* The name of all that belongs to this release. */}}
{{- define "sottovoce.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects the pods of a part; given (dict "root" $ "part" "stt"). */}}
{{- define "sottovoce.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end -}}

{{- define "sottovoce.labels" -}}
{{ include "sottovoce.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "sottovoce.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* LiveKit's own chart names its service so. */}}
{{- define "sottovoce.livekitService" -}}
{{- if contains "livekit" .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-livekit" .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "sottovoce.livekitUrl" -}}
{{- if .Values.livekit.enabled -}}
ws://{{ include "sottovoce.livekitService" . }}:{{ .Values.livekit.loadBalancer.servicePort }}
{{- else -}}
{{- required "externalLivekit.url is needed with livekit.enabled=false" .Values.externalLivekit.url -}}
{{- end -}}
{{- end -}}

{{- define "sottovoce.livekitPublicUrl" -}}
{{- if .Values.externalLivekit.publicUrl -}}
{{- .Values.externalLivekit.publicUrl -}}
{{- else if .Values.livekit.enabled -}}
wss://{{ required "host is needed: the name that browsers open" .Values.host }}
{{- else -}}
{{- include "sottovoce.livekitUrl" . -}}
{{- end -}}
{{- end -}}

{{- define "sottovoce.enginePort" -}}
{{- get (dict "stt" "9001" "llm" "9002" "tts" "9003") . -}}
{{- end -}}

{{/* Where an engine answers; given (dict "root" $ "kind" "stt"). */}}
{{- define "sottovoce.engineUrl" -}}
{{- $engine := get .root.Values.engines .kind -}}
{{- if $engine.url -}}
{{- $engine.url -}}
{{- else if $engine.enabled -}}
http://{{ include "sottovoce.fullname" .root }}-{{ .kind }}:{{ include "sottovoce.enginePort" .kind }}/v1
{{- else -}}
{{- fail (printf "engines.%s is not enabled and has no url" .kind) -}}
{{- end -}}
{{- end -}}

{{- define "sottovoce.key" -}}
valueFrom: { secretKeyRef: { name: {{ required "keys.existingSecret is needed" .root.Values.keys.existingSecret }}, key: {{ .key }} } }
{{- end -}}

{{/* What gateway and workers have in common: engines by URL, nothing of their own, LiveKit. */}}
{{- define "sottovoce.wiring" -}}
{{- range $kind := list "stt" "llm" "tts" }}
- name: SOTTOVOCE_{{ upper $kind }}_URL
  value: {{ include "sottovoce.engineUrl" (dict "root" $ "kind" $kind) | quote }}
- name: SOTTOVOCE_{{ upper $kind }}_API_KEY
  {{ include "sottovoce.key" (dict "root" $ "key" "engine-key") }}
- name: SOTTOVOCE_{{ upper $kind }}_FALLBACKS
  value: ""
{{- end }}
- name: SOTTOVOCE_PROFILE
  value: embedded
- name: SOTTOVOCE_OFFLINE
  value: "true"
- name: LIVEKIT_URL
  value: {{ include "sottovoce.livekitUrl" . | quote }}
- name: LIVEKIT_API_KEY
  {{ include "sottovoce.key" (dict "root" . "key" "livekit-api-key") }}
- name: LIVEKIT_API_SECRET
  {{ include "sottovoce.key" (dict "root" . "key" "livekit-api-secret") }}
{{- end -}}

{{- define "sottovoce.extraEnvironment" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "sottovoce.podSecurity" -}}
automountServiceAccountToken: false
enableServiceLinks: false # their names begin as our settings do, and a setting that is none is refused
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{- define "sottovoce.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end -}}

{{/* A start may build a language model, or load a large one; then life and readiness are asked for apart. */}}
{{- define "sottovoce.probes" -}}
startupProbe:
  httpGet: { path: /livez, port: {{ . }} }
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 90
livenessProbe:
  httpGet: { path: /livez, port: {{ . }} }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  httpGet: { path: /readyz, port: {{ . }} }
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{- define "sottovoce.placement" -}}
{{- with .nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "sottovoce.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "sottovoce.selector" . | nindent 8 }}
{{- end -}}

{{- define "sottovoce.pullSecrets" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* /data: the claim of a part, or what ends with the pod; given (dict "name" … "persistence" …). */}}
{{- define "sottovoce.data" -}}
- name: data
  {{- if .persistence.enabled }}
  persistentVolumeClaim: { claimName: {{ .name }} }
  {{- else }}
  emptyDir: {}
  {{- end }}
- name: tmp
  emptyDir: { sizeLimit: 1Gi }
{{- end -}}
