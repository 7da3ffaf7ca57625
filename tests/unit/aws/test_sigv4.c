/* SPDX-License-Identifier: Apache-2.0 */
/* Every stage of every vector: the first stage that differs names the broken rule. */
#include "aws/sigv4.h"

#include "base/encode.h"
#include "base/json.h"
#include "check_main.h"

enum {
    VECTORS = 99,
    MAX_HEADERS = 32,
};

static struct json_doc doc;
static const struct json *root;

static void load(void)
{
    size_t len = 0;
    char *data = test_data("aws/sigv4-vectors.json", &len);
    const struct json_limits limits = {.max_nodes = 100000, .max_depth = 16};
    struct err err = {0};
    ck_assert_msg(json_parse(&doc, data, len, &limits, &root, &err), "%s", err.message);
}

static const struct json *element(const struct json *array, int index)
{
    const struct json *item = json_first(array);
    while (item && index-- > 0) {
        item = item->next;
    }
    ck_assert_ptr_nonnull(item);
    return item;
}

static struct str_view text_of(const struct json *object, const char *name)
{
    return json_string(json_member(object, name));
}

struct vector {
    const char *id;
    struct sigv4_request request;
    struct http_header headers[MAX_HEADERS];
    struct buf body;
    struct credentials *credentials;
};

static void vector_read(const struct json *json, struct vector *vector)
{
    *vector = (struct vector){.id = sv_dup(text_of(json, "id"))};
    struct err err = {0};
    size_t count = 0;
    JSON_FOR_EACH (pair, json_member(json, "headers")) {
        ck_assert_uint_lt(count, MAX_HEADERS);
        vector->headers[count].name = sv_dup(json_string(json_first(pair)));
        vector->headers[count++].value = json_string(json_first(pair)->next);
    }
    buf_init(&vector->body, 65536);
    buf_add(&vector->body, text_of(json, "body"));
    ck_assert(decode_base64(&vector->body, text_of(json, "body_base64"), &err));
    vector->request = (struct sigv4_request){
        .method = text_of(json, "method"),
        .path = text_of(json, "path"),
        .query = text_of(json, "query"),
        .headers = vector->headers,
        .header_count = count,
        .body = buf_view(&vector->body),
        .region = text_of(json, "region"),
        .service = text_of(json, "service"),
    };
    struct str_view date = text_of(json, "amz_date");
    ck_assert_uint_eq(date.len, SIGV4_DATE_BYTES - 1);
    memcpy(vector->request.amz_date, date.data, date.len);
    ck_assert(credentials_new(text_of(root, "access_key_id"), text_of(root, "secret_access_key"),
                              text_of(json, "session_token"), &vector->credentials, &err));
}

static void vector_done(struct vector *vector)
{
    for (size_t i = 0; i < vector->request.header_count; i++) {
        char *name = NULL;
        memcpy(&name, &vector->headers[i].name, sizeof name);
        free(name);
    }
    char *id = NULL;
    memcpy(&id, &vector->id, sizeof id);
    free(id);
    buf_done(&vector->body);
    credentials_release(vector->credentials);
}

#define ck_assert_view(actual, wanted, id)                                                         \
    do {                                                                                           \
        struct str_view actual_view = (actual);                                                    \
        struct str_view wanted_view = (wanted);                                                    \
        ck_assert_msg(sv_equal(actual_view, wanted_view), "%s:\n%.*s\nwanted:\n%.*s", (id),        \
                      SV_ARG(actual_view), SV_ARG(wanted_view));                                   \
    } while (0)

START_TEST(passes_every_stage_of_every_vector)
{
    load();
    const struct json *json = element(json_member(root, "vectors"), _i);
    CLEANUP(vector_done) struct vector vector;
    vector_read(json, &vector);
    struct err err = {0};
    CLEANUP(secret_buf_done) struct secret_buf canonical = {0};
    CLEANUP(secret_buf_done) struct secret_buf to_sign = {0};
    CLEANUP(secret_buf_done) struct secret_buf authorization = {0};
    CLEANUP(buf_done) struct buf signed_headers = {0};
    secret_buf_init(&canonical, LIMIT_SIGV4_BYTES);
    secret_buf_init(&to_sign, LIMIT_SIGV4_BYTES);
    secret_buf_init(&authorization, LIMIT_SIGV4_BYTES);
    buf_init(&signed_headers, LIMIT_SIGV4_BYTES);

    ck_assert(sigv4_canonical_request(&vector.request, &canonical, &signed_headers, &err));
    ck_assert_view(secret_buf_view(&canonical), text_of(json, "canonical_request"), vector.id);
    ck_assert_view(buf_view(&signed_headers), text_of(json, "signed_headers"), vector.id);
    ck_assert(sigv4_string_to_sign(&vector.request, &canonical, &to_sign, &err));
    ck_assert_view(secret_buf_view(&to_sign), text_of(json, "string_to_sign"), vector.id);
    struct sigv4_keys keys;
    sigv4_derive_keys(&vector.credentials->secret_access_key, sv_make(vector.request.amz_date, 8),
                      vector.request.region, vector.request.service, &keys);
    char signature[SIGV4_SIGNATURE_BYTES];
    sigv4_signature(&keys, &to_sign, signature);
    ck_assert_view(sv_of(signature), text_of(json, "signature"), vector.id);
    ck_assert(sigv4_sign(&vector.request, vector.credentials, &authorization, &err));
    ck_assert_view(secret_buf_view(&authorization), text_of(json, "authorization"), vector.id);
}
END_TEST

START_TEST(reads_all_vectors)
{
    load();
    ck_assert_uint_eq(json_member(root, "vectors")->len, VECTORS);
}
END_TEST

static void check_key(const unsigned char key[SHA256_BYTES], const struct json *row,
                      const char *stage)
{
    CLEANUP(buf_done) struct buf hex = {0};
    buf_init(&hex, 2 * SHA256_BYTES);
    encode_hex(&hex, sv_make((const char *)key, SHA256_BYTES));
    ck_assert_view(buf_view(&hex), text_of(row, stage), stage);
}

START_TEST(derives_each_key_with_the_one_before)
{
    load();
    CLEANUP(secret_buf_done) struct secret_buf secret = {0};
    secret_buf_init(&secret, LIMIT_CREDENTIAL_BYTES);
    secret_buf_add(&secret, text_of(root, "secret_access_key"));
    int count = 0;
    JSON_FOR_EACH (row, json_member(root, "key_derivation")) {
        struct sigv4_keys keys;
        sigv4_derive_keys(&secret, text_of(row, "date"), text_of(row, "region"),
                          text_of(row, "service"), &keys);
        check_key(keys.date, row, "k_date");
        check_key(keys.region, row, "k_region");
        check_key(keys.service, row, "k_service");
        check_key(keys.signing, row, "k_signing");
        count++;
    }
    ck_assert_int_eq(count, 5);
}
END_TEST

START_TEST(dates_by_the_corrected_clock)
{
    char date[SIGV4_DATE_BYTES];
    const int64_t wall_ms = INT64_C(1795437360000); /* 2026-11-23T12:36:00Z */
    sigv4_date(wall_ms, 0, date);
    ck_assert_str_eq(date, "20261123T123600Z");
    sigv4_date(wall_ms, -6 * 60 * 1000, date);
    ck_assert_str_eq(date, "20261123T123000Z");
    sigv4_date(wall_ms, 12 * 3600 * 1000, date);
    ck_assert_str_eq(date, "20261124T003600Z");
}
END_TEST

START_TEST(refuses_what_is_over_the_ceiling)
{
    size_t len = LIMIT_SIGV4_BYTES + 1;
    CLEANUP(mem_free_ptr) char *value = mem_alloc(len);
    memset(value, 'a', len);
    const struct http_header header = {.name = "Host", .value = sv_make(value, len)};
    const struct sigv4_request request = {
        .method = SV("POST"),
        .path = SV("/"),
        .headers = &header,
        .header_count = 1,
        .amz_date = "20261123T123600Z",
    };
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert(credentials_new(SV("AKID"), SV("secret"), SV(""), &credentials, &err));
    CLEANUP(secret_buf_done) struct secret_buf authorization = {0};
    secret_buf_init(&authorization, LIMIT_SIGV4_BYTES);
    ck_assert(!sigv4_sign(&request, credentials, &authorization, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    credentials_release(credentials);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("sigv4");
    TCase *tcase = tcase_create("sigv4");
    tcase_add_test(tcase, reads_all_vectors);
    tcase_add_loop_test(tcase, passes_every_stage_of_every_vector, 0, VECTORS);
    tcase_add_test(tcase, derives_each_key_with_the_one_before);
    tcase_add_test(tcase, dates_by_the_corrected_clock);
    tcase_add_test(tcase, refuses_what_is_over_the_ceiling);
    suite_add_tcase(suite, tcase);
    return suite;
}
