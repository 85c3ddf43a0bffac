"""Where GraphKiln refuses what PyTorch takes, on purpose: each with its reason."""


def stricter(node, graph, faults):
    """True where the fault is one of the documented stricter rules."""
    return False
