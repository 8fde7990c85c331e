/* The memory of repeats (streams/admit/memory.py) looked up and filled, and a frame's samples put together. */

#ifndef WHENCE_TABLES_H
#define WHENCE_TABLES_H

#include "shapes.h"

#define AHEAD 8 /* keys that are fetched before they are needed */

typedef struct {
    int32_t *slots;
    const uint64_t *keys;
    int64_t mask, rows;
} Table;

static int table_of(Table *table, const Py_buffer *slots, const Py_buffer *keys)
{
    int64_t size = slots->len / 4;
    *table = (Table){slots->buf, keys->buf, size - 1, keys->len / 8};
    if (size > 0 && (size & (size - 1)) == 0)
        return 1;
    PyErr_SetString(PyExc_ValueError, "a table has a power of two slots");
    return 0;
}

/* The slot that a key has or could have; -1 where the table is full or broken. */
static int64_t slot_of(const Table *table, uint64_t key)
{
    int64_t slot = (int64_t)(key & (uint64_t)table->mask);
    for (int64_t tries = 0; tries <= table->mask; tries++, slot = (slot + 1) & table->mask) {
        int32_t row = table->slots[slot];
        if (row < 0)
            return slot;
        if (row >= table->rows)
            return -1;
        if (table->keys[row] == key)
            return slot;
    }
    return -1;
}

static int broken(void)
{
    PyErr_SetString(PyExc_ValueError, "the table is full or broken");
    return 0;
}

PyDoc_STRVAR(find_doc, "find(slots, keys, wanted, rows)\n\nSee _quick.pyi.");

static PyObject *find(PyObject *module, PyObject *args)
{
    Py_buffer slots, keys, wanted, rows;
    Table table;
    (void)module;
    if (!PyArg_ParseTuple(args, "w*y*y*w*", &slots, &keys, &wanted, &rows))
        return NULL;
    const uint64_t *key = wanted.buf;
    int64_t *row = rows.buf, count = wanted.len / 8;
    int done = table_of(&table, &slots, &keys) && holds(&rows, 8 * count);
    for (int64_t i = 0; done && i < count; i++) {
        if (i + AHEAD < count)
            __builtin_prefetch(&table.slots[key[i + AHEAD] & (uint64_t)table.mask]);
        int64_t slot = slot_of(&table, key[i]);
        if (slot < 0)
            done = broken();
        else
            row[i] = table.slots[slot];
    }
    PyBuffer_Release(&slots);
    PyBuffer_Release(&keys);
    PyBuffer_Release(&wanted);
    PyBuffer_Release(&rows);
    return done ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(place_doc, "place(slots, keys, first, end)\n\nSee _quick.pyi.");

static PyObject *place(PyObject *module, PyObject *args)
{
    Py_buffer slots, keys;
    Table table;
    Py_ssize_t first, end;
    (void)module;
    if (!PyArg_ParseTuple(args, "w*y*nn", &slots, &keys, &first, &end))
        return NULL;
    int done = table_of(&table, &slots, &keys) && (first >= 0 && end <= table.rows && end <= INT32_MAX ? 1 : broken());
    for (Py_ssize_t row = first; done && row < end; row++) {
        if (row + AHEAD < end)
            __builtin_prefetch(&table.slots[table.keys[row + AHEAD] & (uint64_t)table.mask]);
        int64_t slot = slot_of(&table, table.keys[row]);
        if (slot < 0)
            done = broken();
        else
            table.slots[slot] = (int32_t)row;
    }
    PyBuffer_Release(&slots);
    PyBuffer_Release(&keys);
    return done ? Py_NewRef(Py_None) : NULL;
}

/* ---- samples of a frame ---- */

static char *add_number(char *to, uint64_t number)
{
    char digits[20];
    int count = 0;
    do
        digits[count++] = (char)('0' + number % 10);
    while (number /= 10);
    while (count)
        *to++ = digits[--count];
    return to;
}

static char *add_bytes(char *to, const char *from, int64_t size)
{
    memcpy(to, from, (size_t)size);
    return to + size;
}

#define ADD(to, text) add_bytes(to, text, sizeof(text) - 1)
#define AROUND_SAMPLE 64 /* names and two numbers */

PyDoc_STRVAR(weave_doc, "weave(packed, ranks, leaves, begins, cuts, ends)\n\nSee _quick.pyi.");

static PyObject *weave(PyObject *module, PyObject *args)
{
    Py_buffer from[6];
    (void)module;
    if (!PyArg_ParseTuple(args, "y*y*y*y*y*y*", &from[0], &from[1], &from[2], &from[3], &from[4], &from[5]))
        return NULL;
    const char *packed = from[0].buf;
    const uint64_t *rank = from[1].buf, *leaf = from[2].buf;
    const int64_t *begin = from[3].buf, *cut = from[4].buf, *end = from[5].buf;
    int64_t count = from[1].len / 8, size = 2;
    int fits = 1;
    for (int i = 2; i < 6; i++)
        fits = fits && holds(&from[i], 8 * count);
    for (int64_t i = 0; fits && i < count; i++) {
        size += AROUND_SAMPLE + end[i] - begin[i];
        if (begin[i] < 0 || cut[i] < begin[i] || end[i] < cut[i] || end[i] > from[0].len) {
            PyErr_SetString(PyExc_IndexError, "no such bytes");
            fits = 0;
        }
    }
    PyObject *result = NULL;
    char *page = fits ? PyMem_Malloc((size_t)size) : NULL;
    if (page) {
        char *to = ADD(page, "[");
        for (int64_t i = 0; i < count; i++) {
            to = add_number(ADD(to, "{\"rank\":"), rank[i]);
            to = add_bytes(ADD(to, ",\"event_id\":"), packed + begin[i], cut[i] - begin[i]);
            to = add_number(ADD(to, ",\"leaf\":"), leaf[i]);
            to = ADD(add_bytes(to, packed + cut[i], end[i] - cut[i]), ",");
        }
        to[-1] = ']';
        result = PyBytes_FromStringAndSize(page, to - page);
        PyMem_Free(page);
    } else if (fits)
        PyErr_NoMemory();
    for (int i = 0; i < 6; i++)
        PyBuffer_Release(&from[i]);
    return result;
}

#endif
