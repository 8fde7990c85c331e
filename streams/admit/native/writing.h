/* Spans to records and samples. */

#ifndef WHENCE_WRITING_H
#define WHENCE_WRITING_H

#include "shapes.h"
#include "xxh3.h"

typedef struct {
    char *data;
    size_t used, size;
} Page;

/* Make room for so many more bytes. */
static int make_room(Page *page, size_t size)
{
    if (page->size - page->used >= size)
        return 1;
    size_t wanted = 2 * (page->used + size);
    char *grown = PyMem_Realloc(page->data, wanted);
    if (!grown) {
        PyErr_NoMemory();
        return 0;
    }
    page->data = grown;
    page->size = wanted;
    return 1;
}

/* Add bytes for which there is room. */
static inline void add(Page *page, const void *data, Py_ssize_t size)
{
    memcpy(page->data + page->used, data, (size_t)size);
    page->used += (size_t)size;
}

#define ADD_TEXT(page, text) add(page, text, sizeof(text) - 1)

typedef struct {
    const unsigned char *p;
    Py_ssize_t size;
} Part;

/* What write() works with. */
typedef struct {
    PyObject *values, *fragments, *pieces, *customers, *endings;
    const int64_t *message, *at_ms, *rows;
    const Span *spans;
    const char *wanted;
    int64_t *begins, *cuts, *ends, *sizes;
    uint64_t *content;
    Py_ssize_t sample_chars, taken;
} Job;

static int part_of_bytes(PyObject *list, Py_ssize_t at, Part *part)
{
    int tuple = PyTuple_Check(list);
    if (at < 0 || at >= (tuple ? PyTuple_GET_SIZE(list) : PyList_GET_SIZE(list))) {
        PyErr_SetString(PyExc_IndexError, "no such piece");
        return 0;
    }
    PyObject *found = tuple ? PyTuple_GET_ITEM(list, at) : PyList_GET_ITEM(list, at);
    if (!PyBytes_Check(found)) {
        PyErr_SetString(PyExc_TypeError, "pieces are bytes");
        return 0;
    }
    part->p = (const unsigned char *)PyBytes_AS_STRING(found);
    part->size = PyBytes_GET_SIZE(found);
    return 1;
}

/* What is written of each field of one contact. */
static int parts_of(Quick *self, Job *job, Py_ssize_t i, Part *parts)
{
    const Span *spans = job->spans + i * self->count;
    PyObject *value = PyTuple_GET_ITEM(job->values, job->message[i]);
    const unsigned char *data = (const unsigned char *)PyBytes_AS_STRING(value);
    if (job->rows[i] < 0 || job->rows[i] >= PyList_GET_SIZE(job->fragments)) {
        PyErr_SetString(PyExc_IndexError, "no such row");
        return 0;
    }
    PyObject *fragments = PyList_GET_ITEM(job->fragments, job->rows[i]);
    Py_ssize_t dimension = 0;
    for (int at = 0; at < self->count; at++) {
        Span span = spans[at];
        Part *part = &parts[at];
        if (self->fields[at].kind == 'd') {
            if (!PyTuple_Check(fragments)) {
                PyErr_SetString(PyExc_TypeError, "fragments are tuples");
                return 0;
            }
            if (!part_of_bytes(fragments, dimension++, part))
                return 0;
        } else if (self->fields[at].kind == 'c') {
            part->p = (const unsigned char *)PyUnicode_AsUTF8AndSize(PyList_GET_ITEM(job->customers, i), &part->size);
            if (!part->p)
                return 0;
        } else if (span.end < 0) {
            if (!part_of_bytes(job->pieces, -1 - span.end, part))
                return 0;
        } else if (span.begin < 0 || span.begin > span.end || span.end > PyBytes_GET_SIZE(value)) {
            PyErr_SetString(PyExc_IndexError, "no such bytes");
            return 0;
        } else {
            part->p = data + span.begin;
            part->size = span.end - span.begin;
        }
        if (self->fields[at].kind == 't' && (part->size < 19 || job->at_ms[i] < 0)) {
            PyErr_SetString(PyExc_ValueError, "no such moment");
            return 0;
        }
    }
    return 1;
}

#define MOMENT_BYTES 27

/* A moment as everything is written: to the second, and six digits where there are milliseconds. */
static void add_moment(Page *page, Part part, int64_t at_ms)
{
    int ms = (int)(at_ms % 1000);
    char tail[] = {'.', (char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10), '0', '0', '0', 'Z'};
    add(page, part.p, 19);
    if (ms)
        add(page, tail, 8);
    else
        ADD_TEXT(page, "Z");
}

/* A contact but for its closing brace. */
static int put_record(Quick *self, Page *page, const Part *parts, int64_t at_ms)
{
    Py_ssize_t size = MOMENT_BYTES + 1;
    for (int at = 0; at < self->count; at++)
        size += self->fields[at].opening_size + parts[at].size + 1;
    if (!make_room(page, (size_t)size))
        return 0;
    for (int at = 0; at < self->count; at++) {
        const Field *field = &self->fields[at];
        if (!parts[at].size && !field->required)
            continue;
        add(page, field->opening, field->opening_size);
        if (field->kind == 't')
            add_moment(page, parts[at], at_ms);
        else
            add(page, parts[at].p, parts[at].size);
        ADD_TEXT(page, "\"");
    }
    page->data[0] = '{'; /* instead of the first field's comma */
    ADD_TEXT(page, "}");
    return 1;
}

/* Bytes of the character at p as JSON writes it, 0 if it is longer than what is left; `blank` says whether str.strip
   takes it away. */
static Py_ssize_t character(const unsigned char *p, Py_ssize_t left, int *blank)
{
    int size = p[0] == '\\' ? 2 : p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (size > left)
        return 0;
    if (p[0] < 0x80) {
        *blank = size == 1 ? p[0] == ' ' : p[1] == 'n' || p[1] == 't' || p[1] == 'r' || p[1] == 'f';
        return size;
    }
    int code = size == 2 ? (p[0] & 31) << 6 | (p[1] & 63) : size == 3 ? (p[0] & 15) << 12 | (p[1] & 63) << 6 | (p[2] & 63) : 0;
    *blank = code == 0x85 || code == 0xA0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200A) || code == 0x2028
        || code == 0x2029 || code == 0x202F || code == 0x205F || code == 0x3000;
    return size;
}

/* Subject and text with a blank between, cut to so many characters, without blanks at the ends; for which there is
   room. */
static int add_words(Page *page, Part subject, Part text, Py_ssize_t chars)
{
    Part parts[] = {subject, {(const unsigned char *)" ", 1}, text};
    size_t begin = page->used, last = begin;
    for (int i = 0; i < 3; i++)
        for (Py_ssize_t at = 0; at < parts[i].size && chars > 0; chars--) {
            int blank;
            Py_ssize_t size = character(parts[i].p + at, parts[i].size - at, &blank);
            if (!size) {
                PyErr_SetString(PyExc_ValueError, "a text ends within a character");
                return 0;
            }
            if (!(blank && page->used == begin))
                add(page, parts[i].p + at, size);
            if (!blank)
                last = page->used;
            at += size;
        }
    page->used = last;
    return 1;
}

/* The parts of which a sample consists. */
typedef struct {
    Part id, at, customer, language, subject, text;
} Sample;

static Sample sample_of(Quick *self, const Part *parts)
{
    Sample sample = {0};
    int ids = 0, texts = 0;
    for (int f = 0; f < self->count; f++) {
        const Field *field = &self->fields[f];
        if (field->kind == 'i' && !ids++)
            sample.id = parts[f];
        else if (field->kind == 't')
            sample.at = parts[f];
        else if (field->kind == 'c')
            sample.customer = parts[f];
        else if (field->kind == 'x')
            *(texts++ ? &sample.text : &sample.subject) = parts[f];
        else if (field->name_size == 8 && !memcmp(field->name, "language", 8))
            sample.language = parts[f];
    }
    return sample;
}

#define SAMPLE_FRAME_BYTES 100

static int put_sample(Quick *self, Page *page, const Part *parts, Job *job, Py_ssize_t i, Py_ssize_t place)
{
    Sample sample = sample_of(self, parts);
    size_t room = (size_t)(sample.id.size + sample.customer.size + sample.language.size + sample.subject.size
                           + sample.text.size);
    if (!make_room(page, room + MOMENT_BYTES + SAMPLE_FRAME_BYTES))
        return 0;
    job->begins[place] = (int64_t)page->used;
    ADD_TEXT(page, "\"");
    add(page, sample.id.p, sample.id.size);
    ADD_TEXT(page, "\"");
    job->cuts[place] = (int64_t)page->used;
    ADD_TEXT(page, ",\"occurred_at\":\"");
    add_moment(page, sample.at, job->at_ms[i]);
    if (sample.customer.size) {
        ADD_TEXT(page, "\",\"customer\":\"");
        add(page, sample.customer.p, sample.customer.size);
    }
    if (sample.language.size) {
        ADD_TEXT(page, "\",\"language\":\"");
        add(page, sample.language.p, sample.language.size);
    }
    size_t before = page->used;
    ADD_TEXT(page, "\",\"text\":\"");
    size_t begin = page->used;
    if (!add_words(page, sample.subject, sample.text, job->sample_chars))
        return 0;
    job->sizes[place] = (int64_t)(page->used - begin) + sample.id.size + sample.language.size;
    if (page->used == begin)
        page->used = before;
    ADD_TEXT(page, "\"}");
    job->ends[place] = (int64_t)page->used;
    return 1;
}

static int write_all(Quick *self, Job *job, PyObject *records, Page *page, Page *said)
{
    Part parts[MOST_FIELDS], ending;
    Py_ssize_t sampled = 0;
    for (Py_ssize_t i = 0; i < job->taken; i++) {
        if (job->message[i] < 0 || job->message[i] >= PyTuple_GET_SIZE(job->values)
            || !PyBytes_Check(PyTuple_GET_ITEM(job->values, job->message[i]))) {
            PyErr_SetString(PyExc_IndexError, "no such message");
            return 0;
        }
        page->used = 0;
        if (!parts_of(self, job, i, parts) || !put_record(self, page, parts, job->at_ms[i]))
            return 0;
        job->content[i] = xxh3(page->data, page->used, 0);
        page->used--;
        if (!part_of_bytes(job->endings, i, &ending) || !make_room(page, (size_t)ending.size))
            return 0;
        add(page, ending.p, ending.size);
        if (!append(records, PyBytes_FromStringAndSize(page->data, (Py_ssize_t)page->used)))
            return 0;
        if (job->wanted[i] && !put_sample(self, said, parts, job, i, sampled++))
            return 0;
    }
    return 1;
}

PyDoc_STRVAR(write_doc, "write(values, message, spans, at_ms, rows, fragments, pieces, customers, endings, wanted,\n"
                        "sample_chars, begins, cuts, ends, sizes, content)\n\nSee _quick.pyi.");

static PyObject *write_rows(Quick *self, PyObject *args)
{
    Py_buffer from[5], to[5];
    PyObject *result = NULL, *records = PyList_New(0);
    Page page = {0}, said = {0};
    Job job;
    if (!records
        || !PyArg_ParseTuple(args, "O!y*y*y*y*O!O!O!O!y*nw*w*w*w*w*", &PyTuple_Type, &job.values, &from[0], &from[1], &from[2],
                             &from[3], &PyList_Type, &job.fragments, &PyList_Type, &job.pieces, &PyList_Type,
                             &job.customers, &PyList_Type, &job.endings, &from[4], &job.sample_chars, &to[0], &to[1],
                             &to[2], &to[3], &to[4])) {
        Py_XDECREF(records);
        return NULL;
    }
    job.taken = PyList_GET_SIZE(job.customers);
    job.message = from[0].buf, job.spans = from[1].buf, job.at_ms = from[2].buf, job.rows = from[3].buf;
    job.wanted = from[4].buf;
    job.begins = to[0].buf, job.cuts = to[1].buf, job.ends = to[2].buf, job.sizes = to[3].buf;
    job.content = to[4].buf;
    int fits = holds(&from[0], 8 * job.taken) && holds(&from[2], 8 * job.taken) && holds(&from[3], 8 * job.taken)
        && holds(&from[1], job.taken * self->count * (Py_ssize_t)sizeof(Span)) && holds(&from[4], job.taken)
        && holds(&to[4], 8 * job.taken);
    Py_ssize_t wanted = 0;
    for (Py_ssize_t i = 0; fits && i < job.taken; i++)
        wanted += job.wanted[i] != 0;
    for (int i = 0; i < 4; i++)
        fits = fits && holds(&to[i], 8 * wanted);
    if (fits && write_all(self, &job, records, &page, &said))
        result = Py_BuildValue("Oy#", records, said.data ? said.data : "", (Py_ssize_t)said.used);
    PyMem_Free(page.data);
    PyMem_Free(said.data);
    for (int i = 0; i < 5; i++)
        PyBuffer_Release(&from[i]);
    for (int i = 0; i < 5; i++)
        PyBuffer_Release(&to[i]);
    Py_DECREF(records);
    return result;
}

#endif
