// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"unicode"

	esv1 "github.com/external-secrets/external-secrets/apis/externalsecrets/v1"
	"github.com/external-secrets/external-secrets/pkg/utils"
	"github.com/go-logr/logr"
)

func decode(asked *request) (answer, error) {
	strategy := esv1.ExternalSecretDecodingStrategy(asked.Strategy)
	out, err := utils.Decode(strategy, asked.Text)
	if err != nil {
		return nil, err
	}
	return answer{"text": text(out)}, nil
}

func convertKeys(asked *request) (answer, error) {
	strategy := esv1.ExternalSecretConversionStrategy(asked.Strategy)
	out, err := utils.ConvertKeys(strategy, bytesOf(asked.Data))
	if err != nil {
		return nil, err
	}
	return answer{"data": entries(out)}, nil
}

func validateKeys(asked *request) (answer, error) {
	data := bytesOf(asked.Data)
	if err := utils.ValidateKeys(logr.Discard(), data); err != nil {
		return nil, err
	}
	return answer{"data": entries(data)}, nil
}

func rewriteKeys(asked *request) (answer, error) {
	var operations []esv1.ExternalSecretRewrite
	if err := json.Unmarshal(asked.Rewrite, &operations); err != nil {
		return nil, err
	}
	out, err := utils.RewriteMap(operations, bytesOf(asked.Data))
	if err != nil {
		return nil, err
	}
	return answer{"data": entries(out)}, nil
}

func hashData(asked *request) (answer, error) {
	data := bytesOf(asked.Data)
	return answer{"hash": utils.ObjectHash(data), "text": fmt.Sprintf("%+v", data)}, nil
}

func resourceVersion(asked *request) (answer, error) {
	hash := utils.ObjectHash(struct {
		annotations map[string]string
		labels      map[string]string
	}{asked.Annotations, asked.Labels})
	return answer{"rv": fmt.Sprintf("%d-%s", asked.Generation, hash)}, nil
}

func sha3OfText(asked *request) (answer, error) {
	return answer{"hash": utils.ObjectHash(string(asked.Text))}, nil
}

// classifyRunes says of each rune of the text whether keys may have it as a letter or a number.
func classifyRunes(asked *request) (answer, error) {
	classes := []answer{}
	for _, each := range string(asked.Text) {
		classes = append(classes, answer{
			"rune": each, "letter": unicode.IsLetter(each), "number": unicode.IsNumber(each),
		})
	}
	return answer{"runes": classes}, nil
}
