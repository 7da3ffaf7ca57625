/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets Manager on loopback, cheap enough not to be what is measured.
 *
 *   far_aws --ca FILE [--delay-ms N] [--deny-batches 1]
 *
 * Every secret exists. GetSecretValue and BatchGetSecretValue are told apart by what the body asks
 * for; signatures are not looked at (tests/support/aws_standin.py does that). Each call is answered
 * --delay-ms after it came. GET /calls answers how many have come: {"singles":1,"batches":2}. */
#include <stdatomic.h>

#include "base/encode.h"
#include "base/json.h"
#include "base/limits.h"
#include "delay_line.h"
#include "die.h"
#include "far_certificate.h"
#include "flags.h"
#include "serving.h"

#define ARN "arn:aws:secretsmanager:us-east-1:123456789012:secret:"
#define CONTENT_TYPE "application/x-amz-json-1.1"

enum {
    MAX_NODES = 256,
};

struct far_aws {
    struct serving serving;
    struct delay_line *delays; /* NULL: none */
    int64_t delay_ms;
    int64_t deny_batches;
    const char *ca_file;
    atomic_ullong singles;
    atomic_ullong batches;
};

/* What one call asks for. */
struct question {
    struct json_doc doc;
    const struct json *ids; /* of a batch */
    const struct json *id;  /* of a single call */
};

static void question_done(struct question *question)
{
    json_doc_done(&question->doc);
}

static bool question_read(struct server_request *request, struct question *ret)
{
    const struct json_limits limits = {.max_nodes = MAX_NODES, .max_depth = LIMIT_JSON_DEPTH};
    const struct json *root = NULL;
    struct err ignored;
    if (!json_parse(&ret->doc, request->body.data, request->body.len, &limits, &root, &ignored)) {
        return false;
    }
    ret->ids = json_member(root, "SecretIdList");
    ret->id = json_member(root, "SecretId");
    return ret->ids || ret->id;
}

static void add_secret(struct buf *out, struct str_view id)
{
    buf_add_str(out, "{\"ARN\":\"" ARN);
    encode_json_chars(out, id);
    buf_add_str(out, "-AbCdEf\",\"Name\":");
    encode_json_string(out, id);
    buf_add_str(out, ",\"VersionId\":\"b4d1a6b3-6a3f-4d38-9d4b-1d5a4d0c7e11\","
                     "\"SecretString\":\"{\\\"username\\\":\\\"payments\\\","
                     "\\\"password\\\":\\\"0Jv6b1fR9mTq3xYc8sLw5nZk2pHd7gAe\\\"}\","
                     "\"VersionStages\":[\"AWSCURRENT\"],\"CreatedDate\":1767225600.5}");
}

static void answer_batch(const struct far_aws *far, struct server_request *request,
                         const struct json *ids, struct buf *out)
{
    const char *before = "{\"SecretValues\":[";
    if (far->deny_batches) {
        server_answer(request, 400, CONTENT_TYPE,
                      SV("{\"__type\":\"AccessDeniedException\",\"Message\":\"not authorized to "
                         "perform: secretsmanager:BatchGetSecretValue\"}"));
        return;
    }
    JSON_FOR_EACH (id, ids) {
        buf_add_str(out, before);
        add_secret(out, json_string(id));
        before = ",";
    }
    buf_add_str(out, "],\"Errors\":[]}");
    server_answer(request, 200, CONTENT_TYPE, buf_view(out));
}

static void answer_call(struct far_aws *far, struct server_request *request)
{
    CLEANUP(question_done) struct question question = {0};
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, LIMIT_AWS_ANSWER_BYTES);
    if (!question_read(request, &question)) {
        server_answer(request, 400, CONTENT_TYPE, SV("{\"__type\":\"SerializationException\"}"));
    } else if (question.ids) {
        atomic_fetch_add(&far->batches, 1);
        answer_batch(far, request, question.ids, &out);
    } else {
        atomic_fetch_add(&far->singles, 1);
        add_secret(&out, json_string(question.id));
        server_answer(request, 200, CONTENT_TYPE, buf_view(&out));
    }
}

static void answer_count(struct far_aws *far, struct server_request *request)
{
    CLEANUP(buf_done) struct buf out;
    buf_init(&out, 128);
    buf_printf(&out, "{\"singles\":%llu,\"batches\":%llu}\n", atomic_load(&far->singles),
               atomic_load(&far->batches));
    server_answer(request, 200, "application/json", buf_view(&out));
}

static unsigned far_check(void *context, struct server_request *request)
{
    (void)context;
    bool asks = sv_is(request->path, "/") && sv_is(request->method, "POST");
    return asks || sv_is(request->path, "/calls") ? 0 : 404;
}

static void far_handle(void *context, struct server_request *request)
{
    struct far_aws *far = context;
    if (sv_is(request->path, "/calls")) {
        answer_count(far, request);
    } else if (far->delays && !request->resumed) {
        delay_line_put(far->delays, request);
    } else {
        answer_call(far, request);
    }
}

static void far_done(void *context, struct server_request *request)
{
    (void)context;
    (void)request;
}

int main(int argc, char **argv)
{
    static struct far_aws far;
    const struct flag flags[] = {
        {.name = "--ca", .text = &far.ca_file},
        {.name = "--delay-ms", .number = &far.delay_ms},
        {.name = "--deny-batches", .number = &far.deny_batches},
    };
    (void)argc;
    flags_read(argv + 1, flags, ARRAY_LEN(flags));
    if (!far.ca_file) {
        die("usage", "far_aws --ca FILE [--delay-ms N] [--deny-batches 1]");
    }
    serving_init(&far.serving);
    far.serving.make_certificate = far_certificate_make;
    far.delays = far.delay_ms > 0 ? delay_line_new(far.delay_ms * 1000) : NULL;
    serving_start(&far.serving, far.ca_file,
                  &(struct server_options){
                      .check = far_check, .handle = far_handle, .done = far_done, .context = &far});
    serving_wait(&far.serving);
    if (far.delays) {
        delay_line_free(far.delays);
    }
    return serving_stop(&far.serving);
}
