/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use a ClusterSecretStore: a security boundary. */
#include "check_main.h"
#include "objects/store.h"
#include "quoted_json.h"

static void release(struct store **store)
{
    store_release(*store);
}

static struct store *store_of(const char *conditions, bool cluster)
{
    struct json_text json =
        quoted_json("{'metadata':{'name':'store','namespace':'own'},'spec':{'conditions':%s,"
                    "'provider':{'fake':{'data':[]}}}}",
                    conditions);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, cluster, &store, &err), "%s", err.message);
    size_t len = strlen(json.text);
    memset(json.text, 'X', len);
    json_text_done(&json);
    return store;
}

#define LABEL(name, text)                                                                          \
    {                                                                                              \
        SV_INIT(name), SV_INIT(text)                                                               \
    }

static const struct string_pair SHOP[] = {
    LABEL("kubernetes.io/metadata.name", "shop"),
    LABEL("tier", "gold"),
    LABEL("example.com/team", "a"),
    LABEL("empty", ""),
};
/* Says that it is another one. */
static const struct string_pair LIAR[] = {LABEL("kubernetes.io/metadata.name", "shop")};

static const struct store_namespace NAMESPACES[] = {
    {SV_INIT("shop"), true, SHOP, ARRAY_LEN(SHOP)},
    {SV_INIT("bare"), true, NULL, 0},
    {SV_INIT("liar"), true, LIAR, ARRAY_LEN(LIAR)},
    {SV_INIT("shop"), false, NULL, 0},
};

enum {
    ADMITS_SHOP = 1,
    ADMITS_BARE = 2,
    ADMITS_LIAR = 4,
    ADMITS_UNKNOWN = 8, /* shop, before its labels are known */
    ADMITS_ALL = 15,
};

static const struct {
    const char *conditions;
    unsigned admits;
} CASES[] = {
    {"null", ADMITS_ALL},
    {"[]", ADMITS_ALL},
    /* No members, nobody. */
    {"[{}]", 0},
    {"[{'namespaces':[],'namespaceRegexes':[]}]", 0},
    {"[{'namespaceSelector':null,'namespaces':null,'namespaceRegexes':null}]", 0},
    /* An empty selector is everybody. */
    {"[{'namespaceSelector':{}}]", ADMITS_ALL},
    {"[{'namespaceSelector':{'matchLabels':{},'matchExpressions':[]}}]", ADMITS_ALL},
    {"[{'namespaceSelector':{'matchLabels':null,'matchExpressions':null}}]", ADMITS_ALL},
    {"[{},{'namespaceSelector':{}}]", ADMITS_ALL},
    /* Names are those of the label. */
    {"[{'namespaces':['shop']}]", ADMITS_SHOP | ADMITS_LIAR},
    {"[{'namespaces':['bare']}]", 0},
    {"[{'namespaces':['liar']}]", 0},
    {"[{'namespaces':['other','shop']}]", ADMITS_SHOP | ADMITS_LIAR},
    {"[{'namespaces':['sho']}]", 0},
    {"[{'namespaces':['shopp']}]", 0},
    /* Labels. */
    {"[{'namespaceSelector':{'matchLabels':{'tier':'gold'}}}]", ADMITS_SHOP},
    {"[{'namespaceSelector':{'matchLabels':{'tier':'Gold'}}}]", 0},
    {"[{'namespaceSelector':{'matchLabels':{'tier':''}}}]", 0},
    {"[{'namespaceSelector':{'matchLabels':{'empty':''}}}]", ADMITS_SHOP},
    {"[{'namespaceSelector':{'matchLabels':{'tier':'gold','example.com/team':'a'}}}]", ADMITS_SHOP},
    {"[{'namespaceSelector':{'matchLabels':{'tier':'gold','example.com/team':'b'}}}]", 0},
    /* Expressions; Not is true of who has no such label. */
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'In','values':['silver',"
     "'gold']}]}}]",
     ADMITS_SHOP},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'In','values':['silver']}"
     "]}}]",
     0},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'NotIn','values':['gold']"
     "}]}}]",
     ADMITS_BARE | ADMITS_LIAR},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'NotIn','values':["
     "'silver']}]}}]",
     ADMITS_SHOP | ADMITS_BARE | ADMITS_LIAR},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'empty','operator':'Exists'}]}}]",
     ADMITS_SHOP},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'Exists','values':[]}]}}"
     "]",
     ADMITS_SHOP},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'DoesNotExist'}]}}]",
     ADMITS_BARE | ADMITS_LIAR},
    /* Regular expressions look at the name, anywhere in it, whatever the labels say. */
    {"[{'namespaceRegexes':['shop']}]", ADMITS_SHOP | ADMITS_UNKNOWN},
    {"[{'namespaceRegexes':['ho']}]", ADMITS_SHOP | ADMITS_UNKNOWN},
    {"[{'namespaceRegexes':['^ho']}]", 0},
    {"[{'namespaceRegexes':['^shop$']}]", ADMITS_SHOP | ADMITS_UNKNOWN},
    {"[{'namespaceRegexes':['SHOP']}]", 0},
    {"[{'namespaceRegexes':['(?i)SHOP']}]", ADMITS_SHOP | ADMITS_UNKNOWN},
    {"[{'namespaceRegexes':['']}]", ADMITS_ALL},
    {"[{'namespaceRegexes':['x','^li']}]", ADMITS_LIAR},
    {"[{'namespaceRegexes':['shop\\\\z|bare\\\\z']}]", ADMITS_SHOP | ADMITS_UNKNOWN | ADMITS_BARE},
    /* All of one selector, any of the rest. */
    {"[{'namespaceSelector':{'matchLabels':{'tier':'gold'},'matchExpressions':[{'key':'empty',"
     "'operator':'DoesNotExist'}]}}]",
     0},
    {"[{'namespaceSelector':{'matchLabels':{'tier':'silver'}},'namespaces':['shop']}]",
     ADMITS_SHOP | ADMITS_LIAR},
    {"[{'namespaceSelector':{'matchLabels':{'tier':'silver'}}},{'namespaceSelector':{"
     "'matchExpressions':[{'key':'tier','operator':'DoesNotExist'}]}}]",
     ADMITS_BARE | ADMITS_LIAR},
};

START_TEST(admits_whom_one_member_of_one_condition_matches)
{
    CLEANUP(release) struct store *store = store_of(CASES[_i].conditions, true);
    ck_assert_msg(sv_is(store->unsupported, ""), "%.*s", SV_ARG(store->unsupported));
    for (size_t i = 0; i < ARRAY_LEN(NAMESPACES); i++) {
        struct err err = {0};
        bool expected = CASES[_i].admits & 1U << i;
        ck_assert_msg(store_admits(store, &NAMESPACES[i], &err) == expected, "%s, %zu",
                      CASES[_i].conditions, i);
        ck_assert_int_eq(err.kind, expected ? ERR_NONE : ERR_DENIED);
    }
}
END_TEST

/* One that cannot be read exactly is not used at all. */
static const struct {
    const char *conditions;
    const char *unsupported;
} UNREADABLE[] = {
    {"{}", "spec.conditions"},
    {"'all'", "spec.conditions"},
    {"['all']", "spec.conditions[0]"},
    {"[{'future':[]}]", "spec.conditions[0].future"},
    {"[{'namespaces':'shop'}]", "spec.conditions[0].namespaces"},
    {"[{'namespaces':['shop',7]}]", "spec.conditions[0].namespaces[1]"},
    {"[{'namespaces':['']}]", "spec.conditions[0].namespaces[0]"},
    {"[{'namespaces':['a.b']}]", "spec.conditions[0].namespaces[0]"},
    {"[{'namespaces':['../x']}]", "spec.conditions[0].namespaces[0]"},
    {"[{'namespaces':['*']}]", "spec.conditions[0].namespaces[0]"},
    {"[{'namespaces':['a\\u0000']}]", "spec.conditions[0].namespaces[0]"},
    {"[{'namespaceRegexes':'x'}]", "spec.conditions[0].namespaceRegexes"},
    {"[{'namespaceRegexes':['x',7]}]", "spec.conditions[0].namespaceRegexes[1]"},
    {"[{'namespaceRegexes':['x','(']}]", "spec.conditions[0].namespaceRegexes[1]"},
    {"[{'namespaceRegexes':['(?=shop)']}]", "spec.conditions[0].namespaceRegexes[0]"},
    {"[{'namespaceRegexes':['(a)\\\\1']}]", "spec.conditions[0].namespaceRegexes[0]"},
    {"[{'namespaceSelector':[]}]", "spec.conditions[0].namespaceSelector"},
    {"[{'namespaceSelector':''}]", "spec.conditions[0].namespaceSelector"},
    {"[{},{'namespaceSelector':{'future':{}}}]", "spec.conditions[1].namespaceSelector.future"},
    {"[{'namespaceSelector':{'matchLabels':['tier']}}]",
     "spec.conditions[0].namespaceSelector.matchLabels"},
    {"[{'namespaceSelector':{'matchLabels':{'tier':1}}}]",
     "spec.conditions[0].namespaceSelector.matchLabels"},
    {"[{'namespaceSelector':{'matchLabels':{'a b':'c'}}}]",
     "spec.conditions[0].namespaceSelector.matchLabels"},
    {"[{'namespaceSelector':{'matchLabels':{'tier':'a b'}}}]",
     "spec.conditions[0].namespaceSelector.matchLabels"},
    {"[{'namespaceSelector':{'matchExpressions':{}}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions"},
    {"[{'namespaceSelector':{'matchExpressions':['tier']}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[0]"},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'Exists'},{'key':'tier',"
     "'operator':'Gt','values':['1']}]}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[1].operator"},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'notin','values':['a']}]}"
     "}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[0].operator"},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier'}]}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[0].operator"},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'In'}]}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[0].values"},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'NotIn','values':[]}]}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[0].values"},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'Exists','values':['a']}]"
     "}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[0].values"},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'In','values':['a','!']}]"
     "}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[0].values[1]"},
    /* Would be true of everybody. */
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'','operator':'DoesNotExist'}]}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[0].key"},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'/','operator':'DoesNotExist'}]}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[0].key"},
    {"[{'namespaceSelector':{'matchExpressions':[{'key':'tier','operator':'Exists','future':1}]}}]",
     "spec.conditions[0].namespaceSelector.matchExpressions[0].future"},
};

START_TEST(names_what_it_cannot_read)
{
    CLEANUP(release) struct store *store = store_of(UNREADABLE[_i].conditions, true);
    ck_assert_msg(sv_is(store->unsupported, UNREADABLE[_i].unsupported), "%s: %.*s",
                  UNREADABLE[_i].conditions, SV_ARG(store->unsupported));
}
END_TEST

START_TEST(a_secret_store_is_of_its_namespace_alone)
{
    static const struct store_namespace own = {.name = SV_INIT("own")};
    static const char *const conditions[] = {"null", "[{'namespaceSelector':{}}]", "[{}]", "'x'"};
    for (size_t i = 0; i < ARRAY_LEN(conditions); i++) {
        struct err err = {0};
        CLEANUP(release) struct store *store = store_of(conditions[i], false);
        ck_assert(sv_is(store->unsupported, ""));
        ck_assert(store_admits(store, &own, &err));
        ck_assert(!store_admits(store, &NAMESPACES[0], &err));
        ck_assert_int_eq(err.kind, ERR_DENIED);
    }
}
END_TEST

START_TEST(says_whom_it_does_not_admit)
{
    struct err err = {0};
    CLEANUP(release) struct store *store = store_of("[{'namespaces':['other']}]", true);
    ck_assert(!store_admits(store, &NAMESPACES[0], &err));
    ck_assert_str_eq(err.message,
                     "ClusterSecretStore store: its spec.conditions do not admit namespace shop");
    ck_assert(!store_admits(store, &NAMESPACES[3], &err));
    ck_assert_ptr_nonnull(strstr(err.message, "does not know its labels"));
}
END_TEST

/* Hostile names reach the matcher: they are admitted by nothing but what everybody is. */
START_TEST(a_name_that_is_none_is_no_way_in)
{
    static const struct str_view names[] = {SV_INIT("shop\0evil"), SV_INIT("shop\n"),
                                            SV_INIT("evil\nshop"), SV_INIT(""),
                                            SV_INIT("../shop"),    SV_INIT("shop\xff")};
    CLEANUP(release)
    struct store *store = store_of("[{'namespaces':['shop'],'namespaceRegexes':['^shop$']}]", true);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err err = {0};
        const struct store_namespace namespace = {.name = names[i], .labels_known = true};
        ck_assert_msg(!store_admits(store, &namespace, &err), "%zu", i);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("store_conditions");
    TCase *tcase = tcase_create("store_conditions");
    tcase_add_loop_test(tcase, admits_whom_one_member_of_one_condition_matches, 0,
                        (int)ARRAY_LEN(CASES));
    tcase_add_loop_test(tcase, names_what_it_cannot_read, 0, (int)ARRAY_LEN(UNREADABLE));
    tcase_add_test(tcase, a_secret_store_is_of_its_namespace_alone);
    tcase_add_test(tcase, a_name_that_is_none_is_no_way_in);
    tcase_add_test(tcase, says_whom_it_does_not_admit);
    suite_add_tcase(suite, tcase);
    return suite;
}
