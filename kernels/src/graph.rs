//! Computes the part of a graph that ggml gave to this device: which operations it takes, and how neighbours are done
//! in one go.

use std::ffi::c_int;

use whisper_rs_sys::{
    ggml_cgraph, ggml_graph_n_nodes, ggml_graph_node, ggml_op_GGML_OP_ADD, ggml_op_GGML_OP_CONT,
    ggml_op_GGML_OP_CPY, ggml_op_GGML_OP_DUP, ggml_op_GGML_OP_MUL, ggml_op_GGML_OP_MUL_MAT,
    ggml_op_GGML_OP_NONE, ggml_op_GGML_OP_NORM, ggml_op_GGML_OP_PERMUTE, ggml_op_GGML_OP_RESHAPE,
    ggml_op_GGML_OP_SCALE, ggml_op_GGML_OP_SOFT_MAX, ggml_op_GGML_OP_TRANSPOSE, ggml_op_GGML_OP_UNARY,
    ggml_op_GGML_OP_VIEW, ggml_unary_op_GGML_UNARY_OP_GELU,
};

use crate::alignment;
use crate::attention::{self, HEAD, attend, products_with_halves};
use crate::int8::{Activations, Finish, multiply};
use crate::rows::{self, Simple, each_row};
use crate::simd::LANES;
use crate::tensor::Tensor;
use crate::weights::WeightCache;

/// Fewer queries than this are not worth unpacking keys and values for.
const MIN_QUERIES: usize = 8;

/// The state of one backend: what it has packed and its scratch memory. Belongs to one thread at a time.
#[derive(Debug, Default)]
pub(crate) struct Engine {
    weights: WeightCache,
    activations: Activations,
    /// The tensor that `activations` was made of: query, key and value share it.
    quantized: usize,
    attention: attention::Scratch,
}

/// What a node is to this device.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Work {
    /// Shapes and views: nothing to compute.
    Nothing,
    /// By weights of the model.
    Weights,
    /// Of activations in halves and floats.
    Halves,
    Norm,
    Softmax,
    Copy,
    Add,
    AddScalar,
    Multiply,
    Scale,
    Gelu,
}

/// Whether this device computes `node`.
pub(crate) fn supports(node: Tensor<'_>) -> bool {
    work(node).is_some()
}

#[expect(non_upper_case_globals, reason = "names of the C library")]
fn work(node: Tensor<'_>) -> Option<Work> {
    let first = node.source(0);
    let second = node.source(1);
    match node.op() {
        ggml_op_GGML_OP_NONE
        | ggml_op_GGML_OP_RESHAPE
        | ggml_op_GGML_OP_VIEW
        | ggml_op_GGML_OP_PERMUTE
        | ggml_op_GGML_OP_TRANSPOSE => Some(Work::Nothing),
        ggml_op_GGML_OP_MUL_MAT => product(first?, second?),
        ggml_op_GGML_OP_NORM => {
            (are_rows(node, first?) && node.len(0).is_multiple_of(LANES)).then_some(Work::Norm)
        }
        ggml_op_GGML_OP_SOFT_MAX => {
            let has_sinks = node.source(2).is_some();
            let bias_fits = second.is_none_or(|bias| bias.is_f32() && bias.stride(0) == 4);
            let is_plain = node.float_parameter(1) == 0.0;
            (are_rows(node, first?) && !has_sinks && bias_fits && is_plain).then_some(Work::Softmax)
        }
        ggml_op_GGML_OP_CPY | ggml_op_GGML_OP_CONT | ggml_op_GGML_OP_DUP => {
            rows::can_copy(first?, node).then_some(Work::Copy)
        }
        ggml_op_GGML_OP_ADD => elementwise(node, first?, second?, Work::Add),
        ggml_op_GGML_OP_MUL => elementwise(node, first?, second?, Work::Multiply),
        ggml_op_GGML_OP_SCALE => are_rows(node, first?).then_some(Work::Scale),
        ggml_op_GGML_OP_UNARY => {
            let is_gelu = node.0.op_params[0] as u32 == ggml_unary_op_GGML_UNARY_OP_GELU;
            (is_gelu && are_rows(node, first?)).then_some(Work::Gelu)
        }
        _ => None,
    }
}

/// Whether both are floats of one shape whose rows lie together.
fn are_rows(node: Tensor<'_>, source: Tensor<'_>) -> bool {
    node.is_f32()
        && source.is_f32()
        && node.has_shape_of(source)
        && node.stride(0) == 4
        && source.stride(0) == 4
}

fn elementwise(node: Tensor<'_>, first: Tensor<'_>, second: Tensor<'_>, work: Work) -> Option<Work> {
    let repeats = (1..4).all(|index| node.len(index).is_multiple_of(second.len(index).max(1)));
    if !(are_rows(node, first) && second.is_f32() && second.stride(0) == 4 && repeats) {
        return None;
    }
    if second.len(0) == node.len(0) {
        return Some(work);
    }
    (second.len(0) == 1 && work == Work::Add).then_some(Work::AddScalar)
}

fn product(first: Tensor<'_>, second: Tensor<'_>) -> Option<Work> {
    if !(second.is_f32() && second.stride(0) == 4) {
        return None;
    }
    if first.is_weights() {
        let fits =
            first.len(0).is_multiple_of(HEAD) && second.rows_follow() && second.stride(1).is_multiple_of(4);
        return fits.then_some(Work::Weights);
    }
    let is_batch = first.is_f16() && first.stride(0) == 2 && first.len(2) == second.len(2);
    (is_batch && first.len(3) * second.len(3) == 1).then_some(Work::Halves)
}

impl Engine {
    /// Computes `graph`.
    ///
    /// # Safety
    /// ggml calls with a graph of nodes that [`supports`] said yes to, all with their memory.
    pub(crate) unsafe fn compute(&mut self, graph: *mut ggml_cgraph) {
        self.quantized = 0;
        // SAFETY: the graph and its nodes live during the call.
        let nodes: Vec<Tensor<'_>> = unsafe {
            let count = ggml_graph_n_nodes(graph);
            (0..count).filter_map(|index: c_int| Tensor::new(ggml_graph_node(graph, index))).collect()
        };
        // Views between two operations are no work: neighbours are found across them.
        let busy: Vec<(Tensor<'_>, Work)> = nodes
            .into_iter()
            .filter_map(|node| work(node).map(|work| (node, work)))
            .filter(|(_, work)| *work != Work::Nothing)
            .collect();
        let mut rest = busy.as_slice();
        while let Some(((node, work), after)) = rest.split_first() {
            // SAFETY: as for this function.
            let also_done = unsafe { self.node(*node, *work, after) };
            rest = after.get(also_done..).unwrap_or_default();
        }
    }

    /// Computes one node and as many of those `after` as go with it; says how many.
    unsafe fn node(&mut self, node: Tensor<'_>, work: Work, after: &[(Tensor<'_>, Work)]) -> usize {
        let Some(first) = node.source(0) else { return 0 };
        // SAFETY: `work` checked shapes and types; ggml vouches for the memory, the device for the processor.
        unsafe {
            match work {
                Work::Nothing => 0,
                Work::Weights => self.by_weights(node, first, after),
                Work::Halves => self.by_halves(node, first, after),
                Work::Norm => norm(node, first, after),
                Work::Softmax => {
                    let scale = node.float_parameter(0);
                    each_row(node, first, node.source(1), |to, from, bias, length| {
                        rows::softmax(to, from, bias, length, scale);
                    });
                    // Without a mask it is attention to the audio.
                    if node.source(1).is_none() {
                        look(node);
                    }
                    0
                }
                Work::Copy => {
                    rows::copy(first, node);
                    0
                }
                Work::Add => simple(node, first, Simple::Add),
                Work::AddScalar => simple(node, first, Simple::AddScalar),
                Work::Multiply => simple(node, first, Simple::Multiply),
                Work::Scale => {
                    let (factor, offset) = (node.float_parameter(0), node.float_parameter(1));
                    simple(node, first, Simple::Scale { factor, offset })
                }
                Work::Gelu => simple(node, first, Simple::Gelu),
            }
        }
    }

    /// A product by weights, with the bias, the activation function and the sum that follow it in place.
    unsafe fn by_weights(
        &mut self,
        node: Tensor<'_>,
        weights: Tensor<'_>,
        after: &[(Tensor<'_>, Work)],
    ) -> usize {
        let Some(input) = node.source(1) else { return 0 };
        if alignment::is_unwanted(weights.len(1)) {
            return 0;
        }
        let packed = self.weights.get(weights);
        let identity = std::ptr::from_ref(input.0) as usize;
        // SAFETY: `product` checked that the rows follow each other.
        unsafe {
            if self.quantized != identity {
                let stride = input.stride(1) / 4;
                self.activations.quantize(input.data().cast(), stride, input.num_rows(), input.len(0));
                self.quantized = identity;
            }
            let mut finish = Finish::default();
            let mut last = node;
            let mut done = 0;
            for (next, work) in after {
                // In place means that nobody else reads what is overwritten.
                let in_place = next.data() == node.data() && next.source(0).is_some_and(|s| is(s, last));
                let other = next.source(1);
                match (work, other) {
                    (Work::Add, Some(bias))
                        if in_place && done == 0 && bias.num_elements() == node.len(0) =>
                    {
                        finish.bias = Some(bias.data().cast_const().cast());
                    }
                    (Work::Gelu, _) if in_place && finish.residual.is_none() => finish.gelu = true,
                    (Work::Add, Some(other))
                        if in_place
                            && finish.residual.is_none()
                            && other.has_shape_of(node)
                            && other.rows_follow() =>
                    {
                        finish.residual = Some((other.data().cast_const().cast(), other.stride(1) / 4));
                    }
                    _ => break,
                }
                last = *next;
                done += 1;
            }
            multiply(&self.activations, &packed, &finish, node.data().cast(), node.stride(1) / 4);
            done
        }
    }

    /// A product of activations; with a whole window of queries, all of attention.
    unsafe fn by_halves(
        &mut self,
        node: Tensor<'_>,
        keys: Tensor<'_>,
        after: &[(Tensor<'_>, Work)],
    ) -> usize {
        let Some(queries) = node.source(1) else { return 0 };
        // SAFETY: shapes are checked here and by `product`.
        unsafe {
            if let [(weights, Work::Softmax), (result, Work::Halves), ..] = after {
                let values = result.source(0);
                let is_attention = weights.source(0).is_some_and(|s| is(s, node))
                    && weights.source(1).is_none()
                    && result.source(1).is_some_and(|s| is(s, *weights))
                    && keys.len(0) == HEAD
                    && queries.len(1) >= MIN_QUERIES;
                if let (true, Some(values)) = (is_attention, values) {
                    let scale = weights.float_parameter(0);
                    // A window attends to itself in the encoder; in the decoder, tokens attend to it.
                    let is_decoder = keys.len(1) != queries.len(1);
                    if is_decoder {
                        alignment::begin_layer(keys.len(1), queries.len(1));
                    }
                    attend(keys, queries, values, scale, *result, &mut self.attention, is_decoder);
                    return 2;
                }
            }
            products_with_halves(keys, queries, node);
        }
        0
    }
}

/// Shows the weights of a layer, positions × tokens × heads, to the one who asked for them.
unsafe fn look(weights: Tensor<'_>) {
    alignment::begin_layer(weights.len(0), weights.len(1));
    for head in 0..weights.len(2) {
        for token in 0..weights.len(1) {
            let offset = token * weights.stride(1) + head * weights.stride(2);
            // SAFETY: token and head are inside the tensor, whose rows are floats without gaps.
            let row = unsafe {
                std::slice::from_raw_parts(weights.data().add(offset).cast::<f32>(), weights.len(0))
            };
            alignment::keep(head, token, row);
        }
    }
}

fn is(a: Tensor<'_>, b: Tensor<'_>) -> bool {
    std::ptr::eq(a.0, b.0)
}

unsafe fn simple(node: Tensor<'_>, first: Tensor<'_>, what: Simple) -> usize {
    let second = node.source(1);
    // SAFETY: `elementwise` checked the shapes.
    unsafe {
        each_row(node, first, second, |to, a, b, length| rows::simple(what, to, a, b, length));
    }
    0
}

/// A norm and, where they follow in place, its gain and shift.
unsafe fn norm(node: Tensor<'_>, first: Tensor<'_>, after: &[(Tensor<'_>, Work)]) -> usize {
    let epsilon = node.float_parameter(0);
    let mut affine = None;
    if let [(gain, Work::Multiply), (shift, Work::Add), ..] = after {
        let follows = gain.data() == node.data()
            && shift.data() == node.data()
            && gain.source(0).is_some_and(|s| is(s, node))
            && shift.source(0).is_some_and(|s| is(s, *gain));
        if let (true, Some(by), Some(plus)) = (follows, gain.source(1), shift.source(1))
            && by.num_elements() == node.len(0)
            && plus.num_elements() == node.len(0)
        {
            affine = Some((by.data().cast_const().cast::<f32>(), plus.data().cast_const().cast::<f32>()));
        }
    }
    // SAFETY: `work` checked the shapes.
    unsafe {
        each_row(node, first, None, |to, from, _, length| rows::norm(to, from, length, epsilon, affine));
    }
    if affine.is_some() { 2 } else { 0 }
}
