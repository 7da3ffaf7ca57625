/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/aws_tags.h"

#include "base/limits.h"
#include "externalsecret/template/json_write.h"
#include "webhook/aws_target.h"

static int compare_tags(const void *a, const void *b)
{
    const struct sm_tag *left = a;
    const struct sm_tag *right = b;
    return sv_compare(left->key, right->key);
}

static bool write_tags(void *context, const struct sm_description *description)
{
    struct secret_buf *ret = context;
    size_t count = description->tag_count;
    CLEANUP(mem_free_ptr) struct sm_tag *tags = mem_alloc_array(count, sizeof *tags);
    for (size_t i = 0; i < count; i++) {
        tags[i] = description->tags[i];
    }
    qsort(tags, count, sizeof *tags, compare_tags);
    secret_buf_add(ret, SV("{"));
    for (size_t i = 0; i < count; i++) {
        secret_buf_add(ret, i > 0 ? SV(",") : SV(""));
        json_write_text(tags[i].key, JSON_COMPACT, &ret->bytes);
        secret_buf_add(ret, SV(":"));
        json_write_text(tags[i].value, JSON_COMPACT, &ret->bytes);
    }
    secret_buf_add(ret, SV("}"));
    return true;
}

bool aws_tags_read(struct aws_values *values, struct str_view key, struct str_view version,
                   struct secret_buf *ret, struct err *err)
{
    struct aws_target target;
    struct service_error error = {0};
    const struct ssm_ref ref = {.key = key, .version = version};
    secret_buf_init(ret, LIMIT_AWS_VALUE_BYTES);
    if (!aws_target_find(values->clients, values->request, &values->identity, &target, err)) {
        return false;
    }
    bool is_parameter = values->request->store->provider == PROVIDER_AWS_PARAMETER_STORE;
    bool read = is_parameter
                    ? ssm_list_tags(&target.service, &ref, write_tags, ret, &error, err)
                    : sm_describe_secret(&target.service, key, write_tags, ret, &error, err);
    aws_values_note(values, error.status != 0);
    if (!read) {
        err->kind = err->kind == ERR_MISSING ? ERR_INVALID : err->kind;
        return false;
    }
    return secret_buf_check(ret, "tags", err);
}
