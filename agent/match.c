/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions over nodes: read into a tree of parts, asked of a node, and explained. */
#include "agent/match.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum part_kind { PART_AND, PART_OR, PART_NOT, PART_HAS, PART_COMPARE, PART_IN, PART_VALUE };
enum part_field { FIELD_NODE, FIELD_ARCH, FIELD_CPUS, FIELD_MEM, FIELD_TAG };
enum part_compare { COMPARE_EQ, COMPARE_NE, COMPARE_LE, COMPARE_GE, COMPARE_LT, COMPARE_GT };

static const char *const field_word[] = { "node", "arch", "cpus", "mem" };
static const char *const compare_word[] = { "==", "!=", "<=", ">=", "<", ">" };

#define WORD_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:+"
#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- reading: one token at a time */

enum token { TOKEN_END, TOKEN_WORD, TOKEN_TEXT, TOKEN_MARK, TOKEN_BAD };

struct reading {
    struct agent_match *m;
    struct agent_problem *problem;
    enum token token;
    uint16_t at, len;   /* of the token in the text; of a TEXT, what is between the quotes */
    uint16_t next, end; /* where the next token is looked for; where the last one ended */
    uint32_t depth, values;
};

static int fail(struct reading *r, int err, uint32_t at, const char *what)
{
    return agent_problem_set(r->problem, err, "", 0, at + 1, "column %" PRIu32 ": %s", at + 1,
                             what);
}

static void text_take(struct reading *r, uint16_t at)
{
    const char *text = r->m->text;
    const char *close = strchr(text + at + 1, text[at]);
    r->token = close != NULL ? TOKEN_TEXT : TOKEN_BAD;
    r->at = (uint16_t)(at + 1);
    r->len = close != NULL ? (uint16_t)(close - text - r->at) : 0;
    r->next = close != NULL ? (uint16_t)(close - text + 1) : at;
}

static void token_take(struct reading *r)
{
    const char *text = r->m->text;
    r->end = r->next;
    uint16_t at = (uint16_t)(r->next + strspn(text + r->next, " \t\r\n"));
    r->at = at;
    if (text[at] == '"' || text[at] == '\'') {
        text_take(r, at);
        return;
    }
    uint16_t len = (uint16_t)strspn(text + at, WORD_LETTERS);
    r->token = text[at] == '\0' ? TOKEN_END : len > 0 ? TOKEN_WORD : TOKEN_MARK;
    if (r->token == TOKEN_MARK) {
        len = 1;
        for (size_t i = 0; i < COUNT(compare_word) && len == 1; i++)
            if (compare_word[i][1] != '\0' && strncmp(text + at, compare_word[i], 2) == 0)
                len = 2;
        if (strchr("()<>,", text[at]) == NULL && len == 1)
            r->token = TOKEN_BAD;
    }
    r->len = r->token == TOKEN_END ? 0 : len;
    r->next = (uint16_t)(at + r->len);
}

static bool token_is(const struct reading *r, enum token kind, const char *word)
{
    return r->token == kind && strlen(word) == r->len &&
           memcmp(r->m->text + r->at, word, r->len) == 0;
}

static bool token_skip(struct reading *r, enum token kind, const char *word)
{
    if (!token_is(r, kind, word))
        return false;
    token_take(r);
    return true;
}

static int token_fail(struct reading *r, const char *wanted)
{
    char text[AGENT_PROBLEM_TEXT];
    if (r->token == TOKEN_BAD && r->len == 0)
        return fail(r, MUSTER_EINVAL, r->next, "the quote is not closed");
    if (token_is(r, TOKEN_BAD, "="))
        return fail(r, MUSTER_EINVAL, r->at, "one = says nothing; compare with ==");
    if (r->token == TOKEN_END)
        (void)muster_format(text, sizeof text, "it ends here; expected %s", wanted);
    else
        (void)muster_format(text, sizeof text, "\"%.*s\" is not %s", r->len, r->m->text + r->at,
                            wanted);
    return fail(r, MUSTER_EINVAL, r->at, text);
}

/* ---- reading: the tree */

static int part_add(struct reading *r, struct agent_match_part part, uint16_t *out)
{
    struct agent_match *m = r->m;
    if (m->count == COUNT(m->part))
        return fail(r, MUSTER_ELIMIT, r->at, "too long; 64 comparisons and values are allowed");
    part.end = r->end;
    m->part[m->count] = part;
    *out = (uint16_t)m->count++;
    return MUSTER_OK;
}

static bool is_keyword(const struct reading *r)
{
    static const char *const word[] = { "and", "or", "not", "in" };
    for (size_t i = 0; i < COUNT(word); i++)
        if (token_is(r, TOKEN_WORD, word[i]))
            return true;
    return false;
}

/* Digits, for `mem` with a letter: K, M, G, T. */
static bool number_read(const char *text, size_t len, bool is_size, uint64_t *out)
{
    static const char letters[] = "KMGT";
    uint64_t n = 0;
    size_t i = 0;
    for (; i < len && text[i] >= '0' && text[i] <= '9'; i++) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(text[i] - '0');
    }
    const char *letter = i + 1 == len && is_size ? memchr(letters, text[i], 4) : NULL;
    unsigned shift = letter != NULL ? 10 * (unsigned)(letter - letters + 1) : 0;
    if ((letter == NULL && i < len) || n > UINT64_MAX >> shift)
        return false;
    n <<= shift;
    *out = n;
    return i > 0;
}

static int value_take(struct reading *r, struct agent_match_part *part, bool is_number)
{
    bool is_size = part->field == FIELD_MEM;
    const char *wanted = is_size     ? "a size such as 4G"
                         : is_number ? "a number"
                                     : "a value: a word, a number or a text in quotes";
    if ((r->token != TOKEN_WORD && r->token != TOKEN_TEXT) || is_keyword(r))
        return token_fail(r, wanted);
    if (is_number && !number_read(r->m->text + r->at, r->len, is_size, &part->number))
        return token_fail(r, wanted);
    part->value = r->at;
    part->value_len = r->len;
    token_take(r);
    return MUSTER_OK;
}

static bool is_counted(uint8_t field)
{
    return field == FIELD_CPUS || field == FIELD_MEM;
}

/* ( value, value ): each a part, in a chain by `right`. */
static int list_take(struct reading *r, struct agent_match_part *in)
{
    uint16_t last = 0;
    if (!token_skip(r, TOKEN_MARK, "("))
        return token_fail(r, "a list in parentheses, such as (a, b)");
    do {
        struct agent_match_part value = { .kind = PART_VALUE, .field = in->field };
        uint16_t index = 0;
        if (++r->values > AGENT_MATCH_TERMS)
            return fail(r, MUSTER_ELIMIT, r->at, "too many values in lists; 64 are allowed");
        int err = value_take(r, &value, is_counted(in->field));
        if (err == MUSTER_OK)
            err = part_add(r, value, &index);
        if (err != MUSTER_OK)
            return err;
        *(last == 0 ? &in->left : &r->m->part[last].right) = index;
        last = index;
    } while (token_skip(r, TOKEN_MARK, ","));
    return token_skip(r, TOKEN_MARK, ")") ? MUSTER_OK : token_fail(r, "a comma or )");
}

static int field_take(struct reading *r, struct agent_match_part *part)
{
    const char *word = r->m->text + r->at;
    part->field = UINT8_MAX;
    for (uint8_t i = 0; i < COUNT(field_word); i++)
        if (token_is(r, TOKEN_WORD, field_word[i]))
            part->field = i;
    if (part->field == UINT8_MAX && r->token == TOKEN_WORD && r->len > 4 &&
        memcmp(word, "tag.", 4) == 0) {
        part->field = FIELD_TAG;
        part->name = (uint16_t)(r->at + 4);
        part->name_len = (uint16_t)(r->len - 4);
    }
    if (part->field == UINT8_MAX)
        return token_fail(r, "one of node, arch, cpus, mem and tag.NAME");
    token_take(r);
    return MUSTER_OK;
}

static int compare_take(struct reading *r, struct agent_match_part *part, uint8_t compare,
                        uint32_t at)
{
    bool is_order = compare > COMPARE_NE;
    part->kind = PART_COMPARE;
    part->compare = compare;
    if (is_order && part->field != FIELD_TAG && !is_counted(part->field))
        return fail(r, MUSTER_EINVAL, at, "node and arch are texts; compare with ==, != or in");
    return value_take(r, part, is_order || is_counted(part->field));
}

static int term_take(struct reading *r, uint16_t *out)
{
    struct agent_match_part part = { .kind = PART_HAS, .begin = r->at };
    int err = field_take(r, &part);
    if (err != MUSTER_OK)
        return err;
    uint16_t at = r->at;
    bool is_not = token_skip(r, TOKEN_WORD, "not"), is_done = false;
    for (uint8_t i = 0; i < COUNT(compare_word) && !is_done && !is_not; i++) {
        if (!token_skip(r, TOKEN_MARK, compare_word[i]))
            continue;
        is_done = true;
        err = compare_take(r, &part, i, at);
    }
    if (!is_done && token_skip(r, TOKEN_WORD, "in")) {
        part.kind = PART_IN;
        part.compare = is_not ? COMPARE_NE : COMPARE_EQ;
        err = list_take(r, &part);
    } else if (is_not) {
        return token_fail(r, "in, as in `not in (a, b)`");
    } else if (!is_done && part.field != FIELD_TAG) {
        return token_fail(r, "a comparison: only tag.NAME may stand alone");
    }
    return err != MUSTER_OK ? err : part_add(r, part, out);
}

static int or_take(struct reading *r, uint16_t *out);

static int deeper(struct reading *r)
{
    if (++r->depth > AGENT_MATCH_DEPTH)
        return fail(r, MUSTER_ELIMIT, r->at, "more than 16 levels of parentheses and nots");
    return MUSTER_OK;
}

static int not_take(struct reading *r, uint16_t *out)
{
    struct agent_match_part part = { .kind = PART_NOT, .begin = r->at };
    if (!token_is(r, TOKEN_WORD, "not") && !token_is(r, TOKEN_MARK, "("))
        return term_take(r, out);
    int err = deeper(r);
    if (err != MUSTER_OK)
        return err;
    if (token_skip(r, TOKEN_WORD, "not")) {
        err = not_take(r, &part.left);
        if (err == MUSTER_OK)
            err = part_add(r, part, out);
    } else {
        token_take(r);
        err = or_take(r, out);
        if (err == MUSTER_OK && !token_skip(r, TOKEN_MARK, ")"))
            err = token_fail(r, "and, or, or the ) that closes");
    }
    r->depth--;
    return err;
}

static int and_take(struct reading *r, uint16_t *out)
{
    uint16_t begin = r->at;
    int err = not_take(r, out);
    while (err == MUSTER_OK && token_skip(r, TOKEN_WORD, "and")) {
        struct agent_match_part part = { .kind = PART_AND, .begin = begin, .left = *out };
        err = not_take(r, &part.right);
        if (err == MUSTER_OK)
            err = part_add(r, part, out);
    }
    return err;
}

static int or_take(struct reading *r, uint16_t *out)
{
    uint16_t begin = r->at;
    int err = and_take(r, out);
    while (err == MUSTER_OK && token_skip(r, TOKEN_WORD, "or")) {
        struct agent_match_part part = { .kind = PART_OR, .begin = begin, .left = *out };
        err = and_take(r, &part.right);
        if (err == MUSTER_OK)
            err = part_add(r, part, out);
    }
    return err;
}

int agent_match_parse(struct agent_match *m, const char *text, struct agent_problem *problem)
{
    struct reading r = { .m = m, .problem = problem };
    size_t len = strlen(text);
    agent_problem_clear(problem);
    m->count = 1;
    m->root = 0;
    m->part[0] = (struct agent_match_part){ 0 };
    m->text[0] = '\0';
    if (len > AGENT_MATCH_TEXT)
        return fail(&r, MUSTER_ELIMIT, AGENT_MATCH_TEXT, "too long; 1024 bytes are allowed");
    memcpy(m->text, text, len + 1);
    token_take(&r);
    int err = or_take(&r, &m->root);
    if (err == MUSTER_OK && r.token != TOKEN_END)
        err = token_fail(&r, "and, or, or the end");
    return err;
}

/* ---- asking */

const char *agent_tag_find(const char *tags, const char *name, size_t name_len, size_t *len)
{
    while (*tags != '\0') {
        size_t all = strcspn(tags, ",");
        size_t key = strcspn(tags, "=,");
        if (key == name_len && memcmp(tags, name, key) == 0) {
            const char *value = tags + key + (tags[key] == '=' ? 1 : 0);
            *len = all - (size_t)(value - tags);
            return value;
        }
        tags += all + (tags[all] == ',' ? 1 : 0);
    }
    return NULL;
}

struct fact {
    const char *text; /* NULL: it does not say, or it is a number */
    size_t len;
    uint64_t number;
    bool is_said;
};

static struct fact fact_of(const struct agent_match *m, const struct agent_match_part *p,
                           const struct agent_facts *node)
{
    struct fact f = { 0 };
    if (p->field == FIELD_CPUS || p->field == FIELD_MEM) {
        f.number = p->field == FIELD_CPUS ? node->cpus : node->mem;
        f.is_said = f.number != 0;
        return f;
    }
    if (p->field == FIELD_TAG) {
        f.text = agent_tag_find(node->tags, m->text + p->name, p->name_len, &f.len);
        f.is_said = f.text != NULL;
        return f;
    }
    f.text = p->field == FIELD_NODE ? node->node : node->arch;
    f.len = strlen(f.text);
    f.is_said = f.len > 0;
    return f;
}

static bool is_equal(const struct agent_match *m, const struct agent_match_part *p,
                     const struct fact *f)
{
    if (!f->is_said)
        return false;
    if (is_counted(p->field))
        return f->number == p->number;
    return f->len == p->value_len && memcmp(f->text, m->text + p->value, f->len) == 0;
}

static bool compare(const struct agent_match *m, const struct agent_match_part *p, struct fact *f)
{
    if (p->compare <= COMPARE_NE)
        return is_equal(m, p, f) == (p->compare == COMPARE_EQ);
    if (!f->is_said || (f->text != NULL && !number_read(f->text, f->len, false, &f->number)))
        return false;
    return p->compare == COMPARE_LT   ? f->number < p->number
           : p->compare == COMPARE_GT ? f->number > p->number
           : p->compare == COMPARE_LE ? f->number <= p->number
                                      : f->number >= p->number;
}

static bool part_is(const struct agent_match *m, uint16_t index, const struct agent_facts *node)
{
    const struct agent_match_part *p = &m->part[index];
    if (p->kind == PART_AND)
        return part_is(m, p->left, node) && part_is(m, p->right, node);
    if (p->kind == PART_OR)
        return part_is(m, p->left, node) || part_is(m, p->right, node);
    if (p->kind == PART_NOT)
        return !part_is(m, p->left, node);
    struct fact f = fact_of(m, p, node);
    if (p->kind == PART_HAS)
        return f.is_said;
    if (p->kind == PART_COMPARE)
        return compare(m, p, &f);
    bool is_in = false;
    for (uint16_t v = p->left; v != 0 && !is_in; v = m->part[v].right)
        is_in = is_equal(m, &m->part[v], &f);
    return is_in == (p->compare == COMPARE_EQ);
}

bool agent_match_is(const struct agent_match *m, const struct agent_facts *node)
{
    return m->root != 0 && part_is(m, m->root, node);
}

/* ---- explaining */

static void add(char *out, size_t size, const char *format, ...) MUSTER_PRINTF(3, 4);

static void add(char *out, size_t size, const char *format, ...)
{
    va_list args;
    size_t len = strlen(out);
    va_start(args, format);
    (void)vsnprintf(out + len, size - len, format, args);
    va_end(args);
}

static void fact_add(const struct agent_match *m, const struct agent_match_part *p,
                     const struct agent_facts *node, char *out, size_t size)
{
    struct fact f = fact_of(m, p, node);
    if (p->field == FIELD_TAG)
        add(out, size, "tag.%.*s ", p->name_len, m->text + p->name);
    else
        add(out, size, "%s ", field_word[p->field]);
    if (!f.is_said)
        add(out, size, p->field == FIELD_TAG ? "missing" : "not known");
    else if (f.text != NULL)
        add(out, size, "is %.*s", (int)f.len, f.text);
    else if (p->field == FIELD_MEM)
        add(out, size, "is %" PRIu64 "M", f.number >> 20);
    else
        add(out, size, "is %" PRIu64, f.number);
}

static void why_add(const struct agent_match *m, uint16_t index, const struct agent_facts *node,
                    char *out, size_t size)
{
    const struct agent_match_part *p = &m->part[index];
    if (p->kind == PART_AND) {
        why_add(m, part_is(m, p->left, node) ? p->right : p->left, node, out, size);
    } else if (p->kind == PART_OR) {
        why_add(m, p->left, node, out, size);
        add(out, size, ", ");
        why_add(m, p->right, node, out, size);
    } else if (p->kind == PART_NOT) {
        const struct agent_match_part *q = &m->part[p->left];
        add(out, size, "it is so: %.*s", q->end - q->begin, m->text + q->begin);
    } else {
        fact_add(m, p, node, out, size);
    }
}

char *agent_match_why(const struct agent_match *m, const struct agent_facts *node, char *out,
                      size_t size)
{
    MUSTER_ASSERT(size > 0);
    out[0] = '\0';
    if (m->root == 0)
        add(out, size, "this build does not understand what is asked for");
    else
        why_add(m, m->root, node, out, size);
    return out;
}
