// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"unicode/utf8"
)

// text is a byte string. In requests and answers it is a JSON string if it is valid UTF-8, and
// {"b64": "..."} otherwise; a request may write any of its byte strings in the second form.
type text []byte

type base64Text struct {
	B64 []byte `json:"b64"`
}

func (t text) MarshalJSON() ([]byte, error) {
	if utf8.Valid(t) {
		var plain bytes.Buffer
		encoder := json.NewEncoder(&plain)
		encoder.SetEscapeHTML(false)
		err := encoder.Encode(string(t))
		return plain.Bytes(), err
	}
	return json.Marshal(base64Text{t})
}

func (t *text) UnmarshalJSON(source []byte) error {
	if len(source) > 0 && source[0] == '{' {
		var wrapped base64Text
		err := json.Unmarshal(source, &wrapped)
		*t = wrapped.B64
		return err
	}
	var plain string
	err := json.Unmarshal(source, &plain)
	*t = text(plain)
	return err
}

func bytesOf(data map[string]text) map[string][]byte {
	out := make(map[string][]byte, len(data))
	for key, value := range data {
		out[key] = value
	}
	return out
}

// entries answers with a map. Keys that are no valid UTF-8 (a rewrite can make them) do not fit into
// a JSON object: a list of pairs then, in place of the object.
func entries(data map[string][]byte) any {
	object := make(map[string]text, len(data))
	pairs := make([][2]text, 0, len(data))
	valid := true
	for key, value := range data {
		valid = valid && utf8.ValidString(key)
		object[key] = value
		pairs = append(pairs, [2]text{text(key), value})
	}
	if valid {
		return object
	}
	return pairs
}
