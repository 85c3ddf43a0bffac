"""Small IR programs written by hand, with the loss appended, and the same models in PyTorch.

The programs do not need the compiler, so the trainer can be measured and tested alone.
"""

import trainer_client


class Program:
    """Builds an IrModule call by call; values are numbered as the schema wants."""

    def __init__(self, name, inputs, parameters):
        ir_pb2, _, self.value_pb2, _ = trainer_client.protos()
        self.ir = ir_pb2.IrModule(schema_version=1, name=name, symbols=["B"])
        self.ids = {}
        for key, dtype, shape in inputs:
            entry = self.ir.inputs.add(name=key)
            self._spec(entry.spec, dtype, shape)
            self.ids[key] = self._value(dtype, shape)
        for key, shape, bound in parameters:
            entry = self.ir.parameters.add(key=key, trainable=True, persistent=True)
            self._spec(entry.spec, "FLOAT32", shape)
            entry.init.kind = ir_pb2.IrInitializer.KIND_UNIFORM
            entry.init.low, entry.init.high = -bound, bound
            self.ids[key] = self._value("FLOAT32", shape)

    def _spec(self, spec, dtype, shape):
        spec.dtype = getattr(self.value_pb2, "DATA_TYPE_" + dtype)
        for size in shape:
            dim = spec.shape.add()
            if isinstance(size, int):
                dim.size = size
            else:
                dim.symbol = size

    def _value(self, dtype, shape):
        value = self.ir.values.add(kind=1)
        self._spec(value.spec, dtype, shape)
        return len(self.ir.values) - 1

    def call(self, result, op, args, shape, dtype="FLOAT32"):
        """Appends a call; a str argument names a value, ("text", s) is text."""
        source = len(self.ir.sources)
        self.ir.sources.add(node=result, path=result, type=op)
        call = self.ir.calls.add(op=op, num_outputs=1, source=source)
        for argument in args:
            self._argument(call.args.add(), argument)
        self.ids[result] = self._value(dtype, shape)
        return result

    def _argument(self, proto, argument):
        if argument is None:
            proto.none = 0
        elif isinstance(argument, bool):
            proto.bool_value = argument
        elif isinstance(argument, int):
            proto.int_value = argument
        elif isinstance(argument, float):
            proto.double_value = argument
        elif argument == "training":
            proto.training = 0
        elif isinstance(argument, str):
            proto.value = self.ids[argument]
        else:
            proto.list.SetInParent()
            for item in argument:
                self._argument(proto.list.items.add(), item)

    def outputs(self, *names):
        for name in names:
            self.ir.outputs.add(name=name, value=self.ids[name])
        return self.ir


def mlp(width_in, hidden, layers, classes):
    """Linear-ReLU `layers` times, then Linear; class indices as target."""
    sizes = [width_in] + [hidden] * layers
    parameters = []
    for i, (a, b) in enumerate(zip(sizes, sizes[1:] + [classes])):
        parameters.append((f"l{i}.weight", [b, a], a**-0.5))
        parameters.append((f"l{i}.bias", [b], a**-0.5))
    p = Program("mlp", [("x", "FLOAT32", ["B", width_in]), ("target", "INT64", ["B"])], parameters)
    value = "x"
    for i in range(layers + 1):
        width = hidden if i < layers else classes
        name = f"fc{i}" if i < layers else "logits"
        value = p.call(name, "aten.linear.default", [value, f"l{i}.weight", f"l{i}.bias"],
                       ["B", width])
        if i < layers:
            value = p.call(f"act{i}", "aten.relu.default", [value], ["B", width])
    p.call("loss", "aten.cross_entropy_loss.default", [value, "target", None, 1, -100, 0.0], [])
    return p.outputs("logits", "loss")


def cnn(side, classes):
    """Two convolutions with pooling, then Linear, for 1 x side x side images."""
    quarter = side // 4
    flat = 32 * quarter * quarter
    parameters = [
        ("c0.weight", [16, 1, 3, 3], 1 / 3), ("c0.bias", [16], 1 / 3),
        ("c1.weight", [32, 16, 3, 3], 1 / 12), ("c1.bias", [32], 1 / 12),
        ("fc.weight", [classes, flat], flat**-0.5), ("fc.bias", [classes], flat**-0.5),
    ]
    p = Program("cnn", [("x", "FLOAT32", ["B", 1, side, side]), ("target", "INT64", ["B"])],
                parameters)
    value, size = "x", side
    for i, channels in enumerate([16, 32]):
        value = p.call(f"conv{i}", "aten.conv2d.default",
                       [value, f"c{i}.weight", f"c{i}.bias", [1, 1], [1, 1], [1, 1], 1],
                       ["B", channels, size, size])
        value = p.call(f"relu{i}", "aten.relu.default", [value], ["B", channels, size, size])
        size //= 2
        value = p.call(f"pool{i}", "aten.max_pool2d.default",
                       [value, [2, 2], [2, 2], [0, 0], [1, 1], False], ["B", channels, size, size])
    value = p.call("flat", "aten.flatten.using_ints", [value, 1, -1], ["B", flat])
    p.call("logits", "aten.linear.default", [value, "fc.weight", "fc.bias"], ["B", classes])
    p.call("loss", "aten.cross_entropy_loss.default", ["logits", "target", None, 1, -100, 0.0], [])
    return p.outputs("logits", "loss")


def linear_regression(width):
    """One Linear with mean squared error."""
    p = Program("linear", [("x", "FLOAT32", ["B", width]), ("target", "FLOAT32", ["B", 1])],
                [("weight", [1, width], 0.5), ("bias", [1], 0.5)])
    p.call("y", "aten.linear.default", ["x", "weight", "bias"], ["B", 1])
    p.call("loss", "aten.mse_loss.default", ["y", "target", 1], [])
    return p.outputs("y", "loss")
