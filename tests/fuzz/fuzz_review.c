/* SPDX-License-Identifier: Apache-2.0 */
/* A request from its bytes to its answer, in four worlds: whatever was sent, the answer is a
 * document that the API server accepts, its patch applies, and deciding about the result changes
 * nothing. */
#include "admission/decide.h"
#include "admission/response.h"
#include "apply_patch.h"
#include "base/encode.h"
#include "facts_text.h"
#include "fuzz.h"
#include "refs/names.h"

enum world_kind {
    ALL_ABSENT,
    ALL_PRESENT,
    ALL_UNKNOWN,
    MIXED, /* by name */
    WORLDS,
};

/* One Secret for everything that is present: it has the keys that references of tests name. */
static struct secret *any_secret(const struct fingerprint_keys *keys)
{
    static struct secret *secret;
    if (!secret) {
        char text[] = "{\"PW\":\"x\",\"PASSWORD\":\"y\",\"k\":\"\",\"tls.crt\":\"z\"}";
        struct json_doc doc = {0};
        const struct json_limits limits = {.max_nodes = 10, .max_depth = 4};
        const struct json *data = NULL;
        struct err err;
        FUZZ_CHECK(json_parse(&doc, text, sizeof text - 1, &limits, &data, &err));
        secret = secret_from_json(SV("shop"), SV("any"), data, keys);
        FUZZ_CHECK(secret);
        json_doc_done(&doc);
    }
    return secret;
}

static void fill(struct facts *facts, const struct secret_ref_list *refs, enum world_kind world,
                 const struct fingerprint_keys *keys)
{
    static const enum presence uniform[] = {PRESENCE_ABSENT, PRESENCE_PRESENT, PRESENCE_UNKNOWN};
    facts_add_names(facts, refs);
    for (size_t i = 0; i < facts->count; i++) {
        struct fact *fact = &facts->items[i];
        unsigned mix = (unsigned char)fact->name[0];
        enum presence presence = world == MIXED ? (enum presence)(mix % 3) : uniform[world];
        fact->described = world == MIXED ? (enum presence)(mix / 3 % 3) : PRESENCE_ABSENT;
        facts_set(facts, sv_of(fact->name), presence,
                  presence == PRESENCE_PRESENT ? any_secret(keys) : NULL);
    }
}

static void check_line(const char *text, size_t limit)
{
    FUZZ_CHECK(strlen(text) <= limit);
    for (; *text; text++) {
        FUZZ_CHECK(*text >= 0x20 && *text < 0x7f);
    }
}

static void check_verdict(const struct review *review, const struct verdict *verdict, bool final)
{
    FUZZ_CHECK(!final || verdict->want_count == 0);
    FUZZ_CHECK(verdict->want_count <= LIMIT_WANTS);
    for (size_t i = 0; i < verdict->want_count; i++) {
        FUZZ_CHECK(name_is_dns_subdomain(verdict->wants[i]));
    }
    FUZZ_CHECK(verdict->allowed == (verdict->denial[0] == '\0'));
    check_line(verdict->denial, LIMIT_DENIAL_BYTES);
    for (size_t i = 0; i < verdict->warning_count; i++) {
        check_line(verdict->warnings[i].text, LIMIT_WARNING_BYTES);
    }
    FUZZ_CHECK(!(verdict->held && verdict->stamp == ANNOTATION_SET));
    bool of_pod = review->kind && review->kind->kind == KIND_POD;
    FUZZ_CHECK(of_pod || (!verdict->held && verdict->stamp == ANNOTATION_KEEP));
    FUZZ_CHECK(!of_pod || verdict->marker == ANNOTATION_KEEP);
}

static void decide(const struct review *review, enum world_kind world, bool final,
                   struct verdict *ret)
{
    static struct fingerprint_keys keys;
    if (keys.id[0] == '\0') {
        FUZZ_CHECK(fingerprint_keys_from_json(NULL, &keys));
    }
    const struct policy policy = policy_builtin();
    const struct policy_rules rules = policy_for(&policy, review->namespace);
    struct secret_ref_list refs = {0};
    struct facts facts;
    struct err err = {0};
    *ret = (struct verdict){.allowed = true, .decision = "skip"};
    if (!secret_refs_collect(review_pod_spec(review), &refs, &err)) {
        FUZZ_CHECK(err.kind == ERR_TOO_BIG);
        return;
    }
    facts_init(&facts, review->namespace);
    fill(&facts, &refs, world, &keys);
    admit_decide(
        &(struct admit_input){
            .review = review,
            .refs = &refs,
            .rules = &rules,
            .facts = &facts,
            .keys = &keys,
            .gates_supported = true,
            .final = final,
        },
        ret);
    check_verdict(review, ret, final);
    /* What borrows from the references does not outlive them here. */
    ret->want_count = 0;
    facts_done(&facts);
    secret_refs_done(&refs);
}

/* The patch of the answer, decoded into `out`; empty when there is none. */
static void answer(const struct review *review, const struct verdict *verdict, struct buf *out)
{
    const struct json_limits limits = {.max_nodes = 1000, .max_depth = 16};
    struct buf text = {0};
    buf_init(&text, LIMIT_RESPONSE_BYTES);
    response_write(review, verdict, &text);
    FUZZ_CHECK(!text.failed);
    struct json_doc doc = {0};
    const struct json *document = NULL;
    struct err err = {0};
    FUZZ_CHECK(json_parse(&doc, text.data, text.len, &limits, &document, &err));
    const struct json *response = json_member(document, "response");
    FUZZ_CHECK(sv_equal(json_string(json_member(response, "uid")), review->uid));
    FUZZ_CHECK(json_is_true(json_member(response, "allowed")) == verdict->allowed);
    FUZZ_CHECK(json_is_absent(json_member(response, "status")) == verdict->allowed);
    const struct json *patch = json_member(response, "patch");
    FUZZ_CHECK((patch != NULL) == (json_member(response, "patchType") != NULL));
    FUZZ_CHECK(!patch || (json_string(patch).len > 0 && verdict->allowed));
    if (patch) {
        FUZZ_CHECK(decode_base64(out, json_string(patch), &err));
    }
    json_doc_done(&doc);
    buf_done(&text);
}

/* Changes the object of the review, for good: nodes of the patch become part of it. */
static void check_again(const struct review *review, enum world_kind world,
                        const struct verdict *first, struct buf *patch_text)
{
    const struct json_limits limits = {.max_nodes = 1000, .max_depth = 16};
    struct json_doc doc = {0};
    const struct json *patch = NULL;
    struct err err = {0};
    FUZZ_CHECK(json_parse(&doc, patch_text->data, patch_text->len, &limits, &patch, &err));
    apply_patch((struct json *)review->object, patch, &doc);
    struct verdict second;
    decide(review, world, true, &second);
    struct buf nothing = {0};
    buf_init(&nothing, LIMIT_PATCH_BYTES);
    answer(review, &second, &nothing);
    FUZZ_CHECK(nothing.len == 0);
    FUZZ_CHECK(strcmp(first->decision, second.decision) == 0);
    FUZZ_CHECK(strcmp(first->code, second.code) == 0);
    json_doc_done(&doc);
}

static void run(const uint8_t *data, size_t size, enum world_kind world)
{
    const struct json_limits limits = {.max_nodes = 100000, .max_depth = LIMIT_JSON_DEPTH};
    char *text = mem_dup(data, size);
    struct json_doc doc = {0};
    const struct json *document = NULL;
    struct review review;
    struct err err = {0};
    if (json_parse(&doc, text, size, &limits, &document, &err) &&
        review_decode(document, &review, &err)) {
        struct verdict verdict;
        decide(&review, world, false, &verdict);
        decide(&review, world, true, &verdict);
        struct buf patch = {0};
        buf_init(&patch, LIMIT_PATCH_BYTES);
        answer(&review, &verdict, &patch);
        if (patch.len > 0) {
            check_again(&review, world, &verdict, &patch);
        }
        buf_done(&patch);
    }
    json_doc_done(&doc);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int world = 0; world < WORLDS; world++) {
        run(data, size, (enum world_kind)world);
    }
    return 0;
}
