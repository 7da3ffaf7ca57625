/* SPDX-License-Identifier: Apache-2.0 */
/* Which texts go-yaml v2 may write without quotes: those that it would read as texts again. Any
 * thread. Source: resolve.go and encode.go of sigs.k8s.io/yaml/goyaml.v2, the layouts and ranges of
 * Go's time.Parse, the syntax of strconv.ParseInt and ParseFloat. */
#ifndef EXTERNALSECRET_TEMPLATE_YAML_RESOLVE_H
#define EXTERNALSECRET_TEMPLATE_YAML_RESOLVE_H

#include "base/str_view.h"

/* True for null, the booleans of YAML 1.1, integers and floats in every notation, numbers to base
 * 60, dates and times, and the empty text. */
bool yaml_resolves_otherwise(struct str_view text);

#endif
