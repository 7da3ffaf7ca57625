/* SPDX-License-Identifier: Apache-2.0 */
/* What STS answers with. */
#ifndef STS_ANSWER_H
#define STS_ANSWER_H

/* `action` and `expiration` are string literals. */
#define STS_ANSWER(action, expiration)                                                             \
    "<" action "Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"                   \
    "  <" action "Result>\n"                                                                       \
    "    <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:x</AssumedRoleId></AssumedRoleUser>\n"        \
    "    <Credentials>\n"                                                                          \
    "      <AccessKeyId>ASIAEXAMPLE</AccessKeyId>\n"                                               \
    "      <SecretAccessKey>hunter2/secret+key</SecretAccessKey>\n"                                \
    "      <SessionToken>hunter2/token&amp;&lt;&gt;&#61;&#x3d;</SessionToken>\n"                   \
    "      <Expiration>" expiration "</Expiration>\n"                                              \
    "    </Credentials>\n"                                                                         \
    "  </" action "Result>\n"                                                                      \
    "  <ResponseMetadata><RequestId>c6104cbe</RequestId></ResponseMetadata>\n"                     \
    "</" action "Response>\n"

#define STS_ERROR(code)                                                                            \
    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"                        \
    "  <Error><Type>Sender</Type><Code>" code "</Code><Message>hunter2</Message></Error>\n"        \
    "  <RequestId>4e33f2a6</RequestId>\n"                                                          \
    "</ErrorResponse>\n"

#endif
