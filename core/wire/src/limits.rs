//! Every bound on what a peer can grow. Those of a model are nouns, too.

pub use heijunka_units::{CONVOLUTIONS_MAX, PARAMETERS_MAX, UNITS_MAX, WIDTHS_MAX};

use core::time::Duration;
use heijunka_units::ByteRate;

/// Default and largest packet in bytes that a program is configured with by default: 256 KiB.
pub const PACKET_BYTES_DEFAULT: usize = 256 * 1024;
/// Smallest packet size that a program accepts: every fixed header fits into it with room for data.
pub const PACKET_BYTES_MIN: usize = 1024;
/// Bytes kept free in each packet for MQTT's own header and the topic.
pub const PACKET_OVERHEAD_BYTES: usize = 320;
/// Largest encoded fixed header of a frame, in bytes.
pub const HEADER_BYTES_MAX: usize = 192;
/// Room for the largest authentication tag, in bytes.
pub const TAG_BYTES_MAX: usize = 64;
/// Most chunks that one object may be cut into.
pub const PARTS_MAX: usize = 1024;
/// Largest document (spec, survey, scores), in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Most columns of a table.
pub const COLUMNS_MAX: usize = 16 * 1024;
/// Most classes of a target, and most values of a text column.
pub const CLASSES_MAX: usize = 256;
/// Buckets of a histogram of scores.
pub const SCORE_BUCKETS: u16 = 1024;
/// Longest name of a column or class, in bytes.
pub const TEXT_BYTES_MAX: usize = 256;
/// Most rows of a window.
pub const WINDOW_ROWS_MAX: u16 = 4096;
/// Most samples in one global batch.
pub const BATCH_SAMPLES_MAX: u32 = 1 << 20;
/// Most local steps of a round.
pub const LOCAL_STEPS_MAX: u16 = 1024;
/// Furthest beginning of a range in the global batch: where shares are upper bounds, their sum exceeds the batch.
pub const OFFSET_MAX: u32 = 16 * BATCH_SAMPLES_MAX;
/// Most rows of one agent, so that sums over all agents stay far from the end of 64 bits.
pub const ROWS_MAX: u64 = 1 << 48;
/// Most agents of one job.
pub const AGENTS_MAX: usize = 1024;

/// How many bytes of a frame's payload fit into a packet of `packet_bytes_max`; a multiple of 4.
pub const fn chunk_bytes(packet_bytes_max: usize) -> usize {
    packet_bytes_max.saturating_sub(PACKET_OVERHEAD_BYTES + HEADER_BYTES_MAX + TAG_BYTES_MAX) / 4 * 4
}

/// How long one packet may fill a link whose use is capped, as long as no object is cut into more than [`PARTS_MAX`] chunks.
pub const BURST: Duration = Duration::from_millis(50);

/// How many bytes of an object of `total_bytes` go into one packet over a link that is capped to `rate`: see [`BURST`].
pub fn paced_chunk_bytes(rate: ByteRate, total_bytes: usize) -> usize {
    let burst = u128::from(rate.bytes_per_s()) * BURST.as_millis() / 1000;
    let parts_max = total_bytes.div_ceil(PARTS_MAX).next_multiple_of(4);
    let least = parts_max.max(chunk_bytes(PACKET_BYTES_MIN));
    usize::try_from(burst).unwrap_or(usize::MAX).max(least)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_fills_a_capped_link_for_a_moment_unless_there_would_be_too_many() {
        let chunk =
            |bytes_per_s, total| ByteRate::from_bytes_per_s(bytes_per_s).map(|rate| paced_chunk_bytes(rate, total));
        assert_eq!(chunk(1_000_000, 400_000), Some(50_000));
        assert_eq!(chunk(1000, 400), Some(chunk_bytes(PACKET_BYTES_MIN)));
        assert_eq!(chunk(1000, 4_000_000), Some(3908));
        assert_eq!(chunk(u64::MAX, 4), usize::try_from(u64::MAX / 20).ok());
    }
}
