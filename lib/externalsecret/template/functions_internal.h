/* SPDX-License-Identifier: Apache-2.0 */
/* The functions behind the table of functions.c, by the files they stand in. */
#ifndef EXTERNALSECRET_TEMPLATE_FUNCTIONS_INTERNAL_H
#define EXTERNALSECRET_TEMPLATE_FUNCTIONS_INTERNAL_H

#include "externalsecret/template/functions.h"

enum {
    STEP_BYTES = 64, /* bytes worked on for one step of the run */
};

#define TEMPLATE_CALL                                                                              \
    struct template_arena *arena, const struct value *args, size_t count, struct value *ret,       \
        struct err *err

/* functions_text.c */
bool function_contains(TEMPLATE_CALL);
bool function_has_prefix(TEMPLATE_CALL);
bool function_has_suffix(TEMPLATE_CALL);
bool function_trim_prefix(TEMPLATE_CALL);
bool function_trim_suffix(TEMPLATE_CALL);
bool function_trim(TEMPLATE_CALL);
bool function_trim_all(TEMPLATE_CALL);
bool function_trunc(TEMPLATE_CALL);
bool function_substr(TEMPLATE_CALL);
bool function_repeat(TEMPLATE_CALL);
bool function_replace(TEMPLATE_CALL);
bool function_indent(TEMPLATE_CALL);
bool function_nindent(TEMPLATE_CALL);
bool function_join(TEMPLATE_CALL);
bool function_cat(TEMPLATE_CALL);
bool function_squote(TEMPLATE_CALL);
bool function_split_list(TEMPLATE_CALL);
bool function_split(TEMPLATE_CALL);

/* functions_case.c */
bool function_upper(TEMPLATE_CALL);
bool function_lower(TEMPLATE_CALL);
bool function_title(TEMPLATE_CALL);
bool function_quote(TEMPLATE_CALL);

/* functions_list.c */
bool function_list(TEMPLATE_CALL);
bool function_first(TEMPLATE_CALL);
bool function_last(TEMPLATE_CALL);
bool function_rest(TEMPLATE_CALL);
bool function_initial(TEMPLATE_CALL);
bool function_append(TEMPLATE_CALL);
bool function_prepend(TEMPLATE_CALL);
bool function_concat(TEMPLATE_CALL);
bool function_reverse(TEMPLATE_CALL);
bool function_compact(TEMPLATE_CALL);
bool function_sort_alpha(TEMPLATE_CALL);
bool function_to_strings(TEMPLATE_CALL);

/* functions_dict.c */
bool function_dict(TEMPLATE_CALL);
bool function_get(TEMPLATE_CALL);
bool function_has_key(TEMPLATE_CALL);
bool function_set(TEMPLATE_CALL);
bool function_unset(TEMPLATE_CALL);
bool function_keys(TEMPLATE_CALL);
bool function_default(TEMPLATE_CALL);
bool function_empty(TEMPLATE_CALL);
bool function_coalesce(TEMPLATE_CALL);
bool function_all(TEMPLATE_CALL);
bool function_any(TEMPLATE_CALL);
bool function_ternary(TEMPLATE_CALL);

/* functions_convert.c */
bool function_to_string(TEMPLATE_CALL);
bool function_int(TEMPLATE_CALL);
bool function_int64(TEMPLATE_CALL);
bool function_atoi(TEMPLATE_CALL);
bool function_float64(TEMPLATE_CALL);
bool function_add(TEMPLATE_CALL);
bool function_add1(TEMPLATE_CALL);
bool function_sub(TEMPLATE_CALL);
bool function_mul(TEMPLATE_CALL);
bool function_div(TEMPLATE_CALL);
bool function_mod(TEMPLATE_CALL);
bool function_max(TEMPLATE_CALL);
bool function_min(TEMPLATE_CALL);
bool function_fail(TEMPLATE_CALL);
bool function_sha1sum(TEMPLATE_CALL);
bool function_sha256sum(TEMPLATE_CALL);
bool function_b64enc(TEMPLATE_CALL);
bool function_b64dec(TEMPLATE_CALL);

/* functions_json.c */
bool function_from_json(TEMPLATE_CALL);
bool function_to_json(TEMPLATE_CALL);
bool function_must_to_json(TEMPLATE_CALL);
bool function_to_pretty_json(TEMPLATE_CALL);
bool function_must_to_pretty_json(TEMPLATE_CALL);
bool function_to_raw_json(TEMPLATE_CALL);

/* functions_regex.c */
bool function_regex_match(TEMPLATE_CALL);
bool function_must_regex_match(TEMPLATE_CALL);
bool function_regex_find(TEMPLATE_CALL);
bool function_regex_replace_all(TEMPLATE_CALL);
bool function_regex_replace_all_literal(TEMPLATE_CALL);

/* functions_yaml.c */
bool function_to_yaml(TEMPLATE_CALL);
bool function_from_yaml(TEMPLATE_CALL);

#endif
