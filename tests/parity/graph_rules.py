"""Where GraphKiln refuses what PyTorch takes, on purpose: each rule with its reason.

`stricter` is asked only about faults of nodes that PyTorch accepts; the other way round there is no exception.
"""

import fnmatch
import re

import torch

# (type, rule of the diagnostic): why.
RULES = {
    ("*Loss*", "LOSS_C1"): "predictions and targets have one shape; PyTorch broadcasts with a warning that it is a mistake",
    ("*Loss*", "LOSS_C2"): "a prediction has a gradient, so it is floating-point",
    ("InstanceNorm*", "INSTANCE_NORM_C2"): "statistics have the input's element type; PyTorch mixes them in evaluation alone",
    ("*Loss*", "LOSS_C3"): "and one element type",
    ("*Loss", "PAIR_LOSS_C1"): "the same for losses of several predictions",
    ("*Loss", "PAIR_LOSS_C2"): "and their element types",
    ("*Loss", "PAIR_LOSS_C3"): "the same for their targets",
    ("CTCLoss", "CTC_C5"): "targets are class indices, so whole numbers",
    ("CTCLoss", "CTC_C6"): "one length for each sequence, in one row",
    ("Dropout*d", "DROPOUT_C4"): "channels are dropped: PyTorch warns of the other ranks",
    ("*Dropout*", "DROPOUT_C2"): "typed for training, where whole numbers cannot be scaled",
    ("*Dropout*", "DROPOUT_C3"): "typed for training",
    ("InstanceNorm*", "INSTANCE_NORM_C4"): "typed for training, where one value has no deviation",
    ("Embedding*", "EMBEDDING_C4"): "no optimizer here takes sparse gradients",
    ("Split", "SPLIT_C5"): "VisDL's Split has exactly two parts",
    ("Permute_*", "PERMUTE_TIME_C1"): "TorchCanvas's types are for [B, C, T] and [B, T, C] alone",
    ("aten.grid_sampler_*", "GRID_C5"): "a number that stands for no interpolation",
    ("aten.grid_sampler_*", "GRID_C6"): "a number that stands for no padding",
    ("aten.fractional_max_pool*", "FRACTIONAL_C2"): "one random number for each channel and dimension; PyTorch takes more",
    ("aten.arange.*", "ARANGE_C2"): "whole element types would cut the steps to whole numbers, down to 0",
    ("aten.addmv.default", "MATMUL_C3"): "all tensors have one element type, as for the other products",
    ("AddMV", "MATMUL_C3"): "the same",
    ("*insum*", "EINSUM_C4"): "the same; PyTorch promotes where nothing is summed",
    ("aten.logsumexp.default", "REDUCE_C4"): "PyTorch itself refuses it without keepdim",
    ("LogSumExp", "REDUCE_C4"): "the same",
    ("AdaptiveAvgPool*", "POOL_C1"): "PyTorch skips its own check where all sizes are 1",
    ("aten.*adaptive_avg_pool*", "POOL_C1"): "the same",
    ("Get", "GET_C1"): "a position, no new dimension",
    ("*vgPool*", "POOL_C4"): "the mean of whole numbers is none",
    ("aten.avg_pool*", "POOL_C4"): "the same",
    ("*", "OTHER_C1"): "a tensor and a number for one operand",
    ("aten._trilinear.default", "TRILINEAR_C2"): "sizes of 1 stretch where the operator is told so; PyTorch's kernel takes others for granted",
    ("LSTM", "RNN_C5"): "the state has the input's element type; PyTorch skips the check beside proj_size",
    ("aten.cumsum.default", "SCAN_C2"): "sums of truth values are none; PyTorch takes a single one",
    ("aten.linalg_vecdot.default", "VECDOT_C1"): "the dimension exists; PyTorch skips the check for two vectors",
    ("LSTMCell", "RNN_CELL_C4"): "the state has the input's element type; PyTorch promotes the cell's part of it",
    ("IndexSelect", "INDEX_SELECT_C2"): "positions from two sides",
    ("*", "WINDOW_C1"): "kernels, strides and sizes are 1 or more, paddings 0 or more",
    ("*MaxUnpool*", "UNPOOL_C3"): "a size of 1 or more",
    ("aten.max_unpool*", "UNPOOL_C3"): "a size of 1 or more",
    ("*dd*[mM][mMvV]*", "FACTOR_C1"): "a factor of whole numbers is whole; PyTorch cuts 0.5 to 0 without a word",
    ("aten._trilinear.default", "SAME_C1"): "all three have one element type; PyTorch promotes where nothing is summed",
    ("aten._trilinear.default", "TRILINEAR_C5"): "numbers are multiplied; PyTorch takes truth values where nothing is summed",
    ("*ndex_put*", "INDEX_C4"): "a single truth value covers no dimension; PyTorch takes it beside others",
    ("*ndex_put*", "INDEX_C5"): "how many elements a mask names, its values say; PyTorch compares them as it runs",
    ("*inear*", "LINEAR_C6"): "bias and weight have one element type; PyTorch promotes where it adds the bias apart",
    ("LocalResponseNorm", "POOL_C4"): "the mean of whole numbers is none",
    ("Upsamp*", "UPSAMPLE_C2"): "between whole numbers stands none; PyTorch's devices differ in bytes",
    ("Interpolate", "UPSAMPLE_C2"): "the same",
    ("MultiheadAttention", "MULTIHEAD_C5"): "an added mask has the query's element type",
    ("AdaptiveLogSoftmaxWithLoss", "ADAPTIVE_C3"): "class indices are int64, as for all losses",
    ("AffineGrid", "AFFINE_C1"): "a batch of images or volumes of 1 or more",
}  # fmt: skip


def _declared_range(node, fault, library):
    """The registry declares a smaller range than PyTorch takes: sizes of 0, negative probabilities, norms below 0, ...

    `kiln explain TYPE` and the reference show these bounds.
    """
    if fault["code"] != "PARAM_RANGE" or fault["rule"]:
        return False
    infos = [p for type_ in node.types() for p in library.infos.get(type_, ()) if p["name"] == fault["param"]]
    return any(key in info for info in infos for key in ("minimum", "maximum"))


def _list_length(fault):
    """A list has the length that torch.nn documents; PyTorch stretches some shorter ones and cuts longer ones."""
    return fault["code"] == "PARAM_TYPE" and fault["found"].startswith("[") and "[" in fault["expected"]


def _arity(node, fault):
    """Sums of one tensor, states of three: a list of tensors has the declared length."""
    return fault["code"] == "ARITY" and not fault["rule"] and any(isinstance(v, list) for v in node.ports.values())


def _features(fault):
    """The number of channels is checked also where nothing uses it (affine=False)."""
    said = re.sub(r"^inside [^:]*: ", "", fault["message"])  # what a container holds is named by its place
    number = fault["param"] == "num_features" or said.startswith(("num_channels is ", "num_features is "))
    return fault["code"] == "SHAPE_MISMATCH" and not fault["rule"] and number


def _empty(types, node):
    """Where there is nothing to compute, PyTorch leaves checks out; here they do not depend on sizes being 0."""
    return any(torch.Size(shape).numel() == 0 for _, shape in [*types, *(node.results or [])])


def stricter(node, types, faults, library):
    """True where all faults are documented stricter rules; `types` are those at the ports, and all inside of a container."""
    if not faults or node.results is None:
        return False
    return _empty(types, node) or all(
        any(fault["rule"] == rule and any(fnmatch.fnmatchcase(t, type_) for t in node.types()) for type_, rule in RULES)
        or _declared_range(node, fault, library)
        or _list_length(fault)
        or _arity(node, fault)
        or _features(fault)
        for fault in faults
    )
