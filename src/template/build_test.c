/* SPDX-License-Identifier: Apache-2.0
 * Whole templates to models, and every kind of refusal with its exact line. */
#include "base/limits.h"
#include "base/mem.h"
#include "base/test.h"
#include "template/template.h"

#include <stdio.h>

/* ---- a world of fakes ---- */

enum { TEXTS_MAX = 200 };

struct fakes {
    struct build_env env;
    struct build_result result;
    char *texts[TEXTS_MAX]; /* owned: ids handed out */
    size_t text_count;
    uint32_t slots[3];
    uint32_t slot_max;
    size_t certificates_made;
    size_t files_read;
    enum err file_error;
    enum err certificate_error;
    struct str pem_leaf, pem_key, pem_chain; /* what the certificate was made of: lengths only */
};

static struct str
fake_id(void *context, struct str stack, struct str logical_id, struct str kind)
{
    struct fakes *f = context;
    CHECK(f->text_count < TEXTS_MAX);
    char *text;
    if (str_eq(kind, STR("hex16"))) {
        text = xprintf("%08x%08x", (unsigned)stack.n, (unsigned)logical_id.p[0]);
    } else if (str_eq(kind, STR("decimal"))) {
        text = xprintf("12345678%zu", logical_id.n % 10);
    } else {
        text = xprintf("00000000-0000-4000-8000-%012zu", logical_id.n);
    }
    f->texts[f->text_count++] = text;
    return str_of(text);
}

static bool
fake_slot(void *context, struct str key, uint32_t *ret_slot)
{
    struct fakes *f = context;
    size_t space = str_starts(key, STR("target:")) ? 0 : str_starts(key, STR("listener:")) ? 1 : 2;
    CHECK(space < 2 || str_starts(key, STR("lb:arn:aws:")));
    if (f->slots[space] == f->slot_max) {
        return false;
    }
    *ret_slot = f->slots[space]++;
    return true;
}

static bool
fake_policy_known(struct str name)
{
    return str_eq(name, STR("ELBSecurityPolicy-2016-08")) ||
           str_eq(name, STR("ELBSecurityPolicy-TLS13-1-2-Res-2021-06"));
}

static enum err
fake_file(void *context, struct str template_file, struct str path, struct buf *ret_text,
          struct errinfo *reterr)
{
    struct fakes *f = context;
    f->files_read++;
    if (f->file_error != ERR_OK) {
        return err_set(reterr, f->file_error, "no file '%.*s' beside '%.*s'", STR_ARG(path),
                       STR_ARG(template_file));
    }
    buf_add_str(ret_text, path);
    return ERR_OK;
}

static enum err
fake_certificate(void *context, struct model *m, struct certificate *c, struct str leaf,
                 struct str key, struct str chain, struct errinfo *reterr)
{
    struct fakes *f = context;
    f->certificates_made++;
    if (f->certificate_error != ERR_OK) {
        return err_set(reterr, f->certificate_error, "no luck");
    }
    c->digest = model_dup(m, STR("d1"));
    f->pem_leaf.n = leaf.n;
    f->pem_key.n = key.n;
    f->pem_chain.n = chain.n;
    return ERR_OK;
}

static const struct addr *
loopback(void)
{
    static struct addr pool[2];
    CHECK(addr_parse(STR("127.0.0.1"), 0, &pool[0]) && addr_parse(STR("::1"), 0, &pool[1]));
    return pool;
}

static void
world_make(struct fakes *f)
{
    *f = (struct fakes){.slot_max = LIMIT_LOAD_BALANCERS_MAX};
    f->env = (struct build_env){
        .account = STR("000000000000"),
        .region = STR("us-east-1"),
        .domain = STR("elb.localhost"),
        .addresses = loopback(),
        .address_count = 2,
        .resource_id = fake_id,
        .slot = fake_slot,
        .read_file = fake_file,
        .certificate = fake_certificate,
        .ssl_policy_known = fake_policy_known,
        .context = f,
    };
}

static void
world_done(struct fakes *f)
{
    build_result_free(&f->result);
    for (size_t i = 0; i < f->text_count; i++) {
        xfree(f->texts[i]);
    }
}

static void
world_build(struct fakes *f, const char *text)
{
    const struct template_source source = {STR("t.yaml"), str_of(text), STR("web")};
    template_build(&source, 1, &f->env, &f->result);
}

/* Builds and says what went wrong; NULL when there are errors. */
static const struct model *
world_model(struct fakes *f, const char *text)
{
    world_build(f, text);
    for (size_t i = 0; i < f->result.errors.count; i++) {
        test_failed(__FILE__, __LINE__, "%s", f->result.errors.items[i].text);
    }
    CHECK(f->result.model != NULL);
    return f->result.model;
}

/* ---- templates that are right ---- */

static const char *const full_yaml =
    "Metadata:\n"
    "  OpenALB: {Instances: {i-0abc: 10.0.0.1, i-0abd: 10.0.0.2}}\n"
    "Parameters:\n"
    "  Port: {Type: Number, Default: 8443}\n"
    "Resources:\n"
    "  Rule2:\n"
    "    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n"
    "    Properties:\n"
    "      ListenerArn: !Ref Listener\n"
    "      Priority: 20\n"
    "      Conditions:\n"
    "        - {Field: host-header, Values: ['*.example.com']}\n"
    "        - {Field: path-pattern, PathPatternConfig: {Values: [/a, '/b/*']}}\n"
    "      Actions:\n"
    "        - Type: forward\n"
    "          Order: 1\n"
    "          ForwardConfig: {TargetGroups: [{TargetGroupArn: !Ref Group, Weight: 1}]}\n"
    "  Rule1:\n"
    "    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n"
    "    Properties:\n"
    "      ListenerArn: !GetAtt Listener.ListenerArn\n"
    "      Priority: 10\n"
    "      Conditions: [{HostHeaderConfig: {Values: [a.b]}}]\n"
    "      Actions:\n"
    "        - Type: fixed-response\n"
    "          FixedResponseConfig: {StatusCode: 503, ContentType: text/html, MessageBody: later}\n"
    "  More:\n"
    "    Type: AWS::ElasticLoadBalancingV2::ListenerCertificate\n"
    "    Properties:\n"
    "      ListenerArn: !Ref Listener\n"
    "      Certificates: [{CertificateArn: !Ref Second}, {CertificateArn: !Ref First}]\n"
    "  Listener:\n"
    "    Type: AWS::ElasticLoadBalancingV2::Listener\n"
    "    Properties:\n"
    "      LoadBalancerArn: !Ref Lb\n"
    "      Protocol: HTTPS\n"
    "      Port: !Ref Port\n"
    "      MutualAuthentication: {Mode: 'off'}\n"
    "      Certificates: [{CertificateArn: !Ref First}]\n"
    "      DefaultActions: [{Type: forward, TargetGroupArn: !Ref Group}]\n"
    "  Plain:\n"
    "    Type: AWS::ElasticLoadBalancingV2::Listener\n"
    "    Properties:\n"
    "      LoadBalancerArn: !Ref Lb\n"
    "      Protocol: HTTP\n"
    "      Port: 8080\n"
    "      DefaultActions:\n"
    "        - Type: redirect\n"
    "          RedirectConfig: {Protocol: HTTPS, Port: !Ref Port, StatusCode: HTTP_302}\n"
    "  First:\n"
    "    Type: AWS::CertificateManager::Certificate\n"
    "    Properties:\n"
    "      DomainName: web.example.com\n"
    "      SubjectAlternativeNames: [WEB.example.com, '*.example.com']\n"
    "      KeyAlgorithm: EC_prime256v1\n"
    "      ValidationMethod: DNS\n"
    "  Second:\n"
    "    Type: AWS::CertificateManager::Certificate\n"
    "    Metadata:\n"
    "      OpenALB: {CertificateFile: a.crt, PrivateKeyFile: a.key, ChainFile: chain.pem}\n"
    "    Properties: {DomainName: other.example.org}\n"
    "  Group:\n"
    "    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n"
    "    Metadata: {OpenALB: {Instances: {i-0abd: '::1'}}}\n"
    "    Properties:\n"
    "      Protocol: HTTPS\n"
    "      Port: 443\n"
    "      VpcId: vpc-1\n"
    "      HealthCheckPort: 8081\n"
    "      HealthCheckPath: /health\n"
    "      HealthCheckIntervalSeconds: 10\n"
    "      HealthyThresholdCount: 3\n"
    "      Matcher: {HttpCode: '200-299,301'}\n"
    "      TargetGroupAttributes: [{Key: deregistration_delay.timeout_seconds, Value: 300}]\n"
    "      Targets: [{Id: i-0abc}, {Id: i-0abd, Port: 9443}]\n"
    "  Lb:\n"
    "    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n"
    "    Properties:\n"
    "      Name: front\n"
    "      Scheme: internal\n"
    "      Subnets: [a, b]\n"
    "      Tags: [{Key: k, Value: v}]\n"
    "      LoadBalancerAttributes:\n"
    "        - {Key: idle_timeout.timeout_seconds, Value: 120}\n"
    "        - {Key: access_logs.s3.enabled, Value: true}\n"
    "        - {Key: access_logs.s3.bucket, Value: my-logs}\n"
    "        - {Key: access_logs.s3.prefix, Value: a/b}\n"
    "        - {Key: deletion_protection.enabled, Value: true}\n"
    "Outputs:\n"
    "  Name: {Value: !GetAtt Lb.DNSName}\n"
    "  Full: {Value: !GetAtt Group.TargetGroupFullName}\n"
    "  Rule: {Value: !Ref Rule1}\n"
    "  Default: {Value: !GetAtt Rule1.IsDefault}\n"
    "  Zone: {Value: !GetAtt Lb.CanonicalHostedZoneID}\n";

static void
check_load_balancer(const struct model *m)
{
    const struct load_balancer *lb = &m->load_balancers[0];
    CHECK_INT(m->load_balancer_count, 1);
    CHECK_STR(lb->name, "front");
    CHECK_STR(lb->id, "000000030000004c");
    CHECK_STR(lb->arn, "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/front/"
                       "000000030000004c");
    CHECK_STR(lb->log_id, "app/front/000000030000004c");
    CHECK_STR(lb->dns_name, "internal-front-123456782.us-east-1.elb.localhost");
    CHECK_STR(lb->scheme, "internal");
    CHECK_INT(lb->idle_timeout_s, 120);
    CHECK_INT(lb->client_keep_alive_s, 3600);
    CHECK(lb->access_logs.enabled);
    CHECK_STR(lb->access_logs.bucket, "my-logs");
    CHECK_STR(lb->access_logs.prefix, "a/b");
    CHECK_INT(lb->address_count, 2);
    CHECK(!addr_is_v6(&lb->addresses[0]) && addr_is_v6(&lb->addresses[1]));
    CHECK_INT(lb->listener_count, 2);
}

static void
check_rules(const struct model *m, const struct listener *l)
{
    CHECK_INT(l->rule_count, 2);
    const struct rule *first = &l->rules[0];
    const struct rule *second = &l->rules[1];
    CHECK_INT(first->priority, 10);
    CHECK_STR(first->arn,
              "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener-rule/app/front/"
              "000000030000004c/000000030000004c/0000000300000052");
    CHECK_INT(first->conditions[0].field, CONDITION_HOST_HEADER);
    CHECK_INT(first->action.type, ACTION_FIXED_RESPONSE);
    CHECK_INT(first->action.fixed_response.status, 503);
    CHECK_STR(first->action.fixed_response.content_type, "text/html");
    CHECK_STR(first->action.fixed_response.body, "later");
    CHECK_INT(second->priority, 20);
    CHECK_INT(second->condition_count, 2);
    CHECK_STR(second->conditions[0].values[0], "*.example.com");
    CHECK_INT(second->conditions[1].value_count, 2);
    CHECK_STR(second->conditions[1].values[1], "/b/*");
    CHECK_INT(second->action.order, 1);
    CHECK(second->action.target_group == &m->target_groups[0]);
}

static void
check_listeners(const struct model *m)
{
    const struct load_balancer *lb = &m->load_balancers[0];
    const struct listener *l = &lb->listeners[0];
    CHECK(l->load_balancer == lb);
    CHECK_INT(l->protocol, PROTOCOL_HTTPS);
    CHECK_INT(l->port, 8443);
    CHECK_STR(l->ssl_policy, "ELBSecurityPolicy-2016-08");
    CHECK_INT(l->certificate_count, 2);
    CHECK(l->certificates[0] == &m->certificates[0]);
    CHECK(l->certificates[1] == &m->certificates[1]);
    CHECK(l->default_action.target_group == &m->target_groups[0]);
    CHECK(model_listener(m, l->arn) == l);
    check_rules(m, l);
    const struct listener *plain = &lb->listeners[1];
    const struct redirect *r = &plain->default_action.redirect;
    CHECK_INT(plain->port, 8080);
    CHECK_INT(plain->default_action.type, ACTION_REDIRECT);
    CHECK_INT(r->status, 302);
    CHECK_STR(r->protocol, "HTTPS");
    CHECK_STR(r->port, "8443");
    CHECK_STR(r->host, "#{host}");
    CHECK_STR(r->path, "/#{path}");
    CHECK_STR(r->query, "#{query}");
    CHECK(plain->slot != l->slot);
}

static void
check_target_group(const struct model *m)
{
    const struct target_group *g = &m->target_groups[0];
    char text[ADDR_TEXT];
    CHECK_INT(m->target_group_count, 1);
    CHECK_STR(g->name, "web-Group-000300000047"); /* made up as CloudFormation does */
    CHECK(g->in_use);
    CHECK_INT(g->target_type, TARGET_TYPE_INSTANCE);
    CHECK_INT(g->protocol, PROTOCOL_HTTPS);
    CHECK_INT(g->deregistration_delay_s, 300);
    CHECK_INT(g->health_check.protocol, PROTOCOL_HTTPS); /* the group's own */
    CHECK_INT(g->health_check.port, 8081);
    CHECK_STR(g->health_check.path, "/health");
    CHECK_INT(g->health_check.interval_s, 10);
    CHECK_INT(g->health_check.timeout_s, 5);
    CHECK_INT(g->health_check.healthy_threshold, 3);
    CHECK_INT(g->health_check.code_count, 2);
    CHECK_INT(g->health_check.codes[1].first, 301);
    CHECK_INT(g->target_count, 2);
    CHECK_STR(g->targets[0].id, "i-0abc");
    CHECK_STR(str_of(addr_port_text(&g->targets[0].addr, text)), "10.0.0.1:443");
    CHECK_STR(str_of(addr_port_text(&g->targets[1].addr, text)),
              "[::1]:9443"); /* its own inventory */
}

static void
check_certificates(const struct model *m)
{
    const struct certificate *c = &m->certificates[0];
    CHECK_INT(m->certificate_count, 2);
    CHECK_STR(c->arn, "arn:aws:acm:us-east-1:000000000000:certificate/"
                      "00000000-0000-4000-8000-000000000005");
    CHECK_STR(c->domain_name, "web.example.com");
    CHECK_INT(c->name_count, 2); /* the repeated one once */
    CHECK_STR(c->names[1], "*.example.com");
    CHECK_INT(c->source, CERTIFICATE_ISSUED);
    CHECK_INT(c->key_algorithm, KEY_EC_PRIME256V1);
    CHECK_INT(m->certificates[1].source, CERTIFICATE_IMPORTED);
    CHECK_INT(m->certificates[1].key_algorithm, KEY_RSA_2048);
}

TEST("a full template becomes a model, references in any order")
{
    struct fakes f;
    world_make(&f);
    const struct model *m = world_model(&f, full_yaml);
    if (m != NULL) {
        check_load_balancer(m);
        check_listeners(m);
        check_target_group(m);
        check_certificates(m);
        struct errinfo e;
        CHECK_INT(model_check(m, &e), ERR_OK);
    }
    world_done(&f);
}

TEST("certificates are made last, an import of its three files")
{
    struct fakes f;
    world_make(&f);
    (void)world_model(&f, full_yaml);
    CHECK_INT(f.certificates_made, 2);
    CHECK_INT(f.files_read, 3);
    CHECK_INT(f.pem_leaf.n, strlen("a.crt"));
    CHECK_INT(f.pem_key.n, strlen("a.key"));
    CHECK_INT(f.pem_chain.n, strlen("chain.pem"));
    world_done(&f);
}

TEST("outputs and notes")
{
    struct fakes f;
    world_make(&f);
    (void)world_model(&f, full_yaml);
    CHECK_STR(buf_str(&f.result.outputs),
              "web.Name = internal-front-123456782.us-east-1.elb.localhost\n"
              "web.Full = targetgroup/web-Group-000300000047/0000000300000047\n"
              "web.Rule = arn:aws:elasticloadbalancing:us-east-1:000000000000:listener-rule/app/"
              "front/000000030000004c/000000030000004c/0000000300000052\n"
              "web.Default = false\n"
              "web.Zone = Z35SXDOTRQ7X7K\n");
    CHECK_STR(
        buf_str(&f.result.notes),
        "t.yaml:56:7: 'ValidationMethod' of AWS::CertificateManager::Certificate 'First' is "
        "kept and has no effect: the embedded authority asks for no proof\n"
        "t.yaml:68:7: 'VpcId' of AWS::ElasticLoadBalancingV2::TargetGroup 'Group' is kept and "
        "has no effect: there are no networks of AWS here\n"
        "t.yaml:81:7: 'Subnets' of AWS::ElasticLoadBalancingV2::LoadBalancer 'Lb' is kept and "
        "has no effect: there are no subnets here\n"
        "t.yaml:82:7: 'Tags' of AWS::ElasticLoadBalancingV2::LoadBalancer 'Lb' is kept and has "
        "no effect: tags are for people\n"
        "t.yaml:88:11: attribute 'deletion_protection.enabled' of "
        "AWS::ElasticLoadBalancingV2::LoadBalancer 'Lb' is kept and has no effect\n");
    world_done(&f);
}

TEST("an output cannot move a terminal's cursor or begin a line")
{
    struct fakes f;
    world_make(&f);
    (void)world_model(&f, "Resources: {B: {Type: AWS::ElasticLoadBalancingV2::LoadBalancer}}\n"
                          "Outputs: {O: {Value: \"a\\x1b[1mb\\nc\"}}\n");
    CHECK_STR(buf_str(&f.result.outputs), "web.O = a\\x1B[1mb\\x0Ac\n");
    world_done(&f);
}

TEST("a model is described")
{
    struct fakes f;
    world_make(&f);
    const struct model *m = world_model(&f, full_yaml);
    struct buf text = {.p = NULL};
    if (m != NULL) {
        model_describe(m, &text);
    }
    CHECK_STR(
        buf_str(&text),
        "load balancer front (internal)\n"
        "  ARN            arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/"
        "front/000000030000004c\n"
        "  DNS name       internal-front-123456782.us-east-1.elb.localhost\n"
        "  addresses      127.0.0.1, ::1\n"
        "  timeouts       idle 120 s, client keep-alive 3600 s\n"
        "  access log     bucket my-logs, prefix a/b\n"
        "  listener       HTTPS on port 8443\n"
        "    policy         ELBSecurityPolicy-2016-08\n"
        "    certificate    web.example.com (default)\n"
        "    certificate    other.example.org\n"
        "    rule 10        host-header a.b: answer 503 with 5 bytes of text/html\n"
        "    rule 20        host-header *.example.com and path-pattern /a, /b/*: forward to target "
        "group web-Group-000300000047\n"
        "    default        forward to target group web-Group-000300000047\n"
        "  listener       HTTP on port 8080\n"
        "    default        redirect 302 to HTTPS://#{host}:8443/#{path}?#{query}\n"
        "target group web-Group-000300000047 (instance, HTTPS, port 443)\n"
        "  ARN            arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/"
        "web-Group-000300000047/0000000300000047\n"
        "  health check   HTTPS GET /health on port 8081 every 10 s within 5 s, codes 200-299,301\n"
        "                 healthy after 3, unhealthy after 2 in a row\n"
        "  target         10.0.0.1:443 (i-0abc)\n"
        "  target         [::1]:9443 (i-0abd)\n"
        "certificate web.example.com (issued here, EC_prime256v1)\n"
        "  ARN            arn:aws:acm:us-east-1:000000000000:certificate/"
        "00000000-0000-4000-8000-000000000005\n"
        "  names          web.example.com, *.example.com\n"
        "certificate other.example.org (imported)\n"
        "  ARN            arn:aws:acm:us-east-1:000000000000:certificate/"
        "00000000-0000-4000-8000-000000000006\n"
        "  names          other.example.org\n");
    buf_free(&text);
    world_done(&f);
}

TEST("JSON templates build as well")
{
    struct fakes f;
    world_make(&f);
    const struct model *m = world_model(
        &f,
        "{\"Resources\": {\n"
        " \"G\": {\"Type\": \"AWS::ElasticLoadBalancingV2::TargetGroup\", \"Properties\":\n"
        "  {\"TargetType\": \"ip\", \"Protocol\": \"HTTP\", \"Port\": 80,\n"
        "   \"Targets\": [{\"Id\": \"127.0.0.1\", \"Port\": 9000}]}},\n"
        " \"B\": {\"Type\": \"AWS::ElasticLoadBalancingV2::LoadBalancer\"},\n"
        " \"L\": {\"Type\": \"AWS::ElasticLoadBalancingV2::Listener\", \"Properties\":\n"
        "  {\"LoadBalancerArn\": {\"Ref\": \"B\"}, \"Port\": 80, \"Protocol\": \"HTTP\",\n"
        "   \"DefaultActions\": [{\"Type\": \"forward\", \"TargetGroupArn\": {\"Ref\": \"G\"}}]}}\n"
        "}}\n");
    if (m != NULL) {
        CHECK_STR(m->load_balancers[0].name, "web-B-000300000042");
        CHECK_STR(m->load_balancers[0].scheme, "internet-facing");
        CHECK_INT(m->load_balancers[0].listeners[0].port, 80);
        CHECK_INT(m->target_groups[0].health_check.protocol, PROTOCOL_HTTP);
        CHECK_INT(addr_port(&m->target_groups[0].targets[0].addr), 9000);
    }
    world_done(&f);
}

/* ---- several templates, several load balancers ---- */

#define BALANCER(name) "  " name ": {Type: AWS::ElasticLoadBalancingV2::LoadBalancer}\n"
#define LISTENER(name, balancer, port)                                                             \
    "  " name ":\n"                                                                                \
    "    Type: AWS::ElasticLoadBalancingV2::Listener\n"                                            \
    "    Properties:\n"                                                                            \
    "      LoadBalancerArn: " balancer "\n"                                                        \
    "      Port: " port "\n"                                                                       \
    "      Protocol: HTTP\n"                                                                       \
    "      DefaultActions: [{Type: fixed-response, FixedResponseConfig: {StatusCode: 200}}]\n"

TEST("templates form one model and share parameters by name")
{
    struct fakes f;
    world_make(&f);
    const struct template_source sources[] = {
        {STR("a.yaml"),
         STR("Parameters: {P: {Type: Number}}\nResources:\n" BALANCER("B")
                 LISTENER("L", "!Ref B", "!Ref P")),
         STR("a")},
        {STR("b.yaml"),
         STR("Resources:\n" LISTENER("M",
                                     "arn:aws:elasticloadbalancing:us-east-1:000000000000:"
                                     "loadbalancer/app/a-B-000100000042/0000000100000042",
                                     "82")),
         STR("bb")},
    };
    const struct str name = STR("P");
    const struct str value = STR("81");
    f.env.parameter_names = &name;
    f.env.parameter_values = &value;
    f.env.parameter_count = 1;
    template_build(sources, 2, &f.env, &f.result);
    CHECK_INT(f.result.errors.count, 0);
    CHECK(f.result.model != NULL);
    if (f.result.model != NULL) {
        const struct load_balancer *lb = &f.result.model->load_balancers[0];
        CHECK_INT(lb->listener_count, 2);
        CHECK_INT(lb->listeners[0].port, 81);
        CHECK_INT(lb->listeners[1].port, 82);
    }
    world_done(&f);
}

TEST("stack names twice and parameters of no template are refused")
{
    struct fakes f;
    world_make(&f);
    const struct template_source sources[] = {
        {STR("a.yaml"), STR("Resources:\n" BALANCER("B")), STR("a")},
        {STR("x/a.yaml"), STR("Resources:\n" BALANCER("B")), STR("a")},
    };
    const struct str name = STR("P");
    const struct str value = STR("81");
    f.env.parameter_names = &name;
    f.env.parameter_values = &value;
    f.env.parameter_count = 1;
    template_build(sources, 2, &f.env, &f.result);
    CHECK(f.result.model == NULL);
    CHECK_INT(f.result.errors.count, 2);
    if (f.result.errors.count == 2) {
        CHECK_STR(str_of(f.result.errors.items[0].text),
                  "a.yaml:1:1: parameter 'P' is given a value and no template declares it");
        CHECK_STR(str_of(f.result.errors.items[1].text),
                  "x/a.yaml:1:1: stack name 'a' is used by 'a.yaml' already");
    }
    world_done(&f);
}

TEST("each load balancer takes its own address while there are free ones, then they share")
{
    struct fakes f;
    world_make(&f);
    struct addr pool[3];
    CHECK(addr_parse(STR("127.0.0.1"), 0, &pool[0]));
    CHECK(addr_parse(STR("::1"), 0, &pool[1]));
    CHECK(addr_parse(STR("127.0.0.2"), 0, &pool[2]));
    f.env.addresses = pool;
    f.env.address_count = 3;
    const struct model *m =
        world_model(&f, "Resources:\n" BALANCER("A") BALANCER("B") BALANCER("C"));
    if (m != NULL) {
        const struct load_balancer *lbs = m->load_balancers;
        CHECK(addr_eq(&lbs[0].addresses[0], &pool[0]) && addr_eq(&lbs[0].addresses[1], &pool[1]));
        CHECK(addr_eq(&lbs[1].addresses[0], &pool[2]) && addr_eq(&lbs[1].addresses[1], &pool[1]));
        CHECK(addr_eq(&lbs[2].addresses[0], &pool[0]) && addr_eq(&lbs[2].addresses[1], &pool[1]));
    }
    world_done(&f);
}

TEST("building without files and authority, as check does, makes a model too")
{
    struct fakes f;
    world_make(&f);
    f.env.read_file = NULL;
    f.env.certificate = NULL;
    (void)world_model(&f, full_yaml);
    CHECK_INT(f.files_read, 0);
    CHECK_INT(f.certificates_made, 0);
    world_done(&f);
}

TEST("what cannot be made has its line, and there is no model")
{
    static const char *const imported =
        "Resources:\n"
        "  C:\n"
        "    Type: AWS::CertificateManager::Certificate\n"
        "    Metadata: {OpenALB: {CertificateFile: a.crt, PrivateKeyFile: a.key}}\n"
        "    Properties: {DomainName: a.example.com}\n";
    struct fakes f;
    world_make(&f);
    f.file_error = ERR_NOT_FOUND;
    world_build(&f, imported);
    CHECK(f.result.model == NULL);
    CHECK_INT(f.result.errors.count, 2);
    CHECK_STR(str_of(f.result.errors.items[0].text),
              "t.yaml:4:43: no file 'a.crt' beside 't.yaml'");
    CHECK_INT(f.certificates_made, 0);
    world_done(&f);

    world_make(&f);
    f.certificate_error = ERR_CRYPTO;
    world_build(&f, imported);
    CHECK(f.result.model == NULL);
    CHECK_INT(f.result.errors.count, 1);
    CHECK_STR(str_of(f.result.errors.items[0].text), "t.yaml:2:3: certificate 'C': no luck");
    world_done(&f);
}

/* ---- refusals ---- */

#define HEAD "Resources:\n"
#define LB(properties)                                                                             \
    HEAD "  B:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n    Properties:\n" properties
#define TG(properties)                                                                             \
    HEAD "  G:\n    Type: AWS::ElasticLoadBalancingV2::TargetGroup\n    Properties:\n"             \
         "      Protocol: HTTP\n      Port: 80\n" properties
/* Line 8 is the first of the properties. */
#define LI(properties)                                                                             \
    HEAD BALANCER(                                                                                 \
        "B") "  L:\n    Type: AWS::ElasticLoadBalancingV2::Listener\n"                             \
             "    Properties:\n      LoadBalancerArn: !Ref B\n      Port: 80\n" properties
#define FIXED "[{Type: fixed-response, FixedResponseConfig: {StatusCode: 200}}]\n"
/* Line 14 is the first of the properties. */
#define RU(properties)                                                                             \
    LI("      Protocol: HTTP\n      DefaultActions: " FIXED)                                       \
    "  R:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    Properties:\n"                 \
    "      ListenerArn: !Ref L\n" properties
#define PATH "      Conditions: [{Field: path-pattern, Values: [/a]}]\n"

static const struct {
    const char *text;
    const char *errors; /* all of them, one line each */
} refusals[] = {
    {"Resources: [", NULL},
    {HEAD "  X: {Type: AWS::ElasticLoadBalancingV2::LoadBalancr}\n",
     "t.yaml:2:13: unknown resource type 'AWS::ElasticLoadBalancingV2::LoadBalancr'; did you mean "
     "'AWS::ElasticLoadBalancingV2::LoadBalancer'?\n"},
    {HEAD "  X: {Type: AWS::Route53::RecordSet}\n",
     "t.yaml:2:13: resource type 'AWS::Route53::RecordSet' is not supported yet\n"},
    {HEAD "  X: {Type: AWS::ElasticLoadBalancingV2::TrustStore}\n",
     "t.yaml:2:13: resource type 'AWS::ElasticLoadBalancingV2::TrustStore' is not supported yet\n"},
    {HEAD "  X: {Type: Custom::Thing}\n", "t.yaml:2:13: unknown resource type 'Custom::Thing'\n"},
    {LB("      Nam: web\n"), "t.yaml:5:7: unknown property 'Nam' of "
                             "AWS::ElasticLoadBalancingV2::LoadBalancer; did you mean "
                             "'Name'?\n"},
    {LB("      Type: gateway\n"),
     "t.yaml:5:13: Type 'gateway' of AWS::ElasticLoadBalancingV2::LoadBalancer is not supported "
     "yet\n"},
    {LB("      Scheme: public\n"),
     "t.yaml:5:15: Scheme 'public' must be one of 'internet-facing', 'internal'\n"},
    {LB("      Name: [a]\n"),
     "t.yaml:5:13: 'Name' of AWS::ElasticLoadBalancingV2::LoadBalancer must be a string, not a "
     "list\n"},
    {LB("      Subnets: a\n"),
     "t.yaml:5:16: 'Subnets' of AWS::ElasticLoadBalancingV2::LoadBalancer must be a list, not a "
     "string\n"},
    {LB("      Ipv4IpamPoolId: a\n"),
     "t.yaml:5:7: 'Ipv4IpamPoolId' of AWS::ElasticLoadBalancingV2::LoadBalancer is not supported "
     "yet\n"},
    {LB("      Name: internal-x\n"),
     "t.yaml:5:13: Load balancer name 'internal-x' cannot begin with 'internal-'\n"},
    {LB("      LoadBalancerAttributes: [{Key: access_logs.s3.enabled, Value: true}]\n"),
     "t.yaml:5:31: The value of 'access_logs.s3.bucket' must be specified when "
     "'access_logs.s3.enabled' is 'true'\n"},
    {LB("      LoadBalancerAttributes: [{Key: nothing}]\n"),
     "t.yaml:5:32: required property 'Value' of an attribute is missing\n"},
    {LB("      LoadBalancerAttributes:\n"
        "      - {Key: idle_timeout.timeout_seconds, Value: 5}\n"
        "      - {Key: idle_timeout.timeout_seconds, Value: 6}\n"),
     "t.yaml:7:15: attribute 'idle_timeout.timeout_seconds' is given twice\n"},
    {HEAD BALANCER("B") "  C:\n    Type: AWS::ElasticLoadBalancingV2::LoadBalancer\n"
                        "    Properties: {Name: !GetAtt B.LoadBalancerName}\n",
     "t.yaml:3:3: A load balancer with the same name 'web-B-000300000042' exists\n"},
    {HEAD BALANCER("B") "Outputs: {O: {Value: !GetAtt B.Nothing}}\n",
     "t.yaml:3:22: resource 'B' of type AWS::ElasticLoadBalancingV2::LoadBalancer has no attribute "
     "'Nothing'\n"},

    {HEAD "  G: {Type: AWS::ElasticLoadBalancingV2::TargetGroup}\n",
     "t.yaml:2:3: required property 'Protocol' of AWS::ElasticLoadBalancingV2::TargetGroup is "
     "missing: A protocol must be specified\n"
     "t.yaml:2:3: required property 'Port' of AWS::ElasticLoadBalancingV2::TargetGroup is missing: "
     "A "
     "port must be specified\n"},
    {TG("      HealthCheckPath: health\n"),
     "t.yaml:7:24: Health check path 'health' must be between 1 and 1024 characters and begin with "
     "'/'\n"},
    {TG("      HealthCheckIntervalSeconds: 5\n"),
     "t.yaml:5:7: Health check timeout '5' must be smaller than the interval '5'\n"},
    {TG("      HealthCheckEnabled: false\n"),
     "t.yaml:7:27: Health check enabled must be true for target groups with target type "
     "'instance'\n"},
    {TG("      HealthCheckPort: x\n"),
     "t.yaml:7:24: Health check port 'x' must be 'traffic-port' or a number between 1 and 65535\n"},
    {TG("      UnhealthyThresholdCount: 11\n"),
     "t.yaml:7:32: 1 validation error detected: Value '11' at 'unhealthyThresholdCount' failed to "
     "satisfy constraint: Member must have value less than or equal to 10\n"},
    {TG("      UnhealthyThresholdCount: many\n"),
     "t.yaml:7:32: 'UnhealthyThresholdCount' of AWS::ElasticLoadBalancingV2::TargetGroup must be a "
     "whole number, not 'many'\n"},
    {TG("      Matcher: {GrpcCode: 0}\n"),
     "t.yaml:7:17: 'GrpcCode' of Matcher is not supported yet\n"},
    {TG("      TargetType: lambda\n"), "t.yaml:7:19: TargetType 'lambda' of "
                                       "AWS::ElasticLoadBalancingV2::TargetGroup is not supported "
                                       "yet\n"},
    {TG("      ProtocolVersion: GRPC\n"),
     "t.yaml:7:24: ProtocolVersion 'GRPC' of AWS::ElasticLoadBalancingV2::TargetGroup is not "
     "supported yet\n"},
    {TG("      TargetControlPort: 1\n"),
     "t.yaml:7:7: 'TargetControlPort' of AWS::ElasticLoadBalancingV2::TargetGroup is not supported "
     "yet\n"},
    {TG("      Targets: [{Id: i-1}]\n"),
     "t.yaml:7:22: instance 'i-1' is not in the inventory; write its address under Metadata: "
     "{OpenALB: {Instances: {i-1: ADDRESS}}}\n"},
    {TG("      TargetType: ip\n      Targets: [{Id: i-1}]\n"),
     "t.yaml:8:22: The IP address 'i-1' is not a valid IPv4 or IPv6 address\n"},
    {TG("      TargetType: ip\n      Targets: [{Id: 127.0.0.1, Port: 0}]\n"),
     "t.yaml:8:39: 1 validation error detected: Value '0' at 'targets.port' failed to satisfy "
     "constraint: Member must have value greater than or equal to 1\n"},
    {TG("      TargetType: ip\n      Targets: [{Id: 127.0.0.1}, {Id: 127.0.0.1}]\n"),
     "t.yaml:8:39: target '127.0.0.1' is listed twice: '127.0.0.1' is 127.0.0.1:80 too\n"},
    {TG("      TargetGroupAttributes: [{Key: stickiness.enabled, Value: true}]\n"),
     "t.yaml:7:64: Target group attribute 'stickiness.enabled' with value 'true' is not supported "
     "yet; only its default 'false' is\n"},

    {LI("      Protocol: TCP\n      DefaultActions: " FIXED),
     "t.yaml:8:17: Protocol 'TCP' must be one of 'HTTP', 'HTTPS'\n"},
    {LI("      Protocol: HTTPS\n      DefaultActions: " FIXED),
     "t.yaml:6:7: A certificate must be specified for HTTPS listeners\n"},
    {LI("      Protocol: HTTPS\n      SslPolicy: None\n"
        "      Certificates: [{CertificateArn: a}]\n      DefaultActions: " FIXED),
     "t.yaml:9:18: SSL policy 'None' not found\n"
     "t.yaml:10:39: Certificate 'a' not found\n"},
    {LI("      Protocol: HTTP\n      SslPolicy: ELBSecurityPolicy-2016-08\n"
        "      DefaultActions: " FIXED),
     "t.yaml:9:18: 'SslPolicy' cannot be specified for HTTP listeners\n"},
    {LI("      Protocol: HTTP\n      MutualAuthentication: {Mode: verify}\n"
        "      DefaultActions: " FIXED),
     "t.yaml:9:29: 'MutualAuthentication' cannot be specified for HTTP listeners\n"
     "t.yaml:9:36: Mode 'verify' of MutualAuthentication is not supported yet\n"},
    {LI("      Protocol: HTTP\n      DefaultActions: []\n"),
     "t.yaml:9:23: An action must be specified\n"},
    {LI("      Protocol: HTTP\n      DefaultActions: [{Type: forward}]\n"),
     "t.yaml:9:24: A target group ARN must be specified for a forward action\n"},
    {LI("      Protocol: HTTP\n      DefaultActions: [{Type: forward, TargetGroupArn: x}]\n"),
     "t.yaml:9:56: Target group 'x' not found\n"},
    {LI("      Protocol: HTTP\n      DefaultActions:\n"
        "      - {Type: redirect, RedirectConfig: {Query: a, StatusCode: HTTP_301}}\n"),
     "t.yaml:10:42: The redirect configuration is not valid because it creates a loop: protocol, "
     "host, port or path must change\n"},
    {LI("      Protocol: HTTP\n      DefaultActions:\n"
        "      - {Type: redirect, RedirectConfig: {Host: a.b, StatusCode: HTTP_308}}\n"),
     "t.yaml:10:66: 1 validation error detected: Value 'HTTP_308' at 'redirectConfig.statusCode' "
     "failed to satisfy constraint: Member must satisfy enum value set: [HTTP_301, HTTP_302]\n"},
    {LI("      Protocol: HTTP\n      DefaultActions:\n"
        "      - {Type: redirect, FixedResponseConfig: {StatusCode: 200}}\n"),
     "t.yaml:10:9: A 'RedirectConfig' must be specified with action type 'redirect'\n"
     "t.yaml:10:47: 'FixedResponseConfig' cannot be specified with action type 'redirect'\n"},
    {LI("      Protocol: HTTP\n      DefaultActions:\n"
        "      - {Type: jwt-validation, JwtValidationConfig: {Issuer: a}}\n"),
     "t.yaml:10:16: Type 'jwt-validation' of an action is not supported yet\n"
     "t.yaml:10:32: 'JwtValidationConfig' of an action is not supported yet\n"},
    {LI("      Protocol: HTTP\n      DefaultActions:\n"
        "      - {Type: forward, ForwardConfig: {TargetGroupStickinessConfig: {Enabled: true}}}\n"),
     "t.yaml:10:40: ForwardConfig must have a target group\n"
     "t.yaml:10:80: Enabled 'true' of TargetGroupStickinessConfig is not supported yet\n"},
    {LI("      Protocol: HTTP\n"
        "      ListenerAttributes:\n"
        "      - {Key: routing.http.request.x_amzn_tls_version.header_name, Value: ''}\n"
        "      DefaultActions: " FIXED),
     "t.yaml:10:15: Listener attribute key 'routing.http.request.x_amzn_tls_version.header_name' "
     "is "
     "not supported on listeners with protocol HTTP\n"},
    {HEAD BALANCER("B") LISTENER("L", "!Ref B", "80") LISTENER("M", "!Ref B", "80"),
     "t.yaml:10:3: A listener already exists on this port for this load balancer "
     "'arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/web-B-000300000042/"
     "0000000300000042': port 80 has listener "
     "'arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/web-B-000300000042/"
     "0000000300000042/000000030000004c'\n"},
    {HEAD BALANCER("A") BALANCER("B") LISTENER("L", "!Ref A", "80") LISTENER("M", "!Ref B", "80"),
     "t.yaml:11:3: port 80 of address 127.0.0.1 is taken by listener "
     "'arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/web-A-000300000041/"
     "0000000300000041/000000030000004c' of load balancer 'web-A-000300000041'; use another port "
     "or "
     "give more addresses\n"},
    {HEAD LISTENER("L", "x", "80"), "t.yaml:5:24: 'x' is not a valid load balancer ARN\n"},
    {HEAD LISTENER("L", "arn:aws:elasticloadbalancing:r:1:loadbalancer/app/n/1", "80"),
     "t.yaml:5:24: Load balancer 'arn:aws:elasticloadbalancing:r:1:loadbalancer/app/n/1' not "
     "found\n"},

    {RU("      Priority: 50001\n" PATH "      Actions: " FIXED),
     "t.yaml:14:17: 1 validation error detected: Value '50001' at 'priority' failed to satisfy "
     "constraint: Member must have value less than or equal to 50000\n"},
    {RU("      Priority: 1\n      Conditions: []\n      Actions: " FIXED),
     "t.yaml:15:19: A condition must be specified\n"},
    {RU("      Priority: 1\n      Conditions: [{Values: [/a]}]\n      Actions: " FIXED),
     "t.yaml:15:20: Condition field must be one of '[path-pattern,host-header,http-header,"
     "http-request-method,query-string,source-ip]'\n"},
    {RU("      Priority: 1\n      Conditions: [{Field: query-string}]\n      Actions: " FIXED),
     "t.yaml:15:28: Field 'query-string' of a condition is not supported yet\n"},
    {RU("      Priority: 1\n      Conditions: [{Field: path-pattern, Values: [/a, /b]}]\n"
        "      Actions: " FIXED),
     "t.yaml:15:50: The 'path-pattern' field contains too many values; the limit is '1'; use "
     "'PathPatternConfig' for several\n"},
    {RU("      Priority: 1\n"
        "      Conditions: [{Field: path-pattern, Values: [/a], PathPatternConfig: {Values: "
        "[/b]}}]\n"
        "      Actions: " FIXED),
     "t.yaml:15:75: You cannot provide both Values and 'PathPatternConfig' for a condition of type "
     "'path-pattern'\n"},
    {RU("      Priority: 1\n"
        "      Conditions: [{Field: path-pattern, HostHeaderConfig: {Values: [a.b]}}]\n"
        "      Actions: " FIXED),
     "t.yaml:15:60: 'HostHeaderConfig' cannot be specified with a condition of type "
     "'path-pattern'\n"},
    {RU("      Priority: 1\n      Conditions: [{PathPatternConfig: {RegexValues: [a]}}]\n"
        "      Actions: " FIXED),
     "t.yaml:15:41: 'RegexValues' of a condition's values is not supported yet\n"},
    {RU("      Priority: 1\n"
        "      Conditions: [{PathPatternConfig: {Values: [/1, /2, /3, /4, /5, /6]}}]\n"
        "      Actions: " FIXED),
     "t.yaml:15:19: A rule can only have '5' condition values; it has 6\n"},
    {RU("      Priority: 1\n      Transforms: []\n" PATH "      Actions: " FIXED),
     "t.yaml:15:7: 'Transforms' of AWS::ElasticLoadBalancingV2::ListenerRule is not supported "
     "yet\n"},
    {RU("      Priority: 1\n" PATH
        "      Actions: " FIXED) "  S:\n    Type: AWS::ElasticLoadBalancingV2::ListenerRule\n    "
                                 "Properties:\n"
                                 "      ListenerArn: !Ref L\n      Priority: 1\n" PATH
                                 "      Actions: " FIXED,
     "t.yaml:17:3: Priority '1' is currently in use\n"},
    {RU("      Priority: 1\n" PATH "      Actions: " FIXED) "  M:\n    Type: "
                                                            "AWS::ElasticLoadBalancingV2::"
                                                            "ListenerCertificate\n    Properties:\n"
                                                            "      ListenerArn: !Ref L\n      "
                                                            "Certificates: [{CertificateArn: x}]\n",
     "t.yaml:20:20: certificates can only be added to HTTPS listeners\n"},

    {HEAD "  C:\n    Type: AWS::CertificateManager::Certificate\n    Properties:\n"
          "      DomainName: a.b\n      KeyAlgorithm: RSA_4096\n      CertificateExport: ENABLED\n",
     "t.yaml:6:21: KeyAlgorithm 'RSA_4096' must be one of 'RSA_2048', 'EC_prime256v1', "
     "'EC_secp384r1'\n"
     "t.yaml:7:7: 'CertificateExport' of AWS::CertificateManager::Certificate is not supported "
     "yet\n"},
    {HEAD "  C:\n    Type: AWS::CertificateManager::Certificate\n"
          "    Metadata: {OpenALB: {CertificateFile: a}}\n    Properties: {DomainName: a.b}\n",
     "t.yaml:4:25: required property 'PrivateKeyFile' of the certificate's Metadata.OpenALB is "
     "missing\n"},
    {"Metadata: {OpenALB: {Instanzen: {}}}\n" HEAD BALANCER("B"),
     "t.yaml:1:22: unknown property 'Instanzen' of the template's Metadata.OpenALB; did you mean "
     "'Instances'?\n"},
    {"Metadata: {OpenALB: {Instances: [a]}}\n" HEAD BALANCER("B"),
     "t.yaml:1:33: Instances must be a map of instance ids to addresses\n"},
};

static void
check_refusal(const char *text, const char *expected)
{
    struct fakes f;
    struct buf got = {.p = NULL};
    world_make(&f);
    world_build(&f, text);
    for (size_t i = 0; i < f.result.errors.count; i++) {
        buf_addf(&got, "%s\n", f.result.errors.items[i].text);
    }
    CHECK(f.result.model == NULL);
    CHECK_INT(f.result.outputs.n, 0);
    CHECK_INT(f.certificates_made, 0);
    CHECK(got.n > 0);
    if (expected != NULL) {
        CHECK_STR(buf_str(&got), expected);
    }
    buf_free(&got);
    world_done(&f);
}

TEST("every refusal has its exact line, and nothing is half-built")
{
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        check_refusal(refusals[i].text, refusals[i].errors);
    }
}

TEST("when slots run out the resource is named")
{
    struct fakes f;
    world_make(&f);
    f.slot_max = 1;
    world_build(&f, HEAD BALANCER("A") BALANCER("B"));
    CHECK(f.result.model == NULL);
    CHECK_INT(f.result.errors.count, 1);
    CHECK_STR(str_of(f.result.errors.items[0].text),
              "t.yaml:3:3: there are too many load balancers; the limit is '50'");
    world_done(&f);
}

TEST("a value that cannot be resolved is one error, without what follows from it")
{
    struct fakes f;
    world_make(&f);
    world_build(&f, HEAD BALANCER("B") LISTENER("L", "!Ref Nothing", "!Ref B"));
    CHECK_INT(f.result.errors.count, 2);
    CHECK_STR(str_of(f.result.errors.items[0].text),
              "t.yaml:6:24: unknown parameter or resource 'Nothing'");
    CHECK_STR(
        str_of(f.result.errors.items[1].text),
        "t.yaml:7:13: 'Port' of AWS::ElasticLoadBalancingV2::Listener must be a whole number, "
        "not 'arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/app/"
        "web-B-000300000042/0000000300000042'");
    world_done(&f);
}

TEST("a stack is named after its file when no name is given")
{
    CHECK_STR(template_stack_name(STR("demo/web.yaml")), "web");
    CHECK_STR(template_stack_name(STR("web")), "web");
    CHECK_STR(template_stack_name(STR("a/b/two.parts.json")), "two.parts");
    CHECK_STR(template_stack_name(STR("/etc/.hidden")), ".hidden");
}

TEST_MAIN
