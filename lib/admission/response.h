/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to an AdmissionReview (admission.k8s.io/v1 AdmissionResponse): uid echoed, patch and
 * patchType both or neither, warnings, a status with code 403 for denials. */
#ifndef ADMISSION_RESPONSE_H
#define ADMISSION_RESPONSE_H

#include "admission/decide.h"
#include "base/buf.h"

/* Appends the document. Audit annotations: "decision" and, where there is one, "code". */
void response_write(const struct review *review, const struct verdict *verdict, struct buf *out);

#endif
