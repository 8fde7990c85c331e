/* What is handed around between reading and writing. */

#ifndef WHENCE_SHAPES_H
#define WHENCE_SHAPES_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdint.h>
#include <string.h>

#define MOST_FIELDS 32

/* Bytes of a message from begin to end; with end < 0 it is pieces[-1 - end] instead. Empty is the same as absent. */
typedef struct {
    int32_t begin, end;
} Span;

/* `opening` is what stands before the value: `,"name":"`. */
typedef struct {
    const char *opening, *name;
    Py_ssize_t opening_size, name_size, limit;
    char kind;
    int required;
    PyObject *known;
    /* What was looked up last, in a message of the same call. */
    const unsigned char *last;
    Py_ssize_t last_size;
    long last_found;
} Field;

typedef struct {
    PyObject_HEAD
    int count;
    Field fields[MOST_FIELDS];
    int guess[MOST_FIELDS];
    PyObject *openings, *known, *books, *mark;
    Py_ssize_t max_bytes;
} Quick;

/* What is found in one message. */
typedef struct {
    Span *spans;
    const unsigned char *data;
    int64_t at_ms, book;
    int updated;
    PyObject *news; /* values that have to be learnt */
} Row;

enum { LEFT = 0, TAKEN = 1, FAILED = -1 };

static int holds(Py_buffer *buffer, Py_ssize_t size)
{
    if (buffer->len >= size)
        return 1;
    PyErr_SetString(PyExc_ValueError, "a buffer is too small");
    return 0;
}

#endif
