/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/secret.h"

#include "base/limits.h"
#include "check_main.h"
#include "quoted_json.h"

static const struct hmac_key KEY = {.bytes = "0123456789abcdef0123456789abcde"};
static const struct hmac_key OTHER_KEY = {.bytes = "another key of thirty-two bytes"};

static void release(struct secret **secret)
{
    secret_release(*secret);
}

static struct secret *decode(struct json_text json, const struct hmac_key *key)
{
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert_msg(secret_decode(json.root, key, &secret, &err), "%s", err.message);
    /* Nothing may point into the document any more. */
    size_t len = strlen(json.text);
    memset(json.text, 'X', len);
    json_text_done(&json);
    return secret;
}

static struct secret *decode_data(const char *data)
{
    return decode(quoted_json("{'metadata':{'name':'db','namespace':'shop'},'data':%s}", data),
                  &KEY);
}

START_TEST(keeps_names_and_no_values)
{
    CLEANUP(release)
    struct secret *secret = decode(
        quoted_json("{'metadata':{'name':'db','namespace':'shop','uid':'u1','resourceVersion':'42',"
                    "'labels':{'reconcile.external-secrets.io/managed':'true'},"
                    "'annotations':{'reconcile.external-secrets.io/data-hash':'abc'},"
                    "'ownerReferences':[{'apiVersion':'external-secrets.io/v1','kind':"
                    "'ExternalSecret','name':'es','uid':'u2','controller':true}]},"
                    "'type':'kubernetes.io/tls','immutable':true,"
                    "'data':{'user':'cGxhbnRlZA==','a':''}}"),
        &KEY);
    ck_assert(sv_is(secret->namespace, "shop"));
    ck_assert(sv_is(secret->name, "db"));
    ck_assert(sv_is(secret->uid, "u1"));
    ck_assert(sv_is(secret->resource_version, "42"));
    ck_assert(sv_is(secret->type, "kubernetes.io/tls"));
    ck_assert(sv_is(secret->data_hash, "abc"));
    ck_assert(secret->managed);
    ck_assert(secret->immutable);
    ck_assert(sv_is(secret->controller.group, "external-secrets.io"));
    ck_assert(sv_is(secret->controller.kind, "ExternalSecret"));
    ck_assert(sv_is(secret->controller.name, "es"));
    ck_assert(sv_is(secret->controller.uid, "u2"));
    ck_assert_uint_eq(secret->key_count, 2);
    ck_assert(sv_is(secret->keys[0].key, "a"));
    ck_assert(sv_is(secret->keys[1].key, "user"));
}
END_TEST

START_TEST(digest_is_the_hmac_of_the_decoded_bytes)
{
    CLEANUP(release) struct secret *secret = decode_data("{'user':'cGxhbnRlZA==','empty':''}");
    unsigned char expected[SHA256_BYTES];
    struct str_view key = sv_make((const char *)KEY.bytes, sizeof KEY.bytes);
    hmac_sha256(key, SV("planted"), expected);
    ck_assert_mem_eq(secret_find_key(secret, SV("user"))->digest, expected, SHA256_BYTES);
    hmac_sha256(key, SV(""), expected);
    ck_assert_mem_eq(secret_find_key(secret, SV("empty"))->digest, expected, SHA256_BYTES);
}
END_TEST

START_TEST(digest_differs_with_value_and_key)
{
    CLEANUP(release) struct secret *one = decode_data("{'k':'YQ=='}");
    CLEANUP(release) struct secret *two = decode_data("{'k':'Yg=='}");
    CLEANUP(release)
    struct secret *other_key =
        decode(quoted_json("{'metadata':{'name':'db','namespace':'shop'},'data':{'k':'YQ=='}}"),
               &OTHER_KEY);
    ck_assert_mem_ne(one->keys[0].digest, two->keys[0].digest, SHA256_BYTES);
    ck_assert_mem_ne(one->keys[0].digest, other_key->keys[0].digest, SHA256_BYTES);
}
END_TEST

START_TEST(a_value_leaves_nothing_behind_for_the_next)
{
    /* A longer value before a shorter one, in one scratch buffer. */
    CLEANUP(release)
    struct secret *secret = decode_data("{'a':'bG9uZ2VyIHZhbHVlIHRoYW4gdGhlIG5leHQ=','b':'YQ=='}");
    CLEANUP(release) struct secret *alone = decode_data("{'b':'YQ=='}");
    ck_assert_mem_eq(secret_find_key(secret, SV("b"))->digest, alone->keys[0].digest, SHA256_BYTES);
}
END_TEST

START_TEST(sorts_keys_bytewise_and_finds_each)
{
    CLEANUP(release)
    struct secret *secret = decode_data("{'b':'','a':'','B':'','a.b':'','_':'','a-b':'','10':''}");
    static const char *const sorted[] = {"10", "B", "_", "a", "a-b", "a.b", "b"};
    ck_assert_uint_eq(secret->key_count, ARRAY_LEN(sorted));
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        ck_assert(sv_is(secret->keys[i].key, sorted[i]));
        ck_assert_ptr_eq(secret_find_key(secret, sv_of(sorted[i])), &secret->keys[i]);
    }
    ck_assert_ptr_null(secret_find_key(secret, SV("c")));
    ck_assert_ptr_null(secret_find_key(secret, SV("")));
}
END_TEST

static const char *const WITHOUT_DATA[] = {
    "{'metadata':{'name':'db','namespace':'shop'}}",
    "{'metadata':{'name':'db','namespace':'shop'},'data':null}",
    "{'metadata':{'name':'db','namespace':'shop'},'data':{}}",
    "{'metadata':{'name':'db','namespace':'shop'},'stringData':{'k':'planted'}}",
};

START_TEST(has_no_keys_without_data)
{
    CLEANUP(release)
    struct secret *secret = decode(quoted_json("%s", WITHOUT_DATA[_i]), &KEY);
    ck_assert_uint_eq(secret->key_count, 0);
    ck_assert_ptr_null(secret_find_key(secret, SV("k")));
    ck_assert(!secret->managed);
    ck_assert(!secret->immutable);
    ck_assert_ptr_null(secret->data_hash.data);
    ck_assert_uint_eq(secret->controller.kind.len, 0);
}
END_TEST

START_TEST(a_null_value_is_an_empty_one)
{
    CLEANUP(release) struct secret *null = decode_data("{'k':null}");
    CLEANUP(release) struct secret *empty = decode_data("{'k':''}");
    ck_assert_uint_eq(null->key_count, 1);
    ck_assert_mem_eq(null->keys[0].digest, empty->keys[0].digest, SHA256_BYTES);
}
END_TEST

START_TEST(without_a_key_digests_are_zero_and_values_unread)
{
    CLEANUP(release)
    struct secret *secret = decode(
        quoted_json("{'metadata':{'name':'db','namespace':'shop'},'data':{'k':'%%%%'}}"), NULL);
    static const unsigned char zeros[SHA256_BYTES];
    ck_assert_mem_eq(secret->keys[0].digest, zeros, SHA256_BYTES);
}
END_TEST

static const struct {
    const char *object;
    const char *named;
} REFUSED[] = {
    {"{'metadata':{'name':'db','namespace':'shop'},'data':{'k':'cGxhbnRlZA'}}", "key 1 of data"},
    {"{'metadata':{'name':'db','namespace':'shop'},'data':{'k':'planted!'}}", "key 1 of data"},
    {"{'metadata':{'name':'db','namespace':'shop'},'data':{'k':7070}}", "key 1 of data"},
    {"{'metadata':{'name':'db','namespace':'shop'},'data':{'k':{'planted':1}}}", "key 1 of data"},
    {"{'metadata':{'name':'db','namespace':'shop'},'data':['planted']}", "data"},
    {"{'metadata':{'name':'db','namespace':'shop'},'data':'planted'}", "data"},
    {"{'metadata':{'namespace':'shop'},'data':{}}", "metadata.name"},
    {"{'metadata':{'name':'db'},'data':{}}", "metadata.namespace"},
    {"{'data':{}}", "metadata.name"},
    {"'planted'", "metadata.name"},
};

START_TEST(refuses_and_names_the_field_only)
{
    CLEANUP(json_text_done)
    struct json_text json = quoted_json("%s", REFUSED[_i].object);
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert(!secret_decode(json.root, &KEY, &secret, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(err.message, REFUSED[_i].named));
    ck_assert_ptr_null(strstr(err.message, "planted"));
    ck_assert_ptr_null(strstr(err.message, "cGxhbnRlZA"));
    ck_assert_ptr_null(strstr(err.message, "7070"));
    ck_assert_ptr_null(secret);
}
END_TEST

START_TEST(knows_the_key_of_its_digests)
{
    static const unsigned char none[DIGEST_KEY_TAG_BYTES];
    unsigned char tag[DIGEST_KEY_TAG_BYTES];
    unsigned char other_tag[DIGEST_KEY_TAG_BYTES];
    secret_digest_key_tag(&KEY, tag);
    secret_digest_key_tag(&OTHER_KEY, other_tag);
    ck_assert_mem_ne(tag, other_tag, sizeof tag);
    ck_assert_mem_ne(tag, none, sizeof tag);
    CLEANUP(release) struct secret *secret = decode_data("{'k':'YQ=='}");
    ck_assert_mem_eq(secret->digest_key_tag, tag, sizeof tag);
    CLEANUP(release)
    struct secret *names_only =
        decode(quoted_json("{'metadata':{'name':'db','namespace':'shop'}}"), NULL);
    ck_assert_mem_eq(names_only->digest_key_tag, none, sizeof none);
}
END_TEST

START_TEST(refuses_a_value_over_the_limit_of_a_secret)
{
    size_t encoded = (LIMIT_SECRET_DATA_BYTES / 3 + 1) * 4;
    char *value = mem_alloc(encoded + 1);
    memset(value, 'A', encoded);
    CLEANUP(json_text_done)
    struct json_text json =
        quoted_json("{'metadata':{'name':'db','namespace':'shop'},'data':{'k':'%s'}}", value);
    free(value);
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert(!secret_decode(json.root, &KEY, &secret, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_ptr_nonnull(strstr(err.message, "key 1 of data"));
}
END_TEST

START_TEST(reads_a_recorded_secret)
{
    size_t len = 0;
    char *text = test_data("objects/secret.json", &len);
    CLEANUP(release) struct secret *secret = decode(json_text_of(text), &KEY);
    free(text);
    ck_assert(sv_is(secret->name, "dummy"));
    ck_assert(sv_is(secret->uid, "89311811-aabe-45d1-98c9-2bf9af991284"));
    ck_assert(sv_is(secret->resource_version, "359"));
    ck_assert(sv_is(secret->type, "Opaque"));
    ck_assert_uint_eq(secret->key_count, 1);
    ck_assert(sv_is(secret->keys[0].key, "note"));
    /* The later of two writes: 2026-11-25T01:44:11Z. */
    ck_assert_int_eq(secret->last_write_ms, INT64_C(1795571051000));
}
END_TEST

START_TEST(lives_until_the_last_reference_goes)
{
    struct secret *secret = decode_data("{'k':'YQ=='}");
    ck_assert_ptr_eq(secret_retain(secret), secret);
    secret_release(secret);
    ck_assert(sv_is(secret->keys[0].key, "k"));
    secret_release(secret);
    secret_release(NULL);
}
END_TEST

/* Of {foo: bar}: external-secrets.md §5.3, measured. */
static const struct {
    const char *hash;
    const char *data;
    bool valid;
} hashes[] = {
    {"f2a604b87eb0cf673761e8cfea850f901fe73a3d1b2f338802107f36", "{'foo':'YmFy'}", true},
    {"f2a604b87eb0cf673761e8cfea850f901fe73a3d1b2f338802107f36", "{'foo':'YmF6'}", false},
    {"5211b9bd4ac724a48a80e741f54ca581", "{'foo':'YmFy'}", false}, /* MD5, up to 0.16.1 */
    {"1bed8bcbcb4547ffe19a19cd47d9078e84aa6598266d86b99f992d64",
     "{'foo':'dmFsdWUx','bar':'dmFsdWUy'}", true},
    {"74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b", "{}", true},
    {"74a974446e359fb3e6baff9bd0058950e6edd0f040888d9989b0a11b", "null", true},
    {"", "{'foo':'YmFy'}", false},
};

START_TEST(knows_whether_the_data_are_those_of_the_hash)
{
    CLEANUP(release)
    struct secret *secret =
        decode(quoted_json("{'metadata':{'name':'db','namespace':'shop','annotations':"
                           "{'reconcile.external-secrets.io/data-hash':'%s'}},'data':%s}",
                           hashes[_i].hash, hashes[_i].data),
               NULL);
    ck_assert_int_eq(secret->data_hash_valid, hashes[_i].valid);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("secret");
    TCase *tcase = tcase_create("secret");
    tcase_set_timeout(tcase, 30);
    tcase_add_test(tcase, keeps_names_and_no_values);
    tcase_add_test(tcase, digest_is_the_hmac_of_the_decoded_bytes);
    tcase_add_test(tcase, digest_differs_with_value_and_key);
    tcase_add_test(tcase, a_value_leaves_nothing_behind_for_the_next);
    tcase_add_test(tcase, sorts_keys_bytewise_and_finds_each);
    tcase_add_loop_test(tcase, has_no_keys_without_data, 0, (int)ARRAY_LEN(WITHOUT_DATA));
    tcase_add_test(tcase, a_null_value_is_an_empty_one);
    tcase_add_test(tcase, without_a_key_digests_are_zero_and_values_unread);
    tcase_add_loop_test(tcase, refuses_and_names_the_field_only, 0, (int)ARRAY_LEN(REFUSED));
    tcase_add_test(tcase, knows_the_key_of_its_digests);
    tcase_add_test(tcase, refuses_a_value_over_the_limit_of_a_secret);
    tcase_add_test(tcase, reads_a_recorded_secret);
    tcase_add_test(tcase, lives_until_the_last_reference_goes);
    tcase_add_loop_test(tcase, knows_whether_the_data_are_those_of_the_hash, 0, ARRAY_LEN(hashes));
    suite_add_tcase(suite, tcase);
    return suite;
}
