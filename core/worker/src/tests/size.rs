//! What the worker takes of a small machine's memory, besides its buffers.

use crate::Worker;

#[test]
fn a_worker_is_small() {
    let bytes = size_of::<Worker<'static>>();
    assert!(bytes <= 1960, "{bytes} bytes, with pointers of {}", size_of::<usize>());
}
