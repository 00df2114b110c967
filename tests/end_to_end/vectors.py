"""Decodes every entry of docs/wire/vectors.json by docs/wire.md alone, and compares the fields. Argument: the file."""

import json
import struct
import sys


class Reader:
    """Bytes, read as docs/wire.md says."""

    def __init__(self, data):
        self.data, self.place = data, 0

    def take(self, count):
        self.place += count
        assert self.place <= len(self.data), "too few bytes"
        return self.data[self.place - count : self.place]

    def byte(self):
        return self.take(1)[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def f32(self):
        return struct.unpack("<f", self.take(4))[0]

    def f64(self):
        return struct.unpack("<d", self.take(8))[0]

    def bool(self):
        return [False, True][self.byte()]

    def text(self):
        return self.take(self.varint()).decode()

    def optional(self, read):
        return read(self) if self.bool() else None

    def list(self, read):
        return [read(self) for _ in range(self.varint())]

    def fields(self, **readers):
        return {name: read(self) for name, read in readers.items()}

    def choice(self, *variants):
        """A variant is a name, or a name and what reads its fields."""
        variant = variants[self.varint()]
        return variant if isinstance(variant, str) else {variant[0]: variant[1](self)}


U8, U, F32, F64, BOOL, TEXT = Reader.byte, Reader.varint, Reader.f32, Reader.f64, Reader.bool, Reader.text


def fields(**readers):
    return lambda reader: reader.fields(**readers)


def choice(*variants):
    return lambda reader: reader.choice(*variants)


def optional(read):
    return lambda reader: reader.optional(read)


def list_of(read):
    return lambda reader: reader.list(read)


def together(*readers):
    return lambda reader: [read(reader) for read in readers]


CODEC = choice("Float32", "Float16", "Int8", "Int4", "SparseInt8", "SparseSign")
DATA_MODE = choice("Shared", "Private")
PART = fields(index=U, chunk_bytes=U, total_bytes=U)
CONVOLUTIONS = fields(
    channels=U,
    layers=list_of(fields(filters=U, kernel=U, stride=U)),
    pooling=choice("None", "Mean", "Max"),
)
LAYERS = fields(
    widths=list_of(U),
    activation=choice("Relu", "Tanh"),
    loss=choice("MeanSquaredError", "CrossEntropy"),
    convolutions=optional(CONVOLUTIONS),
)
MODEL = choice("Unsettled", ("Layers", LAYERS), ("Opaque", fields(parameters=U)))
SHARE = fields(
    session=U, spec=U, version=U, samples=U, offset=U, probe=BOOL, network_us=U, codec=CODEC,
    held_out_offset=U, held_out_rows=U, untaken=optional(fields(round=U, offset=U)),
)
WHY = choice("Protocol", "DifferentData", "NoRows", "Full")
TRAIN = fields(
    first_position=U, batch_samples=U, stop_us=U, local_steps=U, learning_rate=F32, kept_ppm=U, momentum=F32
)
ASK = fields(
    round=U, work=choice(("Train", TRAIN), "Score"), allocation=U, model=U, deadline_ms=U, base=optional(U),
    codec=CODEC, digest=U, part=PART,
)
KINDS = {
    1: fields(
        session=U, protocol_min=U8, protocol_max=U8, spec=U, rows=U, held_out_rows=U, data_digest=U, samples_max=U,
        threads=U, cpu_share_percent=U8, uplink_bytes_per_s=U, away_s=U, model=optional(U),
    ),
    2: fields(content=U, model=MODEL, data_mode=DATA_MODE, seed=U, part=PART),
    3: choice(("Share", SHARE), ("Refused", fields(session=U, spec=U, version=U, why=WHY))),
    4: choice(("Ask", ASK), "Finished"),
    5: fields(
        round=U, allocation=U, session=U, offset=U, samples=U, loss_sum=optional(F64),
        durations=fields(decode_us=U, compute_us=U, encode_us=U), codec=CODEC, ranges=U8, noise=U8, part=PART,
    ),
    6: fields(spec=U, session=U, part=PART),
    7: fields(round=U, session=U, part=PART),
    8: fields(session=U, round=U, digest=U, number=U, offset=U, samples=U),
}
SCALED = ("Scaled", fields(offset=F64, scale=F64))
ENCODING = choice(SCALED, ("OneHot", fields(values=list_of(TEXT))))
TARGET = choice(SCALED, ("Classes", fields(names=list_of(TEXT), weights=list_of(F32))), "Inputs")
COLUMN = fields(name=TEXT, count=U, mean=F64, m2=F64, min=F64, max=F64, values=list_of(together(TEXT, U)))
DOCUMENTS = {
    "jobs": fields(
        task=choice("Regression", "Classification", ("Anomaly", fields(normal=TEXT))),
        target=TEXT,
        inputs=list_of(TEXT),
        ignore=list_of(TEXT),
        normalize=choice("Standard", "Range", "None"),
        class_weights=choice("None", "Balanced", ("Named", list_of(together(TEXT, F32)))),
        data_mode=DATA_MODE,
        held_out=choice(("ByHash", U), ("ByColumn", TEXT), ("Last", U)),
        group=optional(TEXT),
        window=optional(fields(rows=U, every=U)),
        fitted=optional(fields(inputs=list_of(fields(name=TEXT, encoding=ENCODING)), target=TARGET)),
    ),
    "surveys": fields(rows=U, inputs=list_of(COLUMN), target=COLUMN),
    "scores": fields(
        rows=U, loss_sum=F64, squared_error_sum=F64, absolute_error_sum=F64, confusion=list_of(U),
        histogram=list_of(together(U, together(U, U))),
    ),
}


def frame(data):
    reader = Reader(data)
    version, kind, tag_bytes = reader.byte(), reader.byte(), reader.byte()
    assert (version, tag_bytes) == (2, 0), "not a frame of version 2 without a tag"
    head = {"version": version, "kind": kind, "start": reader.take(16).hex(), "run": reader.varint()}
    body = KINDS[kind](reader)
    return head | {"body": body, "payload": data[reader.place :].hex()}


def document(read, data):
    reader = Reader(data)
    decoded = read(reader)
    assert reader.place == len(data), "bytes are left over"
    return decoded


def main(path):
    with open(path, encoding="utf-8") as file:
        vectors = json.load(file)
    for entry in vectors["frames"]:
        decoded = frame(bytes.fromhex(entry["hex"]))
        for name, value in decoded.items():
            assert value == entry[name], f"{entry['name']}: {name} is {value}, not {entry[name]}"
    for section, read in DOCUMENTS.items():
        for entry in vectors[section]:
            decoded = document(read, bytes.fromhex(entry["hex"]))
            assert decoded == entry["fields"], f"{entry['name']}: {decoded} is not {entry['fields']}"
    print(sum(len(vectors[section]) for section in ["frames", *DOCUMENTS]), "entries are as docs/wire.md says")


main(*sys.argv[1:])
