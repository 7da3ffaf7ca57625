/* SPDX-License-Identifier: Apache-2.0 */
/* A value as sigs.k8s.io/yaml writes it: encoding/json first, that text read as YAML, and the
 * result written by go-yaml v2 with two spaces for a level and lines broken behind column 80. Any
 * thread. Source: yaml.go, goyaml.v2/encode.go and emitterc.go of sigs.k8s.io/yaml 1.4. */
#ifndef EXTERNALSECRET_TEMPLATE_YAML_WRITE_H
#define EXTERNALSECRET_TEMPLATE_YAML_WRITE_H

#include "externalsecret/template/value.h"

/* Appends. `*ret_possible` is false for what sigs.k8s.io/yaml refuses, and `ret` is then to be
 * cleared: a float that JSON has no text for, a key of more than 1,022 characters in JSON, DEL, a
 * C1 control character, U+FFFE and U+FFFF. ERR_INVALID for what has an answer there and none here:
 * a text with U+0085, which is read as the end of a line, and keys of no certain order
 * (yaml_order.h). ERR_TOO_BIG nested deeper than LIMIT_JSON_DEPTH, over the ceiling of `ret` and
 * over the run's memory and steps. */
MUST_CHECK bool yaml_write(struct template_arena *arena, const struct value *value,
                           struct secret_buf *ret, bool *ret_possible, struct err *err);

#endif
