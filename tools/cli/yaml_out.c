/* SPDX-License-Identifier: Apache-2.0 */
/* Writes YAML; what it writes is read by agent/yaml.c. */
#include "tools/cli/yaml_out.h"

#include <string.h>

#define VALUE_MAX (1u << 20)
#define LETTERS   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* Words that mean themselves to every reader of YAML. */
static bool is_plain(const char *text)
{
    static const char *const others[] = { "null", "true", "false", "yes", "no", "on", "off",
                                          "Null", "True", "False", "Yes", "No", "On", "Off",
                                          "NULL", "TRUE", "FALSE", "YES", "NO", "ON", "OFF",
                                          "y",    "n",    "Y",     "N",   NULL };
    for (size_t i = 0; others[i] != NULL; i++)
        if (strcmp(text, others[i]) == 0)
            return false;
    return text[0] != '\0' && strchr(LETTERS "/", text[0]) != NULL &&
           text[strspn(text, LETTERS "0123456789._/-")] == '\0';
}

/* JSON may hold bytes that YAML wants written as escapes: DEL, and the controls U+0080 to U+009F.
 * The last two of the plane, U+FFFE and U+FFFF, are no characters. */
static void json_put(FILE *out, const char *json, size_t len)
{
    const unsigned char *at = (const unsigned char *)json;
    for (size_t i = 0; i < len; i++) {
        bool is_control = at[i] == 0xc2 && i + 1 < len && at[i + 1] < 0xa0;
        bool is_none =
            at[i] == 0xef && i + 2 < len && at[i + 1] == 0xbf && (at[i + 2] & 0xfe) == 0xbe;
        bool is_mark = at[i] == 0xef && i + 2 < len && at[i + 1] == 0xbb && at[i + 2] == 0xbf;
        if (at[i] == 0x7f)
            (void)fprintf(out, "\\u007f");
        else if (is_control)
            (void)fprintf(out, "\\u%04x", at[++i]);
        else if (is_none)
            (void)fprintf(out, "\\ufff%c", at[i + 2] == 0xbe ? 'e' : 'f');
        else if (is_mark)
            (void)fprintf(out, "\\ufeff");
        else
            (void)putc(at[i], out);
        if (is_none || is_mark)
            i += 2;
    }
}

void cli_yaml_out(FILE *out, struct cli_value spec)
{
    const char *key;
    (void)fprintf(out, "---\n");
    for (size_t i = 0; (key = cli_value_key(spec, i)) != NULL; i++) {
        struct cli_value value = cli_value_field(spec, key);
        const char *text = cli_value_text(value, NULL);
        struct muster_text json;
        (void)fprintf(out, "%s: ", key);
        muster_text_open(&json, VALUE_MAX);
        if (text == NULL || !is_plain(text))
            cli_value_json(value, &json);
        if (json.len > 0)
            json_put(out, json.data, json.len);
        else
            (void)fputs(text != NULL ? text : "null", out);
        (void)putc('\n', out);
        muster_text_close(&json);
    }
}
