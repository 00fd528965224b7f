/* json - writes a document, parses it into a tree on the heap, and sums what is in it. */
#include "checksum.h"

#ifndef SIZE
#define SIZE 24000
#endif

/* ---- Writer ---- */

static char document[SIZE + 4096];
static size_t document_length;

static void put(const char *text)
{
    size_t length = strlen(text);
    memcpy(document + document_length, text, length);
    document_length += length;
}

static void put_number(int64_t value)
{
    char digits[24], *at = digits + sizeof digits;
    uint64_t left = value < 0 ? -(uint64_t)value : (uint64_t)value;
    *--at = 0;
    do
        *--at = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        *--at = '-';
    put(at);
}

static int64_t written_sum;
static int written_values;

static void write_value(int depth)
{
    written_values++;
    switch (depth ? next_random() % 7 : 3) {
    case 0: {
        int64_t number = (int64_t)(next_random() % 2000001) - 1000000;
        written_sum += number;
        put_number(number);
        break;
    }
    case 1:
        put("\"tab\\t quote\\\" \\u00e9\"");
        break;
    case 2:
        put(next_random() % 2 ? "true" : "null");
        break;
    case 3:
    case 4:
    case 5:
        put("[ ");
        for (int i = 0; i < 6 && depth < 7 && document_length < SIZE; i++) {
            if (i)
                put(", ");
            write_value(depth + 1);
        }
        put(" ]");
        break;
    default:
        put("{\"k\" : ");
        write_value(depth + 1);
        put(",\n\"longer key\":");
        put_number(depth);
        written_sum += depth;
        written_values++;
        put("}");
    }
}

/* ---- Parser ---- */

enum kind { NUMBER, STRING, TRUE, FALSE, NOTHING, ARRAY, OBJECT };

struct value {
    enum kind kind;
    int64_t number;
    char *string, *key;
    struct value *first, *next;
};

static const char *at;

static struct value *parse(void);

static void space(void)
{
    while (*at == ' ' || *at == '\n' || *at == '\t' || *at == '\r')
        at++;
}

static void expect(const char *text)
{
    for (; *text; text++)
        require(*at++ == *text);
}

static char *parse_string(void)
{
    size_t used = 0, room = 8;
    char *string = malloc(room);
    require(string != NULL);
    expect("\"");
    while (*at != '"') {
        char c = *at++;
        require(c != 0);
        if (c == '\\') {
            c = *at++;
            if (c == 't')
                c = '\t';
            else if (c == 'n')
                c = '\n';
            else if (c == 'u') {
                int code = 0;
                for (int i = 0; i < 4; i++, at++)
                    code = code * 16 + (*at <= '9' ? *at - '0' : (*at | 32) - 'a' + 10);
                c = (char)code;
            }
        }
        if (used + 2 > room) {
            string = realloc(string, room *= 2);
            require(string != NULL);
        }
        string[used++] = c;
    }
    at++;
    string[used] = 0;
    return string;
}

static void parse_members(struct value *parent, char close)
{
    struct value **link = &parent->first;
    at++;
    space();
    while (*at != close) {
        char *key = NULL;
        if (close == '}') {
            key = parse_string();
            space();
            expect(":");
        }
        *link = parse();
        (*link)->key = key;
        link = &(*link)->next;
        if (*at == ',') {
            at++;
            space();
        } else {
            require(*at == close);
        }
    }
    at++;
}

static struct value *parse(void)
{
    struct value *value = calloc(1, sizeof *value);
    require(value != NULL);
    space();
    switch (*at) {
    case '{':
        value->kind = OBJECT;
        parse_members(value, '}');
        break;
    case '[':
        value->kind = ARRAY;
        parse_members(value, ']');
        break;
    case '"':
        value->kind = STRING;
        value->string = parse_string();
        break;
    case 't':
        value->kind = TRUE;
        expect("true");
        break;
    case 'f':
        value->kind = FALSE;
        expect("false");
        break;
    case 'n':
        value->kind = NOTHING;
        expect("null");
        break;
    default: {
        char *end;
        value->kind = NUMBER;
        value->number = strtol(at, &end, 10);
        require(end != at);
        at = end;
    }
    }
    space();
    return value;
}

static int64_t read_sum;
static int read_values;

static void visit_and_free(struct value *value)
{
    read_values++;
    mix(value->kind);
    if (value->kind == NUMBER) {
        read_sum += value->number;
        mix((uint64_t)value->number);
    }
    if (value->string)
        mix_bytes(value->string, strlen(value->string));
    if (value->key)
        mix_bytes(value->key, strlen(value->key));
    for (struct value *child = value->first; child;) {
        struct value *next = child->next;
        visit_and_free(child);
        child = next;
    }
    free(value->string);
    free(value->key);
    free(value);
}

int main(void)
{
    put("[");
    while (document_length < SIZE) {
        write_value(0);
        put(document_length < SIZE ? "," : "]");
    }
    at = document;
    struct value *top = parse();
    require(*at == 0);
    visit_and_free(top);
    require(read_sum == written_sum && read_values == written_values + 1);
    return finish("json");
}
