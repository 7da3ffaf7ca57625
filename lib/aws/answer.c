/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/answer.h"

#include "aws/secretsmanager.h"

#include "base/encode.h"
#include "base/limits.h"

enum {
    MAX_DEPTH = 16,
    ENTRY_CODE_BYTES = 256,     /* with what may stand in front of it */
    ENTRY_MESSAGE_BYTES = 1024, /* what is searched of a message */
};

bool answer_refuse(struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "the answer is not what this service sends");
}

bool answer_parse(struct secret_buf *body, uint32_t max_nodes, struct json_doc *doc,
                  const struct json **ret, struct err *err)
{
    const struct json_limits limits = {.max_nodes = max_nodes, .max_depth = MAX_DEPTH};
    const struct json *root = NULL;
    struct err ignored; /* it has an offset only, but then nobody needs that either */
    if (body->bytes.len == 0 ||
        !json_parse(doc, body->bytes.data, body->bytes.len, &limits, &root, &ignored) ||
        !json_is(root, JSON_OBJECT)) {
        return answer_refuse(err);
    }
    *ret = root;
    return true;
}

bool answer_member(const struct json *object, const char *name, enum json_type type,
                   const struct json **ret, struct err *err)
{
    const struct json *member = json_member(object, name);
    if (!json_is_absent(member) && !json_is(member, type)) {
        return answer_refuse(err);
    }
    *ret = json_is_absent(member) ? NULL : member;
    return true;
}

bool answer_string(const struct json *object, const char *name, struct str_view *ret,
                   struct err *err)
{
    const struct json *member = NULL;
    if (!answer_member(object, name, JSON_STRING, &member, err)) {
        return false;
    }
    *ret = json_string(member);
    return true;
}

bool answer_next_token(const struct json *answer, struct buf *ret, struct err *err)
{
    struct str_view token = {0};
    if (!answer_string(answer, "NextToken", &token, err)) {
        return false;
    }
    buf_clear(ret);
    buf_add(ret, token);
    return !ret->failed || answer_refuse(err);
}

void answer_add_token(struct buf *body, struct str_view token)
{
    if (token.len > 0) {
        buf_add_str(body, ",\"NextToken\":");
        encode_json_string(body, token);
    }
}

bool answer_take_value(const struct json *text, struct secret_buf *ret, struct err *err)
{
    struct str_view value = json_string(text);
    if (value.len > LIMIT_AWS_VALUE_BYTES) {
        return err_set(err, ERR_TOO_BIG, "the value is over its limit of %d bytes",
                       LIMIT_AWS_VALUE_BYTES);
    }
    secret_buf_done(ret);
    secret_buf_init(ret, value.len);
    secret_buf_add(ret, value);
    return true;
}

bool answer_take_base64(const struct json *text, struct secret_buf *ret, struct err *err)
{
    struct str_view encoded = json_string(text);
    size_t most = encoded.len / 4 * 3;
    secret_buf_done(ret);
    secret_buf_init(ret, most < LIMIT_AWS_VALUE_BYTES ? most : LIMIT_AWS_VALUE_BYTES);
    return decode_base64(&ret->bytes, encoded, err) ||
           (err->kind == ERR_TOO_BIG
                ? err_set(err, ERR_TOO_BIG, "the value is over its limit of %d bytes",
                          LIMIT_AWS_VALUE_BYTES)
                : err_set(err, ERR_UNAVAILABLE, "the binary value is not base64"));
}

bool answer_is_name(struct str_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f) {
            return false;
        }
    }
    return text.len > 0 && text.len <= ANSWER_NAME_BYTES;
}

char *answer_take_name(struct str_view text)
{
    return answer_is_name(text) ? sv_dup(text) : NULL;
}

void answer_take_version(struct str_view text, char ret[REMOTE_VERSION_BYTES])
{
    ret[0] = '\0';
    if (text.len < REMOTE_VERSION_BYTES && answer_is_name(text)) {
        memcpy(ret, text.data, text.len);
        ret[text.len] = '\0';
    }
}

void answer_type_error(const struct err *err, struct service_error *error)
{
    error->class = err->kind == ERR_MISSING   ? SERVICE_NOT_FOUND
                   : err->kind == ERR_TOO_BIG ? SERVICE_REQUEST
                                              : SERVICE_TRANSIENT;
    error->retryable = error->class == SERVICE_TRANSIENT;
}

/* The entry as the error answer it would have been, so that one table of codes serves both. */
static void compose_error(const struct http_response *answer, unsigned status, struct str_view code,
                          struct str_view message, struct http_response *ret)
{
    ret->status = status;
    buf_init(&ret->headers, LIMIT_HEADER_BYTES);
    buf_add(&ret->headers, buf_view(&answer->headers));
    secret_buf_init(&ret->body, LIMIT_AWS_ANSWER_BYTES);
    struct buf *body = &ret->body.bytes;
    buf_add_str(body, "{\"__type\":");
    encode_json_string(body, code);
    buf_add_str(body, ",\"message\":");
    encode_json_string(body, sv_first(message, ENTRY_MESSAGE_BYTES));
    buf_add_byte(body, '}');
}

struct service_error answer_entry_error(const struct http_response *answer, unsigned status,
                                        struct str_view code, struct str_view message)
{
    CLEANUP(http_response_done) struct http_response entry = {0};
    compose_error(answer, status, sv_first(code, ENTRY_CODE_BYTES), message, &entry);
    struct service_error error = service_error_read(&entry);
    error.status = answer->status;
    if (!error.code[0]) {
        error.class = SERVICE_TRANSIENT;
        error.retryable = true;
    }
    return error;
}

void answer_say_nothing(struct service_error *error, struct err *err)
{
    *error = (struct service_error){.class = SERVICE_TRANSIENT, .retryable = true, .status = 200};
    (void)err_set(err, ERR_UNAVAILABLE, "the service answered neither a value nor an error");
}

static bool read_tag(const struct json *entry, struct sm_tag *ret, struct err *err)
{
    return json_is(entry, JSON_OBJECT) ? answer_string(entry, "Key", &ret->key, err) &&
                                             answer_string(entry, "Value", &ret->value, err)
                                       : answer_refuse(err);
}

bool answer_tags(const struct json *object, const char *name, struct sm_tag **ret,
                 size_t *ret_count, struct err *err)
{
    const struct json *tags = NULL;
    if (!answer_member(object, name, JSON_ARRAY, &tags, err)) {
        return false;
    }
    CLEANUP(mem_free_ptr)
    struct sm_tag *read = mem_alloc_array(tags ? tags->len : 0, sizeof *read);
    size_t count = 0;
    JSON_FOR_EACH (tag, tags) {
        if (!read_tag(tag, &read[count++], err)) {
            return false;
        }
    }
    *ret = read;
    *ret_count = count;
    read = NULL;
    return true;
}
