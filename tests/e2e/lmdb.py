# SPDX-License-Identifier: Apache-2.0
"""Reads and changes single records of an agent's data folder while the agent is down, through the
same C library; for tests of folders that an agent must refuse."""
import contextlib
import ctypes

CREATE = 0x40000  # MDB_CREATE


class Val(ctypes.Structure):
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.c_char_p)]

    @classmethod
    def of(cls, data):
        return cls(len(data), data)


class Taken(ctypes.Structure):
    """A value as the library hands it out: it may hold NUL bytes."""
    _fields_ = [("size", ctypes.c_size_t), ("data", ctypes.POINTER(ctypes.c_char))]


@contextlib.contextmanager
def table(folder, name):
    """A transaction on one table, committed at the end: (library, transaction, table)."""
    lib = ctypes.CDLL("liblmdb.so.0")
    env, txn, dbi = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_uint()

    def must(code):
        if code:
            lib.mdb_strerror.restype = ctypes.c_char_p
            raise OSError(lib.mdb_strerror(code).decode())

    must(lib.mdb_env_create(ctypes.byref(env)))
    try:
        must(lib.mdb_env_set_maxdbs(env, 16))
        must(lib.mdb_env_set_mapsize(env, ctypes.c_size_t(1 << 30)))
        must(lib.mdb_env_open(env, folder.encode(), 0, 0o600))
        must(lib.mdb_txn_begin(env, None, 0, ctypes.byref(txn)))
        must(lib.mdb_dbi_open(txn, name.encode(), CREATE, ctypes.byref(dbi)))
        yield lib, txn, dbi
        must(lib.mdb_txn_commit(txn))
    finally:
        lib.mdb_env_close(env)


def get(folder, name, key):
    """None if there is no such record."""
    with table(folder, name) as (lib, txn, dbi):
        value = Taken()
        if lib.mdb_get(txn, dbi, ctypes.byref(Val.of(key)), ctypes.byref(value)):
            return None
        return value.data[:value.size]


def put(folder, name, key, value):
    with table(folder, name) as (lib, txn, dbi):
        code = lib.mdb_put(txn, dbi, ctypes.byref(Val.of(key)), ctypes.byref(Val.of(value)), 0)
        assert code == 0, code
