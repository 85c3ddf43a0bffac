"""The operator table against PyTorch: schemas word for word, and types of every call against meta tensors."""

import re

import pytest
import torch
from cases import all_cases
from op_calls_test import OPS
from registry_test import graph_of

# Operators of the table that no node type calls today.
NOT_CALLED = {"aten.sym_size.int"}


def overload(name):
    _, packet, entry = name.split(".")
    return getattr(getattr(torch.ops.aten, packet), entry)


# PyTorch's schema keeps silent about the running statistics, which the call does change.
SILENT_ABOUT_MUTATION = {"aten.batch_norm.default", "aten.instance_norm.default", "aten.native_batch_norm.default"}
# Read their tensors' values, so that meta tensors cannot pass; registry_test compares the types of the results.
READS_VALUES = {"aten.ctc_loss.Tensor"}


def plain(schema):
    """Without blanks, alias marks, ways to write one number, and lists that repeat one default."""
    text = re.sub(r"\s+", " ", schema.replace('"', "'")).strip()
    text = re.sub(r"\([a-z](!| -> \*)?\)", "", text)
    text = re.sub(r"=\[([^\],]+)(, \1)*\]", r"=\1", text)
    text = text.replace("=Mean", "=1")
    return re.sub(r"=(-?[0-9][0-9.e-]*)", lambda m: f"={float(m[1]):.12g}", text)


def test_schemas_are_pytorchs(registry):
    wrong = []
    for op in registry["ops"]:
        theirs = str(overload(op["name"])._schema)
        theirs = theirs[theirs.index("(") :]
        if plain(op["schema"]) != plain(theirs):
            wrong.append(f"{op['name']}\n  ours   {plain(op['schema'])}\n  theirs {plain(theirs)}")
    assert not wrong, "\n".join(wrong)


def test_marks_agree_with_the_schema(registry):
    for op in registry["ops"]:
        schema = overload(op["name"])._schema
        assert op["mutates"] == (schema.is_mutable or op["name"] in SILENT_ABOUT_MUTATION), op["name"]
        if torch.Tag.nondeterministic_seeded in overload(op["name"]).tags:
            assert op["random"], op["name"]


DTYPES = {"FLOAT32": torch.float32, "FLOAT64": torch.float64, "INT64": torch.int64, "INT32": torch.int32, "BOOL": torch.bool,
          "INT8": torch.int8, "INT16": torch.int16, "UINT8": torch.uint8, "FLOAT16": torch.float16, "BFLOAT16": torch.bfloat16}


def dtype_of(name):
    return DTYPES[name.removeprefix("DATA_TYPE_")]


def spec_of(value):
    return dtype_of(value["spec"]["dtype"]), [int(d["size"]) for d in value["spec"]["shape"]]


def decode(arg, env):
    ((kind, value),) = arg.items()
    if kind == "value":
        return env[int(value)]
    if kind == "list":
        return [decode(item, env) for item in value["items"]]
    if kind in ("int_value",):
        return int(value)
    if kind in ("double_value", "training_value"):
        return float(value)
    if kind in ("bool_value", "string_value"):
        return value
    if kind == "dtype":
        return dtype_of(value)
    return {"none": None, "training": True, "not_training": False, "device": torch.device("meta")}[kind]


@pytest.fixture(scope="module")
def program(kiln):
    (answer,) = kiln.tool("compile", [graph_of(all_cases())])
    assert answer["ok"], answer["diagnostics"]
    return answer["ir"]


def test_types_equal_meta_tensors(program):
    env = {}
    values = program["values"]

    def make(n):
        dtype, shape = spec_of(values[n])
        return torch.empty(shape, dtype=dtype, device="meta")

    count = len(program["inputs"]) + len(program["parameters"])
    for n in range(count):
        env[n] = make(n)
    wrong = []
    for call in program["calls"]:
        outputs = range(count, count + call["num_outputs"])
        count += call["num_outputs"]
        if call["op"] == "aten.item.default":
            env[outputs[0]] = 0.1  # a number: meta tensors hold none
            continue
        if call["op"] in READS_VALUES:
            env[outputs[0]] = make(outputs[0])
            continue
        op = overload(call["op"])
        args = [decode(a, env) for a in call["args"]]
        schema = op._schema.arguments
        positional = [a for a, s in zip(args, schema, strict=True) if not s.kwarg_only]
        keywords = {s.name: a for a, s in zip(args, schema, strict=True) if s.kwarg_only}
        result = op(*positional, **keywords)
        results = list(result) if isinstance(result, (tuple, list)) else [result]
        assert len(results) == call["num_outputs"], call["op"]
        for n, tensor in zip(outputs, results, strict=True):
            env[n] = tensor
            found = spec_of(values[n])
            if found != (tensor.dtype, list(tensor.shape)):
                wrong.append(f"{call['op']}: {found} instead of {(tensor.dtype, list(tensor.shape))}")
    assert not wrong, "\n".join(wrong)


def test_every_operator_is_called(program, registry):
    from kernels_test import KERNELS

    called = {call["op"] for call in program["calls"]} | set(OPS) | KERNELS
    assert {op["name"] for op in registry["ops"]} - called == NOT_CALLED
