/* SPDX-License-Identifier: Apache-2.0 */
#include "admission/decide.h"

#include "check_main.h"
#include "scene.h"

struct decide_case {
    struct scene scene;
    const char *expected;
};

#define ENV(secret, key) "{'valueFrom':{'secretKeyRef':{'name':'" secret "','key':'" key "'}}}"
#define ENV_OPTIONAL(secret, key)                                                                  \
    "{'valueFrom':{'secretKeyRef':{'name':'" secret "','key':'" key "','optional':true}}}"
#define APP(env) "'containers':[{'name':'app','env':[" env "]}]"
#define POD(metadata, spec) "{'metadata':{" metadata "},'spec':{" spec "}}"
/* A Pod whose container app uses key PW of Secret db. */
#define POD_DB POD("", APP(ENV("db", "PW")))
#define TEMPLATE(metadata, spec) POD("", "'template':" POD(metadata, spec))
#define DEPLOYMENT .group = "apps", .kind = "Deployment"
#define UPDATE .operation = "UPDATE"

#define DB_THERE "{'secrets':{'db':{'data':{'PW':'x','OTHER':'y'}}}}"
#define DB_WITHOUT_KEY "{'secrets':{'db':{'data':{'OTHER':'y'}}}}"
#define DB_DESCRIBED "{'secrets':{'db':{'presence':'absent','described':'present'}}}"
#define DB_UNKNOWN "{'secrets':{'db':{'presence':'unknown'}}}"
#define ALL_UNKNOWN "{'others':'unknown'}"

#define GATE_PATCH                                                                                 \
    "{\"op\":\"add\",\"path\":\"/spec/schedulingGates\",\"value\":[{\"name\":\"keyturn.io/"        \
    "secrets\"}]}"
#define STAMP_PATCH                                                                                \
    "{\"op\":\"add\",\"path\":\"/metadata/annotations\",\"value\":{\"keyturn.io/secrets-hash\":"   \
    "\"HASH\"}}"
#define STAMP_MEMBER "/metadata/annotations/keyturn.io~1secrets-hash"
#define MARKER_PATCH                                                                               \
    "{\"op\":\"add\",\"path\":\"/spec/template/metadata/annotations\",\"value\":{\"keyturn.io/"    \
    "rollout-hash\":\"HASH\"}}"
#define MARKER_MEMBER "/spec/template/metadata/annotations/keyturn.io~1rollout-hash"
#define HELD_60S                                                                                   \
    "warning: KT101 Secret \"db\" not found (container app, key PW): Pod waits up to 60s\n"
#define UNHELD                                                                                     \
    "warning: KT103 Secret \"db\" not found (container app, key PW): kubelet waits for it\n"

static const struct decide_case PODS[] = {
    /* Everything there: a stamp at once, nothing asked. */
    {{.object = POD_DB, .world = DB_THERE}, "allow\npatch: [" STAMP_PATCH "]\n"},
    {{.object = POD_DB, .world = DB_THERE, .first = true}, "allow\npatch: [" STAMP_PATCH "]\n"},
    {{.object = POD_DB, .world = DB_THERE, .dry_run = true}, "allow\npatch: [" STAMP_PATCH "]\n"},
    {{.object = POD("", "'containers':[]"), .world = ALL_UNKNOWN, .first = true}, "allow\n"},
    /* Missing: looked at live, then held. */
    {{.object = POD_DB, .first = true}, "wait\nwant: db\n"},
    {{.object = POD_DB, .first = true, .dry_run = true}, "wait\nwant: db\n"},
    {{.object = POD_DB}, "hold KT101\n" HELD_60S "patch: [" GATE_PATCH "]\n"},
    {{.object = POD_DB, .dry_run = true}, "hold KT101\n" HELD_60S "patch: [" GATE_PATCH "]\n"},
    {{.object = POD_DB, .world = DB_DESCRIBED},
     "hold KT101\n"
     "warning: KT101 Secret \"db\" not found (container app, key PW): Pod waits up to 5m\n"
     "patch: [" GATE_PATCH "]\n"},
    {{.object = POD_DB, .world = DB_WITHOUT_KEY, .first = true}, "wait\nwant: db\n"},
    {{.object = POD_DB, .world = DB_WITHOUT_KEY},
     "hold KT102\n"
     "warning: KT102 Secret \"db\" has no key \"PW\" (container app): Pod waits up to 60s\n"
     "patch: [" GATE_PATCH "]\n"},
    /* Unknown: asked about, then neither warned about nor held. */
    {{.object = POD_DB, .world = DB_UNKNOWN, .first = true}, "wait\nwant: db\n"},
    {{.object = POD_DB, .world = DB_UNKNOWN}, "allow\n"},
    {{.object = POD_DB, .world = "{'key':null,'secrets':{'db':{'data':{'PW':'x'}}}}"}, "allow\n"},
    /* One confirmed absent holds, whatever is unknown elsewhere. */
    {{.object = POD("", APP(ENV("db", "PW") "," ENV("api", "T"))),
      .world = "{'secrets':{'api':{'presence':'unknown'}}}"},
     "hold KT101\n" HELD_60S "patch: [" GATE_PATCH "]\n"},
    /* Gates that are there already: others' are kept, ours is not added twice. */
    {{.object = POD("", "'schedulingGates':[{'name':'x.io/y'}]," APP(ENV("db", "PW")))},
     "hold KT101\n" HELD_60S
     "patch: [{\"op\":\"add\",\"path\":\"/spec/schedulingGates/-\",\"value\":{\"name\":"
     "\"keyturn.io/secrets\"}}]\n"},
    {{.object = POD("", "'schedulingGates':null," APP(ENV("db", "PW")))},
     "hold KT101\n" HELD_60S "patch: [" GATE_PATCH "]\n"},
    {{.object = POD("", "'schedulingGates':[{'name':'keyturn.io/secrets'}]," APP(ENV("db", "PW")))},
     "hold KT101\n" HELD_60S},
    /* The Secret came between two passes: the gate stays, the stamp comes with its release. */
    {{.object = POD("", "'schedulingGates':[{'name':'keyturn.io/secrets'}]," APP(ENV("db", "PW"))),
      .world = DB_THERE},
     "hold\n"},
    {{.object = POD("'annotations':{'keyturn.io/secrets-hash':'v1-foreign'}",
                    "'schedulingGates':["
                    "{'name':'keyturn.io/secrets'}]," APP(ENV("db", "PW"))),
      .world = DB_THERE},
     "hold\npatch: [{\"op\":\"remove\",\"path\":\"" STAMP_MEMBER "\"}]\n"},
    /* A stamp that comes with the Pod is overwritten, or removed. */
    {{.object = POD("'annotations':{'keyturn.io/secrets-hash':'v1-foreign'}", APP(ENV("db", "PW"))),
      .world = DB_THERE},
     "allow\npatch: [{\"op\":\"add\",\"path\":\"" STAMP_MEMBER "\",\"value\":\"HASH\"}]\n"},
    {{.object =
          POD("'annotations':{'keyturn.io/secrets-hash':'v1-foreign'}", APP(ENV("db", "PW")))},
     "hold KT101\n" HELD_60S "patch: [" GATE_PATCH ",{\"op\":\"remove\",\"path\":\"" STAMP_MEMBER
     "\"}]\n"},
    {{.object = POD("'annotations':{'keyturn.io/secrets-hash':'v1-foreign'}", APP(ENV("db", "PW"))),
      .world = DB_UNKNOWN},
     "allow\npatch: [{\"op\":\"remove\",\"path\":\"" STAMP_MEMBER "\"}]\n"},
    {{.object = POD("'annotations':{'keyturn.io/secrets-hash':'v1-foreign'}", "'containers':[]")},
     "allow\npatch: [{\"op\":\"remove\",\"path\":\"" STAMP_MEMBER "\"}]\n"},
    /* Owned Pods are held like any other. */
    {{.object = POD("'ownerReferences':[{'controller':true,'kind':'ReplicaSet','name':'r'}]",
                    APP(ENV("db", "PW")))},
     "hold KT101\n" HELD_60S "patch: [" GATE_PATCH "]\n"},
};

START_TEST(stamps_or_holds_a_new_pod)
{
    scene_check(&PODS[_i].scene, PODS[_i].expected);
}
END_TEST

static const struct decide_case NEVER_HELD[] = {
    {{.object = POD_DB, .no_gates = true}, "allow KT103\n" UNHELD},
    {{.object = POD_DB, .warn_only = true}, "allow KT103\n" UNHELD},
    {{.object = POD("", "'nodeName':'n1'," APP(ENV("db", "PW")))}, "allow KT103\n" UNHELD},
    {{.object = POD("", "'priorityClassName':'system-node-critical'," APP(ENV("db", "PW")))},
     "allow KT103\n" UNHELD},
    {{.object = POD("", "'priorityClassName':'system-cluster-critical'," APP(ENV("db", "PW")))},
     "allow KT103\n" UNHELD},
    {{.object = POD("'annotations':{'keyturn.io/hold':'off'}", APP(ENV("db", "PW")))},
     "allow KT103\n" UNHELD},
    {{.object = POD("'annotations':{'keyturn.io/hold':'off'}", APP(ENV("db", "PW"))),
      .world = DB_WITHOUT_KEY},
     "allow KT105\n"
     "warning: KT105 Secret \"db\" has no key \"PW\" (container app): kubelet waits for it\n"},
    /* Only the running Pod brings it into being: no word about it either. */
    {{.object = POD("", "'volumes':[{'name':'s','csi':{'driver':'secrets-store.csi.k8s.io'}}]," APP(
                            ENV("db", "PW")))},
     "allow\n"},
    {{.object = POD("", "'volumes':[{'name':'s','csi':{'driver':'secrets-store.csi.k8s.io'}}]," APP(
                            ENV("db", "PW"))),
      .first = true},
     "allow\n"},
    /* kubelet pulls without it. */
    {{.object = POD("", "'imagePullSecrets':[{'name':'reg'}]")},
     "allow KT103\nwarning: KT103 Secret \"reg\" not found (imagePullSecrets): images are pulled "
     "without it\n"},
    {{.object = POD("", "'imagePullSecrets':[{'name':'reg'}]"), .first = true},
     "wait\nwant: reg\n"},
    {{.object = POD("", "'imagePullSecrets':[{'name':'reg'}]"),
      .world = ALL_UNKNOWN,
      .first = true},
     "allow\n"},
    /* No waiting brings these drivers back. */
    {{.object = POD("", "'volumes':[{'name':'v','rbd':{'secretRef':{'name':'ceph'}}}]")},
     "allow KT103\nwarning: KT103 Secret \"ceph\" not found (volume v): the volume cannot be "
     "mounted\n"},
    /* Optional and described by nobody: silent. */
    {{.object = POD("", APP(ENV_OPTIONAL("db", "PW")))}, "allow\npatch: [" STAMP_PATCH "]\n"},
    {{.object = POD("", APP(ENV_OPTIONAL("db", "PW"))), .first = true},
     "allow\npatch: [" STAMP_PATCH "]\n"},
    {{.object = POD("", APP(ENV_OPTIONAL("db", "PW"))), .world = DB_UNKNOWN, .first = true},
     "allow\n"},
};

START_TEST(never_holds_what_must_not_wait)
{
    scene_check(&NEVER_HELD[_i].scene, NEVER_HELD[_i].expected);
}
END_TEST

static const struct decide_case OPTIONAL_DESCRIBED[] = {
    {{.object = POD("", APP(ENV_OPTIONAL("db", "PW"))), .world = DB_DESCRIBED, .first = true},
     "wait\nwant: db\n"},
    {{.object = POD("", APP(ENV_OPTIONAL("db", "PW"))), .world = DB_DESCRIBED},
     "hold KT101\n"
     "warning: KT101 Secret \"db\" not found (container app, key PW): Pod waits up to 5m\n"
     "patch: [" GATE_PATCH "]\n"},
    {{.object = POD("", APP(ENV_OPTIONAL("db", "PW"))),
      .world = "{'secrets':{'db':{'presence':'absent','described':'unknown'}}}"},
     "allow\npatch: [" STAMP_PATCH "]\n"},
    /* Where no gate is possible nobody waits and nobody is told. */
    {{.object = POD("", APP(ENV_OPTIONAL("db", "PW"))), .world = DB_DESCRIBED, .no_gates = true},
     "allow\npatch: [" STAMP_PATCH "]\n"},
    {{DEPLOYMENT, .object = TEMPLATE("", APP(ENV_OPTIONAL("db", "PW"))), .world = DB_DESCRIBED},
     "allow\npatch: [" MARKER_PATCH "]\n"},
};

START_TEST(holds_optional_references_only_where_described)
{
    scene_check(&OPTIONAL_DESCRIBED[_i].scene, OPTIONAL_DESCRIBED[_i].expected);
}
END_TEST

#define WITH_DELETION "'deletionTimestamp':'2026-01-01T00:00:00Z'"
#define OWNED "'ownerReferences':[{'apiVersion':'x/v1','kind':'K','name':'n','controller':true}]"
#define HOSTILE "../../kube-system/secrets/x"

static const struct decide_case SKIPPED[] = {
    {{.kind = "ConfigMap", .object = "{'data':{}}"}, "skip\n"},
    {{.kind = "Eviction", .group = "policy", .sub_resource = "eviction", .object = "{}"}, "skip\n"},
    {{.operation = "DELETE", .old_object = POD("", APP(ENV(HOSTILE, "k")))}, "skip\n"},
    {{.operation = "CONNECT", .object = POD("", APP(ENV(HOSTILE, "k")))}, "skip\n"},
    {{UPDATE, .object = POD(WITH_DELETION, APP(ENV(HOSTILE, "k"))), .old_object = "{}"}, "skip\n"},
    {{DEPLOYMENT, UPDATE,
      .object = "{'metadata':{" WITH_DELETION
                "},'spec':{'template':" POD("", APP(ENV(HOSTILE, "k"))) "}}",
      .old_object = "{}"},
     "skip\n"},
    {{.object = POD("'annotations':{'kubernetes.io/config.mirror':'abc'}", APP(ENV(HOSTILE, "k")))},
     "skip\n"},
    {{.sub_resource = "resize",
      UPDATE,
      .object = POD("", APP(ENV(HOSTILE, "k"))),
      .old_object = "{}"},
     "skip\n"},
    {{.sub_resource = "binding", .object = POD("", APP(ENV(HOSTILE, "k")))}, "skip\n"},
    {{.sub_resource = "ephemeralcontainers", .object = POD("", APP(ENV(HOSTILE, "k")))}, "skip\n"},
    {{DEPLOYMENT, .sub_resource = "ephemeralcontainers", UPDATE,
      .object = TEMPLATE("", APP(ENV(HOSTILE, "k"))), .old_object = "{}"},
     "skip\n"},
    {{DEPLOYMENT,
      .object = "{'metadata':{" OWNED "},'spec':{'template':" POD("", APP(ENV("db", "PW"))) "}}"},
     "skip\n"},
    {{.group = "apps",
      .kind = "ReplicaSet",
      .object =
          "{'metadata':{" OWNED "},'spec':{'template':" POD("", APP(ENV(HOSTILE, "PW"))) "}}"},
     "skip\n"},
    {{.group = "batch",
      .kind = "Job",
      UPDATE,
      .object = TEMPLATE("", APP(ENV(HOSTILE, "k"))),
      .old_object = TEMPLATE("", "")},
     "skip\n"},
    {{DEPLOYMENT, .object = "{'metadata':{},'spec':{}}"}, "skip\n"},
    {{DEPLOYMENT, UPDATE, .object = "{'spec':{'template':null}}", .old_object = "{}"}, "skip\n"},
    {{.object = NULL}, "skip\n"},
    {{.object = "{'metadata':['x'],'spec':{" APP(ENV("db", "PW")) "}}"}, "skip\n"},
};

START_TEST(leaves_alone_what_is_not_its_business)
{
    CLEANUP(scene_run_done) struct scene_run run;
    scene_play(&SKIPPED[_i].scene, &run);
    ck_assert(admit_skips(&run.review));
    scene_check(&SKIPPED[_i].scene, SKIPPED[_i].expected);
}
END_TEST

#define NAME_RULE                                                                                  \
    "; a name is lower-case letters, digits, '-' and '.', at most 253. Correct the reference.\n"
#define KEY_RULE                                                                                   \
    "; a key is letters, digits, '-', '_' and '.', at most 253. Correct the reference.\n"
#define DENIED_NAME                                                                                \
    "deny KT104\ndenial: KT104 container app: no Secret can be named \"" HOSTILE "\"" NAME_RULE
#define DENIED_KEY                                                                                 \
    "deny KT106\ndenial: KT106 container app: Secret \"db\" cannot have a key \"a/b\"" KEY_RULE

static const struct decide_case HOSTILE_CREATED[] = {
    {{.object = POD("", APP(ENV(HOSTILE, "k")))}, DENIED_NAME},
    {{.object = POD("", APP(ENV(HOSTILE, "k"))), .first = true}, DENIED_NAME},
    {{.object = POD("", APP(ENV(HOSTILE, "k"))), .dry_run = true}, DENIED_NAME},
    {{.object = POD("", APP(ENV(HOSTILE, "k"))), .warn_only = true}, DENIED_NAME},
    {{.object = POD("", APP(ENV(HOSTILE, "k"))), .off = true}, "skip\n"},
    {{.object = POD("", APP(ENV("db", "a/b"))), .world = DB_THERE}, DENIED_KEY},
    {{DEPLOYMENT, .object = TEMPLATE("", APP(ENV(HOSTILE, "k")))}, DENIED_NAME},
    {{.group = "apps", .kind = "StatefulSet", .object = TEMPLATE("", APP(ENV(HOSTILE, "k")))},
     DENIED_NAME},
    {{.group = "apps", .kind = "DaemonSet", .object = TEMPLATE("", APP(ENV(HOSTILE, "k")))},
     DENIED_NAME},
    {{.group = "apps", .kind = "ReplicaSet", .object = TEMPLATE("", APP(ENV(HOSTILE, "k")))},
     DENIED_NAME},
    {{.group = "batch", .kind = "Job", .object = TEMPLATE("", APP(ENV(HOSTILE, "k")))},
     DENIED_NAME},
    {{.group = "batch",
      .kind = "CronJob",
      .object = POD("", "'jobTemplate':{'spec':{'template':" POD("", APP(ENV(HOSTILE, "k"))) "}}")},
     DENIED_NAME},
    {{.object =
          POD("", "'initContainers':[{'name':'i','envFrom':[{'secretRef':{'name':'a/b'}}]}]")},
     "deny KT104\ndenial: KT104 init container i: no Secret can be named \"a/b\"" NAME_RULE},
    {{.object = POD("", "'volumes':[{'name':'v','secret':{'secretName':'%2e%2e'}}]")},
     "deny KT104\ndenial: KT104 volume v: no Secret can be named \"%2e%2e\"" NAME_RULE},
    {{.object = POD("", "'imagePullSecrets':[{'name':'a\\u0000b'}]")},
     "deny KT104\ndenial: KT104 imagePullSecrets: no Secret can be named \"a\\x00b\"" NAME_RULE},
    {{.object = POD("", "'volumes':[{'name':'v','secret':{'secretName':'db','items':[{'key':'..',"
                        "'path':'p'}]}}]")},
     "deny KT106\ndenial: KT106 volume v: Secret \"db\" cannot have a key \"..\"" KEY_RULE},
    {{.object = POD("", "'volumes':[{'name':'v','rbd':{'secretRef':{'name':'UP'}}}]")},
     "deny KT104\ndenial: KT104 volume v: no Secret can be named \"UP\"" NAME_RULE},
    /* The API skips empty names, and so do we. */
    {{.object = POD("", APP(ENV("", "k")))}, "allow\n"},
};

START_TEST(denies_names_no_secret_can_have)
{
    scene_check(&HOSTILE_CREATED[_i].scene, HOSTILE_CREATED[_i].expected);
}
END_TEST

#define DEBUG(secret)                                                                              \
    "'ephemeralContainers':[{'name':'dbg','envFrom':[{'secretRef':{'name':'" secret "'}}]}]"
#define EPHEMERAL .sub_resource = "ephemeralcontainers", UPDATE

static const struct decide_case UPDATED[] = {
    /* Only what is new in it. */
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("", APP(ENV(HOSTILE, "k"))),
      .old_object = TEMPLATE("", APP(""))},
     DENIED_NAME},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("", APP(ENV(HOSTILE, "k"))),
      .old_object = TEMPLATE("", APP(ENV(HOSTILE, "k")))},
     "allow\n"},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("'labels':{'a':'b'}", APP(ENV(HOSTILE, "k"))),
      .old_object = TEMPLATE("", APP(ENV(HOSTILE, "k"))), .first = true},
     "allow KT103\nwarning: KT103 Secret \"" HOSTILE
     "\" not found (container app, key k): Pods wait up to 60s\n"},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("", APP(ENV(HOSTILE, "k") "," ENV("db", "a/b"))),
      .old_object = TEMPLATE("", APP(ENV(HOSTILE, "k")))},
     DENIED_KEY},
    {{EPHEMERAL, .object = POD("", DEBUG("a/b")), .old_object = POD("", "")},
     "deny KT104\ndenial: KT104 ephemeral container dbg: no Secret can be named \"a/b\"" NAME_RULE},
    {{EPHEMERAL, .object = POD("", DEBUG("a/b")), .old_object = POD("", DEBUG("a/b"))}, "allow\n"},
    {{EPHEMERAL, .object = POD("", DEBUG("db")), .old_object = POD("", ""), .first = true},
     "wait\nwant: db\n"},
    {{EPHEMERAL, .object = POD("", DEBUG("db")), .old_object = POD("", "")},
     "allow KT103\nwarning: KT103 Secret \"db\" not found (ephemeral container dbg): kubelet waits "
     "for it\n"},
    {{EPHEMERAL, .object = POD("", DEBUG("db")), .old_object = POD("", ""), .world = DB_THERE},
     "allow\n"},
    {{EPHEMERAL, .object = POD("", DEBUG("db")), .old_object = POD("", ""), .world = ALL_UNKNOWN,
      .first = true},
     "allow\n"},
    /* What the Pod lives with already is not brought up again. */
    {{EPHEMERAL, .object = POD("", DEBUG("db") "," APP(ENV("api", "T"))),
      .old_object = POD("", APP(ENV("api", "T"))), .world = "{'secrets':{'db':{'data':{}}}}"},
     "allow\n"},
    /* A running Pod gets neither gate nor stamp. */
    {{UPDATE, .object = POD("'labels':{'a':'b'}", APP(ENV("db", "PW"))), .old_object = POD_DB},
     "allow\n"},
    {{UPDATE, .object = POD("'labels':{'a':'b'}", APP(ENV("db", "PW"))), .old_object = POD_DB,
      .world = DB_THERE},
     "allow\n"},
};

START_TEST(holds_an_update_answerable_for_what_it_brings)
{
    scene_check(&UPDATED[_i].scene, UPDATED[_i].expected);
}
END_TEST

#define MARKED(value) "'annotations':{'keyturn.io/rollout-hash':'" value "'}"
#define SET_MARKER(value)                                                                          \
    "patch: [{\"op\":\"add\",\"path\":\"" MARKER_MEMBER "\",\"value\":\"" value "\"}]\n"
#define REMOVE_MARKER "patch: [{\"op\":\"remove\",\"path\":\"" MARKER_MEMBER "\"}]\n"
#define PODS_WAIT                                                                                  \
    "warning: KT103 Secret \"db\" not found (container app, key PW): Pods wait up to 60s\n"
#define USES_DB APP(ENV("db", "PW"))

static const struct decide_case MARKER_ON_CREATE[] = {
    {{DEPLOYMENT, .object = TEMPLATE("", USES_DB), .world = DB_THERE},
     "allow\npatch: [" MARKER_PATCH "]\n"},
    {{DEPLOYMENT, .object = TEMPLATE("", USES_DB), .world = DB_THERE, .first = true},
     "allow\npatch: [" MARKER_PATCH "]\n"},
    {{.group = "apps", .kind = "StatefulSet", .object = TEMPLATE("", USES_DB), .world = DB_THERE},
     "allow\npatch: [" MARKER_PATCH "]\n"},
    {{.group = "apps", .kind = "DaemonSet", .object = TEMPLATE("", USES_DB), .world = DB_THERE},
     "allow\npatch: [" MARKER_PATCH "]\n"},
    {{DEPLOYMENT, .object = TEMPLATE(MARKED("v1-foreign"), USES_DB), .world = DB_THERE},
     "allow\n" SET_MARKER("HASH")},
    {{DEPLOYMENT, .object = TEMPLATE("'annotations':{'a':'b'}", USES_DB), .world = DB_THERE},
     "allow\n" SET_MARKER("HASH")},
    {{DEPLOYMENT, .object = "{'spec':{'template':{'spec':{" USES_DB "}}}}", .world = DB_THERE},
     "allow\npatch: [{\"op\":\"add\",\"path\":\"/spec/template/metadata\",\"value\":"
     "{\"annotations\":{\"keyturn.io/rollout-hash\":\"HASH\"}}}]\n"},
    {{DEPLOYMENT, .object = TEMPLATE("'creationTimestamp':null,'annotations':null", USES_DB),
      .world = DB_THERE},
     "allow\npatch: [" MARKER_PATCH "]\n"},
    /* Missing, unknown or nothing to hash: none, and none that came with it. */
    {{DEPLOYMENT, .object = TEMPLATE("", USES_DB), .first = true}, "wait\nwant: db\n"},
    {{DEPLOYMENT, .object = TEMPLATE("", USES_DB)}, "allow KT103\n" PODS_WAIT},
    {{DEPLOYMENT, .object = TEMPLATE(MARKED("v1-foreign"), USES_DB)},
     "allow KT103\n" PODS_WAIT REMOVE_MARKER},
    {{DEPLOYMENT, .object = TEMPLATE(MARKED("v1-foreign"), USES_DB), .world = DB_UNKNOWN},
     "allow\n" REMOVE_MARKER},
    {{DEPLOYMENT, .object = TEMPLATE(MARKED("v1-foreign"), USES_DB),
      .world = "{'key':null,'secrets':{'db':{'data':{'PW':'x'}}}}"},
     "allow\n" REMOVE_MARKER},
    {{DEPLOYMENT, .object = TEMPLATE(MARKED("v1-foreign"), APP(""))}, "allow\n" REMOVE_MARKER},
    {{DEPLOYMENT, .object = TEMPLATE("", APP(""))}, "allow\n"},
    {{DEPLOYMENT, .object = TEMPLATE("", USES_DB), .world = DB_UNKNOWN, .first = true},
     "wait\nwant: db\n"},
    {{DEPLOYMENT, .object = TEMPLATE("", USES_DB), .world = DB_WITHOUT_KEY},
     "allow KT105\nwarning: KT105 Secret \"db\" has no key \"PW\" (container app): Pods wait up to "
     "60s\n"},
    {{DEPLOYMENT, .object = TEMPLATE("", USES_DB), .no_gates = true}, "allow KT103\n" UNHELD},
    {{DEPLOYMENT, .object = TEMPLATE("'annotations':{'keyturn.io/hold':'off'}", USES_DB)},
     "allow KT103\n" UNHELD},
    /* A plain volume does not roll, so there is nothing to hash, but it is waited for. */
    {{DEPLOYMENT, .object = TEMPLATE("", "'volumes':[{'name':'v','secret':{'secretName':'db'}}]")},
     "allow KT103\nwarning: KT103 Secret \"db\" not found (volume v): Pods wait up to 60s\n"},
    {{DEPLOYMENT, .object = TEMPLATE("", "'volumes':[{'name':'v','secret':{'secretName':'db'}}]"),
      .world = DB_THERE},
     "allow\n"},
    /* ... and while it is missing there is no marker over the others either. */
    {{DEPLOYMENT,
      .object = TEMPLATE("", USES_DB ",'volumes':[{'name':'v','secret':{'secretName':'api'}}]"),
      .world = DB_THERE},
     "allow KT103\nwarning: KT103 Secret \"api\" not found (volume v): Pods wait up to 60s\n"},
    /* Opted out, on the object or its template. */
    {{DEPLOYMENT, .object = TEMPLATE("'annotations':{'keyturn.io/rollout':'off'}", USES_DB),
      .world = DB_THERE},
     "allow\n"},
    {{DEPLOYMENT,
      .object = "{'metadata':{'annotations':{'keyturn.io/rollout':'off'}},'spec':{'template':" POD(
          MARKED("v1-foreign"), USES_DB) "}}",
      .world = DB_THERE},
     "allow\n" REMOVE_MARKER},
    /* Kinds that do not roll: checked, never changed. */
    {{.group = "apps",
      .kind = "ReplicaSet",
      .object = TEMPLATE(MARKED("v1-x"), USES_DB),
      .world = DB_THERE},
     "allow\n"},
    {{.group = "apps", .kind = "ReplicaSet", .object = TEMPLATE("", USES_DB)},
     "allow KT103\n" PODS_WAIT},
    {{.group = "batch",
      .kind = "Job",
      .object = TEMPLATE(MARKED("v1-x"), USES_DB),
      .world = DB_THERE},
     "allow\n"},
    {{.group = "batch", .kind = "Job", .object = TEMPLATE("", USES_DB)}, "allow KT103\n" PODS_WAIT},
    {{.group = "batch",
      .kind = "CronJob",
      .object = POD("", "'jobTemplate':{'spec':{'template':" POD("", USES_DB) "}}"),
      .world = DB_THERE},
     "allow\n"},
    {{.group = "batch",
      .kind = "CronJob",
      .object = POD("", "'jobTemplate':{'spec':{'template':" POD("", USES_DB) "}}")},
     "allow KT103\n" PODS_WAIT},
};

START_TEST(marks_a_new_template)
{
    scene_check(&MARKER_ON_CREATE[_i].scene, MARKER_ON_CREATE[_i].expected);
}
END_TEST

#define LONG_64 "0123456789012345678901234567890123456789012345678901234567890123"
#define IMAGE "'image':'v2'"
#define USES_DB_V2 "'containers':[{'name':'app'," IMAGE ",'env':[" ENV("db", "PW") "]}]"

static const struct decide_case MARKER_ON_UPDATE[] = {
    /* Unchanged otherwise: the old one, whatever was sent, and nobody is asked about anything. */
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("", USES_DB),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\npatch: [{\"op\":\"add\",\"path\":\"/spec/template/metadata/annotations\",\"value\":"
     "{\"keyturn.io/rollout-hash\":\"v1-old\"}}]\n"},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE(MARKED("v1-altered"), USES_DB),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\n" SET_MARKER("v1-old")},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE(MARKED("v1-old"), USES_DB),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\n"},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE(MARKED("v1-added"), USES_DB),
      .old_object = TEMPLATE("", USES_DB), .world = DB_THERE},
     "allow\n" REMOVE_MARKER},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("", USES_DB), .old_object = TEMPLATE("", USES_DB),
      .world = DB_THERE},
     "allow\n"},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE(MARKED(""), USES_DB),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB)},
     "allow\n" SET_MARKER("v1-old")},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("", USES_DB),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .first = true},
     "allow\npatch: [{\"op\":\"add\",\"path\":\"/spec/template/metadata/annotations\",\"value\":"
     "{\"keyturn.io/rollout-hash\":\"v1-old\"}}]\n"},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("'creationTimestamp':null,'annotations':{}", USES_DB),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\n" SET_MARKER("v1-old")},
    {{DEPLOYMENT, UPDATE,
      .object =
          "{'metadata':{'labels':{'a':'b'}},'spec':{'replicas':3,'template':" POD("", USES_DB) "}}",
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\npatch: [{\"op\":\"add\",\"path\":\"/spec/template/metadata/annotations\",\"value\":"
     "{\"keyturn.io/rollout-hash\":\"v1-old\"}}]\n"},
    {{DEPLOYMENT, UPDATE,
      .object = "{'metadata':{'annotations':{'keyturn.io/rollout':'off'}},'spec':{'template':" POD(
          "", USES_DB) "}}",
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\npatch: [{\"op\":\"add\",\"path\":\"/spec/template/metadata/annotations\",\"value\":"
     "{\"keyturn.io/rollout-hash\":\"v1-old\"}}]\n"},
    /* Nothing of ours stood there: what was sent stands. */
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE(MARKED("v1-new"), USES_DB),
      .old_object = TEMPLATE(MARKED(LONG_64), USES_DB), .world = DB_THERE},
     "allow\n"},
    /* Changed otherwise: a roll is coming anyway, so it brings the present hash. */
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE(MARKED("v1-old"), USES_DB_V2),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\n" SET_MARKER("HASH")},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("", USES_DB_V2),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\npatch: [" MARKER_PATCH "]\n"},
    {{DEPLOYMENT, UPDATE,
      .object = TEMPLATE("'annotations':{'kubectl.kubernetes.io/restartedAt':'now'}", USES_DB),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\n" SET_MARKER("HASH")},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("", USES_DB), .old_object = "{'spec':{}}",
      .world = DB_THERE},
     "allow\npatch: [" MARKER_PATCH "]\n"},
    /* ... unless something is missing or unknown: then the old one stays, none is invented. */
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("", USES_DB_V2),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .first = true},
     "wait\nwant: db\n"},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE("", USES_DB_V2),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB)},
     "allow KT103\n" PODS_WAIT
     "patch: [{\"op\":\"add\",\"path\":\"/spec/template/metadata/annotations\",\"value\":"
     "{\"keyturn.io/rollout-hash\":\"v1-old\"}}]\n"},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE(MARKED("v1-altered"), USES_DB_V2),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_UNKNOWN},
     "allow\n" SET_MARKER("v1-old")},
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE(MARKED("v1-added"), USES_DB_V2),
      .old_object = TEMPLATE("", USES_DB), .world = DB_UNKNOWN},
     "allow\n" REMOVE_MARKER},
    /* The last reference that rolls has gone, or the workload has opted out: the marker goes with
     * the change that rolls anyway. */
    {{DEPLOYMENT, UPDATE, .object = TEMPLATE(MARKED("v1-old"), APP("")),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\n" REMOVE_MARKER},
    {{DEPLOYMENT, UPDATE,
      .object = "{'metadata':{'annotations':{'keyturn.io/rollout':'off'}},'spec':{'template':" POD(
          MARKED("v1-old"), USES_DB_V2) "}}",
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB), .world = DB_THERE},
     "allow\n" REMOVE_MARKER},
    /* Kinds that do not roll. */
    {{.group = "apps",
      .kind = "ReplicaSet",
      UPDATE,
      .object = TEMPLATE("", USES_DB_V2),
      .old_object = TEMPLATE(MARKED("v1-old"), USES_DB),
      .world = DB_THERE},
     "allow\n"},
};

START_TEST(keeps_or_renews_the_marker_of_a_template)
{
    scene_check(&MARKER_ON_UPDATE[_i].scene, MARKER_ON_UPDATE[_i].expected);
}
END_TEST

#define TWO(secret) ENV(secret "1", "k") "," ENV(secret "2", "k")
#define SIX(secret) TWO(secret "a") "," TWO(secret "b") "," TWO(secret "c")
#define EIGHTEEN(secret) SIX(secret "x") "," SIX(secret "y") "," SIX(secret "z")
#define FIFTY_FOUR EIGHTEEN("p") "," EIGHTEEN("q") "," EIGHTEEN("r")

START_TEST(asks_and_warns_once_for_each_secret)
{
    scene_check(
        &(struct scene){.first = true,
                        .object = POD("", APP(ENV("db", "PW") "," ENV("db", "USER") "," ENV(
                                              "api", "T")) ",'imagePullSecrets':[{'name':'db'}]")},
        "wait\nwant: api\nwant: db\n");
    scene_check(
        &(struct scene){.object = POD("", APP(ENV("db", "PW") "," ENV("db", "USER") "," ENV(
                                              "api", "T")) ",'imagePullSecrets':[{'name':'db'}]")},
        "hold KT101\n"
        "warning: KT101 Secret \"api\" not found (container app, key T): Pod waits up to "
        "60s\n" HELD_60S "patch: [" GATE_PATCH "]\n");
    /* What it is held for comes first, and each missing key is named. */
    scene_check(
        &(struct scene){.world = "{'secrets':{'db':{'data':{}}}}",
                        .object =
                            POD("", "'containers':[{'name':'app','env':[" ENV("db", "PW") "," ENV(
                                        "db", "USER") "]}],'imagePullSecrets':[{'name':'a'}]")},
        "hold KT102\n"
        "warning: KT102 Secret \"db\" has no key \"PW\" (container app): Pod waits up to 60s\n"
        "warning: KT102 Secret \"db\" has no key \"USER\" (container app): Pod waits up to 60s\n"
        "warning: KT103 Secret \"a\" not found (imagePullSecrets): images are pulled without it\n"
        "patch: [" GATE_PATCH "]\n");
}
END_TEST

START_TEST(bounds_wants_and_warnings)
{
    const struct scene first = {.object = POD("", APP(FIFTY_FOUR)), .first = true};
    CLEANUP(scene_run_done) struct scene_run asked;
    scene_play(&first, &asked);
    ck_assert_str_eq(asked.verdict.decision, "wait");
    ck_assert_uint_eq(asked.verdict.want_count, LIMIT_WANTS);

    const struct scene last = {.object = POD("", APP(FIFTY_FOUR))};
    CLEANUP(scene_run_done) struct scene_run told;
    scene_play(&last, &told);
    ck_assert_str_eq(told.verdict.decision, "hold");
    ck_assert_uint_eq(told.verdict.warning_count, LIMIT_WARNINGS);
    ck_assert_str_eq(told.verdict.warnings[LIMIT_WARNINGS - 1].text,
                     "KT109 more Secrets or keys are missing, only the first 15 are named");
    ck_assert(told.verdict.add_gate);

    const struct scene sixteen = {.object = POD("", APP(EIGHTEEN("p")))};
    CLEANUP(scene_run_done) struct scene_run over;
    scene_play(&sixteen, &over);
    ck_assert_uint_eq(over.verdict.warning_count, LIMIT_WARNINGS);
}
END_TEST

/* The same world, known at once or learnt by a look: the same verdict, and never wants at the end.
 */
START_TEST(ends_in_the_verdict_of_the_whole_world)
{
    static const char *const worlds[] = {"{}", DB_THERE, DB_WITHOUT_KEY, DB_DESCRIBED, DB_UNKNOWN};
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        struct scene scene = {.object = POD_DB, .world = worlds[i]};
        CLEANUP(scene_run_done) struct scene_run whole;
        scene_play(&scene, &whole);
        ck_assert_uint_eq(whole.verdict.want_count, 0);

        scene.world = ALL_UNKNOWN;
        scene.first = true;
        CLEANUP(scene_run_done) struct scene_run learning;
        scene_play(&scene, &learning);
        ck_assert_str_eq(learning.verdict.decision, "wait");
        ck_assert_uint_eq(learning.verdict.want_count, 1);
        ck_assert(sv_is(learning.verdict.wants[0], "db"));
        ck_assert(!learning.verdict.add_gate);
        ck_assert_int_eq(learning.verdict.stamp, ANNOTATION_KEEP);

        const struct admit_input input = {
            .review = &learning.review,
            .refs = &learning.refs,
            .rules = &learning.rules,
            .facts = &whole.facts,
            .keys = &learning.keys,
            .gates_supported = true,
            .final = true,
        };
        struct verdict again;
        admit_decide(&input, &again);
        ck_assert_str_eq(again.decision, whole.verdict.decision);
        ck_assert_str_eq(again.code, whole.verdict.code);
        ck_assert_str_eq(again.hash, whole.verdict.hash);
        ck_assert_int_eq(again.add_gate, whole.verdict.add_gate);
    }
}
END_TEST

START_TEST(hashes_by_key_and_by_content)
{
    static const char *const worlds[] = {
        "{'secrets':{'db':{'data':{'PW':'x','OTHER':'1'}}}}",
        "{'secrets':{'db':{'data':{'OTHER':'2','PW':'x'}}}}", /* same */
        "{'secrets':{'db':{'data':{'PW':'y','OTHER':'1'}}}}",
        "{'key':'other','secrets':{'db':{'data':{'PW':'x','OTHER':'1'}}}}",
    };
    char hashes[ARRAY_LEN(worlds)][FINGERPRINT_BYTES];
    for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
        const struct scene scene = {DEPLOYMENT, .object = TEMPLATE("", USES_DB),
                                    .world = worlds[i]};
        CLEANUP(scene_run_done) struct scene_run run;
        scene_play(&scene, &run);
        ck_assert_int_eq(run.verdict.marker, ANNOTATION_SET);
        ck_assert_uint_eq(strlen(run.verdict.hash), FINGERPRINT_BYTES - 1);
        memcpy(hashes[i], run.verdict.hash, sizeof hashes[i]);
    }
    ck_assert_str_eq(hashes[0], hashes[1]);
    ck_assert_str_ne(hashes[0], hashes[2]);
    ck_assert_str_ne(hashes[0], hashes[3]);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("admission/decide");
    TCase *decide = tcase_create("decide");
    tcase_add_loop_test(decide, stamps_or_holds_a_new_pod, 0, ARRAY_LEN(PODS));
    tcase_add_loop_test(decide, never_holds_what_must_not_wait, 0, ARRAY_LEN(NEVER_HELD));
    tcase_add_loop_test(decide, holds_optional_references_only_where_described, 0,
                        ARRAY_LEN(OPTIONAL_DESCRIBED));
    tcase_add_loop_test(decide, leaves_alone_what_is_not_its_business, 0, ARRAY_LEN(SKIPPED));
    tcase_add_loop_test(decide, denies_names_no_secret_can_have, 0, ARRAY_LEN(HOSTILE_CREATED));
    tcase_add_loop_test(decide, holds_an_update_answerable_for_what_it_brings, 0,
                        ARRAY_LEN(UPDATED));
    tcase_add_loop_test(decide, marks_a_new_template, 0, ARRAY_LEN(MARKER_ON_CREATE));
    tcase_add_loop_test(decide, keeps_or_renews_the_marker_of_a_template, 0,
                        ARRAY_LEN(MARKER_ON_UPDATE));
    tcase_add_test(decide, asks_and_warns_once_for_each_secret);
    tcase_add_test(decide, bounds_wants_and_warnings);
    tcase_add_test(decide, ends_in_the_verdict_of_the_whole_world);
    tcase_add_test(decide, hashes_by_key_and_by_content);
    suite_add_tcase(suite, decide);
    return suite;
}
