"""Writes cases.json: losses, gradients and optimizer steps in float64, which the Rust tests must come close to.

Needs numpy alone: python3 reference.py > cases.json
"""

import json

import numpy as np

rng = np.random.default_rng(20210908)


def single(values):
    """Rounded to float32, so that both sides start from the same numbers."""
    return np.asarray(values, np.float32).astype(np.float64)


def plain(values):
    return [float(f"{value:.9g}") for value in np.ravel(values)]


def layers(widths, parameters):
    """Weights [inputs, outputs] and biases [outputs] of each layer."""
    start = 0
    for inputs, outputs in zip(widths, widths[1:]):
        middle = start + inputs * outputs
        yield parameters[start:middle].reshape(inputs, outputs), parameters[middle : middle + outputs]
        start = middle + outputs


def loss_and_gradient(widths, activation, loss, parameters, x, targets, weights):
    """Weighted sum of losses, weighted sum of gradients, outputs."""
    stack, z = [x], x
    parts = list(layers(widths, parameters))
    for index, (w, b) in enumerate(parts):
        z = stack[-1] @ w + b
        hidden = index + 1 < len(parts)
        stack.append((np.maximum(z, 0) if activation == "relu" else np.tanh(z)) if hidden else z)
    rows = np.arange(len(x))
    if loss == "cross_entropy":
        shifted = z - z.max(axis=1, keepdims=True)
        log_softmax = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        losses = -log_softmax[rows, targets]
        d = np.exp(log_softmax)
        d[rows, targets] -= 1
    else:
        losses = 0.5 * ((z - targets) ** 2).mean(axis=1)
        d = (z - targets) / z.shape[1]
    d = d * weights[:, None]
    gradient = []
    for index in reversed(range(len(parts))):
        gradient = [(stack[index].T @ d).ravel(), d.sum(axis=0)] + gradient
        if index:
            a = stack[index]
            d = (d @ parts[index][0].T) * ((a > 0) if activation == "relu" else 1 - a**2)
    return float(losses @ weights), np.concatenate(gradient), z


def problem(widths, loss, samples):
    count = sum((inputs + 1) * outputs for inputs, outputs in zip(widths, widths[1:]))
    parameters = single(rng.normal(0, 0.6, count))
    x = single(rng.normal(0, 1, (samples, widths[0])))
    if loss == "cross_entropy":
        return parameters, x, rng.integers(0, widths[-1], samples)
    return parameters, x, single(rng.normal(0, 1, (samples, widths[-1])))


def gradient_case(widths, activation, loss, samples, weighted):
    parameters, x, targets = problem(widths, loss, samples)
    weights = single(rng.uniform(0.25, 3, samples)) if weighted else np.ones(samples)
    total, gradient, outputs = loss_and_gradient(widths, activation, loss, parameters, x, targets, weights)
    classes = targets.tolist() if loss == "cross_entropy" else []
    return {
        "widths": widths, "activation": activation, "loss": loss, "parameters": plain(parameters), "x": plain(x),
        "classes": classes, "values": [] if classes else plain(targets), "weights": plain(weights) if weighted else None,
        "loss_sum": total, "gradient": plain(gradient), "outputs": plain(outputs),
    }


def descent(momentum=0.0, nesterov=False, weight_decay=0.0):
    return {"rule": "sgd", "momentum": momentum, "nesterov": nesterov, "weight_decay": weight_decay}


def adam(beta1=0.9, beta2=0.999, epsilon=1e-8, weight_decay=0.0):
    return {"rule": "adam", "beta1": beta1, "beta2": beta2, "epsilon": epsilon, "weight_decay": weight_decay}


def take_step(kind, w, g, state, step, rate):
    """One step of a rule as its paper writes it; state is changed in place."""
    g = g + kind["weight_decay"] * w
    if kind["rule"] == "sgd":
        v = state["v"] = kind["momentum"] * state.get("v", 0) + g
        return w - rate * (g + kind["momentum"] * v if kind["nesterov"] else v)
    m = state["m"] = kind["beta1"] * state.get("m", 0) + (1 - kind["beta1"]) * g
    v = state["v"] = kind["beta2"] * state.get("v", 0) + (1 - kind["beta2"]) * g**2
    m_hat, v_hat = m / (1 - kind["beta1"] ** step), v / (1 - kind["beta2"] ** step)
    return w - rate * m_hat / (np.sqrt(v_hat) + kind["epsilon"])


def optimizer_case(kind, rate, parameters=5, steps=20):
    w = first = single(rng.normal(0, 1, parameters))
    state, gradients, trajectory = {}, [], []
    for step in range(1, steps + 1):
        gradient = single(rng.normal(0, 1, parameters))
        w = take_step(kind, w, gradient, state, step, rate)
        gradients.append(plain(gradient))
        trajectory.append(plain(w))
    return {"kind": kind, "rate": rate, "parameters": plain(first), "gradients": gradients, "trajectory": trajectory}


def training_case(widths, activation, loss, kind, rate, samples, steps=20):
    w, x, targets = problem(widths, loss, samples)
    case = {"widths": widths, "activation": activation, "loss": loss, "kind": kind, "rate": rate}
    case |= {"parameters": plain(w), "x": plain(x)}
    case |= {"classes": targets.tolist(), "values": []} if loss == "cross_entropy" else {"classes": [], "values": plain(targets)}
    state, losses = {}, []
    for step in range(1, steps + 1):
        total, gradient, _ = loss_and_gradient(widths, activation, loss, w, x, targets, np.ones(samples))
        losses.append(total / samples)
        w = take_step(kind, w, gradient / samples, state, step, rate)
    return case | {"losses": plain(losses), "trained": plain(w)}


GRADIENTS = [
    ([5, 1], "relu", "mean_squared_error", 7, False),
    ([4, 3], "relu", "mean_squared_error", 6, True),
    ([6, 4], "tanh", "cross_entropy", 9, False),
    ([6, 2], "tanh", "cross_entropy", 1, True),
    ([5, 7, 3], "relu", "cross_entropy", 8, True),
    ([5, 7, 3], "tanh", "cross_entropy", 8, False),
    ([5, 7, 1], "relu", "mean_squared_error", 3, False),
    ([4, 6, 5, 2], "tanh", "mean_squared_error", 9, True),
    ([7, 8, 6, 3], "relu", "mean_squared_error", 5, False),
    ([7, 9, 8, 7, 6], "relu", "cross_entropy", 12, True),
    ([17, 19, 11], "tanh", "cross_entropy", 21, True),
    ([17, 19, 11], "relu", "mean_squared_error", 70, False),
]
OPTIMIZERS = [
    (descent(), 0.1),
    (descent(weight_decay=0.05), 0.1),
    (descent(momentum=0.9), 0.05),
    (descent(momentum=0.9, weight_decay=0.02), 0.05),
    (descent(momentum=0.8, nesterov=True), 0.05),
    (descent(momentum=0.9, nesterov=True, weight_decay=0.02), 0.05),
    (adam(), 0.01),
    (adam(beta1=0.8, beta2=0.95, epsilon=1e-6, weight_decay=0.03), 0.02),
]
TRAININGS = [
    ([6, 8, 3], "relu", "cross_entropy", descent(momentum=0.9), 0.1, 24),
    ([6, 8, 2], "tanh", "mean_squared_error", descent(momentum=0.9, nesterov=True, weight_decay=0.001), 0.1, 24),
    ([9, 4], "relu", "cross_entropy", adam(), 0.02, 24),
]

if __name__ == "__main__":
    cases = {
        "gradients": [gradient_case(*case) for case in GRADIENTS],
        "optimizers": [optimizer_case(*case) for case in OPTIMIZERS],
        "trainings": [training_case(*case) for case in TRAININGS],
    }
    lines = (f' "{name}": [\n' + ",\n".join("  " + json.dumps(case) for case in cases[name]) + "\n ]" for name in cases)
    print("{\n" + ",\n".join(lines) + "\n}")
