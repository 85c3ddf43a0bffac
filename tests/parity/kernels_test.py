"""Operators that no node type calls: kernels that torch.export decomposes whole models into. Their types against meta tensors."""

import pytest
import torch
from op_table_test import overload

X = "float32[4, 3]"
IMAGE = "float32[2, 4, 5]"
C4 = "float32[4]"


def t(spec):
    return {"tensor": spec}


def stats(*rest):
    return [t(IMAGE), t(C4), t(C4), t(C4), t(C4), *rest]


TABLE = [t("float32[10, 3]"), t("int64[6]"), t("int64[2]")]
CALLS = [
    ("aten.log_sigmoid_forward.default", [t(X)]),
    ("aten._prelu_kernel.default", [t(X), t("float32[1, 3]")]),
    ("aten.rrelu_with_noise.default", [t(X), t(X), 0.1, 0.3, True]),
    ("aten.rrelu_with_noise_functional.default", [t(X), t(X), 0.1, 0.3, True]),
    ("aten.elu.default", [t("float64[2]"), 1.0, 1.5, 2]),
    ("aten.hardtanh.default", [t("int64[2]"), -3, 3]),
    ("aten.threshold.default", [t("int32[2]"), 1, 2]),
    ("aten.relu6.default", [t("int64[2]")]),
    ("aten.glu.default", [t("float32[4, 6, 2]"), -2]),
    ("aten._softmax.default", [t(X), 1, False]),
    ("aten._log_softmax.default", [t(X), -2, False]),
    ("aten._safe_softmax.default", [t(X), -1]),
    *[("aten.native_dropout.default", [t(X), 0.5, train]) for train in (True, False, None)],
    ("aten.alpha_dropout.default", [t(X), 0.5, True]),
    ("aten.native_layer_norm.default", [t("float32[2, 3, 4]"), [3, 4], None, t("float32[3, 4]"), 1e-5]),
    ("aten.native_layer_norm.default", [t("bfloat16[2, 3, 4]"), [4], None, None, 1e-5]),
    ("aten._fused_rms_norm.default", [t("float32[2, 3, 4]"), [4], t("float32[4]"), None]),
    ("aten.native_group_norm.default", [t(IMAGE), t(C4), None, 2, 4, 5, 2, 1e-5]),
    ("aten.native_batch_norm.default", stats(True, 0.1, 1e-5)),
    ("aten._native_batch_norm_legit.default", stats(True, 0.1, 1e-5)),
    ("aten._native_batch_norm_legit.no_stats", [t(IMAGE), t(C4), None, True, 0.1, 1e-5]),
    ("aten._native_batch_norm_legit_no_training.default", stats(0.1, 1e-5)),
    ("aten._native_batch_norm_legit_functional.default", stats(True, 0.1, 1e-5)),
    ("aten._batch_norm_with_update.default", stats(0.1, 1e-5)),
    ("aten._batch_norm_with_update_functional.default", stats(0.1, 1e-5)),
    ("aten._batch_norm_no_update.default", stats(0.1, 1e-5)),
    ("aten.embedding_bag.default", [*TABLE, False, 2]),
    ("aten.embedding_bag.default", [*TABLE[:2], t("int64[3]"), False, 1, False, None, True]),
    ("aten._embedding_bag.default", [*TABLE, False, 0, False, t("float32[6]")]),
    ("aten._embedding_bag.default", [t("float64[10, 3]"), t("int32[6]"), t("int32[2]"), False, 2]),
    ("aten._embedding_bag_forward_only.default", [*TABLE, True, 1]),
    *[("aten.nll_loss.default", [t(X), t("int64[4]"), t("float32[3]"), r]) for r in (0, 1, 2)],
    *[("aten.nll_loss_forward.default", [t(X), t("int64[4]"), None, r, -100]) for r in (0, 1, 2)],
    *[("aten.nll_loss2d.default", [t("float32[4, 3, 2, 5]"), t("int64[4, 2, 5]"), None, r]) for r in (0, 1, 2)],
    *[("aten.nll_loss2d_forward.default", [t("float32[4, 3, 2, 5]"), t("int64[4, 2, 5]"), None, r, 1]) for r in (0, 1)],
    *[("aten.multilabel_margin_loss_forward.default", [t(X), t("int64[4, 3]"), r]) for r in (0, 1, 2)],
    *[("aten.ctc_loss.IntList", [t("float32[6, 2, 5]"), t("int64[2, 3]"), [6, 6], [3, 2], 0, r]) for r in (0, 1, 2)],
    ("aten.ctc_loss.IntList", [t("float32[6, 5]"), t("int64[3]"), [6], [3], 0, 0]),
]
KERNELS = {op for op, _ in CALLS}


def meta(arg):
    if not isinstance(arg, dict):
        return arg
    dtype, _, shape = arg["tensor"].partition("[")
    return torch.zeros([int(s) for s in shape[:-1].split(",")], dtype=getattr(torch, dtype), device="meta")


@pytest.fixture(scope="module")
def answers(kiln):
    return kiln.tool("call", [{"op": op, "args": args} for op, args in CALLS])


@pytest.mark.parametrize("n", range(len(CALLS)), ids=lambda n: f"{n}_{CALLS[n][0]}")
def test_types_equal_meta_tensors(answers, n):
    op, args = CALLS[n]
    result = overload(op)(*[meta(a) for a in args])
    expected = [
        {"dtype": str(r.dtype).removeprefix("torch."), "shape": list(r.shape)}
        for r in (result if isinstance(result, tuple) else (result,))
    ]
    assert answers[n].get("results") == expected, answers[n]
