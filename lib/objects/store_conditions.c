/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/store_conditions.h"

#include "objects/external_secret_parts.h"
#include "objects/schema.h"
#include "refs/names.h"

/* The API server writes it, and nobody can change it. */
#define NAME_LABEL "kubernetes.io/metadata.name"

static const struct schema_field CONDITION[] = {
    {"namespaceSelector", NULL},
    {"namespaces", NULL},
    {"namespaceRegexes", NULL},
};
static const struct schema_field SELECTOR[] = {{"matchLabels", NULL}, {"matchExpressions", NULL}};
static const struct schema_field EXPRESSION[] = {
    {"key", NULL},
    {"operator", NULL},
    {"values", NULL},
};

/* ---- reading ---- */

static bool decode_operator(struct str_view text, enum selector_operator *ret)
{
    static const char *const names[] = {
        [SELECTOR_IN] = "In",
        [SELECTOR_NOT_IN] = "NotIn",
        [SELECTOR_EXISTS] = "Exists",
        [SELECTOR_DOES_NOT_EXIST] = "DoesNotExist",
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (sv_is(text, names[i])) {
            *ret = (enum selector_operator)i;
            return true;
        }
    }
    return false;
}

/* What Kubernetes would not make a selector of. */
static void check_requirement(const struct selector_requirement *requirement, const char *path,
                              struct buf *unsupported)
{
    bool wants_values =
        requirement->operator== SELECTOR_IN || requirement->operator== SELECTOR_NOT_IN;
    if (!name_is_label_key(requirement->key)) {
        schema_note(unsupported, "%s.key", path);
    }
    if (wants_values != (requirement->value_count > 0)) {
        schema_note(unsupported, "%s.values", path);
    }
    for (size_t i = 0; i < requirement->value_count; i++) {
        if (!name_is_label_value(requirement->values[i])) {
            schema_note(unsupported, "%s.values[%zu]", path, i);
        }
    }
}

static void decode_expression(const struct json *element, const char *path,
                              struct selector_requirement *ret, struct buf *unsupported)
{
    struct schema_path values = schema_path("%s.values", path);
    schema_check(element, path, EXPRESSION, ARRAY_LEN(EXPRESSION), unsupported);
    ret->key = schema_text(element, path, "key", unsupported);
    ret->values =
        texts_decode(json_member(element, "values"), values.text, &ret->value_count, unsupported);
    if (!decode_operator(schema_text(element, path, "operator", unsupported), &ret->operator)) {
        schema_note(unsupported, "%s.operator", path);
    }
    check_requirement(ret, path, unsupported);
}

static void decode_label(const struct json *member, const char *path,
                         struct selector_requirement *ret, struct buf *unsupported)
{
    ret->key = json_key(member);
    ret->operator= SELECTOR_IN;
    ret->values = mem_alloc(sizeof *ret->values);
    ret->value_count = 1;
    ret->values[0] = json_string(member);
    if (!json_is(member, JSON_STRING) || !name_is_label_key(ret->key) ||
        !name_is_label_value(ret->values[0])) {
        schema_note(unsupported, "%s", path);
    }
}

static void decode_selector(const struct json *selector, const char *path,
                            struct store_condition *ret, struct buf *unsupported)
{
    struct schema_path labels_path = schema_path("%s.matchLabels", path);
    struct schema_path list_path = schema_path("%s.matchExpressions", path);
    const struct json *labels = json_member(selector, "matchLabels");
    schema_check(selector, path, SELECTOR, ARRAY_LEN(SELECTOR), unsupported);
    if (!json_is_absent(labels) && !json_is(labels, JSON_OBJECT)) {
        schema_note(unsupported, "%s", labels_path.text);
        labels = NULL;
    }
    const struct json *expressions =
        schema_array(json_member(selector, "matchExpressions"), list_path.text, unsupported);
    size_t room = (json_is_absent(labels) ? 0 : labels->len) + (expressions ? expressions->len : 0);
    ret->has_selector = true;
    ret->requirements = mem_alloc_array(room, sizeof *ret->requirements);
    JSON_FOR_EACH (member, labels) {
        decode_label(member, labels_path.text, &ret->requirements[ret->requirement_count++],
                     unsupported);
    }
    size_t index = 0;
    JSON_FOR_EACH (element, expressions) {
        struct schema_path element_path = schema_path("%s[%zu]", list_path.text, index++);
        decode_expression(element, element_path.text, &ret->requirements[ret->requirement_count++],
                          unsupported);
    }
}

static void decode_namespaces(const struct json *condition, const char *path,
                              struct store_condition *ret, struct buf *unsupported)
{
    struct schema_path list_path = schema_path("%s.namespaces", path);
    ret->namespaces = texts_decode(json_member(condition, "namespaces"), list_path.text,
                                   &ret->namespace_count, unsupported);
    for (size_t i = 0; i < ret->namespace_count; i++) {
        if (!name_is_dns_label(ret->namespaces[i])) {
            schema_note(unsupported, "%s[%zu]", list_path.text, i);
        }
    }
}

static void decode_regexes(const struct json *condition, const char *path,
                           struct store_condition *ret, struct buf *unsupported)
{
    struct schema_path list_path = schema_path("%s.namespaceRegexes", path);
    const struct json *array =
        schema_array(json_member(condition, "namespaceRegexes"), list_path.text, unsupported);
    ret->regexes = mem_alloc_array(array ? array->len : 0, sizeof *ret->regexes);
    size_t index = 0;
    JSON_FOR_EACH (element, array) {
        struct err ignored;
        if (!json_is(element, JSON_STRING) ||
            !regex_compile(json_string(element), NULL, &ret->regexes[ret->regex_count], &ignored)) {
            schema_note(unsupported, "%s[%zu]", list_path.text, index);
        } else {
            ret->regex_count++;
        }
        index++;
    }
}

void store_conditions_decode(const struct json *spec, struct store *ret, struct buf *unsupported)
{
    const struct json *array =
        schema_array(json_member(spec, "conditions"), "spec.conditions", unsupported);
    ret->conditions = mem_alloc_array(array ? array->len : 0, sizeof *ret->conditions);
    JSON_FOR_EACH (element, array) {
        struct schema_path path = schema_path("spec.conditions[%zu]", ret->condition_count);
        struct schema_path selector_path = schema_path("%s.namespaceSelector", path.text);
        struct store_condition *condition = &ret->conditions[ret->condition_count++];
        const struct json *selector = json_member(element, "namespaceSelector");
        schema_check(element, path.text, CONDITION, ARRAY_LEN(CONDITION), unsupported);
        if (!json_is_absent(selector)) {
            decode_selector(selector, selector_path.text, condition, unsupported);
        }
        decode_namespaces(element, path.text, condition, unsupported);
        decode_regexes(element, path.text, condition, unsupported);
    }
}

static void take_condition(struct store_condition *condition, struct text_pool *pool)
{
    for (size_t i = 0; i < condition->requirement_count; i++) {
        struct selector_requirement *requirement = &condition->requirements[i];
        text_pool_take(pool, &requirement->key);
        texts_take_text(requirement->values, requirement->value_count, pool);
    }
    texts_take_text(condition->namespaces, condition->namespace_count, pool);
}

void store_conditions_take_text(struct store *store, struct text_pool *pool)
{
    for (size_t i = 0; i < store->condition_count; i++) {
        take_condition(&store->conditions[i], pool);
    }
}

static void condition_done(struct store_condition *condition)
{
    for (size_t i = 0; i < condition->requirement_count; i++) {
        free(condition->requirements[i].values);
    }
    for (size_t i = 0; i < condition->regex_count; i++) {
        regex_free(condition->regexes[i]);
    }
    free(condition->requirements);
    free(condition->namespaces);
    free(condition->regexes);
}

void store_conditions_done(struct store *store)
{
    for (size_t i = 0; i < store->condition_count; i++) {
        condition_done(&store->conditions[i]);
    }
    free(store->conditions);
}

/* ---- deciding ---- */

static const struct str_view *find_label(const struct store_namespace *namespace,
                                         struct str_view key)
{
    for (size_t i = 0; i < namespace->label_count; i++) {
        if (sv_equal(namespace->labels[i].key, key)) {
            return &namespace->labels[i].value;
        }
    }
    return NULL;
}

static bool meets_requirement(const struct store_namespace *namespace,
                              const struct selector_requirement *requirement)
{
    const struct str_view *label = find_label(namespace, requirement->key);
    bool listed = false;
    for (size_t i = 0; label && i < requirement->value_count; i++) {
        listed = listed || sv_equal(*label, requirement->values[i]);
    }
    switch (requirement->operator) {
    case SELECTOR_IN:
        return listed;
    case SELECTOR_NOT_IN:
        return !listed;
    case SELECTOR_EXISTS:
        return label != NULL;
    case SELECTOR_DOES_NOT_EXIST:
        return label == NULL;
    }
    return false;
}

static bool meets_selector(const struct store_namespace *namespace,
                           const struct store_condition *condition)
{
    if (!condition->has_selector ||
        (condition->requirement_count > 0 && !namespace->labels_known)) {
        return false;
    }
    for (size_t i = 0; i < condition->requirement_count; i++) {
        if (!meets_requirement(namespace, &condition->requirements[i])) {
            return false;
        }
    }
    return true;
}

static bool is_listed(const struct store_namespace *namespace,
                      const struct store_condition *condition)
{
    const struct str_view *name =
        namespace->labels_known ? find_label(namespace, SV(NAME_LABEL)) : NULL;
    for (size_t i = 0; name && i < condition->namespace_count; i++) {
        if (sv_equal(*name, condition->namespaces[i])) {
            return true;
        }
    }
    return false;
}

static bool meets_regex(const struct store_namespace *namespace,
                        const struct store_condition *condition)
{
    for (size_t i = 0; i < condition->regex_count; i++) {
        bool matches = false;
        struct err too_costly;
        if (regex_matches(condition->regexes[i], namespace->name, NULL, &matches, &too_costly) &&
            matches) {
            return true;
        }
    }
    return false;
}

static bool meets_any_condition(const struct store *store, const struct store_namespace *namespace)
{
    for (size_t i = 0; i < store->condition_count; i++) {
        const struct store_condition *condition = &store->conditions[i];
        if (meets_selector(namespace, condition) || is_listed(namespace, condition) ||
            meets_regex(namespace, condition)) {
            return true;
        }
    }
    return store->condition_count == 0;
}

bool store_admits(const struct store *store, const struct store_namespace *namespace,
                  struct err *err)
{
    if (!store->cluster) {
        return sv_equal(store->namespace, namespace->name) ||
               err_set(err, ERR_DENIED, "SecretStore %.*s is of another namespace than %.*s",
                       SV_ARG(store->name), SV_ARG(namespace->name));
    }
    if (meets_any_condition(store, namespace)) {
        return true;
    }
    return err_set(err, ERR_DENIED,
                   namespace->labels_known
                       ? "ClusterSecretStore %.*s: its spec.conditions do not admit namespace %.*s"
                       : "ClusterSecretStore %.*s: its spec.conditions do not admit namespace %.*s "
                         "as long as Keyturn does not know its labels; it has to be allowed to "
                         "list and watch namespaces",
                   SV_ARG(store->name), SV_ARG(namespace->name));
}
