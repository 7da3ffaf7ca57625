/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/regions.h"

#include "check_main.h"

START_TEST(knows_the_regions_of_every_partition)
{
    static const char *const known[] = {
        "us-east-1",      "eu-central-1",  "ap-southeast-7", "cn-northwest-1", "us-gov-west-1",
        "eusc-de-east-1", "us-iso-west-1", "us-isob-west-1", "eu-isoe-west-1", "us-isof-south-1"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        ck_assert_msg(region_is_known(sv_of(known[i])), "%s", known[i]);
    }
}
END_TEST

START_TEST(knows_no_others)
{
    static const char *const others[] = {"",          "us-east-11", "us-east-", "US-EAST-1",
                                         "us-east-3", "aws-global", "eu-new-7"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        ck_assert_msg(!region_is_known(sv_of(others[i])), "%s", others[i]);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("regions");
    TCase *tcase = tcase_create("regions");
    tcase_add_test(tcase, knows_the_regions_of_every_partition);
    tcase_add_test(tcase, knows_no_others);
    suite_add_tcase(suite, tcase);
    return suite;
}
