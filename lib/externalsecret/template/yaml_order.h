/* SPDX-License-Identifier: Apache-2.0 */
/* The order in which go-yaml v2 writes the keys of a map: numbers inside texts count by their
 * value, what is no letter stands before letters. Any thread. Source: sorter.go of
 * sigs.k8s.io/yaml/goyaml.v2. */
#ifndef EXTERNALSECRET_TEMPLATE_YAML_ORDER_H
#define EXTERNALSECRET_TEMPLATE_YAML_ORDER_H

#include "externalsecret/template/value.h"

/* Sorts `members`, whose keys are UTF-8 and differ. ERR_INVALID when there is no such order: the
 * rule goes round in a circle for keys like 9, 12 and 1a (there Go's result changes from run to
 * run). ERR_TOO_BIG when the run's steps are spent. */
MUST_CHECK bool yaml_order(struct template_arena *arena, struct value_member *members, size_t count,
                           struct err *err);

#endif
