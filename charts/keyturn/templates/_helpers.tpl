{{/*
Names. The longest suffix is "-installation-key"; 46 characters leave room for it in a DNS label.
*/}}
{{- define "keyturn.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 46 | trimSuffix "-" -}}
{{- end -}}

{{- define "keyturn.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 46 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "keyturn.name" . -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 46 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 46 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "keyturn.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "keyturn.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- required "serviceAccount.name is needed where serviceAccount.create is false" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The user name under which the API server sees Keyturn. */}}
{{- define "keyturn.user" -}}
{{- printf "system:serviceaccount:%s:%s" .Release.Namespace (include "keyturn.serviceAccountName" .) -}}
{{- end -}}

{{- define "keyturn.certificateSecret" -}}
{{- printf "%s-certificate" (include "keyturn.fullname" .) -}}
{{- end -}}

{{- define "keyturn.installationKeySecret" -}}
{{- printf "%s-installation-key" (include "keyturn.fullname" .) -}}
{{- end -}}

{{- define "keyturn.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What selects all of Keyturn's Pods, the release hook's included. */}}
{{- define "keyturn.podLabels" -}}
app.kubernetes.io/name: {{ include "keyturn.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What selects the Pods that serve. */}}
{{- define "keyturn.selectorLabels" -}}
{{ include "keyturn.podLabels" . }}
app.kubernetes.io/component: webhook
{{- end -}}

{{- define "keyturn.labels" -}}
{{ include "keyturn.podLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Written without quotes, `off` is the boolean false of YAML 1.1: it means the same here. */}}
{{- define "keyturn.externalSecretsController" -}}
{{- $controller := .Values.externalSecrets.controller -}}
{{- if kindIs "bool" $controller -}}off{{- else -}}{{- $controller -}}{{- end -}}
{{- end -}}

{{/*
The policies are rendered only where the API server serves them. `helm template` knows the kinds of no cluster, so the
version decides there.
*/}}
{{- define "keyturn.selfBinding" -}}
{{- $served := or (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version)
      (.Capabilities.APIVersions.Has "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy") -}}
{{- if and .Values.selfBinding.enabled $served -}}true{{- end -}}
{{- end -}}

{{/* Combinations that the schema cannot refuse with a reason. */}}
{{- define "keyturn.validate" -}}
{{- if eq .Values.webhook.failurePolicy "Fail" -}}
{{- fail "webhook.failurePolicy: Fail is not available in this version of Keyturn; use Ignore" -}}
{{- end -}}
{{- if and (has "Deny" .Values.selfBinding.validationActions) (has "Warn" .Values.selfBinding.validationActions) -}}
{{- fail "selfBinding.validationActions: Kubernetes does not allow Deny and Warn together" -}}
{{- end -}}
{{- end -}}

{{/* Hardened as the Pod security standard "restricted" wants it, and a read-only root besides. */}}
{{- define "keyturn.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "keyturn.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/*
CEL: `new` and `old` are equal in every field but the named ones. Over dyn() the maps are compared key by key, so a
field that a later Kubernetes adds is bound too. Argument: dict "new", "old" (CEL expressions), "except" (list).
*/}}
{{- define "keyturn.cel.unchanged" -}}
{{- $except := "" -}}
{{- if .except -}}
{{- $except = printf "k in ['%s'] || " (join "', '" .except) -}}
{{- end -}}
dyn({{ .new }}).all(k, {{ $except }}(k in dyn({{ .old }}) && dyn({{ .new }})[k] == dyn({{ .old }})[k])) &&
dyn({{ .old }}).all(k, {{ $except }}k in dyn({{ .new }}))
{{- end -}}

{{/* What the API server itself changes in metadata on every write. */}}
{{- define "keyturn.cel.serverMetadata" -}}
generation,managedFields,resourceVersion
{{- end -}}

{{/* v1-<key id>-<hash>: nothing else can be carried out of the process in an annotation. */}}
{{- define "keyturn.cel.hash" -}}
^v[0-9]+-[0-9a-f]{6}-[0-9a-f]{32}$
{{- end -}}

{{/* What all webhooks have in common. */}}
{{- define "keyturn.webhook" -}}
admissionReviewVersions: [v1]
clientConfig:
  service:
    name: {{ include "keyturn.fullname" . }}
    namespace: {{ .Release.Namespace }}
    port: {{ .Values.service.port }}
sideEffects: NoneOnDryRun
failurePolicy: {{ .Values.webhook.failurePolicy }}
timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
matchPolicy: Equivalent
# Keyturn stands in the way neither of the cluster's own parts nor of its own return.
namespaceSelector:
  {{- with .Values.webhook.namespaceLabels }}
  matchLabels:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  matchExpressions:
    - key: kubernetes.io/metadata.name
      operator: NotIn
      values:
        {{- toYaml (splitList "," (include "keyturn.excludedNamespaces" .)) | nindent 8 }}
{{- end }}

{{/*
Where Keyturn does nothing: the webhook is not called, and the program itself leaves Pods and workloads alone.
*/}}
{{- define "keyturn.excludedNamespaces" -}}
{{- concat (list "kube-system" "kube-node-lease" "kube-public" .Release.Namespace) .Values.webhook.excludedNamespaces | uniq | join "," }}
{{- end }}

{{/* CEL: Keyturn asks. */}}
{{- define "keyturn.cel.isKeyturn" -}}
request.userInfo.username == '{{ include "keyturn.user" . }}'
{{- end -}}

{{/*
The policies match nobody but Keyturn. So failurePolicy Fail is safe: whatever goes wrong in one of them stops Keyturn
and no one else.
*/}}
{{- define "keyturn.selfBinding.match" -}}
failurePolicy: Fail
matchConditions:
  - name: keyturn
    expression: {{ include "keyturn.cel.isKeyturn" . | quote }}
{{- end -}}

{{/* CEL: the cluster itself acts on such a Secret. */}}
{{- define "keyturn.cel.isCredential" -}}
object.?type.orValue('') in ['kubernetes.io/service-account-token', 'bootstrap.kubernetes.io/token']
{{- end -}}

{{/* CEL: o is an ownerReference that makes an ExternalSecret the controller. */}}
{{- define "keyturn.cel.isOwner" -}}
o.?controller.orValue(false) && o.kind == 'ExternalSecret' && o.apiVersion.startsWith('external-secrets.io/')
{{- end -}}

{{- define "keyturn.selfBinding.binding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .policy }}
  labels:
    {{- include "keyturn.labels" .root | nindent 4 }}
spec:
  policyName: {{ .policy }}
  validationActions:
    {{- toYaml .root.Values.selfBinding.validationActions | nindent 4 }}
{{- end -}}
