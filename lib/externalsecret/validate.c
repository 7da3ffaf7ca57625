/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/validate.h"

#include <stdarg.h>

#include "externalsecret/plan.h"
#include "objects/schema.h"

enum {
    NAME_SHOWN = 64, /* of a key that somebody chose */
    CUT = 3,         /* "..." */
};

#define TOKEN_OF_ACCOUNT "kubernetes.io/service-account-token"
#define TOKEN_OF_BOOTSTRAP "bootstrap.kubernetes.io/token"
#define ACCOUNT_ANNOTATION "kubernetes.io/service-account.name"
#define TEMPLATE_PATH "spec.target.template"

/* Terminals and the API server are shown nothing else. */
static void make_plain(char *text)
{
    for (char *at = text; *at; at++) {
        if (*at < 0x20 || *at >= 0x7f) {
            *at = '?';
        }
    }
}

void problem_add(struct problem_list *list, enum problem_code code, enum problem_severity severity,
                 const char *format, ...)
{
    if (list->count == PROBLEMS_MAX) {
        list->more++;
        return;
    }
    struct problem *problem = &list->items[list->count++];
    int prefix = snprintf(problem->text, sizeof problem->text, "KT%03d ", (int)code);
    size_t room = sizeof problem->text - (size_t)prefix;
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(problem->text + prefix, room, format, args);
    va_end(args);
    if (wanted >= (int)room) {
        memcpy(problem->text + sizeof problem->text - 1 - CUT, "...", CUT);
    }
    problem->code = code;
    problem->severity = severity;
    make_plain(problem->text);
}

/* ---- what the operator's webhook refuses ---- */

static void check_policies(const struct external_secret *external_secret, struct problem_list *ret)
{
    enum creation_policy creation = external_secret->creation_policy;
    enum deletion_policy deletion = external_secret->deletion_policy;
    if (deletion == DELETION_DELETE && creation != CREATION_OWNER && creation != CREATION_ORPHAN) {
        problem_add(ret, PROBLEM_DELETE_POLICY, PROBLEM_ERROR,
                    "spec.target.deletionPolicy Delete needs creationPolicy Owner or Orphan: with "
                    "the others the Secret is not this ExternalSecret's to delete");
    }
    if (deletion == DELETION_MERGE && creation == CREATION_NONE) {
        problem_add(ret, PROBLEM_MERGE_POLICY, PROBLEM_ERROR,
                    "spec.target.deletionPolicy Merge takes keys out of the Secret, which "
                    "creationPolicy None never writes: use Retain");
    }
}

static bool is_there(const struct json *object, const char *name)
{
    return !json_is_absent(json_member(object, name));
}

static void check_sources(const struct json *element, size_t index, struct problem_list *ret)
{
    const struct json *source = json_member(element, "sourceRef");
    int count =
        is_there(element, "extract") + is_there(element, "find") + is_there(source, "generatorRef");
    if (count == 0 && json_is_absent(source)) {
        problem_add(ret, PROBLEM_DATA_FROM, PROBLEM_ERROR,
                    "spec.dataFrom[%zu] has no source: add extract, find or sourceRef", index);
    } else if (count > 1) {
        problem_add(ret, PROBLEM_DATA_FROM, PROBLEM_ERROR,
                    "spec.dataFrom[%zu] has more than one of extract, find and "
                    "sourceRef.generatorRef: make each an entry of its own",
                    index);
    } else if (!json_is_absent(source) && !is_there(source, "storeRef") &&
               !is_there(source, "generatorRef")) {
        problem_add(ret, PROBLEM_DATA_FROM, PROBLEM_ERROR,
                    "spec.dataFrom[%zu].sourceRef is empty: add storeRef or generatorRef", index);
    }
}

static void check_entries(const struct json *spec, struct problem_list *ret)
{
    const struct json *data_from = json_member(spec, "dataFrom");
    size_t index = 0;
    if (!json_first(json_member(spec, "data")) && !json_first(data_from)) {
        problem_add(ret, PROBLEM_EMPTY, PROBLEM_ERROR,
                    "spec.data and spec.dataFrom are both empty: one of them has to say what to "
                    "fetch");
    }
    JSON_FOR_EACH (element, data_from) {
        check_sources(element, index++, ret);
    }
}

static int compare_secret_keys(const void *a, const void *b)
{
    const struct external_secret_data *left = *(const struct external_secret_data *const *)a;
    const struct external_secret_data *right = *(const struct external_secret_data *const *)b;
    int order = sv_compare(left->secret_key, right->secret_key);
    return order ? order : (left > right) - (left < right);
}

static void check_duplicates(const struct external_secret *external_secret,
                             struct problem_list *ret)
{
    size_t count = external_secret->data_count;
    if (external_secret->deletion_policy != DELETION_RETAIN) {
        return;
    }
    CLEANUP(mem_free_ptr)
    const struct external_secret_data **sorted = mem_alloc_array(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &external_secret->data[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_secret_keys);
    for (size_t i = 1; i < count; i++) {
        if (sv_equal(sorted[i - 1]->secret_key, sorted[i]->secret_key)) {
            problem_add(ret, PROBLEM_DUPLICATE_KEY, PROBLEM_ERROR,
                        "spec.data[%zu].secretKey %.*s stands there twice: remove one",
                        (size_t)(sorted[i] - external_secret->data),
                        SV_ARG(sv_first(sorted[i]->secret_key, NAME_SHOWN)));
        }
    }
}

static bool names_account(const struct external_secret_template *part)
{
    for (size_t i = 0; i < part->annotation_count; i++) {
        if (sv_is(part->annotations[i].key, ACCOUNT_ANNOTATION)) {
            return true;
        }
    }
    for (size_t i = 0; i < part->from_count; i++) {
        if (part->from[i].target == TEMPLATE_ANNOTATIONS) {
            return true;
        }
    }
    return false;
}

static void check_type(const struct external_secret_template *part, struct problem_list *ret)
{
    if (sv_is(part->type, TOKEN_OF_BOOTSTRAP) ||
        (sv_is(part->type, TOKEN_OF_ACCOUNT) && names_account(part))) {
        problem_add(ret, PROBLEM_TOKEN_TYPE, PROBLEM_ERROR,
                    TEMPLATE_PATH ".type %.*s would make a token of this cluster: not allowed",
                    SV_ARG(part->type));
    }
}

static void check_targets(const struct json *template, struct problem_list *ret)
{
    static const char *const targets[] = {"Data", "Annotations", "Labels", ""};
    size_t index = 0;
    JSON_FOR_EACH (element, json_member(template, "templateFrom")) {
        struct str_view target = json_string(json_member(element, "target"));
        bool known = false;
        for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
            known = known || sv_equal_ignoring_case(target, sv_of(targets[i]));
        }
        if (!known) {
            problem_add(ret, PROBLEM_TEMPLATE_TARGET, PROBLEM_ERROR,
                        TEMPLATE_PATH ".templateFrom[%zu].target is none of Data, Annotations and "
                                      "Labels",
                        index);
        }
        index++;
    }
}

/* ---- what is found out about later otherwise ---- */

static void judge(enum plan_verdict verdict, enum problem_code mistake, const struct err *err,
                  struct problem_list *ret)
{
    if (verdict == PLAN_FOREIGN) {
        problem_add(ret, PROBLEM_UNSUPPORTED, PROBLEM_FOREIGN, "%s", err->message);
    } else if (verdict == PLAN_BROKEN) {
        problem_add(ret, mistake, PROBLEM_ERROR, "%s", err->message);
    }
}

static void check_text(struct str_view text, const char *path, struct problem_list *ret)
{
    struct err err;
    judge(plan_check_text(text, path, &err), PROBLEM_TEMPLATE, &err, ret);
}

static void check_pairs(const struct string_pair *pairs, size_t count, const char *path,
                        struct problem_list *ret)
{
    for (size_t i = 0; i < count; i++) {
        struct schema_path value =
            schema_path("%s[%.*s]", path, SV_ARG(sv_first(pairs[i].key, NAME_SHOWN)));
        check_text(pairs[i].value, value.text, ret);
    }
}

static void check_templates(const struct external_secret_template *part, struct problem_list *ret)
{
    check_pairs(part->data, part->data_count, TEMPLATE_PATH ".data", ret);
    check_pairs(part->labels, part->label_count, TEMPLATE_PATH ".metadata.labels", ret);
    check_pairs(part->annotations, part->annotation_count, TEMPLATE_PATH ".metadata.annotations",
                ret);
    for (size_t i = 0; i < part->from_count; i++) {
        if (part->from[i].kind == TEMPLATE_FROM_LITERAL) {
            struct schema_path path =
                schema_path(TEMPLATE_PATH ".templateFrom[%zu].literal", part->from[i].index);
            check_text(part->from[i].literal, path.text, ret);
        }
    }
}

static void check_property(struct str_view property, const char *path, struct problem_list *ret)
{
    struct err err;
    judge(plan_check_property(property, path, &err), PROBLEM_UNSUPPORTED, &err, ret);
}

static void check_rewrites(const struct external_secret_data_from *from, size_t index,
                           struct effort *patterns, struct problem_list *ret)
{
    static const enum problem_code mistakes[] = {
        [REWRITE_REGEXP] = PROBLEM_REGEXP,
        [REWRITE_TRANSFORM] = PROBLEM_TEMPLATE,
        [REWRITE_MERGE] = PROBLEM_REWRITE_MERGE,
    };
    for (size_t i = 0; i < from->rewrite_count && patterns->left > 0; i++) {
        const struct external_secret_rewrite *rewrite = &from->rewrites[i];
        struct err err;
        judge(plan_check_rewrites(rewrite, 1, index, patterns, &err), mistakes[rewrite->kind], &err,
              ret);
    }
}

static void check_data_from(const struct external_secret_data_from *from, size_t index,
                            struct effort *patterns, struct problem_list *ret)
{
    struct schema_path property = schema_path("spec.dataFrom[%zu].extract.property", index);
    struct schema_path regexp = schema_path("spec.dataFrom[%zu].find.name.regexp", index);
    check_property(from->property, property.text, ret);
    /* Once over, all others would be over it too. */
    if (from->has_name && patterns->left > 0) {
        struct err err;
        judge(plan_check_regexp(from->name_regexp, regexp.text, patterns, &err), PROBLEM_REGEXP,
              &err, ret);
    }
    check_rewrites(from, index, patterns, ret);
}

static void check_fetches(const struct external_secret *external_secret, struct problem_list *ret)
{
    struct effort patterns = effort_of(LIMIT_REGEX_COMPILE_STEPS);
    for (size_t i = 0; i < external_secret->data_count; i++) {
        struct schema_path path = schema_path("spec.data[%zu].remoteRef.property", i);
        check_property(external_secret->data[i].property, path.text, ret);
    }
    for (size_t i = 0; i < external_secret->data_from_count; i++) {
        check_data_from(&external_secret->data_from[i], i, &patterns, ret);
    }
}

static bool has_errors(const struct problem_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].severity == PROBLEM_ERROR) {
            return true;
        }
    }
    return false;
}

void external_secret_validate(const struct json *object,
                              const struct external_secret *external_secret,
                              struct problem_list *ret)
{
    const struct json *spec = json_member(object, "spec");
    check_entries(spec, ret);
    check_policies(external_secret, ret);
    check_duplicates(external_secret, ret);
    check_type(&external_secret->template, ret);
    check_targets(json_path(spec, "target", "template", NULL), ret);
    check_fetches(external_secret, ret);
    check_templates(&external_secret->template, ret);
    /* The decoder names the same mistakes as fields that it does not know how to render. */
    if (external_secret->unsupported.len > 0 && !has_errors(ret)) {
        problem_add(ret, PROBLEM_UNSUPPORTED, PROBLEM_FOREIGN,
                    "%.*s is not supported by this version of Keyturn",
                    SV_ARG(external_secret->unsupported));
    }
}
