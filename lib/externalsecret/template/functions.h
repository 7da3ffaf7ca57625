/* SPDX-License-Identifier: Apache-2.0 */
/* The functions a template may call: Go's builtins, and of sprig and the External Secrets Operator
 * those of external-secrets.md §6.8. Any thread.
 *
 * Intended differences, each a failed render where the operator goes on: fromYaml of what is no
 * YAML mapping (there Go's message stands under the key "Error"), toYaml of what yaml_write.h
 * names, and fromYaml of what base/yaml11.h names. */
#ifndef EXTERNALSECRET_TEMPLATE_FUNCTIONS_H
#define EXTERNALSECRET_TEMPLATE_FUNCTIONS_H

#include "externalsecret/template/value.h"

enum {
    TEMPLATE_ANY_COUNT = 255,
};

/* Appends nothing, returns its value in `ret`. A failure is the failure of the whole template; the
 * message says what is wrong and no value. Argument types have been checked by nobody: a function
 * refuses what Go's reflection would refuse (text for an int parameter) and converts what the
 * original converts (sprig's cast.ToInt64, strval). */
typedef bool (*template_call)(struct template_arena *arena, const struct value *args, size_t count,
                              struct value *ret, struct err *err);

struct template_function {
    const char *name;
    unsigned char min_args;
    unsigned char max_args; /* TEMPLATE_ANY_COUNT: variadic */
    template_call call;
};

/* NULL when this version does not have it. */
const struct template_function *template_function_find(struct str_view name);
/* A function that the operator has and this version does not (external-secrets.md §6.4, §6.5): such
 * a template is left to the operator. Any other unknown name is a mistake there too. */
bool template_function_is_foreign(struct str_view name);

/* Go's builtins and the printing family; template/builtins.c. */
extern const struct template_function TEMPLATE_BUILTINS[];
extern const size_t TEMPLATE_BUILTIN_COUNT;

#endif
