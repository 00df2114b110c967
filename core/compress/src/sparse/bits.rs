//! Bits in bytes, the lowest first.

/// Writes into a slice that is known to be large enough.
pub(crate) struct BitWriter<'a> {
    out: &'a mut [u8],
    at: usize,
    buffer: u64,
    filled: u32,
}

impl<'a> BitWriter<'a> {
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { out, at: 0, buffer: 0, filled: 0 }
    }

    /// Writes the low `count` bits of `value`, which has no others; at most 32.
    pub(crate) fn put(&mut self, value: u32, count: u32) {
        self.buffer |= u64::from(value) << self.filled;
        self.filled += count;
        if self.filled >= 32 {
            let [a, b, c, d, ..] = self.buffer.to_le_bytes();
            if let Some(out) = self.out.get_mut(self.at..self.at + 4) {
                out.copy_from_slice(&[a, b, c, d]);
            }
            self.at += 4;
            self.buffer >>= 32;
            self.filled -= 32;
        }
    }

    /// Writes the last bits, padded with zeros.
    pub(crate) fn finish(self) {
        let rest = self.out.get_mut(self.at..).unwrap_or_default();
        rest.iter_mut().zip(self.buffer.to_le_bytes()).for_each(|(out, byte)| *out = byte);
    }
}

/// Reads from a slice until it ends.
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    buffer: u64,
    filled: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, buffer: 0, filled: 0 }
    }

    /// Fills the buffer to more than 32 bits, unless the bytes end.
    fn refill(&mut self) {
        if let Some((word, rest)) = self.bytes.split_first_chunk().filter(|_| self.filled <= 32) {
            self.buffer |= u64::from(u32::from_le_bytes(*word)) << self.filled;
            self.filled += 32;
            self.bytes = rest;
            return;
        }
        while let Some((byte, rest)) = self.bytes.split_first().filter(|_| self.filled <= 32) {
            self.buffer |= u64::from(*byte) << self.filled;
            self.filled += 8;
            self.bytes = rest;
        }
    }

    /// The next `count` bits, at most 32.
    pub(crate) fn take(&mut self, count: u32) -> Option<u32> {
        if self.filled < count {
            self.refill();
        }
        self.filled = self.filled.checked_sub(count)?;
        let value = self.buffer & ((1 << count) - 1);
        self.buffer >>= count;
        u32::try_from(value).ok()
    }

    /// How many zeros come before the next one; takes the one too.
    pub(crate) fn zeros(&mut self) -> Option<u64> {
        let mut zeros = 0;
        while self.buffer == 0 {
            zeros += u64::from(self.filled);
            self.filled = 0;
            self.refill();
            if self.filled == 0 {
                return None;
            }
        }
        let more = self.buffer.trailing_zeros();
        self.filled = self.filled.checked_sub(more + 1)?;
        // In two steps: a shift by 64 does not exist.
        self.buffer = self.buffer >> more >> 1;
        Some(zeros + u64::from(more))
    }

    /// Whether fewer than eight bits are left, all 0.
    pub(crate) fn is_padding(&self) -> bool {
        self.bytes.is_empty() && self.filled < 8 && self.buffer == 0
    }
}
