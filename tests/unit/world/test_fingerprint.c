/* SPDX-License-Identifier: Apache-2.0 */
#include "world/fingerprint.h"

#include "base/encode.h"
#include "check_main.h"
#include "records.h"

/* tests/data/world/fingerprint.json, which an independent program wrote. */
static struct json_text vectors;
static struct fingerprint_keys keys;
static const struct json *cases;

static void from_hex(const struct json *node, unsigned char *ret, size_t len)
{
    struct str_view hex = json_string(node);
    ck_assert_uint_eq(hex.len, 2 * len);
    for (size_t i = 0; i < len; i++) {
        char pair[3] = {hex.data[2 * i], hex.data[2 * i + 1], '\0'};
        ret[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
}

static void load(void)
{
    size_t len = 0;
    char *text = test_data("world/fingerprint.json", &len);
    vectors = json_text_of(text);
    free(text);
    unsigned char installation_key[INSTALLATION_KEY_BYTES];
    from_hex(json_member(vectors.root, "installation_key"), installation_key,
             sizeof installation_key);
    fingerprint_keys_derive(installation_key, &keys);
    cases = json_member(vectors.root, "cases");
    ck_assert_ptr_nonnull(cases);
}

static void unload(void)
{
    json_text_done(&vectors);
}

static const struct json *find_case(const char *name)
{
    JSON_FOR_EACH (one, cases) {
        if (json_string_is(json_member(one, "name"), name)) {
            return one;
        }
    }
    ck_abort_msg("no case '%s'", name);
}

static struct secret_ref_list refs_of(const struct json *one)
{
    const struct json *refs = json_member(one, "refs");
    struct secret_ref_list list = {.items = mem_alloc_array(refs->len, sizeof *list.items)};
    JSON_FOR_EACH (ref, refs) {
        list.items[list.count++] = (struct secret_ref){
            .secret = json_string(json_member(ref, "secret")),
            .key = json_string(json_member(ref, "key")),
            .optional = json_is_true(json_member(ref, "optional")),
            .required = json_is_true(json_member(ref, "required")),
            .rolls = json_is_true(json_member(ref, "rolls")),
        };
    }
    return list;
}

/* Through the real decoder, so that the values take the same way as in the program. */
static struct secret *secret_of(struct str_view namespace, const struct json *data)
{
    struct buf text;
    buf_init(&text, 65536);
    buf_printf(&text, "{\"metadata\":{\"name\":\"%.*s\",\"namespace\":\"%.*s\"},\"data\":{",
               SV_ARG(json_key(data)), SV_ARG(namespace));
    JSON_FOR_EACH (value, data) {
        buf_add_str(&text, value == json_first(data) ? "" : ",");
        encode_json_string(&text, json_key(value));
        buf_add_byte(&text, ':');
        encode_json_string(&text, json_string(value));
    }
    buf_add_str(&text, "}}");
    struct json_text json = json_text_of(text.data);
    buf_done(&text);
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert_msg(secret_decode(json.root, &keys.digest, &secret, &err), "%s", err.message);
    json_text_done(&json);
    return secret;
}

static void facts_of(const struct json *one, const struct secret_ref_list *refs,
                     struct facts *facts)
{
    struct str_view namespace = json_string(json_member(one, "namespace"));
    facts_init(facts, namespace);
    facts_add_names(facts, refs);
    JSON_FOR_EACH (data, json_member(one, "secrets")) {
        if (json_is_absent(data)) {
            facts_set(facts, json_key(data), PRESENCE_ABSENT, NULL);
        } else if (json_is(data, JSON_OBJECT)) {
            struct secret *secret = secret_of(namespace, data);
            facts_set(facts, json_key(data), PRESENCE_PRESENT, secret);
            secret_release(secret);
        }
    }
}

static enum fingerprint_result compute(const struct fingerprint_keys *under, const struct json *one,
                                       char ret[FINGERPRINT_BYTES])
{
    struct secret_ref_list refs = refs_of(one);
    struct facts facts;
    facts_of(one, &refs, &facts);
    enum fingerprint_result result = fingerprint_compute(under, &refs, &facts, ret);
    facts_done(&facts);
    secret_refs_done(&refs);
    return result;
}

static const char *result_name(enum fingerprint_result result)
{
    switch (result) {
    case FINGERPRINT_OK:
        return "ok";
    case FINGERPRINT_NOTHING:
        return "nothing";
    case FINGERPRINT_MISSING:
        return "missing";
    case FINGERPRINT_UNKNOWN:
        return "unknown";
    }
    return "?";
}

static void hash_of(const char *name, char ret[FINGERPRINT_BYTES])
{
    ck_assert_int_eq(compute(&keys, find_case(name), ret), FINGERPRINT_OK);
}

START_TEST(derives_the_frozen_keys)
{
    unsigned char expected[HMAC_KEY_BYTES];
    from_hex(json_member(vectors.root, "digest_key"), expected, sizeof expected);
    ck_assert_mem_eq(keys.digest.bytes, expected, sizeof expected);
    from_hex(json_member(vectors.root, "record_key"), expected, sizeof expected);
    ck_assert_mem_eq(keys.record.bytes, expected, sizeof expected);
    ck_assert(json_string_is(json_member(vectors.root, "key_id"), keys.id));
    const struct json *data = json_member(json_member(find_case("one key"), "secrets"), "db");
    struct secret *secret = secret_of(SV("shop"), data);
    from_hex(json_member(vectors.root, "digest_of_planted_1"), expected, sizeof expected);
    ck_assert_mem_eq(secret_find_key(secret, SV("user"))->digest, expected, sizeof expected);
    secret_release(secret);
}
END_TEST

START_TEST(agrees_with_every_frozen_vector)
{
    size_t checked = 0;
    JSON_FOR_EACH (one, cases) {
        char hash[FINGERPRINT_BYTES] = "untouched";
        const struct json *expected = json_member(one, "expected");
        const char *result = result_name(compute(&keys, one, hash));
        ck_assert_msg(json_string_is(json_member(expected, "result"), result), "%.*s: %s",
                      SV_ARG(json_string(json_member(one, "name"))), result);
        const struct json *text = json_member(expected, "hash");
        ck_assert_msg(text ? json_string_is(text, hash) : strcmp(hash, "untouched") == 0,
                      "%.*s: %s", SV_ARG(json_string(json_member(one, "name"))), hash);
        checked++;
    }
    ck_assert_uint_ge(checked, 30);
}
END_TEST

static const struct {
    const char *one;
    const char *other;
    bool same;
} PAIRS[] = {
    {"one key", "one key, an unused key differs", true},
    {"two keys", "two keys, other order, one twice", true},
    {"one key", "what does not roll does not count", true},
    {"optional key absent", "optional key, Secret absent", true},
    {"one key", "optional key present", true},
    {"one key", "one key, another value", false},
    {"one key", "one key, another namespace", false},
    {"one key", "one key, another name", false},
    {"one key", "two keys", false},
    {"delimiters in a value", "delimiters in data", false},
    {"optional key present", "optional key absent", false},
    {"optional key absent", "optional key, empty value", false},
    {"whole, empty", "whole, optional, absent", false},
    {"whole", "two keys", false},
    {"whole", "whole and one key of it", false},
};

START_TEST(hashes_are_equal_exactly_when_content_is)
{
    char one[FINGERPRINT_BYTES];
    char other[FINGERPRINT_BYTES];
    hash_of(PAIRS[_i].one, one);
    hash_of(PAIRS[_i].other, other);
    ck_assert_msg((strcmp(one, other) == 0) == PAIRS[_i].same, "%s / %s", PAIRS[_i].one,
                  PAIRS[_i].other);
}
END_TEST

START_TEST(order_of_references_never_matters)
{
    const struct json *one = find_case("names of several lengths");
    struct secret_ref_list refs = refs_of(one);
    struct facts facts;
    facts_of(one, &refs, &facts);
    char first[FINGERPRINT_BYTES];
    ck_assert_int_eq(fingerprint_compute(&keys, &refs, &facts, first), FINGERPRINT_OK);
    uint64_t random = 7;
    for (int round = 0; round < 200; round++) {
        for (size_t i = refs.count; i > 1; i--) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            size_t at = (size_t)(random >> 33) % i;
            struct secret_ref swapped = refs.items[i - 1];
            refs.items[i - 1] = refs.items[at];
            refs.items[at] = swapped;
        }
        char again[FINGERPRINT_BYTES];
        ck_assert_int_eq(fingerprint_compute(&keys, &refs, &facts, again), FINGERPRINT_OK);
        ck_assert_str_eq(again, first);
    }
    facts_done(&facts);
    secret_refs_done(&refs);
}
END_TEST

START_TEST(another_installation_key_gives_another_id_and_hash)
{
    const unsigned char other_key[INSTALLATION_KEY_BYTES] = {1};
    struct fingerprint_keys other;
    fingerprint_keys_derive(other_key, &other);
    ck_assert_str_ne(other.id, keys.id);
    char one[FINGERPRINT_BYTES];
    char two[FINGERPRINT_BYTES];
    hash_of("one key", one);
    const struct fingerprint_keys first = keys;
    keys = other;
    hash_of("one key", two);
    keys = first;
    ck_assert_str_ne(one + sizeof "v1-" - 1 + KEY_ID_BYTES, two + sizeof "v1-" - 1 + KEY_ID_BYTES);
    ck_assert(fingerprint_is_known(&keys, sv_of(one)));
    ck_assert(!fingerprint_is_known(&other, sv_of(one)));
    ck_assert(fingerprint_is_known(&other, sv_of(two)));
}
END_TEST

START_TEST(digests_made_under_another_key_are_unknown)
{
    const unsigned char other_key[INSTALLATION_KEY_BYTES] = {1};
    struct fingerprint_keys other;
    char hash[FINGERPRINT_BYTES] = "untouched";
    fingerprint_keys_derive(other_key, &other);
    ck_assert_int_eq(compute(&other, find_case("one key"), hash), FINGERPRINT_UNKNOWN);
    ck_assert_int_eq(compute(&other, find_case("required key absent"), hash), FINGERPRINT_MISSING);
    ck_assert_str_eq(hash, "untouched");
}
END_TEST

START_TEST(one_digest_made_under_another_key_is_enough)
{
    const unsigned char other_key[INSTALLATION_KEY_BYTES] = {1};
    const struct json *one = find_case("names of several lengths");
    const struct fingerprint_keys first = keys;
    JSON_FOR_EACH (data, json_member(one, "secrets")) {
        char hash[FINGERPRINT_BYTES] = "untouched";
        struct secret_ref_list refs = refs_of(one);
        struct facts facts;
        facts_of(one, &refs, &facts);
        ck_assert_int_eq(fingerprint_compute(&keys, &refs, &facts, hash), FINGERPRINT_OK);
        fingerprint_keys_derive(other_key, &keys);
        struct secret *secret = secret_of(json_string(json_member(one, "namespace")), data);
        keys = first;
        facts_set(&facts, json_key(data), PRESENCE_PRESENT, secret);
        ck_assert_int_eq(fingerprint_compute(&keys, &refs, &facts, hash), FINGERPRINT_UNKNOWN);
        secret_release(secret);
        facts_done(&facts);
        secret_refs_done(&refs);
    }
}
END_TEST

START_TEST(without_keys_absence_is_still_told)
{
    char hash[FINGERPRINT_BYTES] = "untouched";
    ck_assert_int_eq(compute(NULL, find_case("one key"), hash), FINGERPRINT_UNKNOWN);
    ck_assert_int_eq(compute(NULL, find_case("required key absent"), hash), FINGERPRINT_MISSING);
    ck_assert_int_eq(compute(NULL, find_case("nothing rolls"), hash), FINGERPRINT_NOTHING);
    ck_assert_str_eq(hash, "untouched");
}
END_TEST

START_TEST(knows_its_own_form_only)
{
    char hash[FINGERPRINT_BYTES];
    hash_of("one key", hash);
    ck_assert_uint_eq(strlen(hash), FINGERPRINT_BYTES - 1);
    ck_assert(fingerprint_is_known(&keys, sv_of(hash)));
    ck_assert(!fingerprint_is_known(NULL, sv_of(hash)));
    ck_assert(!fingerprint_is_known(&keys, (struct str_view){0}));
    ck_assert(!fingerprint_is_known(&keys, SV("")));
    for (size_t at = 0; at < FINGERPRINT_BYTES - 1; at++) {
        char wrong[FINGERPRINT_BYTES];
        memcpy(wrong, hash, sizeof wrong);
        wrong[at] = 'X';
        ck_assert_msg(!fingerprint_is_known(&keys, sv_of(wrong)), "%s", wrong);
        ck_assert(!fingerprint_is_known(&keys, sv_make(hash, at)));
    }
    char longer[FINGERPRINT_BYTES + 1];
    (void)snprintf(longer, sizeof longer, "%s0", hash);
    ck_assert(!fingerprint_is_known(&keys, sv_of(longer)));
    hash[1] = '2';
    ck_assert(!fingerprint_is_known(&keys, sv_of(hash)));
}
END_TEST

START_TEST(is_valid_as_a_label_value)
{
    char hash[FINGERPRINT_BYTES];
    hash_of("whole", hash);
    ck_assert_uint_le(strlen(hash), 63);
    ck_assert_uint_eq(strspn(hash, "0123456789abcdefv-"), strlen(hash));
}
END_TEST

START_TEST(wiping_leaves_no_key)
{
    struct fingerprint_keys wiped = keys;
    static const struct fingerprint_keys zero;
    fingerprint_keys_wipe(&wiped);
    ck_assert_mem_eq(&wiped, &zero, sizeof zero);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("fingerprint");
    TCase *tcase = tcase_create("fingerprint");
    tcase_add_checked_fixture(tcase, load, unload);
    tcase_add_test(tcase, derives_the_frozen_keys);
    tcase_add_test(tcase, agrees_with_every_frozen_vector);
    tcase_add_loop_test(tcase, hashes_are_equal_exactly_when_content_is, 0, (int)ARRAY_LEN(PAIRS));
    tcase_add_test(tcase, order_of_references_never_matters);
    tcase_add_test(tcase, another_installation_key_gives_another_id_and_hash);
    tcase_add_test(tcase, digests_made_under_another_key_are_unknown);
    tcase_add_test(tcase, one_digest_made_under_another_key_is_enough);
    tcase_add_test(tcase, without_keys_absence_is_still_told);
    tcase_add_test(tcase, knows_its_own_form_only);
    tcase_add_test(tcase, is_valid_as_a_label_value);
    tcase_add_test(tcase, wiping_leaves_no_key);
    suite_add_tcase(suite, tcase);
    return suite;
}
