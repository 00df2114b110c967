//! Applies an element-wise rule to parameters and state, all of them or none.

use crate::error::Error;
use crate::finite::not_finite;

/// Elements at a time. They are copied to arrays of this length, over which loops are vectorized.
const LANES: usize = 64;

/// New parameter and state of one element.
pub(crate) type Updated<const K: usize> = (f32, [f32; K]);

/// Sets each parameter and its `K` numbers of state to `rule(parameter, gradient, state)`. If any result is not finite,
/// nothing is changed. All slices are of one length.
pub(crate) fn update_all<const K: usize>(
    parameters: &mut [f32],
    gradient: &[f32],
    mut state: [&mut [f32]; K],
    rule: impl Fn(f32, f32, [f32; K]) -> Updated<K>,
) -> Result<(), Error> {
    let blocks = || (0..gradient.len()).step_by(LANES);
    for start in blocks() {
        let state = state.each_ref().map(|slice| load(slice, start));
        let (_, _, stray) = update_lanes(load(parameters, start), load(gradient, start), state, &rule);
        if stray != 0 {
            return Err(Error::NotFinite { what: "result of the step, in the block of parameter", index: start });
        }
    }
    for start in blocks() {
        let old = state.each_ref().map(|slice| load(slice, start));
        let (new, new_state, _) = update_lanes(load(parameters, start), load(gradient, start), old, &rule);
        store(new, parameters, start);
        state.iter_mut().zip(new_state).for_each(|(slice, lanes)| store(lanes, slice, start));
    }
    Ok(())
}

type Lanes = [f32; LANES];

#[inline(always)]
fn update_lanes<const K: usize>(
    mut parameters: Lanes,
    gradient: Lanes,
    mut state: [Lanes; K],
    rule: &impl Fn(f32, f32, [f32; K]) -> Updated<K>,
) -> (Lanes, [Lanes; K], u32) {
    let mut stray = 0;
    for lane in 0..LANES {
        let (parameter, new) = rule(parameters[lane], gradient[lane], state.each_ref().map(|lanes| lanes[lane]));
        stray |= not_finite(parameter);
        parameters[lane] = parameter;
        for (lanes, value) in state.iter_mut().zip(new) {
            stray |= not_finite(value);
            lanes[lane] = value;
        }
    }
    (parameters, state, stray)
}

/// The elements from `start`, with zeros behind the end.
fn load(slice: &[f32], start: usize) -> Lanes {
    let from = slice.get(start..).unwrap_or_default();
    from.first_chunk().copied().unwrap_or_else(|| {
        let mut lanes = [0.0; LANES];
        lanes.iter_mut().zip(from).for_each(|(lane, value)| *lane = *value);
        lanes
    })
}

fn store(lanes: Lanes, slice: &mut [f32], start: usize) {
    let to = slice.get_mut(start..).unwrap_or_default();
    match to.first_chunk_mut() {
        Some(to) => *to = lanes,
        None => to.iter_mut().zip(lanes).for_each(|(value, lane)| *value = lane),
    }
}
