//! Reads the part of an ONNX file that weights are in: nodes with their names, and stored tensors.
//!
//! Field numbers are those of the public ONNX schema; everything else in a file is skipped. The bytes of tensors stay
//! where they are and are not copied. A small file cannot make much of memory: nodes are counted before they are read.

use std::collections::HashMap;

use bytes::{Buf, Bytes};
use prost::Message;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::fault::Fault;

/// Bytes of a graph that may be anything but stored tensors; whisper-small has 1.4 MB.
const MAX_NODE_BYTES: u64 = 8 << 20;
/// Stored tensors of a graph; whisper-small has 1,000.
const MAX_TENSORS: u64 = 1 << 16;
/// How deep sub-graphs may nest; an export has one level.
const MAX_DEPTH: usize = 4;

/// ONNX's numbers for element types.
const FLOAT: i32 = 1;
const UINT8: i32 = 2;
const INT8: i32 = 3;

#[derive(Clone, PartialEq, prost::Message)]
struct ModelProto {
    #[prost(message, optional, tag = "7")]
    graph: Option<GraphProto>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct GraphProto {
    #[prost(message, repeated, tag = "1")]
    node: Vec<NodeProto>,
    #[prost(message, repeated, tag = "5")]
    initializer: Vec<TensorProto>,
}

/// One operation.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct NodeProto {
    #[prost(string, repeated, tag = "1")]
    pub(super) input: Vec<String>,
    #[prost(string, tag = "3")]
    pub(super) name: String,
    #[prost(string, tag = "4")]
    pub(super) op_type: String,
    #[prost(message, repeated, tag = "5")]
    attribute: Vec<AttributeProto>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AttributeProto {
    #[prost(message, optional, tag = "6")]
    graph: Option<GraphProto>,
}

/// One stored tensor.
#[derive(Clone, PartialEq, prost::Message)]
struct TensorProto {
    #[prost(int64, repeated, tag = "1")]
    dims: Vec<i64>,
    #[prost(int32, tag = "2")]
    data_type: i32,
    #[prost(float, repeated, tag = "4")]
    float_data: Vec<f32>,
    #[prost(int32, repeated, tag = "5")]
    int32_data: Vec<i32>,
    #[prost(string, tag = "8")]
    name: String,
    #[prost(bytes = "bytes", tag = "9")]
    raw_data: Bytes,
}

/// An ONNX file with its tensors by name.
#[derive(Debug)]
pub(super) struct OnnxModel {
    nodes: Vec<NodeProto>,
    tensors: HashMap<String, TensorProto>,
}

/// Integers of a quantised tensor.
#[derive(Debug)]
pub(super) enum Quantised<'a> {
    /// Bytes as they are.
    Unsigned(&'a [u8]),
    /// Bytes that mean −128 to 127.
    Signed(&'a [u8]),
}

impl OnnxModel {
    /// Reads a whole file.
    pub(super) fn parse(bytes: &Bytes) -> Result<Self, Fault> {
        check_size(bytes)?;
        let graph = ModelProto::decode(bytes.clone())?.graph.unwrap_or_default();
        let mut nodes = Vec::new();
        flatten(graph.node, 0, &mut nodes)?;
        let tensors = graph.initializer.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
        Ok(Self { nodes, tensors })
    }

    /// All operations, those of sub-graphs after the one that holds them.
    pub(super) fn nodes(&self) -> &[NodeProto] {
        &self.nodes
    }

    /// Names of all stored tensors.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// Whether a tensor of this name is stored.
    pub(super) fn contains(&self, name: &str) -> bool {
        self.tensors.contains_key(name)
    }

    /// Dimensions of a stored tensor, slowest first.
    pub(super) fn dims(&self, name: &str) -> Result<Vec<u64>, Fault> {
        let tensor = self.tensor(name)?;
        let dims = tensor.dims.iter().map(|&dim| u64::try_from(dim));
        dims.collect::<Result<_, _>>().map_err(|_| Fault::Header { field: "of a tensor", value: -1 })
    }

    /// The values of a stored float tensor, which must have `dims`.
    pub(super) fn floats(&self, name: &str, dims: &[u64]) -> Result<Vec<f32>, Fault> {
        self.expect_dims(name, dims)?;
        let tensor = self.tensor(name)?;
        if tensor.data_type != FLOAT {
            return Err(Fault::ElementType { name: name.to_owned(), kind: tensor.data_type });
        }
        let values = if tensor.raw_data.is_empty() {
            tensor.float_data.clone()
        } else {
            let (quads, _) = tensor.raw_data.as_chunks::<4>();
            quads.iter().map(|quad| f32::from_le_bytes(*quad)).collect()
        };
        expect_count(name, dims, values.len())?;
        Ok(values)
    }

    /// The integers of a stored quantised tensor, which must have `dims`.
    pub(super) fn quantised(&self, name: &str, dims: &[u64]) -> Result<Quantised<'_>, Fault> {
        self.expect_dims(name, dims)?;
        let tensor = self.tensor(name)?;
        expect_count(name, dims, tensor.raw_data.len())?;
        match tensor.data_type {
            UINT8 => Ok(Quantised::Unsigned(&tensor.raw_data)),
            INT8 => Ok(Quantised::Signed(&tensor.raw_data)),
            kind => Err(Fault::ElementType { name: name.to_owned(), kind }),
        }
    }

    /// A single stored integer of a quantised type.
    pub(super) fn integer(&self, name: &str) -> Result<i32, Fault> {
        let tensor = self.tensor(name)?;
        let first = tensor.raw_data.first().copied();
        let value = match tensor.data_type {
            UINT8 => first.map(i32::from),
            INT8 => first.map(|byte| i32::from(byte.cast_signed())),
            kind => return Err(Fault::ElementType { name: name.to_owned(), kind }),
        };
        let value = value.or_else(|| tensor.int32_data.first().copied());
        value.filter(|value| (-128..=255).contains(value)).ok_or(Fault::Truncated)
    }

    /// Refuses a stored tensor with other dimensions.
    fn expect_dims(&self, name: &str, dims: &[u64]) -> Result<(), Fault> {
        let actual = self.dims(name)?;
        if actual == dims {
            return Ok(());
        }
        Err(Fault::Shape { name: name.to_owned(), expected: dims.to_vec(), actual })
    }

    fn tensor(&self, name: &str) -> Result<&TensorProto, Fault> {
        self.tensors.get(name).ok_or_else(|| Fault::MissingTensor { name: name.to_owned() })
    }
}

/// Refuses a tensor whose data are not as long as its dimensions say.
fn expect_count(name: &str, dims: &[u64], count: usize) -> Result<(), Fault> {
    if dims.iter().product::<u64>() == count as u64 {
        return Ok(());
    }
    Err(Fault::Shape { name: name.to_owned(), expected: dims.to_vec(), actual: vec![count as u64] })
}

fn flatten(nodes: Vec<NodeProto>, depth: usize, all: &mut Vec<NodeProto>) -> Result<(), Fault> {
    if depth > MAX_DEPTH {
        return Err(Fault::TooBig { what: "the nesting", limit: MAX_DEPTH as u64, actual: depth as u64 });
    }
    for mut node in nodes {
        let attributes = std::mem::take(&mut node.attribute);
        all.push(node);
        for graph in attributes.into_iter().filter_map(|attribute| attribute.graph) {
            flatten(graph.node, depth + 1, all)?;
        }
    }
    Ok(())
}

/// Bounds what decoding can allocate, before anything is decoded.
fn check_size(bytes: &Bytes) -> Result<(), Fault> {
    const GRAPH: u32 = 7;
    const INITIALIZER: u32 = 5;
    let mut node_bytes = 0;
    let mut num_tensors = 0;
    each_field(bytes.clone(), &mut |tag, graph| {
        if tag != GRAPH {
            return Ok(());
        }
        each_field(graph, &mut |tag, field| {
            if tag == INITIALIZER {
                num_tensors += 1;
            } else {
                node_bytes += field.len() as u64 + 2;
            }
            if node_bytes > MAX_NODE_BYTES {
                return Err(Fault::TooBig { what: "the graph", limit: MAX_NODE_BYTES, actual: node_bytes });
            }
            if num_tensors > MAX_TENSORS {
                let limit = MAX_TENSORS;
                return Err(Fault::TooBig { what: "the number of tensors", limit, actual: num_tensors });
            }
            Ok(())
        })
    })
}

/// Calls `visit` with every length-delimited field of a message.
fn each_field(mut bytes: Bytes, visit: &mut dyn FnMut(u32, Bytes) -> Result<(), Fault>) -> Result<(), Fault> {
    while bytes.has_remaining() {
        let (tag, wire_type) = decode_key(&mut bytes)?;
        if wire_type == WireType::LengthDelimited {
            let length = decode_varint(&mut bytes)?;
            let length = usize::try_from(length).ok().filter(|&length| length <= bytes.len());
            visit(tag, bytes.split_to(length.ok_or(Fault::Truncated)?))?;
        } else {
            skip_field(wire_type, tag, &mut bytes, DecodeContext::default())?;
        }
    }
    Ok(())
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An ONNX file with float tensors and nodes (operation, name, inputs), the last node inside a sub-graph.
    pub(in super::super) fn onnx(
        tensors: &[(&str, &[u64], Vec<f32>)],
        nodes: &[(&str, &str, &[&str])],
    ) -> Bytes {
        let initializer = tensors.iter().map(|(name, dims, values)| TensorProto {
            dims: dims.iter().map(|&dim| dim.cast_signed()).collect(),
            data_type: FLOAT,
            name: (*name).to_owned(),
            raw_data: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ..TensorProto::default()
        });
        let mut node: Vec<_> = nodes
            .iter()
            .map(|(op_type, name, input)| NodeProto {
                op_type: (*op_type).to_owned(),
                name: (*name).to_owned(),
                input: input.iter().map(|&input| input.to_owned()).collect(),
                attribute: Vec::new(),
            })
            .collect();
        let inner = node.pop().into_iter().collect();
        let graph = Some(GraphProto { node: inner, initializer: Vec::new() });
        node.push(NodeProto {
            op_type: "If".to_owned(),
            attribute: vec![AttributeProto { graph }],
            ..Default::default()
        });
        let graph = Some(GraphProto { node, initializer: initializer.collect() });
        ModelProto { graph }.encode_to_vec().into()
    }

    fn small() -> Bytes {
        onnx(
            &[("w", &[2, 2], vec![1.0, 2.0, 3.0, 4.0])],
            &[("MatMul", "m", &["x", "w"]), ("Add", "a", &["y"])],
        )
    }

    #[test]
    fn tensors_and_nested_nodes_are_read() {
        let model = OnnxModel::parse(&small()).expect("it parses");
        assert_eq!(model.floats("w", &[2, 2]).expect("it is there"), [1.0, 2.0, 3.0, 4.0]);
        assert!(matches!(model.floats("w", &[4]), Err(Fault::Shape { .. })));
        assert!(matches!(model.floats("v", &[4]), Err(Fault::MissingTensor { .. })));
        assert!(matches!(
            model.quantised("w", &[2, 2]),
            Err(Fault::Shape { .. } | Fault::ElementType { .. })
        ));
        let names: Vec<_> = model.nodes().iter().map(|node| node.op_type.as_str()).collect();
        assert_eq!(names, ["MatMul", "If", "Add"]);
    }

    #[test]
    fn a_flood_of_empty_nodes_is_refused() {
        let graph: Vec<u8> = [0x0a, 0x00].repeat(5 << 20);
        let mut bytes = vec![0x3a];
        prost::encoding::encode_varint(graph.len() as u64, &mut bytes);
        bytes.extend(graph);
        assert!(matches!(OnnxModel::parse(&bytes.into()), Err(Fault::TooBig { .. })));
    }

    proptest! {
        #[test]
        fn garbage_gives_errors(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            OnnxModel::parse(&bytes.into()).ok();
        }

        #[test]
        fn a_damaged_file_never_panics(at in 0_usize..1000, to in any::<u8>(), cut in 0_usize..1000) {
            let mut bytes = small().to_vec();
            let len = bytes.len();
            bytes[at % len] = to;
            bytes.truncate(len - cut % 8 * (cut % len) / 8);
            if let Ok(model) = OnnxModel::parse(&bytes.into()) {
                model.floats("w", &[2, 2]).ok();
                model.quantised("w", &[2, 2]).ok();
                model.integer("w").ok();
            }
        }
    }
}
