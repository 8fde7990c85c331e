/* Messages to spans: which are usual contacts, and where their fields lie. */

#ifndef WHENCE_READING_H
#define WHENCE_READING_H

#include "shapes.h"
#include "strings.h"
#include "xxh3.h"

#define DAY_MS 86400000LL
#define CONTACT_SEED 1
#define SCHEMA_VERSION '1'

static int append(PyObject *list, PyObject *value)
{
    if (!value)
        return 0;
    int failed = PyList_Append(list, value);
    Py_DECREF(value);
    return !failed;
}

/* The number that a dictionary of bytes has for a value; missing as given; -2 on failure. */
static long looked_up(Field *field, PyObject *known, const unsigned char *p, Py_ssize_t size, long missing)
{
    if (field->last && field->last_size == size && !memcmp(field->last, p, (size_t)size))
        return field->last_found;
    PyObject *key = PyBytes_FromStringAndSize((const char *)p, size);
    if (!key)
        return -2;
    PyObject *found = PyDict_GetItemWithError(known, key);
    Py_DECREF(key);
    if (!found)
        return PyErr_Occurred() ? -2 : missing;
    long value = PyLong_AsLong(found);
    if (value == -1 && PyErr_Occurred())
        return -2;
    field->last = p;
    field->last_size = size;
    field->last_found = value;
    return value;
}

static int is_named(const Field *field, const unsigned char *p, const unsigned char *end)
{
    return end - p > field->name_size && p[field->name_size] == '"' && !memcmp(field->name, p, (size_t)field->name_size);
}

/* The closing quote of the name that begins at p, and whose it is; NULL where it is nobody's. Messages have their fields
   mostly in the order of the last one. */
static const unsigned char *field_at(Quick *self, const unsigned char *p, const unsigned char *end, int place, int *at)
{
    *at = place < MOST_FIELDS ? self->guess[place] : 0;
    if (is_named(&self->fields[*at], p, end))
        return p + self->fields[*at].name_size;
    for (*at = 0; *at < self->count; ++*at)
        if (is_named(&self->fields[*at], p, end)) {
            if (place < MOST_FIELDS)
                self->guess[place] = *at;
            return p + self->fields[*at].name_size;
        }
    return NULL;
}

/* What a field's kind asks of its value, beside its length. */
static int accept(Quick *self, int at, const unsigned char *p, const unsigned char *end, Row *row)
{
    Field *field = &self->fields[at];
    Span *span = &row->spans[at];
    long found;
    if (end - p > field->limit)
        return LEFT;
    span->begin = (int32_t)(p - row->data);
    span->end = (int32_t)(end - row->data);
    switch (field->kind) {
    case 'i': /* an id: addresses in it would have to be hidden */
        return !memchr(p, '@', (size_t)(end - p)) && !memchr(p, '\\', (size_t)(end - p));
    case 't':
        row->at_ms = moment(p, end);
        return row->at_ms >= 0;
    case 'e':
        row->updated = end - p == 7 && !memcmp(p, "updated", 7);
        if (!row->updated)
            span->end = span->begin;
        return row->updated || (end - p == 6 && !memcmp(p, "opened", 6));
    case 'w':
        found = looked_up(field, self->books, p, end - p, -1);
        row->book = found;
        return found >= 0 ? TAKEN : found == -1 ? LEFT : FAILED;
    case 'o': /* a value spelt on its own; -1: as it is, else the place of the piece; what is new is left */
        if (p == end)
            return !field->required;
        found = looked_up(field, field->known, p, end - p, -3);
        if (found >= 0)
            span->end = (int32_t)(-1 - found);
        if (found == -3 && !append(row->news, Py_BuildValue("iy#", at, p, end - p)))
            return FAILED;
        return found == -2 ? FAILED : found != -3;
    default:
        return TAKEN;
    }
}

static int read_row(Quick *self, const unsigned char *data, Py_ssize_t size, Row *row)
{
    const unsigned char *p = data, *end = data + size;
    uint32_t seen = 0;
    memset(row->spans, 0, sizeof(Span) * (size_t)self->count);
    row->data = data;
    row->updated = 0;
    p = after_blanks(p, end);
    if (p >= end || *p != '{')
        return LEFT;
    for (int place = 0;; place++) {
        p = after_blanks(p + 1, end);
        if (p >= end || *p != '"')
            return LEFT;
        int at;
        p = field_at(self, p + 1, end, place, &at);
        if (!p)
            return LEFT;
        p = after_blanks(p + 1, end);
        if (at < 0 || p >= end || *p != ':' || seen >> at & 1)
            return LEFT;
        seen |= (uint32_t)1 << at;
        p = after_blanks(p + 1, end);
        if (self->fields[at].kind == 'v') { /* it is not written again */
            if (p >= end || *p != SCHEMA_VERSION)
                return LEFT;
        } else {
            if (p >= end || *p != '"')
                return LEFT;
            const unsigned char *value = p + 1;
            p = string_end(value, end);
            int taken = p ? accept(self, at, value, p, row) : LEFT;
            if (taken != TAKEN)
                return taken;
        }
        p = after_blanks(p + 1, end);
        if (p >= end || (*p != ',' && *p != '}'))
            return LEFT;
        if (*p == '}')
            break;
    }
    if (after_blanks(p + 1, end) != end)
        return LEFT;
    for (int at = 0; at < self->count; at++)
        if (self->fields[at].required && (!(seen >> at & 1) || row->spans[at].begin == row->spans[at].end))
            return LEFT;
    return TAKEN;
}

/* The values of a combination of fields, a zero byte after each. */
static PyObject *combination(Quick *self, Row *row)
{
    Py_ssize_t size = 0;
    for (int at = 0; at < self->count; at++)
        if (self->fields[at].kind == 'd')
            size += row->spans[at].end - row->spans[at].begin + 1;
    PyObject *found = PyBytes_FromStringAndSize(NULL, size);
    if (!found)
        return NULL;
    char *to = PyBytes_AS_STRING(found);
    for (int at = 0; at < self->count; at++)
        if (self->fields[at].kind == 'd') {
            Span span = row->spans[at];
            memcpy(to, row->data + span.begin, (size_t)(span.end - span.begin));
            to += span.end - span.begin;
            *to++ = 0;
        }
    return found;
}

static PyObject *bytes_of(Row *row, Span span)
{
    return PyBytes_FromStringAndSize((const char *)row->data + span.begin, span.end - span.begin);
}

typedef struct {
    PyObject *ids, *contacts, *customers, *combinations, *suspects, *places, *news;
} Lists;

static int note(Quick *self, Row *row, Py_ssize_t taken, Lists *lists, uint64_t *rank, uint64_t *key)
{
    int ids = 0, customers = 0;
    for (int at = 0; at < self->count; at++) {
        Span span = row->spans[at];
        switch (self->fields[at].kind) {
        case 'i':
            *(ids ? key : rank) = xxh3(row->data + span.begin, (size_t)(span.end - span.begin), ids ? CONTACT_SEED : 0);
            if (!append(ids++ ? lists->contacts : lists->ids, bytes_of(row, span)))
                return 0;
            break;
        case 'c':
            customers++;
            if (!append(lists->customers, bytes_of(row, span)))
                return 0;
            break;
        case 'x':
            if (suspicious(row->data + span.begin, row->data + span.end)
                && !(append(lists->suspects, bytes_of(row, span))
                     && append(lists->places, PyLong_FromSsize_t(taken * self->count + at))))
                return 0;
        }
    }
    return ids == 2 && customers == 1 && append(lists->combinations, combination(self, row));
}

/* Whether a message may be looked at, and is none of the marks; its bytes. */
static int usual(Quick *self, PyObject *value, PyObject *key)
{
    if (!PyBytes_Check(value) || PyBytes_GET_SIZE(value) > self->max_bytes)
        return 0;
    return !(PyBytes_Check(key) && PyBytes_GET_SIZE(key) == PyBytes_GET_SIZE(self->mark)
             && !memcmp(PyBytes_AS_STRING(key), PyBytes_AS_STRING(self->mark), (size_t)PyBytes_GET_SIZE(key)));
}

static int scan_all(Quick *self, PyObject **columns, Py_buffer *to, Lists *lists, Py_ssize_t *taken)
{
    Span *spans = to[0].buf;
    int64_t *message = to[1].buf, *book = to[2].buf, *at_ms = to[3].buf;
    char *updated = to[4].buf;
    uint64_t *rank = to[5].buf, *key = to[6].buf;
    Py_ssize_t count = PyTuple_GET_SIZE(columns[0]);
    for (int at = 0; at < self->count; at++)
        self->fields[at].last = NULL;
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *value = PyTuple_GET_ITEM(columns[0], i);
        int64_t arrived_ms = PyLong_AsLongLong(PyTuple_GET_ITEM(columns[2], i));
        if (arrived_ms == -1 && PyErr_Occurred())
            return 0;
        if (arrived_ms <= 0 || !usual(self, value, PyTuple_GET_ITEM(columns[1], i)))
            continue;
        Row row = {.spans = spans + *taken * self->count, .news = lists->news};
        int done = read_row(self, (const unsigned char *)PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value), &row);
        if (done == FAILED)
            return 0;
        if (done == LEFT || row.at_ms >= arrived_ms + DAY_MS)
            continue;
        if (!note(self, &row, *taken, lists, rank + *taken, key + *taken))
            return 0;
        message[*taken] = i;
        book[*taken] = row.book;
        at_ms[*taken] = row.at_ms;
        updated[*taken] = (char)row.updated;
        ++*taken;
    }
    return 1;
}

PyDoc_STRVAR(scan_doc, "scan(values, keys, stamps, spans, message, book, at_ms, updated, rank, key)\n\nSee _quick.pyi.");

static PyObject *scan(Quick *self, PyObject *args)
{
    PyObject *columns[3], *result = NULL;
    Py_buffer to[7];
    if (!PyArg_ParseTuple(args, "O!O!O!w*w*w*w*w*w*w*", &PyTuple_Type, &columns[0], &PyTuple_Type, &columns[1], &PyTuple_Type,
                          &columns[2], &to[0], &to[1], &to[2], &to[3], &to[4], &to[5], &to[6]))
        return NULL;
    Py_ssize_t count = PyTuple_GET_SIZE(columns[0]), taken = 0;
    PyObject *all[7] = {NULL};
    int ready = 1;
    for (int i = 0; i < 7; i++)
        ready = (all[i] = PyList_New(0)) && ready;
    Lists lists = {all[0], all[1], all[2], all[3], all[4], all[5], all[6]};
    if (PyTuple_GET_SIZE(columns[1]) != count || PyTuple_GET_SIZE(columns[2]) != count)
        PyErr_SetString(PyExc_ValueError, "columns differ in length");
    else if (ready && holds(&to[0], count * self->count * (Py_ssize_t)sizeof(Span)) && holds(&to[1], 8 * count)
             && holds(&to[2], 8 * count) && holds(&to[3], 8 * count) && holds(&to[4], count)
             && holds(&to[5], 8 * count) && holds(&to[6], 8 * count)
             && scan_all(self, columns, to, &lists, &taken))
        result = Py_BuildValue("nOOOOOOO", taken, all[0], all[1], all[2], all[3], all[4], all[5], all[6]);
    for (int i = 0; i < 7; i++)
        PyBuffer_Release(&to[i]);
    for (int i = 0; i < 7; i++)
        Py_XDECREF(all[i]);
    return result;
}

#endif
