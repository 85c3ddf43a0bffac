"""Cases of normalisations."""

from cases import f, module


def cases():
    batch = {
        "BatchNorm1d": (f(6, 3), f(6, 3, 4)),
        "BatchNorm2d": (f(4, 3, 5, 5),),
        "BatchNorm3d": (f(4, 3, 2, 3, 5),),
        "SyncBatchNorm": (f(6, 3), f(4, 3, 5, 5)),
    }
    for name, inputs in batch.items():
        for x in inputs:
            yield module(name, x)
            yield module(name, x, num_features=3, eps=0.01, momentum=0.3, affine=False)
            yield module(name, x, momentum=None)
            yield module(name, x, track_running_stats=False)
            yield module(name, x, track_running_stats=False, momentum=None)
    for n, x in ((1, f(2, 3, 6)), (2, f(2, 3, 4, 5)), (3, f(2, 3, 2, 3, 4))):
        name = f"InstanceNorm{n}d"
        for value in (x, x[0]):
            yield module(name, value)
            yield module(name, value, num_features=3, eps=0.01, affine=True)
            yield module(name, value, affine=True, track_running_stats=True, momentum=0.4)
            yield module(name, value, affine=False, track_running_stats=True)
    yield module("InstanceNorm1d", f(2, 3, 6), track_running_stats=True, momentum=None)
    x = f(2, 3, 4)
    yield module("LayerNorm", x)
    yield module("LayerNorm", x, normalized_shape=[3, 4], eps=0.1, bias=False)
    yield module("LayerNorm", x, normalized_shape=4, elementwise_affine=False)
    yield module("LayerNorm", f(5))
    yield module("RMSNorm", x)
    yield module("RMSNorm", x, normalized_shape=[3, 4], eps=0.1)
    yield module("RMSNorm", x, normalized_shape=4, elementwise_affine=False, eps=None)
    x = f(2, 6, 4, 5)
    yield module("GroupNorm", x, num_groups=3)
    yield module("GroupNorm", x, num_groups=1, num_channels=6, eps=0.01)
    yield module("GroupNorm", x, num_groups=6, affine=False)
    yield module("GroupNorm", f(4, 6), num_groups=2)
    for value in (x, f(2, 6, 5), f(2, 6, 2, 3, 4), f(1, 3, 2, 2, 2, 2)):
        yield module("LocalResponseNorm", value, size=2)
        yield module("LocalResponseNorm", value, size=3, alpha=0.5, beta=1.5, k=2.0)
    yield module("LocalResponseNorm", x, size=1)
    yield module("LocalResponseNorm", x, size=9, alpha=0.1)
    for size in (1, 2, 3, 4, 5, 9):
        # torch's own backward fails where size is 1.
        yield module("CrossMapLRN2d", x, size=size, alpha=0.3, _gradients=size > 1)
    yield module("CrossMapLRN2d", x, size=3, alpha=0.5, beta=1.5, k=2.0)
