"""Writes convolutions.json: losses, gradients and outputs of convolutional models by PyTorch in float64.

Needs PyTorch alone: python3 convolutions.py > convolutions.json
"""

import json

import torch

torch.manual_seed(20211130)
torch.set_default_dtype(torch.float64)


def single(shape, scale=1.0):
    """Rounded to float32, so that both sides start from the same numbers."""
    return (torch.randn(shape) * scale).float().double()


def plain(values):
    return [float(f"{value:.9g}") for value in values.flatten().tolist()]


def case(rows, channels, layers, pooling, hidden, outputs, activation, loss, samples):
    act = torch.relu if activation == "relu" else torch.tanh
    parts, width, length = [], channels, rows
    for filters, kernel, stride in layers:
        parts += [single((kernel * width, filters), 0.5), single(filters, 0.5)]
        width, length = filters, (length - kernel) // stride + 1
    features = width * length if pooling == "none" else width
    for out in [*hidden, outputs]:
        parts += [single((features, out), 0.5), single(out, 0.5)]
        features = out
    for part in parts:
        part.requires_grad_()
    x = single((samples, rows, channels))
    # PyTorch has channels before time, and filters before both.
    z, rest = x.transpose(1, 2), list(parts)
    for filters, kernel, stride in layers:
        w, b = rest.pop(0), rest.pop(0)
        weight = w.reshape(kernel, -1, filters).permute(2, 1, 0)
        z = act(torch.nn.functional.conv1d(z, weight, b, stride=stride))
    z = {"none": lambda: z.transpose(1, 2).flatten(1), "mean": lambda: z.mean(2), "max": lambda: z.amax(2)}[pooling]()
    while rest:
        z = z @ rest.pop(0) + rest.pop(0)
        z = act(z) if rest else z
    if loss == "cross_entropy":
        targets = torch.randint(0, outputs, (samples,))
        total = torch.nn.functional.cross_entropy(z, targets, reduction="sum")
    else:
        targets = single((samples, outputs))
        total = 0.5 * ((z - targets) ** 2).mean(1).sum()
    total.backward()
    return {
        "widths": [rows * channels, *hidden, outputs], "channels": channels, "layers": layers, "pooling": pooling,
        "activation": activation, "loss": loss, "parameters": plain(torch.cat([p.flatten() for p in parts])),
        "x": plain(x), "classes": targets.tolist() if loss == "cross_entropy" else [],
        "values": [] if loss == "cross_entropy" else plain(targets),
        "loss_sum": total.item(), "gradient": plain(torch.cat([p.grad.flatten() for p in parts])), "outputs": plain(z),
    }


print(json.dumps([
    case(12, 3, [(8, 4, 1)], "none", [5], 2, "tanh", "cross_entropy", 6),
    case(17, 2, [(7, 5, 2), (6, 3, 1)], "mean", [], 1, "relu", "mean_squared_error", 5),
    case(20, 1, [(8, 6, 1), (6, 4, 2), (7, 3, 1)], "max", [6], 3, "relu", "cross_entropy", 9),
    case(9, 4, [(2, 2, 2), (3, 2, 1)], "none", [4], 2, "tanh", "mean_squared_error", 4),
], separators=(",", ":")))
