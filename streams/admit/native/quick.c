/* Usual contacts read and written in one pass over their bytes: what streams/admit/quick.py hands over and takes back.

   A message is taken here only if it is a flat JSON object of known fields with nothing unusual about it; whatever is
   not understood at once is left to the Python way, which is the reference for all results. So every check below
   errs on the side of leaving a message alone. Nothing is kept between calls, and no pointer into a message outlives
   the call that holds the message. */

#include "reading.h"
#include "tables.h"
#include "writing.h"

#define VERSION 2

/* Whether there are as many fields of a kind as reading and writing count on. */
static int has(const char *kinds, Py_ssize_t count, char kind, int wanted)
{
    for (Py_ssize_t i = 0; i < count; i++)
        wanted -= kinds[i] == kind;
    return wanted == 0;
}

static int quick_init(Quick *self, PyObject *args, PyObject *named)
{
    static char *names[] = {"openings", "kinds", "limits", "required", "known", "books", "mark", "max_bytes", NULL};
    PyObject *openings, *known, *books, *mark, *limits;
    const char *kinds, *required;
    Py_ssize_t count, flags;
    if (self->openings) {
        PyErr_SetString(PyExc_TypeError, "a Quick is made once");
        return -1;
    }
    if (!PyArg_ParseTupleAndKeywords(args, named, "O!y#O!y#O!O!Sn", names, &PyTuple_Type, &openings, &kinds, &count,
                                     &PyTuple_Type, &limits, &required, &flags, &PyTuple_Type, &known, &PyDict_Type,
                                     &books, &mark, &self->max_bytes))
        return -1;
    if (count > MOST_FIELDS || count != flags || count != PyTuple_GET_SIZE(openings) || count != PyTuple_GET_SIZE(known)
        || count != PyTuple_GET_SIZE(limits)) {
        PyErr_SetString(PyExc_ValueError, "fields differ in number, or are too many");
        return -1;
    }
    if (!has(kinds, count, 'i', 2) || !has(kinds, count, 'w', 1) || !has(kinds, count, 't', 1)
        || !has(kinds, count, 'c', 1) || !has(kinds, count, 'x', 2) || !PyBytes_Check(mark)) {
        PyErr_SetString(PyExc_ValueError, "a contact has two ids, a workspace, a moment, a customer and two texts");
        return -1;
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *opening = PyTuple_GET_ITEM(openings, i), *words = PyTuple_GET_ITEM(known, i);
        if (!PyBytes_Check(opening) || PyBytes_GET_SIZE(opening) < 5 || !PyDict_Check(words)) {
            PyErr_SetString(PyExc_TypeError, "a field has an opening and a dictionary");
            return -1;
        }
        Field *field = &self->fields[i];
        field->opening = PyBytes_AS_STRING(opening);
        field->opening_size = PyBytes_GET_SIZE(opening);
        field->name = field->opening + 2;
        field->name_size = field->opening_size - 5;
        field->kind = kinds[i];
        field->required = required[i] || strchr("iwt", kinds[i]) != NULL;
        field->known = words;
        field->limit = PyLong_AsSsize_t(PyTuple_GET_ITEM(limits, i));
        if (field->limit == -1 && PyErr_Occurred())
            return -1;
    }
    self->count = (int)count;
    self->max_bytes = self->max_bytes < INT32_MAX ? self->max_bytes : INT32_MAX;
    self->openings = Py_NewRef(openings);
    self->known = Py_NewRef(known);
    self->books = Py_NewRef(books);
    self->mark = Py_NewRef(mark);
    return 0;
}

static void quick_dealloc(Quick *self)
{
    Py_XDECREF(self->openings);
    Py_XDECREF(self->known);
    Py_XDECREF(self->books);
    Py_XDECREF(self->mark);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static PyMethodDef quick_methods[] = {
    {"scan", (PyCFunction)scan, METH_VARARGS, scan_doc},
    {"write", (PyCFunction)write_rows, METH_VARARGS, write_doc},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject quick_type = {
    PyVarObject_HEAD_INIT(NULL, 0).tp_name = "streams.admit._quick.Quick",
    .tp_basicsize = sizeof(Quick),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = PyType_GenericNew,
    .tp_init = (initproc)quick_init,
    .tp_dealloc = (destructor)quick_dealloc,
    .tp_methods = quick_methods,
};

static PyMethodDef functions[] = {
    {"find", find, METH_VARARGS, find_doc},
    {"place", place, METH_VARARGS, place_doc},
    {"weave", weave, METH_VARARGS, weave_doc},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "streams.admit._quick",
    .m_size = -1,
    .m_methods = functions,
};

PyMODINIT_FUNC PyInit__quick(void)
{
    make_tables();
    PyObject *module = PyType_Ready(&quick_type) < 0 ? NULL : PyModule_Create(&definition);
    if (!module)
        return NULL;
    if (PyModule_AddObjectRef(module, "Quick", (PyObject *)&quick_type) < 0
        || PyModule_AddIntConstant(module, "VERSION", VERSION) < 0
        || PyModule_AddIntConstant(module, "SCHEMA_VERSION", SCHEMA_VERSION - '0') < 0)
        Py_CLEAR(module);
    return module;
}
