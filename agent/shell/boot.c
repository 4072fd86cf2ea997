/* SPDX-License-Identifier: Apache-2.0 */
/* Opening the data folder: who this node is, and that it is nobody else. */
#include "agent/shell/boot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/shell/folder.h"
#include "agent/shell/net.h"
#include "base/text.h"
#include "store/disk.h"
#include "store/disk_lmdb.h"

#define META_TEXT_MAX 512 /* bytes of a value that this build can read */
#define META_OPS      5

struct meta {
    struct shell_boot *boot;
    uint64_t format; /* 0: the folder is empty */
    char home[SHELL_HOME_MAX];
    bool is_broken;
    bool is_lost;    /* declared lost, and told so */
    uint64_t copied; /* a peer has seen this boot of it, and this folder is older */
};

/* ---- reading META */

static void peer_add(struct shell_boot *b, const char *text)
{
    struct muster_addr a;
    if (b->peer_count < SHELL_PEERS_MAX &&
        muster_addr_parse(&a, text, SHELL_GOSSIP_PORT) == MUSTER_OK)
        b->peer[b->peer_count++] = a;
}

/* Keys that this build does not know are kept as they are. */
static void meta_take(struct meta *m, const char *key, const char *value)
{
    struct shell_boot *b = m->boot;
    if (strcmp(key, "format") == 0)
        m->format = strtoull(value, NULL, 10);
    else if (strcmp(key, "node") == 0)
        m->is_broken |= !muster_id_parse(&b->self, value);
    else if (strcmp(key, "cluster") == 0)
        m->is_broken |= !muster_id_parse(&b->cluster, value);
    else if (strcmp(key, "boot") == 0)
        b->boot = strtoull(value, NULL, 10);
    else if (strcmp(key, "incarnation") == 0)
        b->incarnation = (uint32_t)strtoull(value, NULL, 10);
    else if (strcmp(key, "draining") == 0)
        b->draining = value[0] == '1';
    else if (strcmp(key, "drain_until") == 0)
        b->drain_until_wall_ms = strtoull(value, NULL, 10);
    else if (strcmp(key, "drain_length") == 0)
        b->drain_length_ms = strtoull(value, NULL, 10);
    else if (strcmp(key, "held") == 0)
        b->held = value[0] == '1';
    else if (strcmp(key, "slots") == 0)
        b->slots = (uint32_t)strtoul(value, NULL, 10);
    else if (strcmp(key, "tags") == 0)
        b->has_tags = value[0] == '=' && muster_format(b->tags, sizeof b->tags, "%s", value + 1);
    else if (strcmp(key, "home") == 0)
        (void)muster_format(m->home, sizeof m->home, "%s", value);
    else if (strcmp(key, "settings") == 0)
        b->has_settings = agent_settings_parse(&b->settings, muster_bytes_text(value));
    else if (strcmp(key, "copied") == 0)
        m->copied = strtoull(value, NULL, 10);
    else if (strncmp(key, "peer:", 5) == 0)
        peer_add(b, value);
}

static int meta_record(void *context, struct muster_bytes key, struct muster_bytes value)
{
    char name[STORE_DISK_KEY_MAX + 1], text[META_TEXT_MAX];
    if (value.len >= sizeof text || key.len >= sizeof name)
        return MUSTER_OK;
    memcpy(name, key.data, key.len);
    name[key.len] = '\0';
    memcpy(text, value.data, value.len);
    text[value.len] = '\0';
    meta_take(context, name, text);
    return MUSTER_OK;
}

/* ---- checking it */

static int home_refused(const struct shell_boot *b, char *why, size_t size)
{
    char node[MUSTER_ID_TEXT], cluster[MUSTER_ID_TEXT];
    (void)muster_format(
        why, size,
        "%s: this data folder was copied or moved here from elsewhere. It makes an agent node %s "
        "of "
        "cluster %s, and two agents with one identity would harm that cluster. If the original is "
        "gone for good, start once with --moved; for a new node, use an empty folder",
        b->folder, muster_id_text(b->self, node),
        muster_id_is_zero(b->cluster) ? "none" : muster_id_text(b->cluster, cluster));
    return MUSTER_EFOREIGN;
}

/* Oaths stand before the node's own id in the table, so they are looked through once that is known.
 */
static int lost_record(void *context, struct muster_bytes key, struct muster_bytes value)
{
    struct meta *m = context;
    char id[MUSTER_ID_TEXT], name[8 + MUSTER_ID_TEXT];
    (void)value;
    (void)muster_format(name, sizeof name, "lost:%s", muster_id_text(m->boot->self, id));
    m->is_lost |= muster_bytes_equal(key, muster_bytes_text(name));
    return MUSTER_OK;
}

static int lost_refused(const struct shell_boot *b, char *why, size_t size)
{
    char node[MUSTER_ID_TEXT];
    (void)muster_format(why, size,
                        "%s: node %s was declared lost (`muster forget`): its seats were given "
                        "away, and its id may never run jobs again. To come back as a new node, "
                        "start with an empty data folder",
                        b->folder, muster_id_text(b->self, node));
    return MUSTER_EFOREIGN;
}

static int meta_check(const struct meta *m, bool moved, const char *home, char *why, size_t size)
{
    const struct shell_boot *b = m->boot;
    if (m->format != 0 && (m->is_broken || muster_id_is_zero(b->self) || b->boot == 0)) {
        (void)muster_format(why, size,
                            "%s: the data folder is damaged: it does not say which node it is",
                            b->folder);
        return MUSTER_ECORRUPT;
    }
    if (m->format != 0 && !moved && !shell_folder_is_home(m->home, home))
        return home_refused(b, why, size);
    if (m->is_lost)
        return lost_refused(b, why, size);
    if (m->copied != 0) {
        (void)muster_format(why, size,
                            "%s: this data folder is a copy, or was restored from one: it is at "
                            "boot %llu, and others have seen boot %llu of its node. To come back "
                            "as a new node, start with an empty data folder",
                            b->folder, (unsigned long long)b->boot, (unsigned long long)m->copied);
        return MUSTER_EFOREIGN;
    }
    return MUSTER_OK;
}

/* ---- raising the boot number */

struct meta_batch {
    struct store_disk_op op[META_OPS];
    char text[META_OPS][SHELL_HOME_MAX];
    uint32_t count;
};

static void meta_put(struct meta_batch *batch, const char *key, const char *value)
{
    MUSTER_ASSERT(batch->count < META_OPS);
    char *text = batch->text[batch->count];
    (void)muster_format(text, SHELL_HOME_MAX, "%s", value);
    batch->op[batch->count++] = (struct store_disk_op){ .table = STORE_TABLE_META,
                                                        .key = muster_bytes_text(key),
                                                        .value = muster_bytes_text(text) };
}

static void meta_put_number(struct meta_batch *batch, const char *key, uint64_t value)
{
    char text[24];
    (void)muster_format(text, sizeof text, "%llu", (unsigned long long)value);
    meta_put(batch, key, text);
}

static int boot_raise(struct shell_boot *b, const char *home)
{
    struct meta_batch batch = { .count = 0 };
    char id[MUSTER_ID_TEXT];
    b->boot++;
    b->incarnation++;
    meta_put_number(&batch, "format", STORE_DISK_FORMAT);
    meta_put(&batch, "node", muster_id_text(b->self, id));
    meta_put(&batch, "home", home);
    meta_put_number(&batch, "boot", b->boot);
    meta_put_number(&batch, "incarnation", b->incarnation);
    const struct store_disk_batch write = { .op = batch.op, .count = batch.count };
    return store_lmdb_commit(b->disk, &write);
}

/* ---- opening */

static int disk_refused(const struct shell_boot *b, int err, char *why, size_t size)
{
    static const struct {
        int err;
        const char *text;
    } known[] = {
        { MUSTER_ENOSPC, "there is no space left on its disk" },
        { MUSTER_ECORRUPT,
          "it is damaged; without its records this node can come back as a new one "
          "only, from an empty folder" },
        { MUSTER_EDENIED, "permission denied" },
        { MUSTER_EBUSY, "another process has it open" },
    };
    const char *text = muster_err_text(err);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].err == err)
            text = known[i].text;
    (void)muster_format(why, size, "%s: the data folder cannot be used: %s", b->folder, text);
    return err;
}

/* Nothing of it but the number is understood, and nothing is written. */
static int newer_refused(struct shell_boot *b, char *why, size_t size)
{
    struct meta meta = { .boot = b };
    if (b->disk == NULL ||
        store_lmdb_each(b->disk, STORE_TABLE_META, &meta, meta_record) != MUSTER_OK)
        meta.format = 0;
    (void)muster_format(why, size,
                        "%s: the data folder was used by a newer muster: it has format %llu, this "
                        "agent knows %d",
                        b->folder, (unsigned long long)meta.format, STORE_DISK_FORMAT);
    return MUSTER_EVERSION;
}

static int boot_begin(struct shell_boot *b, bool moved, char *why, size_t size)
{
    struct meta meta = { .boot = b };
    char home[SHELL_HOME_MAX];
    shell_folder_home(b->lock, home);
    int err = store_lmdb_each(b->disk, STORE_TABLE_META, &meta, meta_record);
    if (err == MUSTER_OK)
        err = store_lmdb_each(b->disk, STORE_TABLE_META, &meta, lost_record);
    if (err != MUSTER_OK)
        return disk_refused(b, err, why, size);
    err = meta_check(&meta, moved, home, why, size);
    if (err != MUSTER_OK)
        return err;
    b->is_new = meta.format == 0;
    if (b->is_new && getrandom(b->self.octet, sizeof b->self.octet, 0) != MUSTER_ID_LEN)
        return disk_refused(b, MUSTER_EIO, why, size);
    err = boot_raise(b, home);
    return err == MUSTER_OK ? MUSTER_OK : disk_refused(b, err, why, size);
}

int shell_boot_open(struct shell_boot *b, const char *folder, bool moved, char *why, size_t size)
{
    *b = (struct shell_boot){ .lock = -1 };
    if (!muster_format(b->folder, sizeof b->folder, "%s", folder)) {
        (void)muster_format(why, size, "%s: the path is too long; see `data_dir`", folder);
        return MUSTER_ELIMIT;
    }
    int err = shell_folder_lock(folder, &b->lock, why, size);
    if (err != MUSTER_OK)
        return err;
    err = store_lmdb_open(&b->disk, folder);
    if (err == MUSTER_EVERSION)
        err = newer_refused(b, why, size);
    else
        err = err != MUSTER_OK ? disk_refused(b, err, why, size) : boot_begin(b, moved, why, size);
    if (err != MUSTER_OK)
        shell_boot_close(b);
    return err;
}

/* ---- loading */

struct load {
    struct agent_node *node;
    enum store_table table;
};

static int load_record(void *context, struct muster_bytes key, struct muster_bytes value)
{
    const struct load *l = context;
    return agent_node_load(l->node, l->table, key, value);
}

int shell_boot_load(struct shell_boot *b, struct agent_node *node, char *why, size_t size)
{
    for (enum store_table table = STORE_TABLE_META; table < STORE_TABLES; table++) {
        struct load l = { .node = node, .table = table };
        int err = store_lmdb_each(b->disk, table, &l, load_record);
        if (err != MUSTER_OK)
            return disk_refused(b, err, why, size);
    }
    return MUSTER_OK;
}

void shell_boot_close(struct shell_boot *b)
{
    if (b->disk != NULL)
        store_lmdb_close(b->disk);
    b->disk = NULL;
    if (b->lock >= 0)
        (void)close(b->lock);
    b->lock = -1;
}
