/* SPDX-License-Identifier: Apache-2.0 */
/* Every ceiling on what comes from outside, each with the source of its number. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

enum {
    /* A review carries object and oldObject, each at most 3 MiB at the API server, and an envelope;
     * controller-runtime settled on 7 MiB as well (its PR 2598). */
    LIMIT_REVIEW_BYTES = 7 * 1024 * 1024,
    /* One value for every eleven bytes is what recorded reviews have. */
    LIMIT_REVIEW_NODES = 700000,
    /* managedFields nest to about 20. */
    LIMIT_JSON_DEPTH = 128,
    /* Bodies and JSON nodes of all requests in flight (DESIGN §2). */
    LIMIT_IN_FLIGHT_BYTES = 64 * 1024 * 1024,
    /* The answer: a patch of at most a gate and two annotations, 32 warnings. */
    LIMIT_RESPONSE_BYTES = 64 * 1024,
    LIMIT_PATCH_BYTES = 16 * 1024,

    /* Kubernetes: DNS-1123 subdomain; Secret data keys share the length. */
    LIMIT_NAME_BYTES = 253,
    LIMIT_KEY_BYTES = 253,
    /* Kubernetes: MaxSecretSize, 1 MiB of data. */
    LIMIT_SECRET_DATA_BYTES = 1024 * 1024,

    /* One element of a list or one line of a watch: an etcd object of 1.5 MiB with base64 and
     * managedFields stays below. */
    LIMIT_ELEMENT_BYTES = 4 * 1024 * 1024,
    /* An answer of the Kubernetes API that is read whole (a GET, a PATCH). */
    LIMIT_KUBE_ANSWER_BYTES = 4 * 1024 * 1024,
    LIMIT_KUBE_BODY_BYTES = 4 * 1024 * 1024,

    /* Secrets Manager: a value is at most 65,536 bytes, six times that when every byte is escaped
     * as \u00xx, and the rest of the answer. */
    LIMIT_AWS_VALUE_BYTES = 65536,
    /* All that one ExternalSecret reads: eight times what its Secret holds, because of a value
     * perhaps only a property is taken. */
    LIMIT_REMOTE_BYTES = 8 * LIMIT_SECRET_DATA_BYTES,
    /* Ten parameters of 8 KiB stay below it too. */
    LIMIT_AWS_ANSWER_BYTES = 512 * 1024,
    /* BatchGetSecretValue: twenty such values are 7.5 MiB. */
    LIMIT_AWS_BATCH_BYTES = 8 * 1024 * 1024,
    /* ListSecrets: a page of a hundred secrets, ten KiB for the tags and versions of each. */
    LIMIT_AWS_LIST_BYTES = 1024 * 1024,
    /* SQS ReceiveMessage: ten messages of 256 KiB (what a queue takes unless told otherwise, and
     * the most that EventBridge sends), three times that when two-byte characters are escaped. */
    LIMIT_AWS_QUEUE_BYTES = 8 * 1024 * 1024,
    /* Twenty ids of 2,048 bytes and a NextToken of 4,096. */
    LIMIT_AWS_REQUEST_BYTES = 64 * 1024,

    /* remoteRef.property: a path into a value of 64 KiB; each part costs a stack frame. */
    LIMIT_PROPERTY_BYTES = 1024,
    LIMIT_PROPERTY_PARTS = 64,
    /* Wildcards, queries, modifiers: memory, bytes looked at, and nesting of one look-up. Sixteen
     * times a whole Secret, and what takes a tenth of a second. */
    LIMIT_PROPERTY_MEMORY = 16 * 1024 * 1024,
    LIMIT_PROPERTY_STEPS = 64 * 1024 * 1024,
    LIMIT_PROPERTY_DEPTH = 128,

    /* A pattern in an ExternalSecret or a store, and what one match may cost in PCRE2's own count.
     */
    LIMIT_REGEX_BYTES = 4096,
    LIMIT_REGEX_STEPS = 1000000,
    /* Compiling all patterns of an ExternalSecret, which its admission waits for: 2 to 6 ms.
     * A pattern costs 100 steps, and a byte of it some twenty: there may be 200 of twenty bytes, or
     * one of LIMIT_REGEX_BYTES. */
    LIMIT_REGEX_COMPILE_STEPS = 100000,
    /* Members of a remote secret of 64 KiB: {"":0} takes five bytes; a parameter has 8 KiB. */
    LIMIT_EXTRACT_KEYS = 16384,
    /* find: what one entry may bring, and how many pages it may ask for. */
    LIMIT_FIND_SECRETS = 1000,
    LIMIT_FIND_PAGES = 50,
    /* rewrite: names that the operations of one entry make together, four for each secret that find
     * may bring, since each may cost LIMIT_REGEX_STEPS or LIMIT_TEMPLATE_STEPS; and how long one
     * may be on its way to the LIMIT_KEY_BYTES of a key. */
    LIMIT_REWRITE_NAMES = 4 * LIMIT_FIND_SECRETS,
    LIMIT_REWRITE_NAME_BYTES = 4096,
    /* Templates: text and nesting when parsed; memory, steps and output of one run. */
    LIMIT_TEMPLATE_TEXT = 256 * 1024,
    LIMIT_TEMPLATE_DEPTH = 64,
    /* Names that define and block may make, variables in scope at once; and control structures and
     * templates that a run may be inside of, of which a template that calls itself takes one or two
     * each time: a worker has a stack of 256 KiB. */
    LIMIT_TEMPLATE_DEFINITIONS = 256,
    LIMIT_TEMPLATE_VARIABLES = 256,
    LIMIT_TEMPLATE_WALK = 128,
    LIMIT_TEMPLATE_BYTES = 16 * 1024 * 1024,
    LIMIT_TEMPLATE_STEPS = 1000000,
    LIMIT_TEMPLATE_YAML_NODES = 100000, /* of one text that fromYaml reads, aliases expanded */

    /* All of the above that is done to fetch for one ExternalSecret, and again to render it: four
     * times what one template may take, a quarter of a second. */
    LIMIT_EFFORT_STEPS = 4 * LIMIT_TEMPLATE_STEPS,

    /* References of one Pod: etcd's 1.5 MiB would hold more, no real Pod does. */
    LIMIT_POD_REFS = 4096,
    /* What one request may wait for (DESIGN §2). */
    LIMIT_WANTS = 32,
    LIMIT_WAITING_REQUESTS = 64,
    /* Of those, reviews of ExternalSecrets that ask stores, so that Pods find room; of one
     * namespace, so that a store that does not answer leaves room for others; how many entries of
     * data and dataFrom one that is asked for may have, which is held until its stores have
     * answered: a Secret of 1 MiB seldom has as many keys; and what one of them asks for: two
     * batches of Secrets Manager, four of Parameter Store, since more do not come back within a
     * budget of 250 ms. */
    LIMIT_ASKING_REVIEWS = 16,
    LIMIT_ASKING_OF_NAMESPACE = 4,
    LIMIT_REVIEW_ENTRIES = 1000,
    LIMIT_REVIEW_READS = 40,

    /* RFC 7519 tokens of the API server are about 1 KiB. */
    LIMIT_TOKEN_BYTES = 64 * 1024,
    LIMIT_PEM_BYTES = 1024 * 1024,
    LIMIT_KUBECONFIG_BYTES = 1024 * 1024,

    /* The API server cuts warnings (DESIGN §2). */
    LIMIT_WARNING_BYTES = 120,
    LIMIT_DENIAL_BYTES = 300,
    LIMIT_WARNINGS = 16,

    LIMIT_LOG_LINE_BYTES = 4096,
    LIMIT_URL_BYTES = 4096,
    LIMIT_HEADER_BYTES = 64 * 1024,
};

#endif
