"""Opens a job's model as others would, and compares it with what `predict` says.

python export.py FOLDER DATA PREDICTIONS [MODEL.onnx]
"""

import csv
import json
import sys
from pathlib import Path

import numpy
import onnx
import onnxruntime
import safetensors.numpy

folder, data, predictions = (Path(name) for name in sys.argv[1:4])
path = Path(sys.argv[4]) if len(sys.argv) > 4 else folder / "model.onnx"

model = onnx.load(path)
onnx.checker.check_model(model, full_check=True)
facts = {entry.key: entry.value for entry in model.metadata_props}
columns, classes = json.loads(facts["columns"]), json.loads(facts["classes"])

# The file says by itself what it takes: numbers as they are, a text as 1 in its place.
with data.open(newline="", encoding="utf-8") as file:
    delimiter = ";" if ";" in file.readline() else ","
    file.seek(0)
    rows = list(csv.DictReader(file, delimiter=delimiter))


def encoded(row):
    for column in columns:
        cell = row[column["name"]]
        yield from (float(cell == text) for text in column["values"]) if "values" in column else [float(cell)]


inputs = numpy.array([list(encoded(row)) for row in rows])
assert inputs.shape[1] == len(json.loads(facts["inputs"]))

with predictions.open(newline="", encoding="utf-8") as file:
    # Rows that end no window have an empty prediction.
    expected = [row for row in csv.DictReader(file) if row["prediction"] or row.get("score")]
ends = [int(row["row"]) for row in expected]
window = json.loads(facts.get("window", "null"))
if window:
    # An example is the rows up to the predicted one.
    assert len(ends) > 100
    inputs = numpy.array([inputs[end - window["rows"] + 1 : end + 1] for end in ends])
else:
    assert ends == list(range(len(rows)))

session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
wide = session.get_inputs()[0].type == "tensor(double)"
given = dict(zip((output.name for output in session.get_outputs()),
                 session.run(None, {"inputs": inputs if wide else inputs.astype(numpy.float32)})))

if classes:
    # Of two classes one is decided for by a threshold, else the more probable one is meant.
    places = given.get("decision", given["class"])
    assert ("decision" in given) == (json.loads(facts["decision"]) is not None)
    other = [row for row, place in zip(expected, places) if row["prediction"] != classes[place]]
    assert not other, other
    said = numpy.array([float(row["probability"]) for row in expected])
    difference = numpy.abs(given["probabilities"][numpy.arange(len(places)), places] - said).max()
    assert numpy.abs(given["probabilities"].sum(axis=1) - 1).max() < 1e-5
elif facts["task"] == "anomaly":
    other = [row for row, found in zip(expected, given["is_anomaly"][:, 0]) if (row["prediction"] == "anomaly") != found]
    assert not other, other
    said = numpy.array([float(row["score"]) for row in expected])
    # A score has no upper end: from 1 on its digits count.
    difference = (numpy.abs(given["score"][:, 0] - said) / numpy.maximum(said, 1)).max()
else:
    said = numpy.array([float(row["prediction"]) for row in expected])
    difference = numpy.abs(given["prediction"][:, 0] - said).max()
assert difference < 1e-5, difference

tensors = safetensors.numpy.load_file(folder / "model.safetensors")
initializers = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
# A convolution's weights are rows x channels x filters there, and filters x channels x rows here.
assert tensors and all((initializers[name] == (tensor.T if tensor.ndim == 3 else tensor)).all()
                       for name, tensor in tensors.items())
print(f"{len(ends)} rows, {len(tensors)} tensors, largest difference {difference:.1e}")
