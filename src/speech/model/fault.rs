//! What can be wrong inside a file of weights. Says nothing about where the file came from.

/// Why bytes are refused as weights.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Neither ggml, ONNX, a package nor a folder with an export.
    #[error("it is neither a ggml file nor an ONNX export of Whisper or Silero, nor a package of one")]
    UnknownKind,
    /// The file ends early.
    #[error("it ends too early")]
    Truncated,
    /// Bytes follow the last tensor.
    #[error("it goes on after its last tensor")]
    TrailingBytes,
    /// A header field is outside of what any real model has.
    #[error("header field {field} is {value}, which no such model has")]
    Header {
        /// Name of the field.
        field: &'static str,
        /// Its value.
        value: i64,
    },
    /// Something is bigger than it can honestly be.
    #[error("{what} is {actual}, more than the limit of {limit}")]
    TooBig {
        /// What was measured.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// As found.
        actual: u64,
    },
    /// A tensor that the model must have is not there.
    #[error("tensor `{name}` is missing")]
    MissingTensor {
        /// Its name.
        name: String,
    },
    /// A tensor that the model cannot have, or has already.
    #[error("tensor `{name}` is not expected")]
    UnexpectedTensor {
        /// Its name.
        name: String,
    },
    /// A tensor has the wrong dimensions.
    #[error("tensor `{name}` has dimensions {actual:?}, expected {expected:?}")]
    Shape {
        /// Its name.
        name: String,
        /// As it must be.
        expected: Vec<u64>,
        /// As found.
        actual: Vec<u64>,
    },
    /// A tensor is stored in a type that cannot be read here.
    #[error("tensor `{name}` is stored as type {kind}, which is not supported")]
    ElementType {
        /// Its name.
        name: String,
        /// Type number of ONNX or ggml.
        kind: i32,
    },
    /// A tensor holds infinities or is not a number.
    #[error("tensor `{name}` holds values that are not finite numbers")]
    NotFinite {
        /// Its name.
        name: String,
    },
    /// It is quantised in another way than asked for, and that cannot be undone.
    #[error("it is stored as {stored}, from which {wanted} cannot be made")]
    Requantise {
        /// How the file is stored.
        stored: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The vocabulary is not Whisper's.
    #[error("the vocabulary is wrong: {0}")]
    Vocabulary(String),
    /// Part of an export is not there.
    #[error("`{name}` is missing in it")]
    MissingPart {
        /// File name.
        name: &'static str,
    },
    /// It is not protobuf of the ONNX schema.
    #[error("it is not valid ONNX")]
    Protobuf(#[from] prost::DecodeError),
    /// A configuration file is not what it must be.
    #[error("`{name}` is not valid")]
    Json {
        /// File name.
        name: &'static str,
        /// Why.
        #[source]
        cause: serde_json::Error,
    },
    /// The archive is damaged.
    #[error("the archive is damaged")]
    Archive(#[source] std::io::Error),
    /// The file could not be read or the result not written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}
