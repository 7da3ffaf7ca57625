/* SPDX-License-Identifier: Apache-2.0 */
#include "check_main.h"
#include "objects/external_secret.h"

static char version[EXTERNAL_SECRET_VERSION_BYTES];

/* external-secrets.md §2.1, measured. */
START_TEST(a_version_of_no_metadata)
{
    const struct external_secret external_secret = {.generation = 1};
    external_secret_version(&external_secret, version);
    ck_assert_str_eq(version, "1-f47fe3c0b255b6dd8047cdffa772587bb829efe7a1cb70febeda2eb2");
}
END_TEST

START_TEST(a_version_of_annotations_and_labels_in_the_order_of_their_keys)
{
    struct string_pair annotations[] = {{SV("b"), SV("2 x")}, {SV("a"), SV("1")}};
    struct string_pair labels[] = {{SV("app"), SV("web")}};
    const struct external_secret external_secret = {.generation = 12,
                                                    .annotations = annotations,
                                                    .annotation_count = ARRAY_LEN(annotations),
                                                    .labels = labels,
                                                    .label_count = ARRAY_LEN(labels)};
    external_secret_version(&external_secret, version);
    ck_assert_str_eq(version, "12-9cbfdca8130661f35c1a5a637c7077a64b82f061831cbe0a9172ac52");
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("external_secret_version");
    TCase *tcase = tcase_create("external_secret_version");
    tcase_add_test(tcase, a_version_of_no_metadata);
    tcase_add_test(tcase, a_version_of_annotations_and_labels_in_the_order_of_their_keys);
    suite_add_tcase(suite, tcase);
    return suite;
}
