// SPDX-License-Identifier: Apache-2.0

package main

import (
	"sort"
	texttemplate "text/template"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"github.com/external-secrets/external-secrets/pkg/template/v2"
	"github.com/external-secrets/external-secrets/pkg/utils"
	corev1 "k8s.io/api/core/v1"
)

func executeTemplate(asked *request) (answer, error) {
	name := asked.Name
	if name == "" {
		name = "key"
	}
	var secret corev1.Secret
	templates := map[string][]byte{name: asked.Text}
	err := template.Execute(templates, bytesOf(asked.Data), esv1.TemplateScopeValues,
		esv1.TemplateTargetData, &secret)
	if err != nil {
		return nil, err
	}
	return answer{"text": text(secret.Data[name])}, nil
}

func executeKeysAndValues(asked *request) (answer, error) {
	var secret corev1.Secret
	target := esv1.TemplateTarget(asked.Target)
	if target == "" {
		target = esv1.TemplateTargetData
	}
	templates := map[string][]byte{"literal": asked.Text}
	err := template.Execute(templates, bytesOf(asked.Data), esv1.TemplateScopeKeysAndValues, target,
		&secret)
	if err != nil {
		return nil, err
	}
	return answer{
		"data":        entries(secret.Data),
		"labels":      orEmpty(secret.Labels),
		"annotations": orEmpty(secret.Annotations),
	}, nil
}

func orEmpty(in map[string]string) map[string]string {
	if in == nil {
		return map[string]string{}
	}
	return in
}

// parseTemplate answers with the parsed template as text/template prints it again.
func parseTemplate(asked *request) (answer, error) {
	name := asked.Name
	if name == "" {
		name = "key"
	}
	parsed, err := texttemplate.New(name).Option("missingkey=error").Funcs(template.FuncMap()).
		Parse(string(asked.Text))
	if err != nil {
		return nil, err
	}
	trees := map[string]text{}
	for _, each := range parsed.Templates() {
		trees[each.Name()] = text(each.Tree.Root.String())
	}
	return answer{"trees": trees}, nil
}

func executeTransform(asked *request) (answer, error) {
	operation := esv1.ExternalSecretRewriteTransform{Template: string(asked.Text)}
	out, err := utils.RewriteTransform(operation, map[string][]byte{asked.Key: nil})
	if err != nil {
		return nil, err
	}
	for key := range out {
		return answer{"key": text(key)}, nil
	}
	return answer{}, nil
}

func listFunctions(*request) (answer, error) {
	names := []string{}
	for name := range template.FuncMap() {
		names = append(names, name)
	}
	sort.Strings(names)
	return answer{"names": names}, nil
}
