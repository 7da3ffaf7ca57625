// SPDX-License-Identifier: Apache-2.0

package main

import "regexp"

// matchRegexp answers with all that ESO and its templates do with a regular expression; `with` is
// the replacement.
func matchRegexp(asked *request) (answer, error) {
	compiled, err := regexp.Compile(string(asked.Pattern))
	if err != nil {
		return nil, err
	}
	subject := string(asked.Text)
	return answer{
		"match":             compiled.MatchString(subject),
		"find":              text(compiled.FindString(subject)),
		"submatches":        compiled.FindStringSubmatchIndex(subject),
		"all":               compiled.FindAllStringIndex(subject, -1),
		"names":             compiled.SubexpNames(),
		"replaceAll":        text(compiled.ReplaceAllString(subject, string(asked.With))),
		"replaceAllLiteral": text(compiled.ReplaceAllLiteralString(subject, string(asked.With))),
	}, nil
}
