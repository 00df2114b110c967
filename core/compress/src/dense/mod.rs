//! Codecs that write every number and need no memory.

mod float16;
mod float32;
mod half;
mod int4;
mod int8;
pub(crate) mod quantize;

pub(crate) use float16::Float16;
pub(crate) use float32::Float32;
pub(crate) use int4::Int4;
pub(crate) use int8::Int8;
