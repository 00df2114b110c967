//! Puts a graph together, node by node. A node has the name of its output.

use super::Precision;
use super::proto::{
    ATTRIBUTE_INT, ATTRIBUTE_INTS, Attribute, DOUBLE, Dimension, FLOAT, Graph, Node, Shape, Size, Tensor, TensorType,
    Type, ValueInfo,
};

/// A graph in the making.
pub(crate) struct Builder {
    precision: Precision,
    graph: Graph,
}

impl Builder {
    pub(crate) fn new(precision: Precision) -> Self {
        Self { precision, graph: Graph::default() }
    }

    pub(crate) fn finish(self, name: &str, said: String) -> Graph {
        Graph { name: name.into(), doc_string: said, ..self.graph }
    }

    /// ONNX's number for what goes in and comes out.
    pub(crate) fn number(&self) -> i32 {
        match self.precision {
            Precision::Float => FLOAT,
            Precision::Double => DOUBLE,
        }
    }

    /// Whether the scaling of `column` is possible with this precision.
    pub(crate) fn holds(&self, column: &str, offset: f64, scale: f64) -> Result<(), String> {
        let narrow = scale as f32;
        let held = (offset as f32).is_finite() && (narrow.is_normal() || scale == 0.0);
        if held || self.precision == Precision::Double {
            return Ok(());
        }
        Err(format!("numbers of 32 bits cannot hold the scaling of {column}: offset {offset}, scale {scale}"))
    }

    /// What goes in: for each example an array of these sizes.
    pub(crate) fn input(&mut self, name: &str, sizes: &[usize], said: &str) {
        let value = value_info(name, self.number(), sizes, said);
        self.graph.input.push(value);
    }

    /// Names a node's output as one of the graph's: rows of `width`, or one for each row.
    pub(crate) fn output(&mut self, name: &str, data_type: i32, width: Option<usize>, said: &str) {
        self.graph.output.push(value_info(name, data_type, width.as_slice(), said));
    }

    /// Adds a node and returns its output's name.
    pub(crate) fn node(&mut self, op: &str, inputs: &[&str], name: &str, attribute: Option<(&str, i64)>) -> String {
        self.graph.node.push(Node {
            input: inputs.iter().map(|input| (*input).into()).collect(),
            output: vec![name.into()],
            name: name.into(),
            op_type: op.into(),
            attribute: attribute.map(of_integer).into_iter().collect(),
        });
        name.into()
    }

    /// Adds an attribute to the last node.
    pub(crate) fn add_attribute(&mut self, attribute: (&str, i64)) {
        self.graph.node.last_mut().into_iter().for_each(|node| node.attribute.push(of_integer(attribute)));
    }

    /// The same with several integers.
    pub(crate) fn add_integers(&mut self, name: &str, ints: &[i64]) {
        let attribute = Attribute { name: name.into(), i: None, ints: ints.to_vec(), r#type: ATTRIBUTE_INTS };
        self.graph.node.last_mut().into_iter().for_each(|node| node.attribute.push(attribute.clone()));
    }

    /// `input` - `numbers`. What an offset loses as 32 bits is subtracted after it, when little is left to round.
    pub(crate) fn subtract(&mut self, input: &str, constant: &str, numbers: &[f64], name: &str) -> String {
        let difference = self.with_numbers("Sub", input, (constant, numbers), name);
        let rests: Vec<f64> = numbers.iter().map(|number| number - f64::from(*number as f32)).collect();
        if self.precision == Precision::Double || rests.iter().all(|rest| *rest == 0.0) {
            return difference;
        }
        self.with_numbers("Sub", &difference, (&format!("{constant}_rest"), &rests), &format!("{name}.rest"))
    }

    /// A node for `input` and a constant of a number for each column.
    pub(crate) fn with_numbers(&mut self, op: &str, input: &str, constant: (&str, &[f64]), name: &str) -> String {
        let (constant, numbers) = constant;
        match self.precision {
            Precision::Float => {
                let numbers: Vec<f32> = numbers.iter().map(|number| *number as f32).collect();
                self.floats(constant, &[numbers.len()], &numbers);
            }
            Precision::Double => {
                let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
                self.tensor(constant, DOUBLE, &[numbers.len()], bytes);
            }
        }
        self.node(op, &[input, constant], name, None)
    }

    /// To the layers' 32 bits.
    pub(crate) fn narrow(&mut self, input: String) -> String {
        match self.precision {
            Precision::Float => input,
            Precision::Double => self.node("Cast", &[&input], "narrow", Some(("to", i64::from(FLOAT)))),
        }
    }

    /// From the layers' 32 bits.
    pub(crate) fn widen(&mut self, input: &str) -> String {
        match self.precision {
            Precision::Float => input.into(),
            Precision::Double => self.node("Cast", &[input], "wide", Some(("to", i64::from(DOUBLE)))),
        }
    }

    /// Adds constants of 32 bits.
    pub(crate) fn floats(&mut self, name: &str, dims: &[usize], numbers: &[f32]) {
        let bytes = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensor(name, FLOAT, dims, bytes);
    }

    fn tensor(&mut self, name: &str, data_type: i32, dims: &[usize], raw_data: Vec<u8>) {
        let dims = dims.iter().map(|dim| *dim as i64).collect();
        self.graph.initializer.push(Tensor { dims, data_type, name: name.into(), raw_data });
    }
}

fn of_integer((name, i): (&str, i64)) -> Attribute {
    Attribute { name: name.into(), i: Some(i), ints: Vec::new(), r#type: ATTRIBUTE_INT }
}

/// A tensor with an array of these sizes for each sample.
fn value_info(name: &str, data_type: i32, sizes: &[usize], said: &str) -> ValueInfo {
    let rows = Dimension { size: Some(Size::Name("N".into())) };
    let sizes = sizes.iter().map(|size| Dimension { size: Some(Size::Value(*size as i64)) });
    let shape = Shape { dim: std::iter::once(rows).chain(sizes).collect() };
    ValueInfo {
        name: name.into(),
        r#type: Some(Type { tensor_type: Some(TensorType { elem_type: data_type, shape: Some(shape) }) }),
        doc_string: said.into(),
    }
}
