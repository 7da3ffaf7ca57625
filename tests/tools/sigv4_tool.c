/* SPDX-License-Identifier: Apache-2.0 */
/* Signs what it is told to, for tests that compare with other signers:
 *
 *     sigv4_tool
 *
 * Each line of standard input is {"method", "path", "query", "headers": [[name, value], ...],
 * "body": base64, "region", "service", "date": "20261123T123600Z", "token", "access_key_id",
 * "secret_access_key"}; `token` may be absent. X-Amz-Security-Token must be among the headers: what
 * is signed is what is given. For each line it prints {"canonical_request", "string_to_sign",
 * "signed_headers", "signature", "authorization"}, or {"error": message}. Exit status 2: a line is
 * not such an object. The keys are those of tests, so nothing here is kept from sight. */
#include <stdio.h>
#include <stdlib.h>

#include "aws/sigv4.h"
#include "base/encode.h"
#include "base/json.h"

enum {
    MAX_HEADERS = 64,
    LINE_BYTES = 1024 * 1024,
    DAY_BYTES = 8, /* of "20261123T123600Z" */
};

struct job {
    struct sigv4_request request;
    struct http_header headers[MAX_HEADERS];
    struct buf names[MAX_HEADERS];
    struct buf body;
    struct secret_buf secret;
    struct credentials *credentials;
};

struct stages {
    struct secret_buf canonical;
    struct secret_buf to_sign;
    struct secret_buf authorization;
    struct buf signed_headers;
    char signature[SIGV4_SIGNATURE_BYTES];
};

static struct str_view text_of(const struct json *object, const char *name)
{
    return json_string(json_member(object, name));
}

static bool headers_read(const struct json *array, struct job *ret, struct err *err)
{
    size_t count = 0;
    JSON_FOR_EACH (pair, array) {
        const struct json *name = json_first(pair);
        if (!name || !json_is(name->next, JSON_STRING) || count == MAX_HEADERS) {
            return err_set(err, ERR_INVALID, "headers: pairs of texts, %d at most", MAX_HEADERS);
        }
        struct buf *copy = &ret->names[count];
        buf_init(copy, LINE_BYTES);
        buf_add(copy, json_string(name));
        ret->headers[count].name = copy->data;
        ret->headers[count++].value = json_string(name->next);
    }
    ret->request.headers = ret->headers;
    ret->request.header_count = count;
    return true;
}

static bool job_read(const struct json *line, struct job *ret, struct err *err)
{
    struct str_view date = text_of(line, "date");
    if (date.len != SIGV4_DATE_BYTES - 1) {
        return err_set(err, ERR_INVALID, "date: like 20261123T123600Z");
    }
    buf_init(&ret->body, LINE_BYTES);
    ret->request = (struct sigv4_request){
        .method = text_of(line, "method"),
        .path = text_of(line, "path"),
        .query = text_of(line, "query"),
        .region = text_of(line, "region"),
        .service = text_of(line, "service"),
    };
    memcpy(ret->request.amz_date, date.data, date.len);
    if (!headers_read(json_member(line, "headers"), ret, err) ||
        !decode_base64(&ret->body, text_of(line, "body"), err)) {
        return false;
    }
    ret->request.body = buf_view(&ret->body);
    return credentials_new(text_of(line, "access_key_id"), text_of(line, "secret_access_key"),
                           text_of(line, "token"), &ret->credentials, err);
}

static void job_done(struct job *job)
{
    for (size_t i = 0; i < MAX_HEADERS; i++) {
        buf_done(&job->names[i]);
    }
    buf_done(&job->body);
    credentials_release(job->credentials);
}

static void stages_done(struct stages *stages)
{
    secret_buf_done(&stages->canonical);
    secret_buf_done(&stages->to_sign);
    secret_buf_done(&stages->authorization);
    buf_done(&stages->signed_headers);
}

static bool sign(const struct job *job, struct stages *ret, struct err *err)
{
    secret_buf_init(&ret->canonical, LIMIT_SIGV4_BYTES);
    secret_buf_init(&ret->to_sign, LIMIT_SIGV4_BYTES);
    secret_buf_init(&ret->authorization, LIMIT_SIGV4_BYTES);
    buf_init(&ret->signed_headers, LIMIT_SIGV4_BYTES);
    const struct sigv4_request *request = &job->request;
    if (!sigv4_canonical_request(request, &ret->canonical, &ret->signed_headers, err) ||
        !sigv4_string_to_sign(request, &ret->canonical, &ret->to_sign, err)) {
        return false;
    }
    struct sigv4_keys keys;
    sigv4_derive_keys(&job->credentials->secret_access_key, sv_make(request->amz_date, DAY_BYTES),
                      request->region, request->service, &keys);
    sigv4_signature(&keys, &ret->to_sign, ret->signature);
    explicit_bzero(&keys, sizeof keys);
    return sigv4_sign(request, job->credentials, &ret->authorization, err);
}

static void add_member(struct buf *out, const char *name, struct str_view text)
{
    buf_add_byte(out, out->len == 0 ? '{' : ',');
    encode_json_string(out, sv_of(name));
    buf_add_byte(out, ':');
    encode_json_string(out, text);
}

static void write_stages(const struct stages *stages, struct buf *out)
{
    add_member(out, "canonical_request", secret_buf_view(&stages->canonical));
    add_member(out, "string_to_sign", secret_buf_view(&stages->to_sign));
    add_member(out, "signed_headers", buf_view(&stages->signed_headers));
    add_member(out, "signature", sv_of(stages->signature));
    add_member(out, "authorization", secret_buf_view(&stages->authorization));
}

static bool is_printed(struct buf *out)
{
    buf_add_str(out, "}\n");
    struct err err = {0};
    return buf_check(out, "answer", &err) && fwrite(out->data, 1, out->len, stdout) == out->len;
}

/* False when the line is no job, or cannot be answered. */
static bool answer(char *text, size_t len)
{
    struct err err = {0};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = 1024, .max_depth = 4};
    const struct json *line = NULL;
    CLEANUP(job_done) struct job job = {0};
    if (!json_parse(&doc, text, len, &limits, &line, &err) || !job_read(line, &job, &err)) {
        (void)fprintf(stderr, "sigv4_tool: %s\n", err.message);
        return false;
    }
    CLEANUP(stages_done) struct stages stages = {0};
    CLEANUP(buf_done) struct buf out = {0};
    buf_init(&out, 8 * LIMIT_SIGV4_BYTES);
    if (sign(&job, &stages, &err)) {
        write_stages(&stages, &out);
    } else {
        add_member(&out, "error", sv_of(err.message));
    }
    return is_printed(&out);
}

static void line_done(char **line)
{
    free(*line);
}

int main(void)
{
    CLEANUP(line_done) char *line = NULL;
    size_t size = 0;
    ssize_t len = 0;
    while ((len = getline(&line, &size, stdin)) > 0) {
        if (!answer(line, (size_t)len)) {
            return 2;
        }
    }
    return fflush(stdout) == 0 ? 0 : 2;
}
