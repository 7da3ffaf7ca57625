// SPDX-License-Identifier: Apache-2.0

// Command vectors says what Go and the External Secrets Operator make of an input: the origin of the
// vectors under tests/data/externalsecret/vectors, and the far end of comparisons at random. It reads
// a JSON request a line and answers with a JSON object a line, in the same order. README.md beside
// this folder lists the requests.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
)

const longestRequest = 64 << 20

// A request names its operation; each operation reads the members it wants.
type request struct {
	Op string `json:"op"`

	Text       text            `json:"text"`
	Name       string          `json:"name"`
	Data       map[string]text `json:"data"`
	Target     string          `json:"target"`
	Key        string          `json:"key"`
	Property   string          `json:"property"`
	Pattern    text            `json:"pattern"`
	With       text            `json:"with"`
	Strategy   string          `json:"strategy"`
	Rewrite    json.RawMessage `json:"rewrite"`
	Generation int64           `json:"generation"`

	Annotations map[string]string `json:"annotations"`
	Labels      map[string]string `json:"labels"`
}

// An answer has "error" and nothing else where the operation refuses its input.
type answer map[string]any

type operation func(*request) (answer, error)

var operations = map[string]operation{
	"template":        executeTemplate,
	"keys-and-values": executeKeysAndValues,
	"parse":           parseTemplate,
	"transform":       executeTransform,
	"functions":       listFunctions,
	"property":        lookUpProperty,
	"extract":         extract,
	"json":            anyJSON,
	"regexp":          matchRegexp,
	"yaml":            readYAML,
	"decode":          decode,
	"convert":         convertKeys,
	"validate":        validateKeys,
	"rewrite":         rewriteKeys,
	"data-hash":       hashData,
	"rv":              resourceVersion,
	"sha3":            sha3OfText,
	"runes":           classifyRunes,
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, longestRequest)
	answers := bufio.NewWriter(os.Stdout)
	encoder := json.NewEncoder(answers)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		if err := encoder.Encode(answerTo(lines.Bytes())); err != nil {
			fail(err)
		}
		// Whoever asks may wait for this answer before asking again.
		if err := answers.Flush(); err != nil {
			fail(err)
		}
	}
	if err := lines.Err(); err != nil {
		fail(err)
	}
}

func answerTo(line []byte) (reply answer) {
	// Functions of templates panic on some inputs, and text/template does not catch all of them.
	defer func() {
		if trouble := recover(); trouble != nil {
			reply = answer{"error": fmt.Sprint(trouble), "panic": true}
		}
	}()
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{"error": err.Error(), "malformed": true}
	}
	operation, known := operations[asked.Op]
	if !known {
		return answer{"error": fmt.Sprintf("unknown op %q", asked.Op), "malformed": true}
	}
	reply, err := operation(&asked)
	if err != nil {
		return answer{"error": err.Error()}
	}
	return reply
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "vectors:", err)
	os.Exit(1)
}
