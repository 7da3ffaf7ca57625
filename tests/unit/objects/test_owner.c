/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/owner.h"

#include "check_main.h"
#include "quoted_json.h"

START_TEST(finds_the_controller_among_owners)
{
    CLEANUP(json_text_done)
    struct json_text json =
        quoted_json("{'ownerReferences':["
                    "{'apiVersion':'v1','kind':'ConfigMap','name':'c','uid':'1'},"
                    "{'apiVersion':'v1','kind':'Node','name':'n','uid':'2','controller':false},"
                    "{'apiVersion':'apps/v1','kind':'ReplicaSet','name':'r','uid':'3',"
                    "'controller':true}]}");
    struct owner owner;
    ck_assert(owner_find_controller(json.root, &owner));
    ck_assert(sv_is(owner.group, "apps"));
    ck_assert(sv_is(owner.kind, "ReplicaSet"));
    ck_assert(sv_is(owner.name, "r"));
    ck_assert(sv_is(owner.uid, "3"));
}
END_TEST

START_TEST(the_core_group_has_an_empty_name)
{
    CLEANUP(json_text_done)
    struct json_text json = quoted_json(
        "{'ownerReferences':[{'apiVersion':'v1','kind':'Node','name':'n','controller':true}]}");
    struct owner owner;
    ck_assert(owner_find_controller(json.root, &owner));
    ck_assert_uint_eq(owner.group.len, 0);
    ck_assert(sv_is(owner.kind, "Node"));
    ck_assert_uint_eq(owner.uid.len, 0);
}
END_TEST

static const char *const NO_CONTROLLER[] = {
    "{}",
    "null",
    "{'ownerReferences':null}",
    "{'ownerReferences':[]}",
    "{'ownerReferences':'x'}",
    "{'ownerReferences':[{'kind':'Node'}]}",
    "{'ownerReferences':[{'kind':'Node','controller':false}]}",
    "{'ownerReferences':[{'kind':'Node','controller':'true'}]}",
    "{'ownerReferences':['x',1,null]}",
};

START_TEST(finds_none)
{
    CLEANUP(json_text_done) struct json_text json = quoted_json("%s", NO_CONTROLLER[_i]);
    struct owner owner;
    ck_assert(!owner_find_controller(json.root, &owner));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("owner");
    TCase *tcase = tcase_create("owner");
    tcase_add_test(tcase, finds_the_controller_among_owners);
    tcase_add_test(tcase, the_core_group_has_an_empty_name);
    tcase_add_loop_test(tcase, finds_none, 0, (int)ARRAY_LEN(NO_CONTROLLER));
    suite_add_tcase(suite, tcase);
    return suite;
}
