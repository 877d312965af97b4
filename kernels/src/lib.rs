//! The arithmetic of Whisper on the processor: a device that ggml, which whisper.cpp computes with, prefers to its own
//! loops wherever this one knows the operation.
//!
//! Weights are packed once, to 8 bits with one scale per output; activations become 8 bits row by row; attention over a
//! window is done head by head without storing the weights of all pairs. What is not known here (reading rows, cutting
//! patches for a convolution) stays with ggml.
//!
//! **Invariant**: a graph computed here gives what ggml gives, up to the rounding of 8 bits; nothing is kept between
//! graphs but packed weights and scratch memory.

#[cfg(target_arch = "x86_64")]
pub mod alignment;
#[cfg(target_arch = "x86_64")]
mod attention;
#[cfg(target_arch = "x86_64")]
mod device;
#[cfg(target_arch = "x86_64")]
mod ffi;
#[cfg(target_arch = "x86_64")]
mod graph;
#[cfg(target_arch = "x86_64")]
mod int8;
#[cfg(target_arch = "x86_64")]
mod rows;
mod silero;
#[cfg(target_arch = "x86_64")]
mod simd;
#[cfg(target_arch = "x86_64")]
mod tensor;
#[cfg(target_arch = "x86_64")]
mod weights;

pub use silero::{FRAME as SILERO_FRAME, Silero, SileroStream, SileroWeights, WrongSize};

/// Whether this processor has what the kernels need: AVX-512 with VNNI.
#[must_use]
pub fn is_supported() -> bool {
    #[cfg(target_arch = "x86_64")]
    return is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("f16c");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

/// Lets what this thread computes with whisper.cpp from now on use the kernels, or not. A state knows them only if they
/// were let in, on any thread, before it was made. Does nothing where [`is_supported`] is false.
pub fn use_on_this_thread(enabled: bool) {
    #[cfg(target_arch = "x86_64")]
    if is_supported() {
        device::register();
        device::set_on(enabled);
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = enabled;
}
