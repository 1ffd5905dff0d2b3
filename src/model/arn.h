/* SPDX-License-Identifier: Apache-2.0
 * AWS's forms of identifiers: ARNs, DNS names, hosted zone ids. The texts are made in the model's
 * memory from its account, region and domain. [ELBv2 API: identifiers and names] */
#pragma once

#include "model/model.h"

/* id: 16 lower-case hex digits. */
struct str arn_load_balancer(struct model *m, struct str name, struct str id);
struct str arn_target_group(struct model *m, struct str name, struct str id);
/* From the ARN of the load balancer; STR_NONE when that is none. */
struct str arn_listener(struct model *m, struct str load_balancer_arn, struct str id);
/* From the ARN of the listener; STR_NONE when that is none. */
struct str arn_rule(struct model *m, struct str listener_arn, struct str id);
struct str arn_certificate(struct model *m, struct str uuid);

/* The part behind the fifth colon: "loadbalancer/app/NAME/ID", "targetgroup/NAME/ID"; empty when
 * the text is no ARN. */
struct str arn_resource(struct str arn);
/* "app/NAME/ID" of a load balancer's ARN: field 3 of the access log, LoadBalancerFullName. */
struct str arn_load_balancer_full_name(struct str arn);

/* NAME-DECIMAL.REGION.DOMAIN, with "internal-" in front for the internal scheme. */
struct str dns_name_load_balancer(struct model *m, struct str name, struct str decimal,
                                  bool internal);
/* Route 53's zone of the load balancers of a region. */
const char *hosted_zone_id(struct str region);
