/* SPDX-License-Identifier: Apache-2.0 */
/* Settings from files, variables and flags: which goes over which, and what is refused where. */
#include "agent/config.h"

#include <string.h>

#include "base/text.h"
#include "tests/unit/unit.h"

#define ARGS_MAX 16

/* What a case says: up to two files, variables, flags; unused ones are NULL. */
struct said {
    const char *file[2];
    const char *env[4];
    const char *arg[ARGS_MAX];
};

static int read_said(struct agent_config *c, const struct said *said, struct agent_problem *problem,
                     const char **where)
{
    static const char *const names[] = { "muster.yaml", "conf.d/10.yaml" };
    struct agent_config_file file[2];
    struct agent_config_input in = { .file = file, .host_name = "Alpha.Example_X", .cpus = 8 };
    const char *env[5] = { NULL };
    for (size_t i = 0; i < 2 && said->file[i] != NULL; i++) {
        file[i] = (struct agent_config_file){ names[i], muster_bytes_text(said->file[i]) };
        in.file_count++;
    }
    memcpy(env, said->env, sizeof said->env);
    in.env = env;
    in.arg = said->arg;
    while (in.arg_count < ARGS_MAX && said->arg[in.arg_count] != NULL)
        in.arg_count++;
    return agent_config_read(c, &in, problem, where);
}

static void expect(const struct said *said, struct agent_config *c)
{
    struct agent_problem problem;
    const char *where = NULL;
    int err = read_said(c, said, &problem, &where);
    assert_string_equal(problem.message, "");
    assert_int_equal(err, MUSTER_OK);
}

static void addr_is(struct muster_addr addr, const char *text)
{
    char out[MUSTER_ADDR_TEXT];
    assert_string_equal(muster_addr_text(addr, out), text);
}

static void nothing_said_means_the_defaults_of_the_page(void **state)
{
    struct agent_config c;

    (void)state;
    expect(&(struct said){ 0 }, &c);
    assert_string_equal(c.name, "alpha.example_x");
    assert_string_equal(c.data_dir, "/var/lib/muster");
    addr_is(c.bind, "0.0.0.0:7946");
    addr_is(c.advertise, "0.0.0.0:7946");
    assert_int_equal(c.peer_port, 7947);
    addr_is(c.http, "127.0.0.1:7948");
    assert_string_equal(c.socket, "/run/muster/agent.sock");
    assert_int_equal(c.join_count, 0);
    assert_int_equal(c.slots, 8);
    assert_int_equal(c.weight, 8);
    assert_int_equal(c.tags_count, 0);
    assert_string_equal(c.tags_text, "");
    assert_int_equal(c.replicas, 3);
    assert_int_equal(c.profile, AGENT_PROFILE_LAN);
    assert_int_equal(c.delegate[0] + c.delegate[1] + c.delegate[2], 0);
    assert_int_equal(c.log_level, AGENT_LOG_INFO);
    assert_int_equal(c.log_format, AGENT_LOG_TEXT);
    assert_int_equal(c.max_members, 4096);
    assert_int_equal(c.max_jobs, 1 << 20);
    assert_int_equal(c.max_runs, 4096);
    assert_int_equal(c.max_strikes, 3);
    assert_int_equal(c.max_connections, 1024);
    assert_int_equal(c.max_log, 16 << 20);
    assert_int_equal(c.max_payload, 256 << 20);
    assert_false(c.is_dev);
    assert_true(c.found);
    agent_config_close(&c);
}

static void every_key_can_stand_in_a_file(void **state)
{
    static const struct said said = {
        .file = { "name: bravo\ndata_dir: /srv/m\nbind: 10.0.0.1\nadvertise: '[fd00::1]:7000'\n"
                  "peer_port: 7001\nhttp: none\nsocket: none\njoin: [alpha, 10.0.0.2:7946]\n"
                  "slots: 20\nweight: 5\ntags: {rack: a, gpu: 2, net: ''}\nreplicas: 2\n"
                  "profile: wan\ndelegate: [2, 5, 5]\nencrypt: none\nlabel: blue\n"
                  "tls: {ca: /c/ca.pem, cert: /c/node.pem, key: /c/node.key, verify_incoming: no,\n"
                  "      verify_outgoing: no}\n"
                  "encrypt_verify_incoming: no\nencrypt_verify_outgoing: no\n"
                  "label_verify_incoming: no\n"
                  "log: {level: debug, format: json}\nmax_members: 100\nmax_jobs: 1000\n"
                  "max_runs: 50\nmax_connections: 64\nmax_log: 1M\nmax_payload: 3M\n" },
    };
    struct agent_config c;

    (void)state;
    expect(&said, &c);
    assert_string_equal(c.name, "bravo");
    assert_string_equal(c.data_dir, "/srv/m");
    addr_is(c.bind, "10.0.0.1:7946");
    addr_is(c.advertise, "[fd00::1]:7000");
    assert_int_equal(c.peer_port, 7001);
    assert_int_equal(c.http.len, 0);
    assert_null(c.socket);
    assert_int_equal(c.join_count, 2);
    assert_string_equal(c.join[0], "alpha");
    assert_string_equal(c.join[1], "10.0.0.2:7946");
    assert_int_equal(c.slots, 20);
    assert_int_equal(c.weight, 5);
    assert_string_equal(c.tags_text, "gpu=2,net=,rack=a");
    assert_int_equal(c.replicas, 2);
    assert_int_equal(c.profile, AGENT_PROFILE_WAN);
    assert_int_equal(c.delegate[0], 2);
    assert_int_equal(c.delegate[2], 5);
    assert_string_equal(c.label, "blue");
    assert_false(c.encrypt_verify_incoming || c.encrypt_verify_outgoing);
    assert_false(c.label_verify_incoming);
    assert_string_equal(c.tls_ca, "/c/ca.pem");
    assert_string_equal(c.tls_cert, "/c/node.pem");
    assert_string_equal(c.tls_key, "/c/node.key");
    assert_false(c.tls_verify_incoming || c.tls_verify_outgoing);
    assert_int_equal(c.log_level, AGENT_LOG_DEBUG);
    assert_int_equal(c.log_format, AGENT_LOG_JSON);
    assert_int_equal(c.max_members, 100);
    assert_int_equal(c.max_jobs, 1000);
    assert_int_equal(c.max_runs, 50);
    assert_int_equal(c.max_connections, 64);
    assert_int_equal(c.max_log, 1 << 20);
    assert_int_equal(c.max_payload, 3 << 20);
    assert_false(c.found);
    agent_config_close(&c);
}

static void encrypt_is_a_key_a_keyring_or_none(void **state)
{
    static const struct said said[] = {
        { .file = { "slots: 1\n" } },
        { .file = { "encrypt: uhlLcvOYJg+vauq/MImJrQ==\n" } },
        { .file = { "encrypt: uhlLcvOYJg+vauq/MImJrQ==\n", "encrypt: /etc/muster/keyring\n" } },
        { .file = { "encrypt: /etc/muster/keyring\n" }, .arg = { "--encrypt", "none" } },
        { .arg = { "--encrypt", "/+hLcvOYJg+vauq/MImJrQ==" } },
        { .arg = { "--encrypt", "//wzn8MQay2QsgzWUTLmI8egR0fZmtZQbOdvH6A+HhQ=" } },
        { .arg = { "--encrypt", "/etc/muster/secrets/keyring/mine" } }, /* 24 bytes, if it were */
    };
    struct agent_config c;

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(said); i++) {
        expect(&said[i], &c);
        assert_true(c.encrypt_verify_incoming && c.encrypt_verify_outgoing);
        assert_true(c.label == NULL && c.label_verify_incoming);
        assert_true((c.encrypt_key != NULL) == (i == 1 || i == 4 || i == 5));
        assert_true((c.encrypt_file != NULL) == (i == 2 || i == 6));
        agent_config_close(&c);
    }
}

static void flags_go_over_variables_and_variables_over_files(void **state)
{
    static const struct said said = {
        .file = { "name: a\nslots: 1\npeer_port: 1001\nreplicas: 1\ntags: {x: 1}\n",
                  "slots: 2\npeer_port: 1002\nreplicas: 2\n" },
        .env = { "MUSTER_SLOTS=3", "MUSTER_PEER_PORT=1003", "MUSTER_LOG_LEVEL=warn",
                 "MUSTER_JOB=x" },
        .arg = { "--slots", "4", "--tags=y=2,z=3", "--join", "h1,h2:7000,10.0.0.1", "--delegate",
                 "2,5,4", "--log-format=json", "--found" },
    };
    struct agent_config c;

    (void)state;
    expect(&said, &c);
    assert_string_equal(c.name, "a");
    assert_int_equal(c.slots, 4);
    assert_int_equal(c.peer_port, 1003);
    assert_int_equal(c.replicas, 2);
    assert_string_equal(c.tags_text, "y=2,z=3");
    assert_int_equal(c.join_count, 3);
    assert_string_equal(c.join[1], "h2:7000");
    assert_int_equal(c.delegate[1], 5);
    assert_int_equal(c.delegate[2], 4);
    assert_int_equal(c.log_level, AGENT_LOG_WARN);
    assert_int_equal(c.log_format, AGENT_LOG_JSON);
    assert_true(c.found); /* asked for, although there is a list to join */
    agent_config_close(&c);
}

static void dev_needs_no_file_and_stays_at_home(void **state)
{
    static const struct said said = { .arg = { "--dev", "--name", "x", "--http=127.0.0.1:80" } };
    struct agent_config c;

    (void)state;
    expect(&said, &c);
    assert_true(c.is_dev);
    assert_true(c.found);
    assert_null(c.data_dir);
    assert_null(c.socket);
    addr_is(c.bind, "127.0.0.1:7946");
    addr_is(c.http, "127.0.0.1:80");
    assert_string_equal(c.name, "x");
    agent_config_close(&c);
}

static void empty_values_and_documents_say_nothing_or_an_empty_list(void **state)
{
    static const struct said said = {
        .file = { "# nothing\n", "join: [alpha]\n" },
        .env = { "MUSTER_NAME=", "MUSTER_UNKNOWN=1", "MUSTER_=x", "MUSTERNAME=x" },
        .arg = { "--join", "", "--tags", "" },
    };
    struct agent_config c;

    (void)state;
    expect(&said, &c);
    assert_string_equal(c.name, "alpha.example_x");
    assert_int_equal(c.join_count, 0);
    assert_int_equal(c.tags_count, 0);
    agent_config_close(&c);
}

static const struct {
    struct said said;
    int err;
    const char *problem;
} bad[] = {
    { { .file = { "slot: 3\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:1: slot: unknown key; did you mean slots?" },
    { { .file = { "", "name: a\nslots: 0\n" } },
      MUSTER_ERANGE,
      "conf.d/10.yaml:2:8: slots: 0 slots would run nothing; say 1 to 65535, or drain the node to "
      "empty it" },
    { { .file = { "name: a\nname: b\n" } },
      MUSTER_EINVAL,
      "muster.yaml:2:1: name: stands twice; the first is on line 1" },
    { { .file = { "name: [\n" } },
      MUSTER_EINVAL,
      "muster.yaml:2:1: not YAML: did not find expected node content" },
    { { .file = { "a: 1\n---\nb: 1\n" } },
      MUSTER_EINVAL,
      "muster.yaml:2:1: more than one document; only one is read here" },
    { { .file = { "- a\n" } },
      MUSTER_ETYPE,
      "muster.yaml:1:1: expected a map of fields, found a list" },
    { { .file = { "name: UPPER\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:7: name: \"UPPER\": a node's name is made of a-z 0-9 . _ -" },
    { { .file = { "name: a/b\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:7: name: \"a/b\": a node's name is made of a-z 0-9 . _ -" },
    { { .file = { "data_dir: m\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:11: data_dir: \"m\" is not absolute; begin it with a slash" },
    { { .file = { "bind: alpha:7946\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:7: bind: \"alpha:7946\" is not an address; say 10.0.0.1:7946 or "
      "[fd00::1]:7946" },
    { { .file = { "bind: 10.0.0.1:0\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:7: bind: 10.0.0.1:0: the port is 0; name one" },
    { { .file = { "advertise: 224.0.0.1\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:12: advertise: 224.0.0.1: nobody can be reached at a multicast address" },
    { { .file = { "advertise: 0.0.0.0\nbind: 10.0.0.1\n" } },
      MUSTER_EINVAL,
      "advertise: nobody can be reached at an unspecified address; name one" },
    { { .file = { "peer_port: 7946\n" } },
      MUSTER_EINVAL,
      "peer_port: 7946 is the port of bind already; choose another" },
    { { .file = { "http: 127.0.0.1:7946\n" } },
      MUSTER_EINVAL,
      "http: 7946 is the port of bind already; choose another" },
    { { .file = { "bind: 10.0.0.1\nhttp: 0.0.0.0:7947\n" } },
      MUSTER_EINVAL,
      "http: 7947 is the port of peer_port already; choose another" },
    { { .file = { "http: 10.0.0.1:7948\n" } },
      MUSTER_EINVAL,
      "http: 10.0.0.1:7948 is reached from other hosts, and whoever reaches it may run commands "
      "here: name a file of `tokens` (`muster token create` makes one) or the client_ca of "
      "`http_tls`, or say 127.0.0.1:7948, or none" },
    { { .file = { "http_tls: {cert: /a}\n" } },
      MUSTER_EINVAL,
      "http_tls: a certificate and its key go together; name both" },
    { { .file = { "http_tls: {client_ca: /a}\n" } },
      MUSTER_EINVAL,
      "http_tls: a certificate and its key go together; name both" },
    { { .file = { "tokens: etc/tokens\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:9: tokens: \"etc/tokens\" is not absolute; begin it with a slash" },
    { { .file = { "join: alpha\n" } },
      MUSTER_ETYPE,
      "muster.yaml:1:7: join: expected a list; say join: [alpha, 10.0.0.2:7946]" },
    { { .file = { "join: ['a b']\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:8: join: \"a b\" is neither an address nor a host name; say alpha or "
      "10.0.0.2:7946" },
    { { .file = { "replicas: 5\n" } },
      MUSTER_ERANGE,
      "muster.yaml:1:11: replicas: 5 is out of range; say 1 to 4" },
    { { .file = { "profile: lann\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:10: profile: \"lann\" is not one of lan, wan, local; did you mean lan?" },
    { { .file = { "delegate: [2, 5]\n" } },
      MUSTER_ETYPE,
      "muster.yaml:1:11: delegate: expected three numbers; say delegate: [2, 5, 5]" },
    { { .file = { "delegate: [2, 5, 6]\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:11: delegate: the third number lies between the first and the second" },
    { { .file = { "encrypt: abcd\n" } }, /* what might be half a secret is not repeated */
      MUSTER_EINVAL,
      "muster.yaml:1:10: encrypt: neither a key nor the absolute path of a keyring; `muster "
      "keygen` "
      "makes a key" },
    { { .file = { "tls: {ca: x}\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:11: tls.ca: \"x\" is not absolute; begin it with a slash" },
    { { .file = { "tls: {cert: /c/node.pem, key: /c/node.key}\n" } },
      MUSTER_EINVAL,
      "tls.ca: is missing; tls needs ca, cert and key together" },
    { { .file = { "log: {levle: info}\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:7: log.levle: unknown key; did you mean level?" },
    { { .file = { "tags: {a: 'x,y'}\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:11: tags: the value of a holds a comma, an equals sign or a line break; leave "
      "them out" },
    { { .file = { "tags: {~s: 1}\n" } },
      MUSTER_EINVAL,
      "muster.yaml:1:12: tags.~s: a name here has 1 to 64 of a-z 0-9 . _ -" },
    { { .file = { "max_runs: 10\nslots: 11\n" } },
      MUSTER_EINVAL,
      "max_runs: 10 is less than slots, which is 11; raise it" },
    { { .env = { "MUSTER_SLOTS=many" } },
      MUSTER_EINVAL,
      "MUSTER_SLOTS: \"many\" is not a whole number; say 1 to 65535" },
    { { .arg = { "--slots", "0" } },
      MUSTER_ERANGE,
      "--slots: 0 slots would run nothing; say 1 to 65535, or drain the node to empty it" },
    { { .arg = { "--peer-port=70000" } },
      MUSTER_ERANGE,
      "--peer-port: 70000 is out of range; say 1 to 65535" },
    { { .arg = { "--log-level", "loud" } },
      MUSTER_EINVAL,
      "--log-level: \"loud\" is not one of debug, info, warn, error" },
    { { .arg = { "--tags", "gpu" } },
      MUSTER_EINVAL,
      "--tags: \"gpu\" is no pair; say key=value,key=value" },
    { { .arg = { "--tags", "a=1,a=2" } }, MUSTER_EINVAL, "--tags: a stands twice" },
    { { .arg = { "--slot", "3" } }, MUSTER_EINVAL, "--slot: unknown flag; did you mean --slots?" },
    { { .arg = { "--data-dri=/x" } },
      MUSTER_EINVAL,
      "--data-dri: unknown flag; did you mean --data-dir?" },
    { { .arg = { "--color" } }, MUSTER_EINVAL, "--color: unknown flag" },
    { { .arg = { "--log", "x" } }, MUSTER_EINVAL, "--log: unknown flag" },
    { { .arg = { "--data_dir", "/x" } },
      MUSTER_EINVAL,
      "unexpected argument \"--data_dir\"; settings are said as --key value" },
    { { .arg = { "start" } },
      MUSTER_EINVAL,
      "unexpected argument \"start\"; settings are said as --key value" },
    { { .arg = { "--slots" } }, MUSTER_EINVAL, "--slots: needs a value" },
    { { .arg = { "--name", "--dev" } }, MUSTER_EINVAL, "--name: needs a value" },
    { { .arg = { "--slots=1", "--slots=2" } }, MUSTER_EINVAL, "--slots: is given twice" },
    { { .arg = { "--dev=yes" } }, MUSTER_EINVAL, "--dev: takes no value" },
};

static void wrong_settings_are_refused_in_one_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(bad); i++) {
        struct agent_config c;
        struct agent_problem problem;
        const char *where = NULL;
        char line[AGENT_PROBLEM_LINE];
        int err = read_said(&c, &bad[i].said, &problem, &where);
        assert_string_equal(agent_problem_text(&problem, where, line, sizeof line), bad[i].problem);
        assert_int_equal(err, bad[i].err);
        assert_null(c.memory.block);
    }
}

static void tags_that_gossip_cannot_carry_are_refused(void **state)
{
    struct agent_problem problem;
    struct agent_config c;
    const char *where = NULL;
    uint32_t fits = 0;

    (void)state;
    for (uint32_t len = 1; len <= 600; len++) {
        char value[640] = "--tags=k=";
        size_t at = strlen(value);
        memset(value + at, 'x', len);
        value[at + len] = '\0';
        struct said said = { .arg = { value } };
        int err = read_said(&c, &said, &problem, &where);
        if (err == MUSTER_OK) {
            assert_int_equal(len, fits + 1);
            fits = len;
            agent_config_close(&c);
            continue;
        }
        assert_int_equal(err, MUSTER_ELIMIT);
        assert_string_equal(problem.field, "tags");
        assert_non_null(strstr(problem.message, "gossip has room for about"));
    }
    assert_in_range(fits, 300, 450);
}

static void the_first_look_finds_what_needs_no_agent(void **state)
{
    static const char *const arg[] = { "--config", "/x.yaml", "--slots", "3", "-h", "--version" };
    struct agent_config_options o;
    struct agent_problem problem;

    (void)state;
    assert_int_equal(agent_config_options(&o, arg, UNIT_COUNT(arg), &problem), MUSTER_OK);
    assert_string_equal(o.file, "/x.yaml");
    assert_true(o.help);
    assert_true(o.version);
    assert_false(o.is_dev);
    assert_int_equal(agent_config_options(&o, arg, 1, &problem), MUSTER_EINVAL);
    assert_string_equal(problem.message, "needs a value");
}

static void strange_host_names_still_name_a_node(void **state)
{
    static const struct {
        const char *host;
        const char *name;
    } cases[] = {
        { "web-1", "web-1" }, { "Web 1", "web-1" }, { "", "node" },
        { NULL, "node" },     { "..", "node" },     { "\xc3\xa4", "--" },
    };

    (void)state;
    for (size_t i = 0; i < UNIT_COUNT(cases); i++) {
        struct agent_config_input in = { .host_name = cases[i].host };
        struct agent_problem problem;
        struct agent_config c;
        const char *where = NULL;
        assert_int_equal(agent_config_read(&c, &in, &problem, &where), MUSTER_OK);
        assert_string_equal(c.name, cases[i].name);
        assert_int_equal(c.slots, 1);
        agent_config_close(&c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_said_means_the_defaults_of_the_page),
        cmocka_unit_test(every_key_can_stand_in_a_file),
        cmocka_unit_test(encrypt_is_a_key_a_keyring_or_none),
        cmocka_unit_test(flags_go_over_variables_and_variables_over_files),
        cmocka_unit_test(dev_needs_no_file_and_stays_at_home),
        cmocka_unit_test(empty_values_and_documents_say_nothing_or_an_empty_list),
        cmocka_unit_test(wrong_settings_are_refused_in_one_sentence),
        cmocka_unit_test(tags_that_gossip_cannot_carry_are_refused),
        cmocka_unit_test(the_first_look_finds_what_needs_no_agent),
        cmocka_unit_test(strange_host_names_still_name_a_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
