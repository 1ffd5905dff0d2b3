/* SPDX-License-Identifier: Apache-2.0
 * A right policy for log delivery from nothing, in the forms that people keep it in. */
#include "base/assert.h"
#include "base/defs.h"
#include "policy/delivery.h"

/* The forms differ in their text only: {resource}, {source}, {service}, {bucket}. `{{` is a brace.
 */
static const char *const forms[] = {
    [DELIVERY_JSON] = "{{\n"
                      "  \"Version\": \"2012-10-17\",\n"
                      "  \"Statement\": [\n"
                      "    {{\n"
                      "      \"Sid\": \"AWSLogDeliveryWrite\",\n"
                      "      \"Effect\": \"Allow\",\n"
                      "      \"Principal\": {{\n"
                      "        \"Service\": \"{service}\"\n"
                      "      },\n"
                      "      \"Action\": \"s3:PutObject\",\n"
                      "      \"Resource\": \"{resource}\",\n"
                      "      \"Condition\": {{\n"
                      "        \"ArnLike\": {{\n"
                      "          \"aws:SourceArn\": \"{source}\"\n"
                      "        }\n"
                      "      }\n"
                      "    }\n"
                      "  ]\n"
                      "}\n",
    [DELIVERY_CLOUDFORMATION] =
        "Resources:\n"
        "  LogBucketPolicy:\n"
        "    Type: AWS::S3::BucketPolicy\n"
        "    Properties:\n"
        "      Bucket: {bucket}\n"
        "      PolicyDocument:\n"
        "        Version: '2012-10-17'\n"
        "        Statement:\n"
        "          - Sid: AWSLogDeliveryWrite\n"
        "            Effect: Allow\n"
        "            Principal:\n"
        "              Service: {service}\n"
        "            Action: s3:PutObject\n"
        "            Resource: '{resource}'\n"
        "            Condition:\n"
        "              ArnLike:\n"
        "                aws:SourceArn: '{source}'\n"
        "# A load balancer that logs into the bucket needs: DependsOn: LogBucketPolicy\n",
    [DELIVERY_TERRAFORM] = "data \"aws_iam_policy_document\" \"log_delivery\" {{\n"
                           "  statement {{\n"
                           "    sid       = \"AWSLogDeliveryWrite\"\n"
                           "    effect    = \"Allow\"\n"
                           "    actions   = [\"s3:PutObject\"]\n"
                           "    resources = [\"{resource}\"]\n"
                           "\n"
                           "    principals {{\n"
                           "      type        = \"Service\"\n"
                           "      identifiers = [\"{service}\"]\n"
                           "    }\n"
                           "\n"
                           "    condition {{\n"
                           "      test     = \"ArnLike\"\n"
                           "      variable = \"aws:SourceArn\"\n"
                           "      values   = [\"{source}\"]\n"
                           "    }\n"
                           "  }\n"
                           "}\n"
                           "\n"
                           "resource \"aws_s3_bucket_policy\" \"log_delivery\" {{\n"
                           "  bucket = \"{bucket}\"\n"
                           "  policy = data.aws_iam_policy_document.log_delivery.json\n"
                           "}\n"
                           "\n"
                           "# A load balancer that logs into the bucket needs:\n"
                           "#   depends_on = [aws_s3_bucket_policy.log_delivery]\n",
};

void
delivery_make(struct buf *out, const struct delivery_question *q, enum delivery_form form)
{
    ASSERT((size_t)form < COUNT_OF(forms));
    struct buf resource = {0}, source = {0};
    delivery_resource(&resource, q);
    buf_addf(&source, "arn:%s:elasticloadbalancing:%.*s:%.*s:loadbalancer/*",
             delivery_partition(q->region), STR_ARG(q->region), STR_ARG(q->account));
    text_fill(out, forms[form],
              TEXT_ARGS({"resource", buf_str(&resource)}, {"source", buf_str(&source)},
                        {"service", str_of(delivery_service)}, {"bucket", q->bucket}));
    buf_free(&resource);
    buf_free(&source);
}
