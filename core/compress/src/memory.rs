//! What a worker remembers between rounds for a sparse codec: residual and momentum.

use crate::codec::{add, encode_sparse};
use crate::error::{DecodeError, EncodeError};
use crate::finite::first_not_finite;
use heijunka_units::Codec;

/// Error feedback with momentum correction (Lin and others, "Deep gradient compression", 2018, sections 3.1 and 3.2).
///
/// Both buffers are as long as the model and lent by the caller, who keeps them from round to round. They are in units of
/// summed gradients (mean gradient x samples), so that nothing is gained or lost when shares are uneven or change; the
/// divisor of [`Memory::encode`] turns what is sent into a mean.
#[derive(Debug)]
pub struct Memory<'a> {
    /// What has not been sent yet.
    pub residual: &'a mut [f32],
    /// Momentum of the summed gradients; empty where there is none.
    pub momentum: &'a mut [f32],
}

impl Memory<'_> {
    /// Takes in `scale` (samples) times a mean gradient. The first one of a round multiplies the momentum by `decay`, in 0
    /// to below 1; a `further` one, of another range of the same round, does not.
    ///
    /// With u the momentum, v the residual and g = `scale` x `mean`: u = `decay` u + g and v = v + u; further ones u = u + g
    /// and v = v + g. With a decay of 0: v = v + g, and the momentum stays as it is.
    ///
    /// Sums that leave the range make [`Memory::encode`] refuse the residual; the caller then starts again with zeros.
    pub fn take(&mut self, mean: &[f32], scale: f32, decay: f32, further: bool) -> Result<(), EncodeError> {
        self.fits(mean, scale, decay)?;
        let gradient = mean.iter().map(|mean| scale * mean);
        if decay == 0.0 {
            self.residual.iter_mut().zip(gradient).for_each(|(v, g)| *v += g);
            return Ok(());
        }
        let places = self.residual.iter_mut().zip(self.momentum.iter_mut()).zip(gradient);
        if further {
            places.for_each(|((v, u), g)| {
                *u += g;
                *v += g;
            });
        } else {
            places.for_each(|((v, u), g)| {
                *u = decay * *u + g;
                *v += *u;
            });
        }
        Ok(())
    }

    fn fits(&self, mean: &[f32], scale: f32, decay: f32) -> Result<(), EncodeError> {
        let expected = self.residual.len();
        same_length("gradient", mean.len(), expected)?;
        if !scale.is_finite() {
            return Err(EncodeError::OutOfRange("scale"));
        }
        if !(0.0..1.0).contains(&decay) {
            return Err(EncodeError::OutOfRange("momentum"));
        }
        if decay > 0.0 {
            same_length("momentum", self.momentum.len(), expected)?;
        }
        first_not_finite(mean).map_or(Ok(()), |index| Err(EncodeError::NotFinite { index }))
    }

    /// Writes about the mean: [`encode_sparse`] from the residual. The momentum of what is sent stays unmasked, unlike in
    /// section 3.2 of the paper: what is sent every T rounds would move less by a part of b(1 - b^T) / ((1 - b) T), b being the
    /// decay: with 0.9 by 0.09 if a hundredth is kept, by 0.26 of three and 0.59 of ten.
    pub fn encode(&mut self, codec: Codec, keep: usize, divisor: f32, out: &mut [u8]) -> Result<usize, EncodeError> {
        encode_sparse(codec, self.residual, keep, divisor, out)
    }

    /// What was sent did not count: takes `factor` times it back into the residual. With the divisor as factor nothing is
    /// lost but rounding.
    pub fn restore(&mut self, codec: Codec, bytes: &[u8], factor: f32) -> Result<(), DecodeError> {
        add(codec, bytes, factor, self.residual)
    }
}

/// Refuses a slice whose length is not `expected`.
pub(crate) fn same_length(what: &'static str, found: usize, expected: usize) -> Result<(), EncodeError> {
    if found == expected { Ok(()) } else { Err(EncodeError::Length { what, found, expected }) }
}
