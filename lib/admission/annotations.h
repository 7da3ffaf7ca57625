/* SPDX-License-Identifier: Apache-2.0 */
/* The names Keyturn reads and writes on objects. They are a promise to users: never renamed. */
#ifndef ADMISSION_ANNOTATIONS_H
#define ADMISSION_ANNOTATIONS_H

/* On a Pod template: the marker, a hash whose change rolls the workload. */
#define ANNOTATION_MARKER "keyturn.io/rollout-hash"
/* On a Pod: the stamp, the hash of what it started with. */
#define ANNOTATION_STAMP "keyturn.io/secrets-hash"
/* "off" on a Pod or its template: never held. */
#define ANNOTATION_HOLD "keyturn.io/hold"
/* "off" on a workload or its template: no marker, no roll. */
#define ANNOTATION_ROLLOUT "keyturn.io/rollout"
/* Kubernetes: a Pod that kubelet mirrors from a file; the API server cannot change it. */
#define ANNOTATION_MIRROR "kubernetes.io/config.mirror"
/* The scheduling gate. */
#define GATE_SECRETS "keyturn.io/secrets"

#endif
