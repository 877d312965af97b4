//! A look at a ggml tensor: shape, strides and data.

use whisper_rs_sys::{
    ggml_backend_buffer_get_usage, ggml_op, ggml_tensor, ggml_type, ggml_type_GGML_TYPE_F16,
    ggml_type_GGML_TYPE_F32, ggml_type_GGML_TYPE_Q8_0,
};

/// `GGML_BACKEND_BUFFER_USAGE_WEIGHTS`.
const USAGE_WEIGHTS: u32 = 1;

/// Values in a block of `Q8_0`, and its bytes: a half-precision scale and the values.
pub(crate) const Q8_BLOCK: usize = 32;
pub(crate) const Q8_BLOCK_BYTES: usize = 34;

/// A tensor of a graph that is being planned or computed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tensor<'a>(pub(crate) &'a ggml_tensor);

impl<'a> Tensor<'a> {
    /// # Safety
    /// `tensor` is null or a tensor that lives as long as `'a`.
    pub(crate) unsafe fn new(tensor: *const ggml_tensor) -> Option<Self> {
        // SAFETY: by the contract.
        unsafe { tensor.as_ref() }.map(Self)
    }

    pub(crate) fn op(self) -> ggml_op {
        self.0.op
    }

    /// Operand `index`, if there is one.
    pub(crate) fn source(self, index: usize) -> Option<Self> {
        // SAFETY: ggml keeps the operands of a node as long as the node.
        unsafe { Self::new(self.0.src[index]) }
    }

    /// Length of dimension `index`, innermost first.
    pub(crate) fn len(self, index: usize) -> usize {
        usize::try_from(self.0.ne[index]).unwrap_or(0)
    }

    /// Bytes from one element of dimension `index` to the next.
    pub(crate) fn stride(self, index: usize) -> usize {
        self.0.nb[index]
    }

    /// Elements in all.
    pub(crate) fn num_elements(self) -> usize {
        (0..4).map(|index| self.len(index)).product()
    }

    /// Rows: everything but the innermost dimension.
    pub(crate) fn num_rows(self) -> usize {
        (1..4).map(|index| self.len(index)).product()
    }

    pub(crate) fn kind(self) -> ggml_type {
        self.0.type_
    }

    pub(crate) fn is_f32(self) -> bool {
        self.kind() == ggml_type_GGML_TYPE_F32
    }

    pub(crate) fn is_f16(self) -> bool {
        self.kind() == ggml_type_GGML_TYPE_F16
    }

    /// Bytes of an element of a type that is not in blocks.
    pub(crate) fn element_bytes(self) -> usize {
        if self.is_f16() { 2 } else { 4 }
    }

    /// Whether its elements lie one after the other.
    pub(crate) fn is_contiguous(self) -> bool {
        let mut expected = self.element_bytes();
        (0..4).all(|index| {
            let fits = self.len(index) == 1 || self.stride(index) == expected;
            expected *= self.len(index);
            fits
        })
    }

    /// Whether rows follow each other without a gap, so that the tensor is one matrix of `num_rows` rows.
    pub(crate) fn rows_follow(self) -> bool {
        let mut expected = self.stride(1);
        (1..4).all(|index| {
            let fits = self.len(index) == 1 || self.stride(index) == expected;
            expected *= self.len(index);
            fits
        })
    }

    /// Whether its shape is that of `other`.
    pub(crate) fn has_shape_of(self, other: Self) -> bool {
        self.0.ne == other.0.ne
    }

    /// Whether it is a matrix of the model, of a type that can be packed.
    pub(crate) fn is_weights(self) -> bool {
        let packable = [ggml_type_GGML_TYPE_Q8_0, ggml_type_GGML_TYPE_F16, ggml_type_GGML_TYPE_F32]
            .contains(&self.kind());
        packable
            && self.len(2) * self.len(3) == 1
            && !self.0.buffer.is_null()
            // SAFETY: the buffer of a tensor lives as long as the tensor.
            && unsafe { ggml_backend_buffer_get_usage(self.0.buffer.cast()) } as u32 == USAGE_WEIGHTS
    }

    /// The first byte of its data.
    pub(crate) fn data(self) -> *mut u8 {
        self.0.data.cast()
    }

    /// Its parameter `index` as a float.
    pub(crate) fn float_parameter(self, index: usize) -> f32 {
        f32::from_bits(self.0.op_params[index] as u32)
    }
}

/// Tensors over memory of a test.
#[cfg(test)]
pub(crate) mod tests {
    use whisper_rs_sys::{ggml_tensor, ggml_type, ggml_type_GGML_TYPE_F16, ggml_type_GGML_TYPE_F32};

    /// A tensor of `kind` over `data` with lengths and strides (in elements) given.
    fn tensor(kind: ggml_type, size: usize, data: *mut u8, ne: [usize; 3], nb: [usize; 3]) -> ggml_tensor {
        // SAFETY: zeros are a valid tensor: numbers and null pointers.
        let mut tensor: ggml_tensor = unsafe { std::mem::zeroed() };
        tensor.type_ = kind;
        tensor.ne = [ne[0] as i64, ne[1] as i64, ne[2] as i64, 1];
        tensor.nb = [nb[0] * size, nb[1] * size, nb[2] * size, nb[2] * ne[2] * size];
        tensor.data = data.cast();
        tensor
    }

    pub(crate) fn floats(data: &mut [f32], ne: [usize; 3], nb: [usize; 3]) -> ggml_tensor {
        tensor(ggml_type_GGML_TYPE_F32, 4, data.as_mut_ptr().cast(), ne, nb)
    }

    pub(crate) fn halves(data: &mut [half::f16], ne: [usize; 3], nb: [usize; 3]) -> ggml_tensor {
        tensor(ggml_type_GGML_TYPE_F16, 2, data.as_mut_ptr().cast(), ne, nb)
    }
}
