/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/message.h"

#include "check_main.h"

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X47 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X300 X50 X50 X50 X50 X50 X50

static struct secret_ref ref_of(const char *where, const char *secret, const char *key)
{
    return (struct secret_ref){
        .place = REF_ENV,
        .container = REF_CONTAINER,
        .where = sv_of(where),
        .secret = sv_of(secret),
        .key = sv_of(key),
        .required = true,
    };
}

static const struct {
    enum code code;
    const char *where;
    const char *secret;
    const char *key; /* NULL: the whole Secret */
    int64_t held_ms;
    bool of_pod;
    const char *text;
} MISSING[] = {
    {CODE_SECRET_MISSING_HELD, "app", "db", "PW", 300000, true,
     "KT101 Secret \"db\" not found (container app, key PW): Pod waits up to 5m"},
    {CODE_SECRET_MISSING_HELD, "app", "db", NULL, 60000, true,
     "KT101 Secret \"db\" not found (container app): Pod waits up to 60s"},
    {CODE_KEY_MISSING_HELD, "app", "db", "PW", 90000, true,
     "KT102 Secret \"db\" has no key \"PW\" (container app): Pod waits up to 90s"},
    {CODE_SECRET_MISSING, "app", "db", "PW", 60000, false,
     "KT103 Secret \"db\" not found (container app, key PW): Pods wait up to 60s"},
    {CODE_SECRET_MISSING, "app", "db", "PW", 0, true,
     "KT103 Secret \"db\" not found (container app, key PW): kubelet waits for it"},
    {CODE_KEY_MISSING, "app", "db", "PW", 1500, false,
     "KT105 Secret \"db\" has no key \"PW\" (container app): Pods wait up to 2s"},
    {CODE_SECRET_MISSING, "", "db", NULL, 0, true,
     "KT103 Secret \"db\" not found (container): kubelet waits for it"},
    /* Short names stay whole, the longest are cut, and the fixed words always stand. */
    {CODE_SECRET_MISSING_HELD, "app", X300, "PW", 60000, true,
     "KT101 Secret \"" X47 "...\" not found (container app, key PW): Pod waits up to 60s"},
    {CODE_SECRET_MISSING_HELD, X300, X300, X300, 60000, true,
     "KT101 Secret \"xxxxxxxxxxxxxxx...\" not found (container xxxxxxxxxxxxxxx..., key "
     "xxxxxxxxxxxxxxx...): Pod waits up to 60s"},
    /* One line of printable ASCII, whatever the names are. */
    {CODE_SECRET_MISSING, "a\nb\x7f", "c\"d\\e", "\xc3\xbc", 0, true,
     "KT103 Secret \"c\\x22d\\x5ce\" not found (container a\\x0ab\\x7f, key \\xc3\\xbc): kubelet "
     "waits "
     "for it"},
};

START_TEST(says_what_is_missing_and_what_happens_next)
{
    struct secret_ref ref = ref_of(MISSING[_i].where, MISSING[_i].secret, MISSING[_i].key);
    struct warning warning = {0};
    message_missing(
        &(struct missing){
            .code = MISSING[_i].code,
            .ref = &ref,
            .of_pod = MISSING[_i].of_pod,
            .held_up_to_ms = MISSING[_i].held_ms,
        },
        &warning);
    ck_assert_str_eq(warning.text, MISSING[_i].text);
    ck_assert_uint_le(strlen(warning.text), LIMIT_WARNING_BYTES);
}
END_TEST

START_TEST(knows_what_waits_for_nothing)
{
    static const struct {
        struct secret_ref ref;
        const char *text;
    } cases[] = {
        {{.place = REF_IMAGE_PULL, .secret = {"reg", 3}},
         "KT103 Secret \"reg\" not found (imagePullSecrets): images are pulled without it"},
        {{.place = REF_RBD, .where = {"v", 1}, .secret = {"ceph", 4}},
         "KT103 Secret \"ceph\" not found (volume v): the volume cannot be mounted"},
        {{.place = REF_VOLUME, .where = {"v", 1}, .secret = {"db", 2}, .required = true},
         "KT103 Secret \"db\" not found (volume v): kubelet waits for it"},
        {{.place = REF_ENV_FROM,
          .container = REF_EPHEMERAL_CONTAINER,
          .where = {"d", 1},
          .secret = {"db", 2}},
         "KT103 Secret \"db\" not found (ephemeral container d): kubelet waits for it"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct warning warning = {0};
        message_missing(&(struct missing){.code = CODE_SECRET_MISSING, .ref = &cases[i].ref},
                        &warning);
        ck_assert_str_eq(warning.text, cases[i].text);
    }
}
END_TEST

/* Every length of every name, so that each way of sharing the room is met. */
START_TEST(fits_whatever_the_lengths_are)
{
    static const int lengths[] = {0, 1, 3, 4, 5, 20, 40, 63, 120, 253, 300};
    for (size_t a = 0; a < ARRAY_LEN(lengths); a++) {
        for (size_t b = 0; b < ARRAY_LEN(lengths); b++) {
            struct secret_ref ref = ref_of("", X300, X300);
            ref.where = sv_make(X300, (size_t)lengths[a]);
            ref.secret = sv_make(X300, (size_t)lengths[b]);
            ref.key = sv_make(X300, (size_t)lengths[(a + b) % ARRAY_LEN(lengths)]);
            struct warning warning = {0};
            message_missing(&(struct missing){.code = CODE_KEY_MISSING_HELD,
                                              .ref = &ref,
                                              .of_pod = true,
                                              .held_up_to_ms = INT64_MAX / 2},
                            &warning);
            ck_assert_uint_le(strlen(warning.text), LIMIT_WARNING_BYTES);
            ck_assert_ptr_nonnull(strstr(warning.text, "): Pod waits up to "));
            ck_assert_int_eq(warning.text[strlen(warning.text) - 1], 's');

            char denial[LIMIT_DENIAL_BYTES + 1] = "";
            message_hostile(CODE_HOSTILE_KEY, &ref, denial);
            ck_assert_uint_le(strlen(denial), LIMIT_DENIAL_BYTES);
            ck_assert_ptr_nonnull(strstr(denial, "Correct the reference."));
        }
    }
}
END_TEST

START_TEST(cuts_no_escape_in_two)
{
    for (size_t lead = 0; lead < 8; lead++) {
        char name[200];
        memset(name, 'a', lead);
        memset(name + lead, '\n', sizeof name - lead);
        struct secret_ref ref = ref_of("app", "", "PW");
        ref.secret = sv_make(name, sizeof name);
        struct warning warning = {0};
        message_missing(&(struct missing){.code = CODE_SECRET_MISSING, .ref = &ref}, &warning);
        const char *cut = strstr(warning.text, "...\" not found");
        ck_assert_ptr_nonnull(cut);
        ck_assert_msg(memcmp(cut - 4, "\\x0a", 4) == 0, "%s", warning.text);
    }
}
END_TEST

START_TEST(says_why_a_name_is_denied)
{
    struct secret_ref ref = ref_of("app", "../x", "k");
    char text[LIMIT_DENIAL_BYTES + 1] = "";
    message_hostile(CODE_HOSTILE_NAME, &ref, text);
    ck_assert_str_eq(text, "KT104 container app: no Secret can be named \"../x\"; a name is "
                           "lower-case letters, digits, '-' and '.', at most 253. Correct the "
                           "reference.");
    ref = ref_of("app", "db", "a/b");
    message_hostile(CODE_HOSTILE_KEY, &ref, text);
    ck_assert_str_eq(text, "KT106 container app: Secret \"db\" cannot have a key \"a/b\"; a key is "
                           "letters, digits, '-', '_' and '.', at most 253. Correct the "
                           "reference.");
}
END_TEST

START_TEST(writes_codes_of_five_characters)
{
    char text[ADMISSION_CODE_BYTES];
    message_code(CODE_NONE, text);
    ck_assert_str_eq(text, "");
    message_code(CODE_HOSTILE_NAME, text);
    ck_assert_str_eq(text, "KT104");
    struct warning warning = {0};
    message_more_missing(15, &warning);
    ck_assert_str_eq(warning.text,
                     "KT109 more Secrets or keys are missing, only the first 15 are named");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("admission/message");
    TCase *message = tcase_create("message");
    tcase_add_loop_test(message, says_what_is_missing_and_what_happens_next, 0, ARRAY_LEN(MISSING));
    tcase_add_test(message, knows_what_waits_for_nothing);
    tcase_add_test(message, fits_whatever_the_lengths_are);
    tcase_add_test(message, cuts_no_escape_in_two);
    tcase_add_test(message, says_why_a_name_is_denied);
    tcase_add_test(message, writes_codes_of_five_characters);
    suite_add_tcase(suite, message);
    return suite;
}
