/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of Secrets Manager and Parameter Store about one value; ' stands for ". */
#ifndef TESTS_WEBHOOK_AWS_VALUES_H
#define TESTS_WEBHOOK_AWS_VALUES_H

#define SECRET_ARN "arn:aws:secretsmanager:eu-north-1:111122223333:secret:"

/* `value` is a member: 'SecretString':'x'. */
#define SECRET_ANSWER(name, version, value)                                                        \
    "{'ARN':'" SECRET_ARN name "-AbCdEf','Name':'" name "','VersionId':'" version "'," value "}"
#define BATCH_ANSWER(values) "{'SecretValues':[" values "],'Errors':[]}"

#define PARAMETER_ANSWER(name, version, value)                                                     \
    "{'Parameter':{'Name':'" name "','Type':'SecureString','Value':'" value "','Version':" version \
    "}}"

#define AWS_REFUSAL(code) "{'__type':'" code "','message':'hunter2'}"

#endif
