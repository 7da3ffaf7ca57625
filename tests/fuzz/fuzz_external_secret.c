/* SPDX-License-Identifier: Apache-2.0 */
/* ExternalSecrets and stores as anybody may write them: they are read or refused, whatever is wrong
 * with them is told in one line, and nobody is admitted by a condition that says nothing of him. */
#include "admission/validate_external_secret.h"
#include "fuzz.h"

static void check_line(const char *text, size_t limit)
{
    FUZZ_CHECK(strlen(text) <= limit);
    for (; *text; text++) {
        FUZZ_CHECK(*text >= 0x20 && *text < 0x7f);
    }
}

static void read_external_secret(const struct json *object)
{
    struct external_secret *external_secret = NULL;
    struct problem_list problems = {0};
    struct verdict verdict;
    struct err err;
    if (!external_secret_decode(object, &external_secret, &err)) {
        return;
    }
    external_secret_validate(object, external_secret, &problems);
    for (size_t i = 0; i < problems.count; i++) {
        check_line(problems.items[i].text, LIMIT_DENIAL_BYTES);
    }
    for (int alone = 0; alone < 2; alone++) {
        validate_decide(&problems, &(struct validate_rules){.alone = alone}, &verdict);
        FUZZ_CHECK(verdict.allowed == (verdict.denial[0] == '\0'));
        for (size_t i = 0; i < verdict.warning_count; i++) {
            check_line(verdict.warnings[i].text, LIMIT_WARNING_BYTES);
        }
    }
    /* What is not supported is never rendered without a word. */
    FUZZ_CHECK(external_secret->unsupported.len == 0 || problems.count > 0);
    FUZZ_CHECK(!verdict.allowed || external_secret->unsupported.len == 0);
    external_secret_release(external_secret);
}

static bool speaks_of_everybody(const struct store *store)
{
    for (size_t i = 0; i < store->condition_count; i++) {
        const struct store_condition *condition = &store->conditions[i];
        if (condition->regex_count > 0 ||
            (condition->has_selector && condition->requirement_count == 0)) {
            return true;
        }
    }
    return store->condition_count == 0;
}

static void read_store(const struct json *object)
{
    static const struct store_namespace unknown = {.name = {"n", 1}};
    struct store *store = NULL;
    struct err err;
    if (!store_decode(object, true, &store, &err)) {
        return;
    }
    FUZZ_CHECK(!store_admits(store, &unknown, &err) || speaks_of_everybody(store));
    store_release(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct json_limits limits = {.max_nodes = 100000, .max_depth = LIMIT_JSON_DEPTH};
    char *text = mem_dup(data, size);
    struct json_doc doc = {0};
    const struct json *object = NULL;
    struct err err;
    if (json_parse(&doc, text, size, &limits, &object, &err)) {
        read_external_secret(object);
        read_store(object);
    }
    json_doc_done(&doc);
    free(text);
    return 0;
}
