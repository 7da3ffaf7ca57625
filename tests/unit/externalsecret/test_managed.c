/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/managed.h"

#include "check_main.h"

static const char name_27[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char name_28[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char name_63[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
static const char name_64[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

/* The digest covers "<namespace>/<name>"; recorded from External Secrets Operator. */
START_TEST(labels_with_a_digest_of_namespace_and_name)
{
    char label[SHA3_224_HEX_BYTES];
    managed_created_by(SV("default"), SV("foo"), label);
    ck_assert_str_eq(label, "5634524f81ffd28d5559acdfea844235c0d3fc2499aca5a96810d10e");
}
END_TEST

START_TEST(names_its_field_manager_up_to_63_bytes)
{
    char manager[FIELD_MANAGER_BYTES];
    managed_field_manager(SV("db"), manager);
    ck_assert_str_eq(manager, "externalsecrets.external-secrets.io/db");
    ck_assert_uint_eq(strlen(name_27), 27);
    managed_field_manager(sv_of(name_27), manager);
    ck_assert_uint_eq(strlen(manager), 63);
    ck_assert_str_eq(manager, "externalsecrets.external-secrets.io/aaaaaaaaaaaaaaaaaaaaaaaaaaa");
}
END_TEST

START_TEST(digests_the_name_of_a_longer_one)
{
    char manager[FIELD_MANAGER_BYTES];
    ck_assert_uint_eq(strlen(name_28), 28);
    managed_field_manager(sv_of(name_28), manager);
    ck_assert_str_eq(manager, "externalsecrets.external-secrets.io/sha3/"
                              "52a6f48b37cd3535ef771a530c08d9cc4b78350ccdd33f2405e22ebb");
    managed_field_manager(SV("my-very-long-external-secret-name"), manager);
    ck_assert_str_eq(manager, "externalsecrets.external-secrets.io/sha3/"
                              "1af3e295f052e8de7a0e2ba66592bc7c2930bb20ca287bcd1e8c931f");
}
END_TEST

/* The operator looks for labels by another rule than it writes them. */
START_TEST(looks_for_labels_by_the_length_of_the_name_alone)
{
    char manager[FIELD_MANAGER_BYTES];
    char written[FIELD_MANAGER_BYTES];
    managed_metadata_manager(sv_of(name_27), manager);
    managed_field_manager(sv_of(name_27), written);
    ck_assert_str_eq(manager, written);
    managed_metadata_manager(sv_of(name_28), manager);
    ck_assert_str_eq(manager, "externalsecrets.external-secrets.io/aaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    ck_assert_uint_eq(strlen(name_63), 63);
    managed_metadata_manager(sv_of(name_63), manager);
    ck_assert(sv_ends_with(sv_of(manager), sv_of(name_63)));
    managed_metadata_manager(sv_of(name_64), manager);
    managed_field_manager(sv_of(name_64), written);
    ck_assert_str_eq(manager, written);
    ck_assert_ptr_nonnull(strstr(manager, "/sha3/"));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("managed");
    TCase *tcase = tcase_create("managed");
    tcase_add_test(tcase, labels_with_a_digest_of_namespace_and_name);
    tcase_add_test(tcase, names_its_field_manager_up_to_63_bytes);
    tcase_add_test(tcase, digests_the_name_of_a_longer_one);
    tcase_add_test(tcase, looks_for_labels_by_the_length_of_the_name_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}
