/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/answer.h"
#include "aws/secretsmanager_messages.h"
#include "aws/service_operation.h"
#include "base/encode.h"
#include "base/limits.h"

enum {
    DESCRIBE_NODES = 8192,
    LIST_NODES = LIMIT_AWS_LIST_BYTES / 8, /* a tag has three of 24 bytes at least */
    FILTERS_MAX = 10,
    FILTER_VALUE_MAX = 512,
};

static const struct service_operation DESCRIBE = {
    .protocol = SERVICE_JSON_1_1,
    .target = "secretsmanager.DescribeSecret",
    .name = "DescribeSecret",
    .max_answer = LIMIT_AWS_LIST_BYTES,
};

static const struct service_operation LIST = {
    .protocol = SERVICE_JSON_1_1,
    .target = "secretsmanager.ListSecrets",
    .name = "ListSecrets",
    .max_answer = LIMIT_AWS_LIST_BYTES,
};

/* One description, which is the same in both answers but for the name of its versions. */

struct description {
    struct sm_description seen;
    struct sm_tag *tags;
    struct sm_version *versions;
    struct str_view *stages;
};

static void description_done(struct description *description)
{
    free(description->tags);
    free(description->versions);
    free(description->stages);
}

/* A number, or a number as text (published examples have both). */
static bool read_date(const struct json *object, const char *name, bool *ret, struct err *err)
{
    const struct json *date = json_member(object, name);
    *ret = !json_is_absent(date);
    if (json_is(date, JSON_STRING)) {
        struct str_view text = json_string(date);
        uint64_t ignored = 0;
        return sv_to_u64(sv_first(text, sv_find(text, '.')), &ignored) || answer_refuse(err);
    }
    return !*ret || json_is(date, JSON_NUMBER) || answer_refuse(err);
}

static bool read_tags(const struct json *object, struct description *ret, struct err *err)
{
    bool read = answer_tags(object, "Tags", &ret->tags, &ret->seen.tag_count, err);
    ret->seen.tags = ret->tags;
    return read;
}

static size_t count_stages(const struct json *versions)
{
    size_t count = 0;
    JSON_FOR_EACH (stages, versions) {
        count += json_is(stages, JSON_ARRAY) ? stages->len : 0;
    }
    return count;
}

static bool read_versions(const struct json *object, const char *name, struct description *ret,
                          struct err *err)
{
    const struct json *versions = NULL;
    if (!answer_member(object, name, JSON_OBJECT, &versions, err)) {
        return false;
    }
    ret->versions = mem_alloc_array(versions ? versions->len : 0, sizeof *ret->versions);
    ret->stages = mem_alloc_array(count_stages(versions), sizeof *ret->stages);
    struct str_view *next = ret->stages;
    JSON_FOR_EACH (stages, versions) {
        struct sm_version *to = &ret->versions[ret->seen.version_count++];
        *to = (struct sm_version){.id = json_key(stages), .stages = next};
        if (!json_is_absent(stages) && !json_is(stages, JSON_ARRAY)) {
            return answer_refuse(err);
        }
        JSON_FOR_EACH (stage, stages) {
            if (!json_is(stage, JSON_STRING)) {
                return answer_refuse(err);
            }
            *next++ = json_string(stage);
            to->stage_count++;
        }
    }
    ret->seen.versions = ret->versions;
    return true;
}

static bool read_description(const struct json *object, const char *versions,
                             struct description *ret, struct err *err)
{
    if (!json_is(object, JSON_OBJECT)) {
        return answer_refuse(err);
    }
    return answer_string(object, "ARN", &ret->seen.arn, err) &&
           answer_string(object, "Name", &ret->seen.name, err) &&
           read_date(object, "DeletedDate", &ret->seen.deleted, err) &&
           read_tags(object, ret, err) && read_versions(object, versions, ret, err);
}

/* DescribeSecret. */

bool sm_describe_compose(struct str_view key, struct buf *ret, struct err *err)
{
    if (key.len == 0 || key.len > ANSWER_NAME_BYTES) {
        return err_set(err, ERR_INVALID, "the key has %zu bytes, 1 to %d are possible", key.len,
                       ANSWER_NAME_BYTES);
    }
    buf_add_str(ret, "{\"SecretId\":");
    encode_json_string(ret, key);
    buf_add_byte(ret, '}');
    return buf_check(ret, "request", err);
}

bool sm_describe_read(struct secret_buf *answer, sm_describe found, void *context, struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    CLEANUP(description_done) struct description description = {0};
    const struct json *root = NULL;
    if (!answer_parse(answer, DESCRIBE_NODES, &doc, &root, err) ||
        !read_description(root, "VersionIdsToStages", &description, err)) {
        return false;
    }
    (void)found(context, &description.seen);
    return true;
}

static bool describe(const struct service_target *target, struct str_view key, sm_describe found,
                     void *context, struct service_error *error, struct err *err)
{
    CLEANUP(buf_done) struct buf body = {0};
    CLEANUP(http_response_done) struct http_response answer = {0};
    buf_init(&body, LIMIT_AWS_REQUEST_BYTES);
    *error = (struct service_error){.class = SERVICE_REQUEST};
    if (!sm_describe_compose(key, &body, err) ||
        !service_operation_call(target, &DESCRIBE, buf_view(&body), 0, &answer, error, err)) {
        return false;
    }
    if (!sm_describe_read(&answer.body, found, context, err)) {
        answer_type_error(err, error);
        return false;
    }
    return true;
}

bool sm_describe_secret(const struct service_target *target, struct str_view key, sm_describe found,
                        void *context, struct service_error *error, struct err *err)
{
    return describe(target, key, found, context, error, err) ||
           service_target_wrap(target, "description of secret", key, err);
}

/* ListSecrets. */

/* The service's pattern for what can be filtered by. What begins with '!' would be negated. */
static bool can_filter(struct str_view text)
{
    const struct str_view others = SV(" :_@/+=.-!");
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (!(byte >= 'a' && byte <= 'z') && !(byte >= 'A' && byte <= 'Z') &&
            !(byte >= '0' && byte <= '9') && sv_find(others, byte) == others.len) {
            return false;
        }
    }
    return text.len > 0 && text.len <= FILTER_VALUE_MAX && text.data[0] != '!';
}

static void add_filter(const char *key, struct str_view value, size_t *count, struct buf *ret)
{
    if (*count < FILTERS_MAX && can_filter(value)) {
        buf_add_str(ret, *count == 0 ? ",\"Filters\":[" : ",");
        buf_printf(ret, "{\"Key\":\"%s\",\"Values\":[", key);
        encode_json_string(ret, value);
        buf_add_str(ret, "]}");
        (*count)++;
    }
}

/* Filters only make the answer smaller: what is wanted is decided here. */
void sm_list_compose(const struct sm_list *list, struct str_view token, struct buf *ret)
{
    size_t filters = 0;
    buf_add_str(ret, "{\"MaxResults\":100");
    add_filter("name", list->name_prefix, &filters, ret);
    for (size_t i = 0; i < list->tag_count; i++) {
        add_filter("tag-key", list->tags[i].key, &filters, ret);
        add_filter("tag-value", list->tags[i].value, &filters, ret);
    }
    if (filters > 0) {
        buf_add_byte(ret, ']');
    }
    answer_add_token(ret, token);
    buf_add_byte(ret, '}');
}

static bool has_tag(const struct sm_description *secret, const struct sm_tag *tag)
{
    for (size_t i = 0; i < secret->tag_count; i++) {
        if (sv_equal(secret->tags[i].key, tag->key) &&
            sv_equal(secret->tags[i].value, tag->value)) {
            return true;
        }
    }
    return false;
}

static bool is_wanted(const struct sm_list *list, const struct sm_description *secret)
{
    if (secret->deleted || !sv_starts_with(secret->name, list->name_prefix)) {
        return false;
    }
    for (size_t i = 0; i < list->tag_count; i++) {
        if (!has_tag(secret, &list->tags[i])) {
            return false;
        }
    }
    return true;
}

static bool read_entry(const struct json *entry, const struct sm_list *list, sm_describe found,
                       void *context, bool *enough, struct err *err)
{
    CLEANUP(description_done) struct description description = {0};
    if (!read_description(entry, "SecretVersionsToStages", &description, err)) {
        return false;
    }
    *enough = is_wanted(list, &description.seen) && !found(context, &description.seen);
    return true;
}

bool sm_list_read(struct secret_buf *answer, const struct sm_list *list, sm_describe found,
                  void *context, struct buf *token, bool *enough, struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    const struct json *secrets = NULL;
    if (!answer_parse(answer, LIST_NODES, &doc, &root, err) ||
        !answer_member(root, "SecretList", JSON_ARRAY, &secrets, err) ||
        !answer_next_token(root, token, err)) {
        return false;
    }
    JSON_FOR_EACH (entry, secrets) {
        if (!read_entry(entry, list, found, context, enough, err)) {
            return false;
        }
        if (*enough) {
            break;
        }
    }
    return true;
}

struct listing {
    const struct sm_list *list;
    sm_describe found;
    void *context;
};

static bool compose_page(void *context, struct str_view token, struct buf *ret, struct err *err)
{
    const struct listing *listing = context;
    (void)err;
    sm_list_compose(listing->list, token, ret);
    return true;
}

static bool take_page(void *context, struct http_response *page, struct buf *token, bool *enough,
                      struct err *err)
{
    const struct listing *listing = context;
    return sm_list_read(&page->body, listing->list, listing->found, listing->context, token, enough,
                        err);
}

static void restart(void *context)
{
    (void)context;
}

bool sm_list_secrets(const struct service_target *target, const struct sm_list *list,
                     sm_describe found, void *context, struct service_error *error, struct err *err)
{
    struct listing listing = {.list = list, .found = found, .context = context};
    const struct service_pages pages = {
        .operation = &LIST,
        .max_pages = list->max_pages,
        .token_refused = "InvalidNextTokenException",
        .compose = compose_page,
        .read = take_page,
        .restart = restart,
        .context = &listing,
    };
    return service_pages_read(target, &pages, error, err) ||
           service_target_wrap(target, "list of secrets", list->name_prefix, err);
}
