/* stdio.c - printf for debugging: stdout and stderr over write(), a line at a time. */
#include "sdk.h"

#include <stdio.h>

struct stream {
    int fd;
    size_t used;
    char line[160];
};

static struct stream out = { .fd = 1 }, err = { .fd = 2 };

static void flush(struct stream *stream)
{
    if (stream->used)
        write(stream->fd, stream->line, stream->used);
    stream->used = 0;
}

static void flush_all(void)
{
    flush(&out);
    flush(&err);
}

static void put(struct stream *stream, char c)
{
    opt_flush_stdio = flush_all;
    stream->line[stream->used++] = c;
    if (c == '\n' || stream->used == sizeof stream->line)
        flush(stream);
}

static int put_out(char c, FILE *file)
{
    (void)file;
    put(&out, c);
    return (unsigned char)c;
}

static int put_err(char c, FILE *file)
{
    (void)file;
    put(&err, c);
    return (unsigned char)c;
}

static FILE out_file = FDEV_SETUP_STREAM(put_out, NULL, NULL, _FDEV_SETUP_WRITE);
static FILE err_file = FDEV_SETUP_STREAM(put_err, NULL, NULL, _FDEV_SETUP_WRITE);

FILE *const stdout = &out_file;
FILE *const stderr = &err_file;
