"""What numpy and, where it can be imported, PyTorch make of the models and batches of `throughput.rs`: forward and
backward pass of a ReLU perceptron with cross-entropy, one thread, 32 bits.

    python3 core/learn/examples/peers.py

prints a line for each measurement, `rate PEER LAYERS BATCH VALUE`, in thousand samples per second of CPU time. The peers:

numpy     numpy's BLAS into buffers that are made once
torch     PyTorch's kernels, called in the order of the passes, into buffers that are made once
autograd  PyTorch as its users write it: a module, `backward()`, gradients left in the parameters
"""

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import math
import sys
import time

import numpy as np

try:
    import torch
except (ImportError, OSError) as error:
    print(f"without PyTorch: {error}", file=sys.stderr)
    torch = None

# Rows, columns, (filters, kernel, stride) of each convolution, whether the largest over time goes on, layers.
CONVOLUTIONAL = {
    "30x24-16x5-16x5-64-2": (30, 24, [(16, 5, 1), (16, 5, 1)], False, (64, 2)),
    "1024x3-16x16/4-32x8/2-max-64-4": (1024, 3, [(16, 16, 4), (32, 8, 2)], True, (64, 4)),
}
LAYERS = [(64, 64, 10), (784, 256, 10), (784, 1024, 1024, 10)]
BATCHES = [1, 8, 32, 128, 256]
SECONDS = 0.2
TRIALS = 3


def initial(layers, batch):
    """Weights, inputs and classes: He's variance, so that about half of the units are active."""
    random = np.random.default_rng(1)
    pairs = list(zip(layers, layers[1:]))
    weights = [random.normal(0, math.sqrt(2 / i), (i, o)).astype(np.float32) for i, o in pairs]
    biases = [np.zeros(o, np.float32) for _, o in pairs]
    x = random.normal(0, 1, (batch, layers[0])).astype(np.float32)
    return weights, biases, x, np.arange(batch) % layers[-1]


def with_numpy(layers, batch):
    weights, biases, x, classes = initial(layers, batch)
    units = [np.empty((batch, width), np.float32) for width in layers[1:]]
    back = [np.empty((batch, width), np.float32) for width in layers[1:]]
    dweights, dbiases = [np.empty_like(w) for w in weights], [np.empty_like(b) for b in biases]
    rows = np.arange(batch)

    def step():
        before = x
        for weight, bias, unit in zip(weights, biases, units):
            np.dot(before, weight, out=unit)
            np.add(unit, bias, out=unit)
            if unit is not units[-1]:
                np.maximum(unit, 0, out=unit)
            before = unit
        d = back[-1]
        np.subtract(before, before.max(axis=1, keepdims=True), out=d)
        np.exp(d, out=d)
        sums = d.sum(axis=1, keepdims=True)
        np.divide(d, sums, out=d)
        loss = -np.log(d[rows, classes]).sum()
        d[rows, classes] -= 1
        for layer in reversed(range(len(weights))):
            np.sum(d, axis=0, out=dbiases[layer])
            before = units[layer - 1] if layer else x
            np.dot(before.T, d, out=dweights[layer])
            if layer:
                np.dot(d, weights[layer].T, out=back[layer - 1])
                np.multiply(back[layer - 1], before > 0, out=back[layer - 1])
                d = back[layer - 1]
        return loss

    return step


def with_torch(layers, batch):
    weights, biases, x, classes = initial(layers, batch)
    weights, biases = [torch.from_numpy(w) for w in weights], [torch.from_numpy(b) for b in biases]
    x, classes = torch.from_numpy(x), torch.from_numpy(classes)[:, None]
    units = [torch.empty(batch, width) for width in layers[1:]]
    back = [torch.empty(batch, width) for width in layers[1:]]
    dweights, dbiases = [torch.empty_like(w) for w in weights], [torch.empty_like(b) for b in biases]
    logs, ones = torch.empty(batch, layers[-1]), -torch.ones(batch, 1)

    def step():
        before = x
        for weight, bias, unit in zip(weights, biases, units):
            torch.addmm(bias, before, weight, out=unit)
            if unit is not units[-1]:
                unit.relu_()
            before = unit
        d = back[-1]
        torch.log_softmax(before, 1, out=logs)
        loss = -logs.gather(1, classes).sum()
        torch.exp(logs, out=d)
        d.scatter_add_(1, classes, ones)
        for layer in reversed(range(len(weights))):
            torch.sum(d, 0, out=dbiases[layer])
            before = units[layer - 1] if layer else x
            torch.mm(before.t(), d, out=dweights[layer])
            if layer:
                torch.mm(d, weights[layer].t(), out=back[layer - 1])
                torch.ops.aten.threshold_backward(back[layer - 1], before, 0, grad_input=back[layer - 1])
                d = back[layer - 1]
        return loss

    def without_gradients():
        with torch.no_grad():
            return step()

    return without_gradients


def with_autograd(layers, batch):
    _, _, x, classes = initial(layers, batch)
    x, classes = torch.from_numpy(x), torch.from_numpy(classes)
    parts = []
    for inputs, outputs in zip(layers, layers[1:]):
        parts += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
    model = torch.nn.Sequential(*parts[:-1])

    def step():
        model.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), classes)
        loss.backward()
        return loss

    return step


def with_convolutions(rows, columns, convolutions, pooled, layers, batch):
    """Channels before time, as PyTorch wants it: no window is turned round."""
    x = torch.randn(batch, columns, rows)
    parts, channels = [], columns
    for filters, kernel, stride in convolutions:
        parts += [torch.nn.Conv1d(channels, filters, kernel, stride), torch.nn.ReLU()]
        channels, rows = filters, (rows - kernel) // stride + 1
    parts += [torch.nn.AdaptiveMaxPool1d(1)] if pooled else []
    parts += [torch.nn.Flatten()]
    inputs = channels if pooled else channels * rows
    for outputs in layers:
        parts += [torch.nn.Linear(inputs, outputs), torch.nn.ReLU()]
        inputs = outputs
    model = torch.nn.Sequential(*parts[:-1])
    classes = torch.arange(batch) % layers[-1]

    def step():
        model.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), classes)
        loss.backward()
        return loss

    return step


def best(step, batch):
    """Thousand samples a second in the best of several trials: the others were disturbed."""
    most = 0.0
    for _ in range(TRIALS):
        began, steps, seconds = time.process_time(), 0, 0.0
        while seconds < SECONDS:
            for _ in range(max(1, 64 // batch)):
                step()
                steps += 1
            seconds = time.process_time() - began
        most = max(most, steps * batch / seconds)
    return most / 1e3


def main():
    peers = {"numpy": with_numpy}
    if torch:
        torch.set_num_threads(1)
        peers |= {"torch": with_torch, "autograd": with_autograd}
    for layers in LAYERS:
        for batch in BATCHES:
            for peer, make in peers.items():
                name = "-".join(map(str, layers))
                print(f"rate {peer} {name} {batch} {best(make(layers, batch), batch):.2f}", flush=True)
    for name, model in CONVOLUTIONAL.items() if torch else ():
        for batch in BATCHES:
            print(f"rate autograd {name} {batch} {best(with_convolutions(*model, batch), batch):.2f}", flush=True)


if __name__ == "__main__":
    main()
