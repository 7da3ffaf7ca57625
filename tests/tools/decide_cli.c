/* SPDX-License-Identifier: Apache-2.0 */
/* Answers one review in one world, for tests that check answers from outside:
 *
 *     decide_cli FILE
 *
 * FILE is {"review": AdmissionReview, "facts": world as in facts_text.h, "gates": true,
 * "final": true}; `gates` and `final` are true when absent. Prints the AdmissionReview of the
 * answer, or {"wants": [names]}. Exit status 1: not a review; 2: the file cannot be read. */
#include <stdio.h>

#include "admission/decide.h"
#include "admission/response.h"
#include "base/file.h"
#include "facts_text.h"

struct question {
    struct review review;
    struct secret_ref_list refs;
    struct facts facts;
    struct fingerprint_keys keys;
    bool has_keys;
};

static bool is_false(const struct json *node)
{
    return json_is(node, JSON_FALSE);
}

static bool question_read(const struct json *document, struct question *ret, struct err *err)
{
    const struct json *world = json_member(document, "facts");
    if (!review_decode(json_member(document, "review"), &ret->review, err) ||
        !secret_refs_collect(review_pod_spec(&ret->review), &ret->refs, err)) {
        return false;
    }
    ret->has_keys = fingerprint_keys_from_json(world, &ret->keys);
    facts_init(&ret->facts, ret->review.namespace);
    facts_from_json(world, &ret->refs, ret->has_keys ? &ret->keys : NULL, &ret->facts);
    return true;
}

static void question_done(struct question *question)
{
    facts_done(&question->facts);
    secret_refs_done(&question->refs);
}

static void write_wants(const struct verdict *verdict, struct buf *out)
{
    buf_add_str(out, "{\"wants\":[");
    for (size_t i = 0; i < verdict->want_count; i++) {
        buf_add_str(out, i == 0 ? "" : ",");
        encode_json_string(out, verdict->wants[i]);
    }
    buf_add_str(out, "]}\n");
}

static void answer(const struct json *document, const struct question *question, struct buf *out)
{
    const struct policy policy = policy_builtin();
    const struct policy_rules rules = policy_for(&policy, question->review.namespace);
    struct verdict verdict;
    admit_decide(
        &(struct admit_input){
            .review = &question->review,
            .refs = &question->refs,
            .rules = &rules,
            .facts = &question->facts,
            .keys = question->has_keys ? &question->keys : NULL,
            .gates_supported = !is_false(json_member(document, "gates")),
            .final = !is_false(json_member(document, "final")),
        },
        &verdict);
    if (verdict.want_count > 0) {
        write_wants(&verdict, out);
    } else {
        response_write(&question->review, &verdict, out);
    }
}

static int run(const char *path)
{
    struct err err = {0};
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, 2 * LIMIT_REVIEW_BYTES);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    const struct json *document = NULL;
    if (!file_read(path, &text, &err) ||
        !json_parse(&doc, text.data, text.len, &limits, &document, &err)) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    CLEANUP(question_done) struct question question = {0};
    if (!question_read(document, &question, &err)) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 1;
    }
    CLEANUP(buf_done) struct buf out = {0};
    buf_init(&out, LIMIT_RESPONSE_BYTES);
    answer(document, &question, &out);
    if (!buf_check(&out, "answer", &err)) {
        (void)fprintf(stderr, "%s\n", err.message);
        return 2;
    }
    return fwrite(out.data, 1, out.len, stdout) == out.len ? 0 : 2;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: decide_cli FILE\n");
        return 2;
    }
    return run(argv[1]);
}
