"""Cases of activations, softmaxes and dropouts."""

from cases import Case, f, i, module
from torch import nn

PLAIN = {
    "CELU": [{"alpha": 0.7}, {"alpha": -0.5}],
    "ELU": [{"alpha": 0.3}],
    "GELU": [{"approximate": "tanh"}],
    "Hardshrink": [{"lambd": 0.2}],
    "Hardsigmoid": [],
    "Hardswish": [],
    "Hardtanh": [{"min_val": -0.3, "max_val": 0.2}],
    "LeakyReLU": [{"negative_slope": 0.3}],
    "LogSigmoid": [],
    "Mish": [],
    "ReLU": [],
    "ReLU6": [],
    "SELU": [],
    "Sigmoid": [],
    "SiLU": [],
    "Softplus": [{"beta": 2.0, "threshold": 1.0}],
    "Softshrink": [{"lambd": 0.1}, {"lambd": 0.0}],
    "Softsign": [],
    "Tanh": [],
    "Tanhshrink": [],
    "Identity": [],
}
IN_PLACE = ("CELU", "ELU", "Hardsigmoid", "Hardswish", "Hardtanh", "LeakyReLU", "Mish", "ReLU", "ReLU6", "SELU", "SiLU")


def cases():
    x = f(3, 4, 5)
    for name, variants in PLAIN.items():
        yield module(name, x)
        yield module(name, f(7) * 4)
        for params in variants:
            yield module(name, x, **params)
    # The hint never changes another node's value, so the reference is the plain form.
    for name in IN_PLACE:
        yield Case(name, {"inplace": True}, {"input": x}, getattr(nn, name))
    yield module("ReLU", x, inplace=False)
    for name in ("ReLU", "ReLU6", "Hardtanh"):
        yield module(name, i(9, 3, 4) - 4)
    yield module("Sigmoid", i(9, 3, 4) - 4)
    yield module("Threshold", x, threshold=0.1, value=20.0)
    yield module("Threshold", x, threshold=-0.5, value=-1, inplace=False)
    yield module("RReLU", x, _random=True)
    yield module("RReLU", x, lower=0.2, upper=0.2)  # nothing to draw
    yield module("RReLU", x, lower=0.1, upper=0.4, inplace=False, _random=True)
    yield module("PReLU", x)
    yield module("PReLU", x, num_parameters=4, init=0.1)
    yield module("PReLU", f(6), num_parameters=1)
    yield module("GLU", f(3, 4, 6))
    yield module("GLU", x, dim=1)
    for name in ("Softmax", "LogSoftmax", "Softmin"):
        yield module(name, x, dim=-1)
        yield module(name, x, dim=1)
        yield module(name, f(5), dim=0)
    yield module("Softmax2d", f(2, 3, 4, 5))
    yield module("Softmax2d", f(3, 4, 5))
    dropouts = {
        "Dropout": (x, f(4)),
        "Dropout1d": (x, f(4, 5)),
        "Dropout2d": (f(2, 3, 4, 5), x),
        "Dropout3d": (f(2, 3, 4, 5, 2), f(3, 4, 5, 2)),
        "AlphaDropout": (x, f(4)),
        "FeatureAlphaDropout": (x, f(2, 3, 4, 5)),
    }
    for name, inputs in dropouts.items():
        for value in inputs:
            yield module(name, value, _random=True)
            yield module(name, value, p=0.0)
            yield module(name, value, p=1.0)
        yield Case(name, {"p": 0.2, "inplace": True}, {"input": inputs[0]}, lambda name=name: getattr(nn, name)(0.2), random=True)
