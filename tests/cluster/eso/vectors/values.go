// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
	apimachineryyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// lookUpProperty is the rule of ESO's AWS provider (external-secrets.md §4.2) around gjson itself;
// "plain" is gjson's answer to the property as it stands, without the rule.
func lookUpProperty(asked *request) (answer, error) {
	document := string(asked.Text)
	plain := gjson.Get(document, asked.Property)
	found := plain
	if strings.Contains(asked.Property, ".") {
		literal := gjson.Get(document, strings.ReplaceAll(asked.Property, ".", `\.`))
		if literal.Exists() {
			found = literal
		}
	}
	return answer{
		"exists": found.Exists(),
		"text":   text(found.String()),
		"type":   found.Type.String(),
		"raw":    text(found.Raw),
		"plain":  answer{"exists": plain.Exists(), "text": text(plain.String())},
	}, nil
}

// extract is the rule of ESO's GetSecretMap (§4.3).
func extract(asked *request) (answer, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(asked.Text, &members); err != nil {
		return nil, err
	}
	values := make(map[string][]byte, len(members))
	for key, source := range members {
		var value string
		if json.Unmarshal(source, &value) == nil {
			values[key] = []byte(value)
		} else {
			values[key] = source
		}
	}
	return answer{"data": entries(values)}, nil
}

// anyJSON is encoding/json into an interface and out again, as fromJson | toJson of a template.
func anyJSON(asked *request) (answer, error) {
	var value any
	if err := json.Unmarshal(asked.Text, &value); err != nil {
		return nil, err
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return answer{"json": text(encoded), "printed": text(fmt.Sprint(value))}, nil
}

// readYAML answers with both readings that ESO makes: into strings (KeysAndValues, literal), and
// into anything (fromYaml). "json" is the document on its way there, with the scalars resolved.
func readYAML(asked *request) (answer, error) {
	reply := answer{}
	texts := map[string]string{}
	if err := apimachineryyaml.Unmarshal(asked.Text, &texts); err != nil {
		reply["stringsError"] = err.Error()
	} else {
		values := make(map[string][]byte, len(texts))
		for key, value := range texts {
			values[key] = []byte(value)
		}
		reply["strings"] = entries(values)
	}
	converted, err := yaml.YAMLToJSON(asked.Text)
	if err != nil {
		reply["jsonError"] = err.Error()
		return reply, nil
	}
	reply["json"] = text(converted)
	var value any
	if err := yaml.Unmarshal(asked.Text, &value); err != nil {
		reply["anyError"] = err.Error()
		return reply, nil
	}
	printed, err := yaml.Marshal(value)
	if err != nil {
		return nil, err
	}
	reply["printed"] = text(fmt.Sprint(value))
	reply["yaml"] = text(printed)
	return reply, nil
}
