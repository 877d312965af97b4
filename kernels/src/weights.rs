//! Packed weights, shared by all recognisers of one loaded model.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use half::f16;

use crate::int8::Weights;
use crate::tensor::{Q8_BLOCK, Q8_BLOCK_BYTES, Tensor};

/// What every backend that is alive has packed, by the address of the original. An original outlives the backends that
/// use it, so a dead entry may be for an address that holds other weights by now, and a living one never is.
static PACKED: LazyLock<Mutex<HashMap<usize, Weak<Weights>>>> = LazyLock::new(Mutex::default);

/// The packed weights that one backend uses.
#[derive(Debug, Default)]
pub(crate) struct WeightCache {
    used: HashMap<usize, Arc<Weights>>,
}

impl WeightCache {
    /// The packed form of `tensor`.
    pub(crate) fn get(&mut self, tensor: Tensor<'_>) -> Arc<Weights> {
        let address = tensor.data() as usize;
        Arc::clone(self.used.entry(address).or_insert_with(|| {
            let mut all = PACKED.lock().unwrap_or_else(PoisonError::into_inner);
            let shared = all.get(&address).and_then(Weak::upgrade);
            shared.unwrap_or_else(|| {
                all.retain(|_, weights| weights.strong_count() > 0);
                let packed = Arc::new(pack(tensor));
                all.insert(address, Arc::downgrade(&packed));
                packed
            })
        }))
    }
}

fn pack(tensor: Tensor<'_>) -> Weights {
    let (data, stride) = (tensor.data().cast_const(), tensor.stride(1));
    let (is_f16, is_f32) = (tensor.is_f16(), tensor.is_f32());
    Weights::pack(tensor.len(0), tensor.len(1), |row, values| {
        // SAFETY: ggml checked the file, so the tensor has all its rows.
        unsafe {
            let from = data.add(row * stride);
            for (index, value) in values.iter_mut().enumerate() {
                *value = if is_f32 {
                    from.cast::<f32>().add(index).read_unaligned()
                } else if is_f16 {
                    from.cast::<f16>().add(index).read_unaligned().to_f32()
                } else {
                    let block = from.add(index / Q8_BLOCK * Q8_BLOCK_BYTES);
                    let integer = block.add(2 + index % Q8_BLOCK).cast::<i8>().read();
                    block.cast::<f16>().read_unaligned().to_f32() * f32::from(integer)
                };
            }
        }
    })
}
